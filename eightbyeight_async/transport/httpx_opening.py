"""Closes the socket of a request that is cancelled while httpx opens its connection.

httpx closes it only after an `Exception`. Without this, the socket of a call that is cancelled in the TLS handshake, or
in the handshake with a SOCKS proxy, stays open until the garbage collector finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

__all__ = ["OpeningTrace"]


class OpeningTrace:
    """httpx's `trace` extension of one request. It knows the stream of a connection that is not yet open."""

    def __init__(self) -> None:
        self._stream: Any = None

    def follow(self, request: httpx.Request) -> None:
        """Set this as the extension of `request`."""
        request.extensions["trace"] = self

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpx for each step of the request."""
        if event.endswith(".connect_tcp.complete"):
            self._stream = info["return_value"]
        elif event.endswith((".start_tls.failed", ".setup_socks5_connection.failed")) and self._stream is not None:
            import anyio  # imported here, because most processes never open a connection with httpx

            with anyio.CancelScope(shield=True):
                await self._stream.aclose()
