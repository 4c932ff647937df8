"""Our transport for proxies and for loops other than asyncio's: HTTP/1.1 over plain sockets, on anyio.

Rules:
- The rules of `fast.py` apply: the same classes of failures; no request is written twice; after each request its
  connection is closed or back in the pool, also after errors and cancellations.
- A connection carries another request only if no bytes have arrived since the last answer. This is checked directly
  before the first byte is written, in the socket and in TLS. So bytes that a server sends after an answer are not read
  as the next answer.
- A stray answer that arrives after this check cannot be distinguished from the right answer. Most stray answers arrive
  directly after an answer. So a connection rests before its next request; meanwhile new connections are opened. In a
  test with stray answers directly after the right ones, 5 to 8 of 3,000 sends read a stray answer if connections did
  not rest, and none if they did. Under load the rest costs a handshake per request: 266 to 411 requests a second
  instead of 1,550 to 2,140, on loopback.

`FastTransport` is several times as fast, but works only on asyncio and without proxies. Both use the same reader of
answers.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import TYPE_CHECKING

import anyio

from eightbyeight_async.transport.answer import AnswerReader
from eightbyeight_async.transport.request_log import log_request
from eightbyeight_async.transport.tunnel import open_line
from eightbyeight_async.transport.wire_errors import ConnectError, ReadError, RemoteProtocolError, WriteError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

    import httpx

    from eightbyeight_async.transport.anyio_socket import AnyioLine
    from eightbyeight_async.transport.plain_answer import Answer
    from eightbyeight_async.transport.request import Origin, Outgoing, Timeouts

__all__ = ["AnyioTransport"]

_REST = 1.0  # seconds that a connection rests between two requests


class AnyioTransport:
    """The connections of one event loop, of any kind that anyio supports.

    Args:
        ssl_context: the TLS context for https, also for the server behind a proxy.
        max_connections: the most connections to one origin. Further requests wait in order of arrival.
        keepalive_expiry: seconds that an idle connection is kept.
        proxy_for: returns the proxy for an origin; None for no proxy.
        max_body: the most bytes of a body, before and after decompression.
    """

    def __init__(
        self,
        *,
        ssl_context: ssl.SSLContext,
        max_connections: int = 100,
        keepalive_expiry: float = 60.0,
        proxy_for: Callable[[Origin], httpx.Proxy | None] = lambda _: None,
        max_body: int = 32 * 1024 * 1024,
    ) -> None:
        self._ssl_context = ssl_context
        self._max_connections = max_connections
        self._keepalive_expiry = keepalive_expiry
        self._proxy_for = proxy_for
        self._max_body = max_body
        self._closed = False
        self._pools: dict[Origin, _Pool] = {}

    async def send(self, request: Outgoing, timeouts: Timeouts) -> Answer:
        """Send one request; return its whole answer.

        Raises:
            WireError: the exception of the phase that failed.
        """
        pool = self._pool(request.prepared.origin)
        # Error trackers show the locals of a traceback, but not the bytes of a memoryview.
        data = memoryview(request.data())
        async with pool.place():
            pool.check_open()
            connection = pool.take()
            if connection is None:
                line = await open_line(pool.origin, self._ssl_context, pool.proxy, timeouts.connect)
                connection = _Connection(line, AnswerReader(self._max_body))
            pool.busy.add(connection)
            try:
                pool.check_open()
                if not connection.line.quiet():
                    raise ConnectError("the server spoke before the request")  # noqa: TRY301
                await connection.exchange(data, timeouts)
                answer = connection.answer.answer()
            except BaseException:
                connection.line.close()
                raise
            finally:
                pool.busy.discard(connection)
            if connection.answer.reusable and not pool.closed:
                pool.keep(connection)
            else:
                connection.line.close(politely=True)
        log_request(request.prepared, answer)
        return answer

    def _pool(self, origin: Origin) -> _Pool:
        pool = self._pools.get(origin)
        if pool is None:
            if self._closed:
                raise ConnectError("the client was closed")
            proxy = self._proxy_for(origin)
            pool = self._pools[origin] = _Pool(origin, proxy, self._max_connections, self._keepalive_expiry)
        return pool

    def abandon(self) -> None:
        """Close all connections without using a loop; requests in flight fail."""
        self._closed = True
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.close()

    def disown(self) -> None:
        """Called in a forked process: releases the parent's sockets without sending anything to the server."""
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            pool.disown()

    async def aclose(self) -> None:
        """Close all connections; requests in flight fail. A second call does nothing."""
        self.abandon()


class _Connection:
    """A line that carries one request at a time, and the reader of its answers."""

    def __init__(self, line: AnyioLine, answer: AnswerReader) -> None:
        self.line = line
        self.answer = answer
        self.idle_since = 0.0

    async def exchange(self, data: memoryview, timeouts: Timeouts) -> None:
        """Send one request and read its answer. The line must be quiet.

        Raises:
            WireError: the exception of the phase that failed.
        """
        answer = self.answer
        answer.expect()
        failure: WriteError | None = None
        try:
            whole = await self.line.write(data, timeouts.write)
        except WriteError as error:
            # A server may refuse a request and close before it has read all of it, so there can be an answer.
            whole, failure = False, error
        while not answer.complete:
            try:
                piece = memoryview(await self.line.read(timeouts.read))
                if piece:
                    answer.feed(piece)
                else:
                    answer.eof()
            except (ReadError, RemoteProtocolError):
                if failure is not None:
                    raise failure from failure.__cause__
                raise
        if not whole:
            answer.came_early()


class _Pool:
    """The connections to one origin.

    Attributes:
        origin: the origin that they connect to.
        proxy: the proxy that they go through; None for no proxy.
        busy: the connections that carry a request.
        closed: True after `close`.
    """

    def __init__(
        self, origin: Origin, proxy: httpx.Proxy | None, max_connections: int, keepalive_expiry: float
    ) -> None:
        self.origin = origin
        self.proxy = proxy
        self.busy: set[_Connection] = set()
        self.closed = False
        self._idle: deque[_Connection] = deque()  # the connection that has rested longest is on the left
        self._places = anyio.CapacityLimiter(max_connections)
        self._keepalive_expiry = keepalive_expiry

    @contextlib.asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        """Waits for a place for one request, and holds it during the block."""
        borrower = object()  # not the task, because one task may have several requests in flight
        await self._places.acquire_on_behalf_of(borrower)
        try:
            yield
        finally:
            self._places.release_on_behalf_of(borrower)

    def check_open(self) -> None:
        if self.closed:
            raise ConnectError("the client was closed")

    def take(self) -> _Connection | None:
        """Returns the idle connection that has rested longest, if it has rested long enough and is quiet.

        If it returns None, the caller opens a connection. If there would then be too many, an idle connection is
        closed.
        """
        self._expire()
        while self._idle and anyio.current_time() - self._idle[0].idle_since >= _REST:
            connection = self._idle.popleft()
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
        self._idle.append(connection)

    def _expire(self) -> None:
        while self._idle and anyio.current_time() - self._idle[0].idle_since >= self._keepalive_expiry:
            self._idle.popleft().line.close(politely=True)

    def close(self) -> None:
        """Close the idle connections, and end the busy ones: their requests fail."""
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
