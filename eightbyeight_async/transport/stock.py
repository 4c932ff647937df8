"""A pool of httpx's own transports with one connection each, for proxies and for loops other than asyncio's.

One httpx transport with 100 connections scans all of them for every request: 70 requests a second with 100 in flight,
measured. A hundred httpx transports with one connection each, last used first, send 1,300 to 1,800 a second.

httpx reads and writes all bytes, so its limitation applies here: bytes that a server sends after an answer can be read
as the next answer. `FastTransport` closes such a connection.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import httpx

from eightbyeight_async.transport.complete import CompleteResponse
from eightbyeight_async.transport.failures import AnswerTooLargeError
from eightbyeight_async.transport.inflate import check_inflated

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

__all__ = ["StockTransport"]

_Origin = tuple[bytes, bytes, int | None]


class StockTransport(httpx.AsyncBaseTransport):
    """A transport for every loop that anyio supports. It returns complete responses.

    Args:
        ssl_context: the TLS context for https, also for the server behind a proxy.
        max_connections: the most connections to one origin. Further requests wait up to their `pool` timeout.
        keepalive_expiry: seconds that an idle connection is kept.
        proxy: the proxy for every request; None for no proxy.
        max_body: the most bytes of a body, before and after decompression.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext,
        max_connections: int = 100,
        keepalive_expiry: float = 60.0,
        proxy: httpx.Proxy | None = None,
        max_body: int = 32 * 1024 * 1024,
    ) -> None:
        self._ssl_context = ssl_context
        self._max_connections = max_connections
        self._keepalive_expiry = keepalive_expiry
        self._proxy = proxy
        self._max_body = max_body
        self._loop: object = None
        self._lanes: dict[_Origin, list[httpx.AsyncHTTPTransport]] = {}
        self._limits: dict[_Origin, anyio.CapacityLimiter] = {}
        self._busy: set[httpx.AsyncHTTPTransport] = set()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request` through a free httpx transport; return the response with its whole body.

        Raises:
            httpx.TransportError: as `httpx.AsyncHTTPTransport` does.
        """
        url = request.url
        if type(request.stream) is httpx.ByteStream:
            body = _Body(b"".join(request.stream))
            request = httpx.Request(
                request.method, url, headers=request.headers, stream=body, extensions=request.extensions
            )
        async with self._lane((url.raw_scheme, url.raw_host, url.port), request) as lane:
            response = await lane.handle_async_request(request)
            try:
                answer = await self._read(response)
            finally:
                with anyio.CancelScope(shield=True):
                    await response.aclose()
        if "content-encoding" in response.headers:
            check_inflated(answer, response.headers["content-encoding"], self._max_body, response.status_code)
        return CompleteResponse(
            response.status_code,
            headers=response.headers,
            body=answer,
            plain=not any(name in response.headers for name in ("set-cookie", "location", "content-encoding")),
            extensions=response.extensions,
        )

    @contextlib.asynccontextmanager
    async def _lane(self, origin: _Origin, request: httpx.Request) -> AsyncIterator[httpx.AsyncHTTPTransport]:
        loop = anyio.lowlevel.current_token()
        if loop != self._loop:
            self._loop = loop
            self._lanes, self._limits, self._busy = {}, {}, set()
        idle = self._lanes.setdefault(origin, [])
        limit = self._limits.setdefault(origin, anyio.CapacityLimiter(self._max_connections))
        borrower = object()  # not the task: one task may have several requests in flight
        try:
            with anyio.fail_after((request.extensions.get("timeout") or {}).get("pool")):
                await limit.acquire_on_behalf_of(borrower)
        except TimeoutError as error:
            raise httpx.PoolTimeout("no connection became free in time") from error
        try:
            lane = idle.pop() if idle else self._new_lane()
            self._busy.add(lane)
            try:
                yield lane
            except BaseException:
                # After an interrupted request, httpcore can count the connection as taken for ever, so do not reuse it.
                await self._close(lane)
                raise
            self._busy.discard(lane)
            if self._lanes.get(origin) is idle:
                idle.append(lane)
            else:
                await self._close(lane)  # meanwhile this transport was closed, or another loop uses it
        finally:
            limit.release_on_behalf_of(borrower)

    async def _close(self, lane: httpx.AsyncHTTPTransport) -> None:
        self._busy.discard(lane)
        with anyio.CancelScope(shield=True):
            await lane.aclose()

    def _new_lane(self) -> httpx.AsyncHTTPTransport:
        return httpx.AsyncHTTPTransport(
            verify=self._ssl_context,
            limits=httpx.Limits(
                max_connections=1, max_keepalive_connections=1, keepalive_expiry=self._keepalive_expiry
            ),
            proxy=self._proxy,
        )

    async def _read(self, response: httpx.Response) -> bytes:
        parts = []
        size = 0
        async for part in response.aiter_raw():
            parts.append(part)
            size += len(part)
            if size > self._max_body:
                problem = f"the body of the answer is larger than {self._max_body} bytes"
                raise AnswerTooLargeError(problem, response.status_code)
        return b"".join(parts)

    async def aclose(self) -> None:
        """Close all connections; requests in flight fail."""
        lanes, self._lanes = self._lanes, {}
        for idle in [*lanes.values(), list(self._busy)]:
            for lane in idle:
                await self._close(lane)


class _Body(httpx.AsyncByteStream):
    """A body of bytes that is not an async generator.

    httpx's own stream is an async generator. A failed write would leave it unfinished, and trio warns of that.
    """

    def __init__(self, data: bytes) -> None:
        self._left = [data]

    def __aiter__(self) -> _Body:
        return self

    async def __anext__(self) -> bytes:
        if not self._left:
            raise StopAsyncIteration
        return self._left.pop()
