"""One HTTP/1.1 connection of an asyncio loop: one request at a time, its answer.

Rules of this file:
- One request is out at a time, and one task waits for it. Every byte that comes while none is out ends the
  connection: it could only be read as the answer to a question not yet asked.
- A failure is an httpx exception named after the phase: Connect... only while nothing of a request can have left.
- A small request waits for its owner's word (`write_queued`), a turn of the loop at most: written a few at a time,
  requests wake the peer, or the virtual machine's host, once and not each.
- A request that was answered, failed or cancelled before it was all written leaves a connection nobody uses again.

The body is collected whole: what the API answers is small, and the connection is free again as soon as the last
byte is in, not when somebody has got round to reading it. There are no streaming answers.
"""

from __future__ import annotations

import contextlib
import enum
from typing import TYPE_CHECKING, Any, Protocol

import httpx

from eightbyeight_async.transport.answer import AnswerReader
from eightbyeight_async.transport.deadline import Deadline
from eightbyeight_async.transport.line import Line
from eightbyeight_async.transport.network_stream import NetworkStream

if TYPE_CHECKING:
    import asyncio
    import ssl
    from collections.abc import AsyncGenerator

__all__ = ["Connection", "Owner"]

_PIECE = 64 * 1024
# Plaintext encrypted and handed to the socket at once: asyncio's own high-water mark, so that a large body waits
# for the peer instead of lying in memory a second time as ciphertext.


