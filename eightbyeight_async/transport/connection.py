"""One HTTP/1.1 connection of an asyncio loop: it carries one request at a time and reads its answer.

Rules:
- One request is in flight at a time, and one task waits for its answer. If a byte arrives while no request is in
  flight, the connection is closed: otherwise the byte would be read as a part of the next answer.
- A failure is the exception of `wire_errors` for its phase. ConnectError and ConnectTimeoutError mean that no byte of a
  request can have been sent.
- A small request is written when the owner calls `write_queued`, at most one loop turn later. The owner writes a few
  requests together. So the peer, or the host of a virtual machine, wakes up once for all of them.
- If a request is answered, fails or is cancelled before it was completely written, the connection is not used again. A
  success that arrives so early cannot be the answer to this request.

The whole body is collected, without streaming, because the API's answers are small. So the connection is free again
when the last byte has arrived, and not only when the caller has read the body.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Protocol

from eightbyeight_async.transport.answer import AnswerReader
from eightbyeight_async.transport.asyncio_socket import Line
from eightbyeight_async.transport.deadline import Deadline
from eightbyeight_async.transport.wire_errors import (
    ConnectError,
    ReadError,
    ReadTimeoutError,
    RemoteProtocolError,
    WireError,
    WriteError,
    WriteTimeoutError,
)

if TYPE_CHECKING:
    import asyncio
    import ssl

    from eightbyeight_async.transport.request import Outgoing, Timeouts

__all__ = ["Connection", "Owner"]

_PIECE = 64 * 1024
# The most bytes of plaintext that are encrypted and written at once. It equals asyncio's high-water mark. So a large
# body waits for the peer, and memory does not hold a second, encrypted copy of it.


class Owner(Protocol):
    """The owner of connections, i.e. the pool: a connection calls these methods."""

    def made(self, connection: Connection) -> None:
        """The connection has a socket."""

    def queued(self, connection: Connection) -> None:
        """The connection has a request to write: its `write_queued()` must be called soon."""

    def closed(self, connection: Connection) -> None:
        """An idle connection was closed and will carry no other request."""

    def gone(self, connection: Connection) -> None:
        """The connection's socket is closed."""


class _State(enum.Enum):
    OPENING = enum.auto()
    IDLE = enum.auto()
    QUEUED = enum.auto()
    WRITING = enum.auto()
    READING = enum.auto()
    CLOSED = enum.auto()


_OPENING, _IDLE, _QUEUED, _WRITING, _READING, _CLOSED = _State
_BUSY = (_WRITING, _READING)


