"""Decides, from the exception of a failed exchange, whether the message may have been sent.

Rules:
- `Sent.NO` only if no byte of the request can have left this machine.
- `Sent.NO` only for our own transports and httpx's. With an application's own `http_client` every failure is
  `Sent.MAYBE`: other transports (aiohttp's, pyreqwest's) raise ConnectTimeout and ConnectError even after the server
  has read the POST.
"""

from __future__ import annotations

import ssl

import anyio

from eightbyeight_async.errors import Sent, TransportError, TransportTimeoutError
from eightbyeight_async.transport.httpx_failures import as_wire_error, kin
from eightbyeight_async.transport.wire_errors import (
    AnswerTooLargeError,
    ConnectError,
    ConnectTimeoutError,
    DecodingError,
    NothingWrittenError,
    PoolTimeoutError,
    ProxyError,
    ReadError,
    ReadTimeoutError,
    WireError,
    WriteError,
    WriteTimeoutError,
)

__all__ = ["WIRE_FAILURES", "refused_answer", "showable_cause", "transport_error", "wire_failure"]

# The exceptions that mean a failed call: those of our transports, and those of a transport that is closed or that the
# user gave. Any other exception that is not one of httpx's is a bug and reaches the caller unchanged.
WIRE_FAILURES = (
    WireError,
    OSError,
    EOFError,
    anyio.ClosedResourceError,
    anyio.BrokenResourceError,
    anyio.EndOfStream,
    UnicodeError,  # idna raises it for the host of a redirect
)

_TIMEOUTS: dict[type[WireError], str] = {
    ConnectTimeoutError: "no connection to {host}",
    WriteTimeoutError: "{host} did not take the request",
    PoolTimeoutError: "no connection of the pool became free",
    ReadTimeoutError: "no answer from {host}",
}


def wire_failure(failure: Exception) -> bool:
    """True for `WIRE_FAILURES`, and for those of httpx and httpx2."""
    return isinstance(failure, WIRE_FAILURES) or as_wire_error(failure) is not None


def transport_error(failure: Exception, *, host: str, timeout: float, own: bool) -> TransportError:
    """The TransportError for a failure.

    Args:
        failure: the exception of our transport or of an httpx client.
        host: the server's host, for the message.
        timeout: the timeout in seconds, for the message.
        own: True if the transport is ours or httpx's, so that the exception shows the right phase.
    """
    twin = _twin(failure)
    sent = Sent.NO if own and isinstance(twin, NothingWrittenError) else Sent.MAYBE
    for kind, text in _TIMEOUTS.items():
        if isinstance(twin, kind):
            return TransportTimeoutError(f"{text.format(host=host)} within {timeout:g} s", sent=sent)
    if isinstance(twin, ConnectError):
        text = f"no connection to {host}: {_connect_reason(failure)}"
    elif isinstance(twin, ProxyError):
        text = f"the proxy refused to connect to {host}"
    else:
        # Only the name of the class: the text of a transport's exception may contain a part of a header or of a body.
        text = f"the exchange with {host} broke ({type(failure).__name__})"
    return TransportError(text, sent=sent)


def refused_answer(failure: Exception) -> tuple[str, int | None] | None:
    """The problem and the status (None if unknown) of an answer that was refused; None for any other failure."""
    twin = _twin(failure)
    if isinstance(twin, AnswerTooLargeError):
        return str(twin), twin.status_code
    if isinstance(twin, DecodingError):
        return "the body's content-encoding cannot be decoded", None
    return None


def showable_cause(failure: Exception) -> Exception | None:
    """The failure, if it may be shown as a cause; None if its text may contain text of the server.

    Texts of the operating system, of TLS and of the application may be shown.
    """
    twin = _twin(failure)
    quoting = isinstance(twin, WireError | UnicodeError) or kin(type(failure), "HTTPError")
    return None if quoting and not isinstance(twin, (ConnectError, ReadError, WriteError, *_TIMEOUTS)) else failure


def _twin(failure: Exception) -> Exception:
    return failure if isinstance(failure, WireError) else as_wire_error(failure) or failure


def _connect_reason(failure: BaseException) -> str:
    """Returns the first reason in the chain of causes. Reasons of TLS and of the system contain no secrets."""
    cause: BaseException | None = failure
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return f"its certificate is not trusted ({cause.verify_message})"
        if isinstance(cause, ssl.SSLError):
            reason = cause.reason or "TLS failed"
            if "PROTOCOL" in reason or "VERSION" in reason:
                return f"it does not speak TLS 1.3 ({reason})"
            return f"TLS failed ({reason})"
        if isinstance(cause, OSError) and cause.strerror and as_wire_error(cause) is None:
            return cause.strerror
        cause = cause.__cause__ or cause.__context__
    return "the connection failed"
