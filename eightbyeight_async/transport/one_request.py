"""httpx's own transport with one request per connection, so that no request reads the answer of another request.

httpx reads bytes that a server sends after an answer as the next answer. Here no connection has a next answer. Bytes
that a server sends before the request is written are still read as its answer; only our own transports refuse them.

Each request has a pool of its own, so the requests of several loops and threads share nothing.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, cast

import anyio
import httpx

from eightbyeight_async.loops import Loop, after_fork, running

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

__all__ = ["OneRequestTransport"]

_NO_NEXT = httpx.Limits(max_keepalive_connections=0)


class OneRequestTransport(httpx.AsyncBaseTransport):
    """A transport for every loop. It streams the bodies of responses.

    Args:
        ssl_context: the TLS context for https, also for the server behind a proxy.
        proxy: the proxy for every request; None for no proxy.
        http2: whether HTTP/2 is offered.
    """

    def __init__(self, *, ssl_context: ssl.SSLContext, proxy: httpx.Proxy | None = None, http2: bool = False) -> None:
        self._ssl_context = ssl_context
        self._proxy = proxy
        self._http2 = http2
        self._in_flight: dict[httpx.AsyncHTTPTransport, Loop] = {}
        after_fork(self)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` through a new `httpx.AsyncHTTPTransport`.

        Raises:
            httpx.TransportError: as `httpx.AsyncHTTPTransport` does.
        """
        # Uses the public name for each request, because tools replace the class and its methods.
        inner = httpx.AsyncHTTPTransport(
            verify=self._ssl_context, http2=self._http2, proxy=self._proxy, limits=_NO_NEXT, trust_env=False
        )
        self._in_flight[inner] = Loop(running())
        try:
            response = await inner.handle_async_request(request)
        except BaseException:
            self._in_flight.pop(inner, None)
            await _close(inner)
            raise
        response.stream = _Body(cast("httpx.AsyncByteStream", response.stream), inner, self._in_flight)
        return response

    async def aclose(self) -> None:
        """Close the connections in flight; their requests fail. Other loops close theirs themselves, soon."""
        for inner, loop in list(self._in_flight.items()):
            if loop.native() is running():
                await _close(inner)
            else:
                loop.start(inner.aclose)

    def forked(self) -> None:
        """Called in a forked process: releases the parent's connections without sending anything to the server."""
        self._in_flight = {}


class _Body(httpx.AsyncByteStream):
    """The body of a response. The request is in flight until the body is closed."""

    def __init__(
        self,
        body: httpx.AsyncByteStream,
        inner: httpx.AsyncHTTPTransport,
        in_flight: dict[httpx.AsyncHTTPTransport, Loop],
    ) -> None:
        self._body = body
        self._inner = inner
        self._in_flight = in_flight

    def __aiter__(self) -> AsyncIterator[bytes]:
        return aiter(self._body)

    async def aclose(self) -> None:
        self._in_flight.pop(self._inner, None)
        try:
            await self._body.aclose()
        finally:
            await _close(self._inner)


async def _close(inner: httpx.AsyncHTTPTransport) -> None:
    """Close all that is still open. httpx closes what it has opened, but a tool that replaces it may not."""
    with anyio.CancelScope(shield=True), contextlib.suppress(Exception):
        await inner.aclose()