class Connection(Line):
    """One connection. `transport.connect` makes it, a pool owns it; see the rules at the top of this file.

    Attributes:
        answer: the reader with the answer to the last request; complete when `exchange` has returned.
        idle_since: the loop time (seconds) of its last return to the pool.
        used: True if it has carried a request before. The server may close a used connection between two requests; on
            a new one, a failure is a real failure.
        written: True if the server may have got a part of the current request.
    """

    __slots__ = (
        "_deadline",
        "_error",
        "_looked",
        "_loop",
        "_owner",
        "_paused",
        "_queued",
        "_read_timeout",
        "_state",
        "_waiter",
        "answer",
        "idle_since",
        "used",
        "written",
    )

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        owner: Owner,
        *,
        ssl_context: ssl.SSLContext | None,
        server_hostname: str,
        max_body: int,
    ) -> None:
        super().__init__(ssl_context, server_hostname)
        self._loop = loop
        self._owner = owner
        self._state = _OPENING
        self._error: WireError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False
        self._queued: Outgoing | None = None
        self._looked = False
        self._read_timeout: float | None = None
        self._deadline = Deadline(loop, self._run_out)
        self.answer: AnswerReader = AnswerReader(max_body)
        self.idle_since: float = 0.0
        self.used: bool = False
        self.written: bool = False

    # Questions of the pool.

    @property
    def reusable(self) -> bool:
        """True if it is idle. Bytes that the loop has not read yet are only noticed later, before the write."""
        return self._state is _IDLE

    # Opening and closing.

    async def opened(self) -> None:
        """Wait until a request can be written.

        Raises:
            ConnectError: the TLS handshake failed, e.g. because the certificate is not trusted.
        """
        while self._state is _OPENING and self._error is None:
            await self._wait(None)
        if self._error is not None:
            raise self._error

    def close(self, error: WireError | None = None, *, politely: bool = False) -> None:
        """Close the connection at once; the task that waits for an answer gets `error`.

        `politely`: close without a reset if all written bytes have been sent, and with TLS's close_notify if idle.
        """
        was = self._state
        if was is not _CLOSED:
            self._state = _CLOSED
            self.over: bool = True
            if not (self.answer.complete and was in _BUSY):
                self._error = error
            self._deadline.stop()
            self._wake()
            if was is _IDLE:
                self._owner.closed(self)
        self.hang_up(politely=politely, goodbye=politely and was is _IDLE)

    def forget(self) -> None:
        """Release the socket without using the loop, because the loop is closed."""
        self._state = _CLOSED
        self.over = True
        self._waiter = None
        self._deadline.forget()
        self.let_go()

    # Events of the base class `Line`.

    def made(self) -> None:
        self._owner.made(self)

    def ready(self) -> None:
        self._state = _IDLE
        self._wake()

    def eof_received(self) -> None:
        """The server closed its side. As in httpx, TLS's close_notify is not required."""
        if self._state in _BUSY:
            try:
                self.answer.eof()
            except RemoteProtocolError as error:
                self.close(error)
                return
        where = " during the TLS handshake" if self._state is _OPENING else ""
        self.failed(f"the server closed the connection{where}")

    def take(self, data: bytes | memoryview) -> None:
        if self._state not in _BUSY:
            self.failed("the server spoke out of turn")
            return
        if self.answer.complete:
            self.answer.reusable = False
            return
        try:
            complete = self.answer.feed(data)
        except RemoteProtocolError as error:
            self.close(error)
            return
        if complete:
            self._wake()
        elif self._state is _READING:
            self._deadline.extend()

    def failed(self, reason: str, cause: BaseException | None = None) -> None:
        if self._state is _CLOSED:
            return
        kind = {_READING: ReadError, _WRITING: WriteError}.get(self._state, ConnectError)
        error = kind(reason)
        error.__cause__ = cause
        self.close(error)

    def gone(self) -> None:
        self._owner.gone(self)

    def pause_writing(self) -> None:
        self._paused = True

    def resume_writing(self) -> None:
        self._paused = False
        if self._state is _WRITING:
            self._wake()

    # One request.

    async def exchange(self, request: Outgoing, timeouts: Timeouts) -> None:
        """Send one request; return when its answer is complete in `self.answer`.

        If it raises or is cancelled, the caller must call `close()`.

        Args:
            request: the request.
            timeouts: the timeouts of writing and reading.

        Raises:
            ConnectError: the connection was already closed, and nothing was written.
            WriteTimeoutError, WriteError: writing failed; the server may have a part of the request.
            ReadTimeoutError, ReadError, RemoteProtocolError: there was no complete answer, or it is not HTTP.
        """
        self.written = False
        if self._state is not _IDLE:
            raise ConnectError("the connection was closed before the request")
        answer = self.answer
        answer.expect()
        if request.body is None or len(request.body) <= _PIECE:
            self._state = _QUEUED
            self._queued = request
            self._read_timeout = timeouts.read
            self._owner.queued(self)
        elif self.used and not self.quiet():
            raise ConnectError("the connection was closed before the request")
        else:
            await self._write(request, timeouts.write)
        while not answer.complete and self._error is None:
            self._waiter = self._loop.create_future()
            # A queued request gets its deadline when it is written.
            self._deadline.start(None if self._state is _QUEUED else timeouts.read)
            await self._waiter
        if self._error is not None:
            raise self._error
        if self._state is _WRITING:
            answer.came_early()
        elif answer.reusable and self._state is _READING:
            self._state = _IDLE
            self.used = True

    def write_queued(self) -> None:
        """Write the request that `exchange` has queued, if the connection is still open."""
        request = self._queued
        if request is None or self._state is not _QUEUED or self._waiter is None or self._waiter.done():
            return  # the connection was closed, or the request was cancelled
        if not self.quiet():
            if self.used or self._tls is None:
                self.failed("the connection was closed before the request")
                return
            # A new connection with unread bytes (TLS tickets or EOF): let the loop read them, then try again. Not
            # through `owner.queued`, because the owner may write at once.
            if not self._looked:
                self._looked = True
                self._loop.call_soon(self.write_queued)
                return
        self._queued = None
        self._state = _READING
        self.written = True
        self._deadline.start(self._read_timeout)
        try:
            self.send(request.data())
        except Exception as error:  # noqa: BLE001 - must not stop the other writes of this turn
            self.failed(f"the request could not be written: {error}", error)

    async def _write(self, request: Outgoing, seconds: float | None) -> None:
        """Write a large request in pieces and wait while the transport is paused. It stops when an answer arrives."""
        self._state = _WRITING
        self.written = True
        view = memoryview(request.data())  # tools show the locals of frames, but not the bytes of a memoryview
        for start in range(0, len(view), _PIECE):
            if self._state is not _WRITING or self.answer.complete:
                return
            self.send(view[start : start + _PIECE])
            while self._paused and self._state is _WRITING and not self.answer.complete:
                await self._wait(seconds)
        if not self._paused and self._state is _WRITING:
            self._state = _READING

    # Waiting.

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self, seconds: float | None) -> None:
        self._waiter = self._loop.create_future()
        self._deadline.start(seconds)
        await self._waiter

    def _run_out(self) -> None:
        if self._waiter is None or self._waiter.done():
            return  # the answer has arrived, and the connection is idle
        if self._state is _WRITING:
            self.close(WriteTimeoutError("the server did not take the request in time"))
        elif self._state is _READING:
            self.close(ReadTimeoutError("the server did not answer in time"))
