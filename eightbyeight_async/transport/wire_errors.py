"""The failures of our own transports, named like httpx's. The class shows the phase, and so whether bytes were written.

Rules:
- `NothingWrittenError` and its subclasses mean that no byte of the request has left this machine. After any other
  `WireError` the request may have been sent.
- The text is one line without anything that the server or the application wrote.
"""

from __future__ import annotations

__all__ = [
    "AnswerTooLargeError",
    "ConnectError",
    "ConnectTimeoutError",
    "DecodingError",
    "NothingWrittenError",
    "PoolTimeoutError",
    "ProxyError",
    "ReadError",
    "ReadTimeoutError",
    "RemoteProtocolError",
    "RequestRefusedError",
    "WireError",
    "WriteError",
    "WriteTimeoutError",
]


class WireError(Exception):
    """A request that got no answer."""


class NothingWrittenError(WireError):
    """No byte of the request was written."""


class RequestRefusedError(NothingWrittenError):
    """The request itself cannot be sent, e.g. because of a character in the API key."""


class ConnectError(NothingWrittenError):
    """No connection could be opened, or the idle connection was closed before the request was written."""


class ConnectTimeoutError(NothingWrittenError):
    """No connection could be opened in time."""


class PoolTimeoutError(NothingWrittenError):
    """No connection of httpx's pool became free in time."""


class ProxyError(NothingWrittenError):
    """The proxy refused, or used another protocol."""


class WriteError(WireError):
    """The connection broke while the request was written."""


class WriteTimeoutError(WireError):
    """The server did not accept the bytes of the request in time."""


class ReadError(WireError):
    """The connection broke before the answer was complete."""


class ReadTimeoutError(WireError):
    """The server did not answer in time."""


class RemoteProtocolError(WireError):
    """The received bytes are not a complete HTTP answer to the request."""


class DecodingError(WireError):
    """The content-encoding of the answer's body cannot be decoded."""


class AnswerTooLargeError(RemoteProtocolError):
    """The answer exceeds a limit of our transports.

    Attributes:
        status_code: the answer's HTTP status; None if its head is too large.
    """

    def __init__(self, message: str, status_code: int | None) -> None:
        super().__init__(message)
        self.status_code = status_code
