"""The pool: the connections to one origin, and the requests that wait for a connection.

Rules:
- A slot is a connection that is in use, idle or being opened. There are never more slots than the limit. A slot is free
  as soon as its connection is discarded, even if the socket is not closed yet.
- No request waits while a connection is idle or a slot is free, and no connection is idle while a request waits. So a
  returned connection or slot goes directly to the request that has waited longest.
- Every step is O(1), with one connection or with 10,000 waiting requests. httpcore scans all connections and all
  waiting requests for every request.
- The connection that was returned last is used first. So the extra connections of a burst expire and are closed.
- All state changes happen between two awaits. A cancelled wait changes nothing: a taken slot is returned, and a
  connection that was handed over at the same moment goes to the next waiter.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import OrderedDict
from typing import TYPE_CHECKING

from eightbyeight_async.transport.connect import Settings, open_connection
from eightbyeight_async.transport.wire_errors import ConnectError, ReadError, WireError

if TYPE_CHECKING:
    from eightbyeight_async.transport.connection import Connection
    from eightbyeight_async.transport.request import Origin

__all__ = ["Pool"]

_TOGETHER = 4
# Limit on requests written together in one loop turn. More would delay the first and synchronise the answers: the first
# of a hundred would wait 10 ms until the last is made, their answers would come together, and so wait again. Measured:
# - with 50 ms latency, of the possible 2,000 messages a second: 96.4 % for a limit of 1, 95.7 % for 4, 93.9 % for 16;
# - without latency, messages a second: 8,700 for a limit of 1, 10,800 for 4, 11,700 for 16.


class Pool:
    """The connections to `origin` on the running loop.

    Attributes:
        slots: the number of connections that are in use, idle or being opened.
    """

    def __init__(self, origin: Origin, settings: Settings) -> None:
        self._origin = origin
        self._settings = settings
        self._loop = asyncio.get_running_loop()
        self.slots: int = 0
        self._idle: dict[Connection, None] = {}  # in the order of their return
        self._waiters: OrderedDict[asyncio.Future[Connection | None], None] = OrderedDict()
        self._sockets: set[Connection] = set()
        self._opening: set[asyncio.Timeout] = set()
        self._queued: list[Connection] = []
        self._sweeper: asyncio.TimerHandle | None = None
        self._closed = False
        self._emptied: asyncio.Event | None = None

    @property
    def idle(self) -> int:
        """How many connections wait for a request."""
        return len(self._idle)

    @property
    def waiting(self) -> int:
        """How many requests wait for a connection."""
        return len(self._waiters)

    @property
    def sockets(self) -> int:
        """How many sockets are open, including those that are being closed."""
        return len(self._sockets)

    # Taking.

    def take(self) -> Connection | None:
        """An idle connection, or None; without waiting."""
        idle = self._idle
        while idle:
            connection, _ = idle.popitem()
            if connection.reusable and self._loop.time() - connection.idle_since < self._settings.keepalive_expiry:
                return connection
            self.discard(connection)
        return None

    async def acquire(self, connect_timeout: float | None) -> Connection:
        """Returns a connection for one request: an idle connection, a new one, or the next one that is returned.

        `connect_timeout`: seconds to open a new connection; None for no limit. Waiting for a returned connection has no
        limit: the client's limiter admits no more requests than there are slots.

        Raises:
            ConnectError, ConnectTimeoutError: a new connection could not be opened, or the pool was closed.
        """
        connection = self.take()
        if connection is None:
            if self.slots < self._settings.max_connections:
                self.slots += 1
            else:
                connection = await self._wait()
                if connection is not None and not connection.reusable:
                    # The connection closed after it had been handed over; this request keeps its slot.
                    connection.close()
                    connection = None
        if connection is None:
            connection = await self._open(connect_timeout)
        return connection

    async def replace(self, connection: Connection, connect_timeout: float | None) -> Connection:
        """Replace a connection that closed before the first write. The caller keeps its slot."""
        connection.close(politely=True)
        other = self.take()
        if other is None:
            return await self._open(connect_timeout)
        self._free_slot()
        return other

    async def _wait(self) -> Connection | None:
        # Returns a connection, or None for a slot in which the caller may open one.
        if self._closed:
            raise _closed_error()
        waiter: asyncio.Future[Connection | None] = self._loop.create_future()
        self._waiters[waiter] = None
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                # A connection or a slot was handed over, but the waiter was cancelled before it could use it.
                handed = waiter.result()
                if handed is None:
                    self._free_slot()
                else:
                    self.release(handed)
            else:
                self._waiters.pop(waiter, None)
            raise

    async def _open(self, seconds: float | None) -> Connection:
        limit = asyncio.timeout(0 if self._closed else seconds)
        self._opening.add(limit)
        try:
            connection = await open_connection(self._origin, self._settings, self, limit)
        except BaseException as error:
            self._opening.discard(limit)
            self._free_slot()
            if self._closed and isinstance(error, WireError):
                raise _closed_error() from error
            raise
        self._opening.discard(limit)
        return connection

    # Returning.

    def release(self, connection: Connection) -> None:
        """Take back a connection that can carry another request."""
        if self._closed or not connection.reusable:
            self.discard(connection)
            return
        if not self._hand(connection):
            connection.idle_since = self._loop.time()
            self._idle[connection] = None
            if self._sweeper is None:
                self._sweep_at(connection.idle_since + self._settings.keepalive_expiry)

    def discard(self, connection: Connection) -> None:
        """Take back a connection that cannot carry another request, and close it."""
        connection.close(politely=True)
        self._free_slot()

    def _free_slot(self) -> None:
        if not self._hand(None):
            self.slots -= 1
            self._check_emptied()

    def _hand(self, what: Connection | None) -> bool:
        while self._waiters:
            waiter, _ = self._waiters.popitem(last=False)
            if not waiter.done():
                waiter.set_result(what)
                return True
        return False

    # Expiry of idle connections.

    def _sweep_at(self, when: float) -> None:
        self._sweeper = self._loop.call_at(when, self._sweep)

    def _sweep(self) -> None:
        self._sweeper = None
        # uvloop's clock counts milliseconds, so the timer may fire one millisecond too early
        now = self._loop.time() + 0.001
        while self._idle:
            oldest = next(iter(self._idle))
            expires = oldest.idle_since + self._settings.keepalive_expiry
            if expires > now:
                self._sweep_at(expires)
                return
            del self._idle[oldest]
            self.discard(oldest)

    # Events of a connection (see connection.Owner).

    def made(self, connection: Connection) -> None:
        self._sockets.add(connection)

    def queued(self, connection: Connection) -> None:
        # Written one loop turn later, together with the other requests of this turn: see the rules of connection.py.
        # Measured on two cores with 100 requests in flight: system time falls from 24 to 10 us a message, and a quarter
        # more messages a second are sent.
        if len(self._queued) >= _TOGETHER:
            self._write_queued()
        if not self._queued:
            self._loop.call_soon(self._write_queued)
        self._queued.append(connection)

    def _write_queued(self) -> None:
        queued, self._queued = self._queued[::-1], []
        try:
            while queued:
                queued.pop().write_queued()
        finally:
            if queued:  # interrupted, e.g. by KeyboardInterrupt: the rest is written in the next turn
                self._loop.call_soon(self._write_queued)
                self._queued[:0] = queued[::-1]

    def closed(self, connection: Connection) -> None:
        if self._idle.pop(connection, connection) is None:
            self._free_slot()

    def gone(self, connection: Connection) -> None:
        self._sockets.discard(connection)
        self._check_emptied()

    # Closing.

    def retire(self) -> None:
        """Close everything now; every waiting request and every request in flight gets an error."""
        self._closed = True
        if self._sweeper is not None:
            self._sweeper.cancel()
            self._sweeper = None
        while self._waiters:
            waiter, _ = self._waiters.popitem()
            if not waiter.done():
                waiter.set_exception(_closed_error())
        for limit in list(self._opening):
            with contextlib.suppress(RuntimeError):  # the limit has just expired
                limit.reschedule(self._loop.time())
        while self._idle:
            self.discard(self._idle.popitem()[0])
        for connection in list(self._sockets):
            connection.close(ReadError("the client was closed while the request was in flight"))

    async def aclose(self) -> None:
        """`retire`, and wait until the sockets are closed (one or two loop turns)."""
        self.retire()
        while self._sockets or self._opening:
            self._emptied = asyncio.Event()
            await self._emptied.wait()

    def _check_emptied(self) -> None:
        if self._emptied is not None:
            self._emptied.set()

    def forget(self) -> None:
        """Release everything without using the loop, because the loop is closed."""
        self._closed = True
        self._sweeper = None
        self._waiters.clear()
        self._opening.clear()
        self._idle.clear()
        self._queued.clear()
        for connection in self._sockets:
            connection.forget()
        self._sockets.clear()
        self.slots = 0

    def disown(self) -> None:
        """Called in a forked process: releases the parent's sockets, which stay open in the parent."""
        for connection in self._sockets:
            connection.disown()


def _closed_error() -> ConnectError:
    return ConnectError("the client was closed before the request was sent")
