"""What a failed exchange means for the message: httpx's exceptions, told apart by phase.

Rule: `Sent.NO` only where no byte of the request can have left this machine, and only for a transport whose
phases we know. Under an application's own `http_client` every failure is `Sent.MAYBE`: other transports (aiohttp's,
pyreqwest's) report ConnectTimeout and ConnectError after the server has read the POST.
"""

from __future__ import annotations

import ssl

import anyio
import httpx

from eightbyeight_async.errors import Sent, TransportError, TransportTimeoutError

__all__ = ["WIRE_FAILURES", "AnswerTooLargeError", "answer_in", "refused_answer", "showable_cause", "transport_error"]

# Beside httpx's own: what a closed or foreign transport lets through. Anything else is a bug and stays itself.
WIRE_FAILURES = (
    httpx.RequestError,
    httpx.InvalidURL,
    httpx.StreamError,
    OSError,
    EOFError,
    anyio.ClosedResourceError,
    anyio.BrokenResourceError,
    anyio.EndOfStream,
)


class AnswerTooLargeError(httpx.RemoteProtocolError):
    """Our transports' word for an answer beyond their bounds; to httpx's users an error of the protocol.

    Attributes:
        status_code: of the answer, None if its head was too large already.
    """

    def __init__(self, message: str, status_code: int | None) -> None:
        super().__init__(message)
        self.status_code = status_code


_NOTHING_LEFT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
    httpx.InvalidURL,
)


def transport_error(failure: Exception, *, host: str, timeout: float, own: bool) -> TransportError:
    """Our error for a failure of `WIRE_FAILURES`.

    Args:
        failure: what `httpx.AsyncClient.send` raised.
        host: whom we talked to, for the message.
        timeout: the seconds that were allowed, for the message.
        own: whether the transport is ours or httpx's own, so that its phases can be believed.
    """
    sent = Sent.NO if own and isinstance(failure, _NOTHING_LEFT) else Sent.MAYBE
    if isinstance(failure, httpx.TimeoutException):
        return TransportTimeoutError(f"{_timeout_words(failure, host)} within {timeout:g} s", sent=sent)
    return TransportError(_words(failure, host), sent=sent)


def refused_answer(failure: Exception) -> tuple[str, int | None] | None:
    """An answer came but cannot be taken: what is wrong with it, and its status if known; None: it was the wire."""
    if isinstance(failure, AnswerTooLargeError):
        return str(failure), failure.status_code
    if isinstance(failure, httpx.DecodingError):
        return "the body's content-encoding cannot be undone", None
    return None


def answer_in(failure: Exception) -> tuple[int, httpx.Headers, bytes] | None:
    """Status, headers and body of the answer that a hook of the application made an exception of, if one did."""
    if not isinstance(failure, httpx.HTTPStatusError):
        return None
    response = failure.response
    try:
        body = response.content
    except httpx.ResponseNotRead:
        body = b""  # and it is closed by now: the status has to do
    return response.status_code, response.headers, body


def showable_cause(failure: Exception) -> Exception | None:
    """The failure, if its words are the system's, TLS's or the application's; None if they can quote the server's."""
    quoting = isinstance(failure, httpx.HTTPError | httpx.InvalidURL | httpx.StreamError)
    return None if quoting and not isinstance(failure, httpx.NetworkError | httpx.TimeoutException) else failure


def _timeout_words(failure: httpx.TimeoutException, host: str) -> str:
    match failure:
        case httpx.ConnectTimeout():
            return f"no connection to {host}"
        case httpx.WriteTimeout():
            return f"{host} did not take the request"
        case httpx.PoolTimeout():
            return "no connection of the pool became free"
        case _:
            return f"no answer from {host}"


def _words(failure: Exception, host: str) -> str:
    if isinstance(failure, httpx.ConnectError):
        return f"no connection to {host}: {_connect_reason(failure)}"
    if isinstance(failure, httpx.ProxyError):
        return f"the proxy refused to connect to {host}"
    # The types' names only: a transport's message may hold what a header or a body held.
    return f"the exchange with {host} broke ({type(failure).__name__})"


def _connect_reason(failure: BaseException) -> str:
    """The first cause that says something: TLS reasons and the system's errors hold no secrets."""
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
