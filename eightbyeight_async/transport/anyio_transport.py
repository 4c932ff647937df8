"""Our transport for proxies and for loops other than asyncio's: HTTP/1.1 over plain sockets, on anyio.

Rules:
- Those of `fast.py`: the same exceptions mean that no byte was sent, no request is written twice, and whatever happens
  to a request, its connection is closed or back in the pool.
- Only a connection on which nothing has come since the last answer carries another request. This is looked at directly
  before the first byte is written, in the socket and in TLS. So bytes that a server sends after an answer are never
  read as the next one.
- What arrives later than that cannot be told from the answer. A stray answer mostly comes directly after the answer, so
  a connection rests before its next request; meanwhile new ones are opened. Without the rest, 5 to 8 of 3,000 sends
  read a stray answer that was sent directly after the answer; with it, none. It costs
  a handshake a request under load: 266 to 411 requests a second instead of 1,550 to 2,140, on loopback.

`FastTransport` is several times as fast, but knows only asyncio and no proxies. Both have the same reader of answers.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel
import httpx

from eightbyeight_async.transport.answer import AnswerReader
from eightbyeight_async.transport.complete import CompleteResponse
from eightbyeight_async.transport.connect import Origin
from eightbyeight_async.transport.head import Heads, outgoing
from eightbyeight_async.transport.inflate import check_inflated
from eightbyeight_async.transport.network_stream import NetworkStream
from eightbyeight_async.transport.tunnel import open_line

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncGenerator, AsyncIterator, Mapping
    from typing import Any

    from eightbyeight_async.transport.anyio_line import AnyioLine

__all__ = ["AnyioTransport"]

_REST = 1.0  # seconds
_NO_TIMEOUTS: Mapping[str, float | None] = {}


class AnyioTransport(httpx.AsyncBaseTransport):
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
        self._heads = Heads()
        self._loop: object = None
        self._pools: dict[Origin, _Pool] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send `request`; return the response with its whole body.

        Raises:
            httpx.TransportError: an exception of the phase that failed.
        """
        url = request.url
        extensions = request.extensions
        pool = self._pool(Origin(url.raw_scheme, url.raw_host, url.port, extensions.get("sni_hostname")))
        head = self._heads.head(request.method, url.raw_path, request.headers.raw)
        message = outgoing(head, request.stream)
        # Error trackers show the locals of a traceback, but not the bytes of a memoryview.
        data, rest = memoryview(message.data), message.rest
        timeouts = extensions.get("timeout") or _NO_TIMEOUTS
        async with pool.place(timeouts.get("pool")):
            pool.check_open()
            connection = pool.take()
            if connection is None:
                line = await open_line(pool.origin, self._ssl_context, self._proxy, timeouts.get("connect"))
                connection = _Connection(line, AnswerReader(self._max_body))
            pool.busy.add(connection)
            try:
                pool.check_open()
                if not connection.line.quiet():
                    raise httpx.ConnectError("the server spoke before the request")  # noqa: TRY301
                await connection.exchange(data, rest, head_only=request.method == "HEAD", timeouts=timeouts)
            except BaseException:
                connection.line.close()
                raise
            finally:
                pool.busy.discard(connection)
            answer = connection.answer
            if answer.reusable and not head.close and not pool.closed:
                pool.keep(connection)
            else:
                connection.line.close(politely=True)
        response = CompleteResponse(
            answer.status,
            headers=httpx.Headers(answer.headers),
            body=answer.body,
            plain=answer.plain,
            extensions={
                "http_version": answer.version,
                "reason_phrase": answer.reason,
                "network_stream": NetworkStream(connection.extra_info),
            },
        )
        if "content-encoding" in response.headers:
            check_inflated(answer.body, response.headers["content-encoding"], self._max_body, response.status_code)
        return response

    def _pool(self, origin: Origin) -> _Pool:
        loop = anyio.lowlevel.current_token()
        if loop != self._loop:
            self.abandon()
            self._loop = loop
        pool = self._pools.get(origin)
        if pool is None:
            if origin.scheme not in (b"https", b"http") or not origin.host:
                raise httpx.UnsupportedProtocol("the URL is neither https:// nor http:// with a host")
            pool = self._pools[origin] = _Pool(origin, self._max_connections, self._keepalive_expiry)
        return pool

    def abandon(self) -> None:
        """Close all connections without using a loop; requests in flight fail."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def disown(self) -> None:
        """In a forked process: let go of the parent's sockets, without a word to the server."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.disown()

    async def aclose(self) -> None:
        """Close all connections; requests in flight fail."""
        self._heads = Heads()  # drops the kept heads, which contain the API key
        self.abandon()


