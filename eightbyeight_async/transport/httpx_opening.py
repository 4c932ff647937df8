"""Mends the opening of httpx's connections: no socket is left open, and no proxy is waited for without a limit.

- httpx closes the socket only after an `Exception`. A call that is cancelled in the TLS handshake, or in the handshake
  with a SOCKS proxy, would leave its socket open until the garbage collector finds it.
- httpx has no timeout for the handshake with a SOCKS proxy. A proxy that is silent would stop the call for good.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import anyio
    import httpx

__all__ = ["OpeningTrace"]


class OpeningTrace:
    """httpx's `trace` extension of one request. It knows the stream of a connection that is not yet open."""

    def __init__(self) -> None:
        self._stream: Any = None
        self._connect_timeout: float | None = None
        self._socks_scope: anyio.CancelScope | None = None

    def follow(self, request: httpx.Request) -> None:
        """Set this as the extension of `request`."""
        request.extensions["trace"] = self
        self._connect_timeout = request.extensions.get("timeout", {}).get("connect")

    async def __call__(self, event: str, info: Mapping[str, Any]) -> None:
        """Called by httpx for each step of the request.

        Raises:
            httpx.ConnectTimeout: the handshake with the SOCKS proxy took longer than the timeout for connecting.
        """
        # The calls for the start and for the end of a step are made by one task, and its other cancel scopes are
        # nested inside the step. So a scope may be entered in one call and left in another.
        _, _, step = event.partition(".")
        if step == "connect_tcp.complete":
            self._stream = info["return_value"]
        elif step == "setup_socks5_connection.started":
            import anyio  # imported here, because most processes never open a connection with httpx

            self._socks_scope = anyio.move_on_after(self._connect_timeout)
            self._socks_scope.__enter__()
        elif step == "setup_socks5_connection.complete":
            self._left(None)
        elif step in ("setup_socks5_connection.failed", "start_tls.failed"):
            late = self._left(info["exception"])
            await self._close()
            if late:
                import httpx

                raise httpx.ConnectTimeout("the SOCKS proxy did not answer in time")

    def _left(self, error: BaseException | None) -> bool:
        """Leaves the scope of the SOCKS handshake. True if its time was over."""
        scope, self._socks_scope = self._socks_scope, None
        if scope is None:
            return False
        return bool(scope.__exit__(None if error is None else type(error), error, None))

    async def _close(self) -> None:
        import anyio

        if self._stream is not None:
            with anyio.CancelScope(shield=True):
                await self._stream.aclose()
