"""The network stream of a response, for instrumentation: `response.extensions["network_stream"]`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NetworkStream"]


class NetworkStream:
    """Information about a response's connection. It has no `read` or `write`, because the pool owns the connection."""

    __slots__ = ("_extra_info",)

    def __init__(self, extra_info: Callable[[str], Any]) -> None:
        self._extra_info = extra_info

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's signature
        """One value: `ssl_object`, `socket`, `client_addr`, `server_addr`, `is_readable`, or a name that asyncio's
        `BaseTransport.get_extra_info` knows."""
        return self._extra_info(info)