class _Connection:
    """A line that carries one request at a time, and the reader of its answers."""

    def __init__(self, line: AnyioLine, answer: AnswerReader) -> None:
        self.line = line
        self.answer = answer
        self.idle_since = 0.0
        self.in_pool = False

    def extra_info(self, name: str) -> Any:  # noqa: ANN401
        if name == "is_readable":
            return not (self.in_pool and self.line.quiet())
        return self.line.extra_info(name)

    async def exchange(
        self,
        data: memoryview,
        rest: AsyncGenerator[bytes] | None,
        *,
        head_only: bool,
        timeouts: Mapping[str, float | None],
    ) -> None:
        """Send one request and read its answer. The line must be quiet.

        Raises:
            httpx.TransportError: an exception of the phase that failed.
        """
        answer = self.answer
        answer.expect(head_only=head_only)
        failure: httpx.WriteError | None = None
        try:
            whole = await self._write(data, rest, timeouts.get("write"))
        except httpx.WriteError as error:
            # A server may refuse a request and close before it has read all of it, so there can be an answer.
            whole, failure = False, error
        read_timeout = timeouts.get("read")
        while not answer.complete:
            try:
                piece = memoryview(await self.line.read(read_timeout))
                if piece:
                    answer.feed(piece)
                else:
                    answer.eof()
            except (httpx.NetworkError, httpx.RemoteProtocolError):
                if failure is not None:
                    raise failure from failure.__cause__
                raise
        if not whole:
            answer.came_early()

    async def _write(self, data: memoryview, rest: AsyncGenerator[bytes] | None, seconds: float | None) -> bool:
        whole = await self.line.write(data, seconds)
        if rest is not None:
            async with contextlib.aclosing(rest):
                async for part in rest:
                    whole = whole and await self.line.write(memoryview(part), seconds)
                    if not whole:
                        break
        return whole


class _Pool:
    """The connections to one origin.

    Attributes:
        origin: where they lead.
        busy: those that carry a request.
        closed: True after `close`.
    """

    def __init__(self, origin: Origin, max_connections: int, keepalive_expiry: float) -> None:
        self.origin = origin
        self.busy: set[_Connection] = set()
        self.closed = False
        self._idle: deque[_Connection] = deque()  # the one that has rested longest is on the left
        self._places = anyio.CapacityLimiter(max_connections)
        self._keepalive_expiry = keepalive_expiry

    @contextlib.asynccontextmanager
    async def place(self, seconds: float | None) -> AsyncIterator[None]:
        """A place for one request, within `seconds`.

        Raises:
            httpx.PoolTimeout: none became free.
        """
        borrower = object()  # not the task: one task may have several requests in flight
        try:
            with anyio.fail_after(seconds):
                await self._places.acquire_on_behalf_of(borrower)
        except TimeoutError as error:
            raise httpx.PoolTimeout("no connection became free in time") from error
        try:
            yield
        finally:
            self._places.release_on_behalf_of(borrower)

    def check_open(self) -> None:
        if self.closed:
            raise httpx.ConnectError("the transport was closed")

    def take(self) -> _Connection | None:
        """The idle connection that has rested longest, if it has rested enough and is quiet.

        If there is none, the caller opens one: an idle one is closed, if there would be too many.
        """
        self._expire()
        while self._idle and anyio.current_time() - self._idle[0].idle_since >= _REST:
            connection = self._idle.popleft()
            connection.in_pool = False
            if connection.line.quiet():
                return connection
            connection.line.close()
        if self._idle and len(self._idle) + self._places.borrowed_tokens > self._places.total_tokens:
            self._idle.pop().line.close(politely=True)
        return None

    def keep(self, connection: _Connection) -> None:
        """Take a connection back."""
        self._expire()
        connection.idle_since = anyio.current_time()
        connection.in_pool = True
        self._idle.append(connection)

    def _expire(self) -> None:
        while self._idle and anyio.current_time() - self._idle[0].idle_since >= self._keepalive_expiry:
            self._idle.popleft().line.close(politely=True)

    def close(self) -> None:
        """Close the idle connections, and end the others: their requests fail."""
        self.closed = True
        while self._idle:
            self._idle.pop().line.close(politely=True)
        for connection in self.busy:
            connection.line.interrupt()

    def disown(self) -> None:
        self.closed = True
        for connection in (*self._idle, *self.busy):
            connection.line.close()
        self._idle.clear()
