"""Converts exceptions of httpx and httpx2 into our own failures, by the names of their classes.

An application's `http_client` may be an httpx2 client, and the exceptions of httpx2 are not subclasses of httpx's.
Comparing names also avoids importing either library.
"""

from __future__ import annotations

from typing import Any

from eightbyeight_async.transport import wire_errors
from eightbyeight_async.transport.wire_errors import WireError

__all__ = ["answer_in", "as_wire_error", "kin", "was_not_read"]

_FAMILY = ("httpx", "httpx2")

_TWINS: dict[str, type[WireError]] = {
    "ConnectError": wire_errors.ConnectError,
    "ConnectTimeout": wire_errors.ConnectTimeoutError,
    "PoolTimeout": wire_errors.PoolTimeoutError,
    "ProxyError": wire_errors.ProxyError,
    "UnsupportedProtocol": wire_errors.RequestRefusedError,
    "InvalidURL": wire_errors.RequestRefusedError,
    "WriteTimeout": wire_errors.WriteTimeoutError,
    "WriteError": wire_errors.WriteError,
    "TimeoutException": wire_errors.ReadTimeoutError,
    "NetworkError": wire_errors.ReadError,
    "RemoteProtocolError": wire_errors.RemoteProtocolError,
    "DecodingError": wire_errors.DecodingError,
    "RequestError": WireError,
    "StreamError": WireError,
}


def kin(kind: type, *names: str) -> bool:
    """True if a class is one of these classes of httpx or httpx2, or derives from one."""
    return any(base.__name__ in names and base.__module__.partition(".")[0] in _FAMILY for base in kind.__mro__)


def as_wire_error(failure: BaseException) -> WireError | None:
    """Returns our own failure with the same meaning; None if it is not an exception of httpx's transport."""
    for base in type(failure).__mro__:
        if base.__name__ in _TWINS and base.__module__.partition(".")[0] in _FAMILY:
            return _TWINS[base.__name__](str(failure))
    return None


def was_not_read(failure: Exception) -> bool:
    """Whether code used the body of a response before the body was read."""
    return kin(type(failure), "ResponseNotRead")


def answer_in(failure: Exception) -> tuple[int, Any, bytes] | None:
    """Status, headers and body of a response that an application's hook turned into an exception.

    Such a hook calls `response.raise_for_status()`. None for any other failure.
    """
    if not kin(type(failure), "HTTPStatusError"):
        return None
    response: Any = failure.response  # type: ignore[attr-defined]  # an HTTPStatusError
    try:
        body = response.content
    except RuntimeError as error:
        if not was_not_read(error):
            raise
        body = b""  # The response is already closed, so only its status is known.
    return response.status_code, response.headers, body
