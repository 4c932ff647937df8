"""HTTP/2 through httpx's own transport; if the server speaks only HTTP/1.1, one request a connection.

Over HTTP/2 an answer names its request. Over HTTP/1.1 httpx would read bytes that a server sends after an answer as the
next answer.
"""

from __future__ import annotations

import contextlib
import socket
from typing import TYPE_CHECKING, cast

import anyio
import httpx

from eightbyeight_async.transport.complete import CompleteResponse
from eightbyeight_async.transport.failures import AnswerTooLargeError
from eightbyeight_async.transport.inflate import check_inflated

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator

__all__ = ["Http2Transport"]


class Http2Transport(httpx.AsyncBaseTransport):
    """A transport that offers HTTP/2.

    Args:
        ssl_context: the TLS context for https.
        limits: of httpx's pool.
        proxy: the proxy for every request; None for no proxy.
        max_body: the most bytes of a body that comes over HTTP/1.1.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext,
        limits: httpx.Limits,
        proxy: httpx.Proxy | None = None,
        max_body: int = 32 * 1024 * 1024,
    ) -> None:
        self._inner = httpx.AsyncHTTPTransport(verify=ssl_context, http2=True, limits=limits, proxy=proxy)
        self._max_body = max_body

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`. A response over HTTP/1.1 has its whole body.

        Raises:
            httpx.TransportError: as `httpx.AsyncHTTPTransport` does.
        """
        response = await self._inner.handle_async_request(request)
        if response.http_version == "HTTP/2":
            return response
        try:
            body = await self._read(response)
        finally:
            # Before httpx takes the connection back: it does not use one whose socket is at its end.
            _end(response.extensions["network_stream"].get_extra_info("socket"))
            with anyio.CancelScope(shield=True):
                await response.aclose()
        return CompleteResponse(
            response.status_code, headers=response.headers, body=body, plain=False, extensions=response.extensions
        )

    async def _read(self, response: httpx.Response) -> bytes:
        body = bytearray()
        stream = cast("httpx.AsyncByteStream", response.stream)
        # Not `aiter_raw`, which gives the connection back at the end of the body.
        async with contextlib.aclosing(cast("AsyncGenerator[bytes]", aiter(stream))) as parts:
            async for part in parts:
                body += part
                if len(body) > self._max_body:
                    problem = f"the body of the answer is larger than {self._max_body} bytes"
                    raise AnswerTooLargeError(problem, response.status_code)
        if "content-encoding" in response.headers:
            check_inflated(bytes(body), response.headers["content-encoding"], self._max_body, response.status_code)
        return bytes(body)

    async def aclose(self) -> None:
        await self._inner.aclose()


def _end(sock: socket.socket) -> None:
    """End the connection of a socket that belongs to a loop. The loop still has to close it."""
    # By a second descriptor, because uvloop's socket objects have no shutdown().
    with contextlib.suppress(OSError), socket.fromfd(sock.fileno(), sock.family, sock.type) as twin:
        twin.shutdown(socket.SHUT_RDWR)
