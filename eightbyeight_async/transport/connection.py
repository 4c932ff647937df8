"""One HTTP/1.1 connection of an asyncio loop: TCP, TLS, one request at a time, its answer.

Rules of this file:
- TLS is driven here, between the socket and the parser (`tls_pipe.py`). Measured, a request: anyio's TLS stream
  costs 95 us more, asyncio's own TLS 23 us more and a 256 KiB buffer for every connection.
- One request is out at a time, and one task waits for it. Every byte that comes while none is out ends the
  connection: it could only be read as the answer to a question not yet asked.
- A failure is an httpx exception named after the phase: Connect... only while nothing of a request can have left.
- A request that was answered, failed or cancelled before it was all written leaves a connection nobody uses again.

The body is collected whole: what the API answers is small, and the connection is free again as soon as the last
byte is in, not when somebody has got round to reading it. There are no streaming answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import enum
import select
import socket
import ssl
import sys
from typing import TYPE_CHECKING, Any, Protocol, cast

import httpx

from eightbyeight_async.transport.answer import AnswerReader
from eightbyeight_async.transport.deadline import Deadline
from eightbyeight_async.transport.network_stream import NetworkStream
from eightbyeight_async.transport.tls_pipe import TlsPipe, tls_words

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

__all__ = ["Connection", "Owner"]

_PIECE = 64 * 1024
# Plaintext encrypted and handed to the socket at once: asyncio's own high-water mark, so that a large body waits
# for the peer instead of lying in memory a second time as ciphertext.


class Owner(Protocol):
    """What a connection tells its pool."""

    def made(self, connection: Connection) -> None:
        """It has a socket now."""

    def closed(self, connection: Connection) -> None:
        """It will not carry another request (while it was idle: nobody was using it)."""

    def gone(self, connection: Connection) -> None:
        """Its socket is closed."""


class _State(enum.Enum):
    OPENING = enum.auto()
    IDLE = enum.auto()
    WRITING = enum.auto()
    READING = enum.auto()
    CLOSED = enum.auto()


_OPENING, _IDLE, _WRITING, _READING, _CLOSED = _State
_BUSY = (_WRITING, _READING)


class Connection(asyncio.Protocol):
    """See the top of the file. Made by `eightbyeight_async.transport.connect`, owned by a pool.

    Attributes:
        answer: the answer to the last request, complete when `exchange` has returned.
        idle_since: loop time of the last answer.
    """

    __slots__ = (
        "_deadline",
        "_error",
        "_loop",
        "_owner",
        "_paused",
        "_poll",
        "_state",
        "_tls",
        "_transport",
        "_waiter",
        "answer",
        "idle_since",
        "stream",
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
        self._loop = loop
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._poll: select.poll | None = None
        self._state = _OPENING
        self._error: httpx.HTTPError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._paused = False
        self._deadline = Deadline(loop, self._run_out)
        self._tls = None if ssl_context is None else TlsPipe(ssl_context, server_hostname)
        self.answer = AnswerReader(max_body)
        self.stream = NetworkStream(self.extra_info)
        self.idle_since = 0.0

    # What the pool asks.

    def usable(self) -> bool:
        """Idle, and nothing to read: neither an end the loop has not seen yet, nor bytes nobody asked for."""
        if self._state is not _IDLE or (self._tls is not None and self._tls.pending()):
            return False
        return self._poll is None or not self._poll.poll(0)  # 0.4 us

    @property
    def reusable(self) -> bool:
        """After `exchange`: another request may follow."""
        return self._state is _IDLE

    def extra_info(self, name: str) -> Any:  # noqa: ANN401
        if name == "ssl_object":
            return None if self._tls is None else self._tls.session
        if name == "is_readable":
            return not self.usable()
        name = {"client_addr": "sockname", "server_addr": "peername"}.get(name, name)
        return None if self._transport is None else self._transport.get_extra_info(name)

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
            if not (self.answer.complete and was in _BUSY):
                self._error = error
            self._deadline.stop()
            self._wake()
            if was is _IDLE:
                self._owner.closed(self)
        if self._transport is not None and not self._transport.is_closing():
            if politely and self._tls is not None and was is _IDLE:
                self._tls.say_goodbye()
                self._transport.write(self._tls.output())
            if politely and not self._transport.get_write_buffer_size():
                self._transport.close()
            else:
                self._transport.abort()

    def forget(self) -> None:
        """Its loop is dead: let the socket go without touching the loop.

        The server sees the end at once. The descriptor goes when asyncio's transport is collected, which then says
        ResourceWarning (silent by default): nothing public closes a transport without its loop.
        """
        self._state = _CLOSED
        self._waiter = None
        self._deadline.forget()
        transport, self._transport, self._poll = self._transport, None, None
        if transport is not None:
            with contextlib.suppress(OSError, TypeError):  # uvloop has closed it, and has no shutdown()
                transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._owner.made(self)
        if self._state is _CLOSED:
            self._transport.abort()
            return
        if sys.platform != "win32":
            self._poll = select.poll()
            self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        if self._tls is None:
            self._state = _IDLE
            self._wake()
        else:
            self._shake_hands(self._tls)

    def data_received(self, data: bytes) -> None:
        if self._state is _CLOSED:
            return
        tls = self._tls
        if tls is None:
            self._take(data)
            return
        tls.receive(data)
        if self._state is _OPENING:
            self._shake_hands(tls)
        try:
            while self._state is not _CLOSED and self._state is not _OPENING:
                plain = tls.decrypt()
                if plain:
                    self._take(plain)
                elif plain is None:
                    break
                else:
                    self.eof_received()
        except ssl.SSLError as error:
            self._fail(f"TLS failed: {tls_words(error)}", error)
        else:
            self._flush(tls)  # the answer to a KeyUpdate

    def eof_received(self) -> None:
        """The server is done, with or without TLS's goodbye: httpx makes no difference, so nor do we."""
        if self._state in _BUSY:
            try:
                self.answer.eof()
            except httpx.RemoteProtocolError as error:
                self.close(error)
                return
        where = " during the TLS handshake" if self._state is _OPENING else ""
        self._fail(f"the server closed the connection{where}")

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail("the connection was lost" if exc is None else f"the connection was lost: {exc}", exc)
        self._transport = self._poll = None
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
            httpx.WriteTimeout, httpx.WriteError, httpx.ReadTimeout, httpx.ReadError, httpx.RemoteProtocolError
        """
        if self._state is not _IDLE:
            raise httpx.ConnectError("the connection was closed before the request")
        answer = self.answer
        answer.expect(head_only=head_only)
        if rest is None and len(data) <= _PIECE:
            self._state = _READING
            self._put(data)
        else:
            await self._write(data, rest, write_timeout)
        while not answer.complete and self._error is None:
            await self._wait(read_timeout)
        if self._error is not None:
            raise self._error
        if answer.reusable and self._state is _READING:
            self._state = _IDLE

    async def _write(self, data: bytes, rest: AsyncGenerator[bytes] | None, seconds: float | None) -> None:
        self._state = _WRITING
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
            self._put(view[start : start + _PIECE])
            while self._paused and self._state is _WRITING and not self.answer.complete:
                await self._wait(seconds)
        return not self._paused

    def _put(self, data: bytes | memoryview) -> None:
        if self._transport is None:
            return
        if self._tls is None:
            self._transport.write(data)
            return
        try:
            self._transport.write(self._tls.encrypt(data))
        except ssl.SSLError as error:
            self._fail(f"TLS failed: {tls_words(error)}", error)

    def _take(self, data: bytes) -> None:
        if self._state not in _BUSY:
            self._fail("the server spoke out of turn")
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

    # The rest is how.

    def _shake_hands(self, tls: TlsPipe) -> None:
        try:
            done = tls.shake_hands()
        except (ssl.SSLError, ssl.CertificateError) as error:
            self._flush(tls)  # the alert that tells the server why
            self._fail(f"the TLS handshake failed: {tls_words(error)}", error)
            return
        self._flush(tls)
        if done:
            self._state = _IDLE
            self._wake()

    def _flush(self, tls: TlsPipe) -> None:
        output = tls.output()
        if output and self._transport is not None:
            self._transport.write(output)

    def _fail(self, reason: str, cause: BaseException | None = None) -> None:
        if self._state is _CLOSED:
            return
        kind = {_READING: httpx.ReadError, _WRITING: httpx.WriteError}.get(self._state, httpx.ConnectError)
        error = kind(reason)
        error.__cause__ = cause
        self.close(error)

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