class Owner(Protocol):
    """What a connection tells its pool."""

    def made(self, connection: Connection) -> None:
        """It has a socket now."""

    def queued(self, connection: Connection) -> None:
        """It has a request to write: call its `write_queued()` soon."""

    def closed(self, connection: Connection) -> None:
        """It will not carry another request (while it was idle: nobody was using it)."""

    def gone(self, connection: Connection) -> None:
        """Its socket is closed."""


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
    """See the top of the file. Made by `eightbyeight_async.transport.connect`, owned by a pool.

    Attributes:
        answer: the answer to the last request, complete when `exchange` has returned.
        idle_since: loop time of its last return to the pool.
        used: it has carried a request; a new one that fails has failed, a used one may have been closed meanwhile.
        written: something of the request in hand may be with the server.
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
        "stream",
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
        self._error: httpx.HTTPError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False
        self._queued = b""
        self._looked = False
        self._read_timeout: float | None = None
        self._deadline = Deadline(loop, self._run_out)
        self.answer = AnswerReader(max_body)
        self.stream = NetworkStream(self.extra_info)
        self.idle_since = 0.0
        self.used = False
        self.written = False

    # What the pool asks.

    def usable(self) -> bool:
        """Idle, and nothing to read: neither an end the loop has not seen yet, nor bytes nobody asked for."""
        return self._state is _IDLE and self.quiet()

    @property
    def reusable(self) -> bool:
        """After `exchange`: another request may follow."""
        return self._state is _IDLE

    def extra_info(self, name: str) -> Any:  # noqa: ANN401
        return not self.usable() if name == "is_readable" else super().extra_info(name)

    # Opening and closing.

    async def opened(self) -> None:
        """Wait until a request can be written.

        Raises:
            httpx.ConnectError: the handshake failed, or the certificate is not the server's.
        """
        while self._state is _OPENING and self._error is None:
            await self._wait(None)
        if self._error is not None:
            raise self._error

    def close(self, error: httpx.HTTPError | None = None, *, politely: bool = False) -> None:
        """End it at once; whoever waits for it gets `error`.

        `politely`: with TLS's goodbye, where that costs no waiting.
        """
        was = self._state
        if was is not _CLOSED:
            self._state = _CLOSED
            self.over = True
            if not (self.answer.complete and was in _BUSY):
                self._error = error
            self._deadline.stop()
            self._wake()
            if was is _IDLE:
                self._owner.closed(self)
        self.hang_up(politely=politely, goodbye=politely and was is _IDLE)

    def forget(self) -> None:
        """Its loop is dead: let the socket go without touching the loop."""
        self._state = _CLOSED
        self.over = True
        self._waiter = None
        self._deadline.forget()
        self.let_go()

    # What the line tells.

    def made(self) -> None:
        self._owner.made(self)

    def ready(self) -> None:
        self._state = _IDLE
        self._wake()

    def eof_received(self) -> None:
        """The server is done, with or without TLS's goodbye: httpx makes no difference, so nor do we."""
        if self._state in _BUSY:
            try:
                self.answer.eof()
            except httpx.RemoteProtocolError as error:
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
        except httpx.RemoteProtocolError as error:
            self.close(error)
            return
        if complete:
            self._wake()
        elif self._state is _READING:
            self._deadline.extend()

    def failed(self, reason: str, cause: BaseException | None = None) -> None:
        if self._state is _CLOSED:
            return
        kind = {_READING: httpx.ReadError, _WRITING: httpx.WriteError}.get(self._state, httpx.ConnectError)
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

    async def exchange(
        self,
        data: bytes,
        rest: AsyncGenerator[bytes] | None,
        *,
        head_only: bool,
        write_timeout: float | None,
        read_timeout: float | None,
    ) -> None:
        """Write `data` and then what `rest` yields; return when the answer is complete in `self.answer`.

        Timeouts are seconds without progress, None for no limit. If it raises, or is cancelled, `close()` is due.

        Raises:
            httpx.ConnectError: the connection was found closed before any of it was written.
            httpx.WriteTimeout, httpx.WriteError, httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError
        """
        self.written = False
        if self._state is not _IDLE:
            raise httpx.ConnectError("the connection was closed before the request")
        answer = self.answer
        answer.expect(head_only=head_only)
        if rest is None and len(data) <= _PIECE:
            self._state = _QUEUED
            self._queued = data
            self._read_timeout = read_timeout
            self._owner.queued(self)
        else:
            await self._write(data, rest, write_timeout)
        while not answer.complete and self._error is None:
            await self._wait(None if self._state is _QUEUED else read_timeout)
        if self._error is not None:
            raise self._error
        if answer.reusable and self._state is _READING:
            self._state = _IDLE
            self.used = True

    def write_queued(self) -> None:
        """Write what `exchange` left with the owner, if the connection is still open."""
        if self._state is not _QUEUED or self._waiter is None or self._waiter.done():
            return  # closed, or cancelled
        if not self.quiet():
            if self.used or self._tls is None:
                self.failed("the connection was closed before the request")
                return
            if not self._looked:  # new, and TLS's tickets have come, or the end: the loop reads it first
                self._looked = True
                self._loop.call_soon(self.write_queued)  # not by the owner, who may write at once
                return
        data, self._queued = self._queued, b""
        self._state = _READING
        self.written = True
        self._deadline.start(self._read_timeout)
        try:
            self.send(data)
        except Exception as error:  # noqa: BLE001 - what one write raises must not keep the others of its turn waiting
            self.failed(f"the request could not be written: {error}", error)

    async def _write(self, data: bytes, rest: AsyncGenerator[bytes] | None, seconds: float | None) -> None:
        self._state = _WRITING
        self.written = True
        all_sent = await self._write_piecewise(data, seconds)
        if rest is not None:
            async with contextlib.aclosing(rest):
                async for part in rest:
                    all_sent = all_sent and await self._write_piecewise(part, seconds)
                    if not all_sent:
                        break
        if all_sent and self._state is _WRITING:
            self._state = _READING

    async def _write_piecewise(self, data: bytes, seconds: float | None) -> bool:
        """False: the answer is there already, or the connection is not; the rest need not be written."""
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            if self._state is not _WRITING or self.answer.complete:
                return False
            self.send(view[start : start + _PIECE])
            while self._paused and self._state is _WRITING and not self.answer.complete:
                await self._wait(seconds)
        return not self._paused

    # The rest is how.

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _wait(self, seconds: float | None) -> None:
        self._waiter = self._loop.create_future()
        self._deadline.start(seconds)
        await self._waiter

    def _run_out(self) -> None:
        if self._waiter is None or self._waiter.done():
            return  # answered; the connection is idle
        if self._state is _WRITING:
            self.close(httpx.WriteTimeout("the server did not take the request in time"))
        elif self._state is _READING:
            self.close(httpx.ReadTimeout("the server did not answer in time"))
