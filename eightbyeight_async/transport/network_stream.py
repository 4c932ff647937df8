"""What a response shows of its connection: `response.extensions["network_stream"]`, as instrumentation reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NetworkStream"]


class NetworkStream:
    """To look at only: the bytes of the connection belong to the pool, so there is no `read` or `write`."""

    __slots__ = ("_extra_info",)

    def __init__(self, extra_info: Callable[[str], Any]) -> None:
        self._extra_info = extra_info

    def get_extra_info(self, info: str) -> Any:  # noqa: ANN401 - httpcore's signature
        """`ssl_object`, `socket`, `client_addr`, `server_addr`, `is_readable`, or what asyncio's transports know."""
        return self._extra_info(info)
