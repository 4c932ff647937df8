"""The meaning of a failed exchange: whether the message may have been sent, judged by the exception.

Rules:
- `Sent.NO` only if no byte of the request can have left this machine.
- `Sent.NO` only for our own transports and httpx's. With an application's own `http_client` every failure is
  `Sent.MAYBE`: other transports (aiohttp's, pyreqwest's) raise ConnectTimeout and ConnectError even after the server
  has read the POST.
"""

from __future__ import annotations

import ssl

import anyio
import httpx

from eightbyeight_async.errors import Sent, TransportError, TransportTimeoutError
from eightbyeight_async.transport.httpx2 import as_httpx, kin

__all__ = [
    "WIRE_FAILURES",
    "AnswerTooLargeError",
    "answer_in",
    "refused_answer",
    "showable_cause",
    "transport_error",
    "was_not_read",
    "wire_failure",
]

# Failures of the transport: httpx's exceptions, and those that a closed or a foreign transport raises. Any other
# exception is a bug and is not converted.
WIRE_FAILURES = (
    httpx.RequestError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    EOFError,
    anyio.ClosedResourceError,
    anyio.BrokenResourceError,
    anyio.EndOfStream,
    UnicodeError,  # idna's, for the host of a redirect
)


def wire_failure(failure: Exception) -> bool:
    """True for `WIRE_FAILURES`, and for those of httpx2."""
    return isinstance(as_httpx(failure), WIRE_FAILURES)


def was_not_read(failure: Exception) -> bool:
    """True if the body of a response was asked for before it was read."""
    return kin(type(failure), "ResponseNotRead")


class AnswerTooLargeError(httpx.RemoteProtocolError):
    """The answer exceeds a limit of our transports. For users of httpx it is a RemoteProtocolError.

    Attributes:
        status_code: the answer's HTTP status; None if its head is too large.
    """

    def __init__(self, message: str, status_code: int | None) -> None:
        super().__init__(message)
        self.status_code = status_code


# No byte of the request has left this machine.
_NOTHING_WRITTEN = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)


def transport_error(failure: Exception, *, host: str, timeout: float, own: bool) -> TransportError:
    """The TransportError for one of `WIRE_FAILURES`.

    Args:
        failure: the exception of `httpx.AsyncClient.send`.
        host: the server's host, for the message.
        timeout: the timeout in seconds, for the message.
        own: True if the transport is ours or httpx's, so that the exception names the right phase.
    """
    failure = as_httpx(failure)
    sent = Sent.NO if own and isinstance(failure, _NOTHING_WRITTEN) else Sent.MAYBE
    if isinstance(failure, httpx.TimeoutException):
        return TransportTimeoutError(f"{_timeout_text(failure, host)} within {timeout:g} s", sent=sent)
    return TransportError(_failure_text(failure, host), sent=sent)


def refused_answer(failure: Exception) -> tuple[str, int | None] | None:
    """The problem and the status (None if unknown) of an answer that was refused; None for any other failure."""
    failure = as_httpx(failure)
    if isinstance(failure, AnswerTooLargeError):
        return str(failure), failure.status_code
    if isinstance(failure, httpx.DecodingError):
        return "the body's content-encoding cannot be decoded", None
    return None


def answer_in(failure: Exception) -> tuple[int, httpx.Headers, bytes] | None:
    """Status, headers and body of a response that an application's hook turned into an exception.

    Such a hook calls `response.raise_for_status()`. None for any other failure.
    """
    failure = as_httpx(failure)
    if not isinstance(failure, httpx.HTTPStatusError):
        return None
    response = failure.response
    try:
        body = response.content
    except RuntimeError as error:
        if not was_not_read(error):
            raise
        body = b""  # the response is already closed, so only its status is known
    return response.status_code, response.headers, body


def showable_cause(failure: Exception) -> Exception | None:
    """The failure, if it may be shown as a cause; None if its text may contain text of the server.

    Texts of the operating system, of TLS and of the application may be shown.
    """
    twin = as_httpx(failure)
    quoting = isinstance(twin, httpx.HTTPError | httpx.InvalidURL | httpx.StreamError | UnicodeError)
    return None if quoting and not isinstance(twin, httpx.NetworkError | httpx.TimeoutException) else failure


def _timeout_text(failure: httpx.TimeoutException, host: str) -> str:
    match failure:
        case httpx.ConnectTimeout():
            return f"no connection to {host}"
        case httpx.WriteTimeout():
            return f"{host} did not take the request"
        case httpx.PoolTimeout():
            return "no connection of the pool became free"
        case _:
            return f"no answer from {host}"


def _failure_text(failure: Exception, host: str) -> str:
    if isinstance(failure, httpx.ConnectError):
        return f"no connection to {host}: {_connect_reason(failure)}"
    if isinstance(failure, httpx.ProxyError):
        return f"the proxy refused to connect to {host}"
    # Only the name of the class: a transport's text may contain a part of a header or of a body.
    return f"the exchange with {host} broke ({type(failure).__name__})"


def _connect_reason(failure: BaseException) -> str:
    """The reason of the first cause that has one. Reasons of TLS and of the operating system contain no secrets."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError):
            reason = cause.reason or "TLS failed"
            if "PROTOCOL" in reason or "VERSION" in reason:
                return f"it does not speak TLS 1.3 ({reason})"
            return f"TLS failed ({reason})"
        if isinstance(cause, OSError) and cause.strerror and not isinstance(cause, httpx.HTTPError):
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return "the connection failed"
