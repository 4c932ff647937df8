"""One socket with or without TLS, for trio and for every other loop that anyio supports: plaintext in, plaintext out.

Rules:
- This file uses the socket directly, without a transport of the loop. So no queue of the loop holds bytes that `quiet`
  does not see.
- TLS runs in this file (`tls_pipe.py`), so that `quiet` also sees bytes that are read but not yet decrypted. There may
  be two layers of TLS: to an https proxy and, inside it, to the server.
- A failure is an exception of `wire_errors`. `connected` and `start_tls` raise OSErrors unchanged.
- Closing needs no event loop, so the garbage collector never has to close a socket.
"""

from __future__ import annotations

import contextlib
import os
import socket
import ssl
from typing import TYPE_CHECKING, Any

import anyio

from eightbyeight_async.transport.tls_pipe import TlsPipe, tls_words
from eightbyeight_async.transport.wire_errors import (
    ReadError,
    ReadTimeoutError,
    WireError,
    WriteError,
    WriteTimeoutError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

__all__ = ["AnyioLine", "connected"]

_PIECE = 64 * 1024  # the most bytes that are read, or encrypted and written, at once
_NEXT_ADDRESS_AFTER = 0.25  # Seconds until the next address is tried in parallel (RFC 8305, section 5).


class AnyioLine:
    """One connected socket; see the rules at the top of this file.

    One task reads and writes. `close` and `interrupt` may be called by any other task of the same loop.
    """

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock
        self._layers: list[TlsPipe] = []
        self._ahead: bytes | None = None  # bytes that arrived while `write` waited

    async def start_tls(self, context: ssl.SSLContext, server_hostname: str) -> None:
        """Do a TLS handshake, inside the existing TLS if there is one.

        Raises:
            OSError: the socket or TLS failed (ssl.SSLError is an OSError).
        """
        context.set_alpn_protocols(["http/1.1"])  # set each time: a client with HTTP/2 may share the context
        pipe = TlsPipe(context, server_hostname)
        while True:
            try:
                done = pipe.shake_hands()
            except ssl.SSLError:
                with contextlib.suppress(OSError):
                    # sends the TLS alert, which tells the server the reason
                    self._socket.send(self._wrapped(pipe.output()))
                raise
            await self._send(self._wrapped(pipe.output()))
            if done:
                break
            data = await self._receive()
            if not data:
                raise ConnectionError("the server closed the connection during the TLS handshake")
            pipe.receive(data)
        self._layers.append(pipe)

    async def write(self, data: bytes | memoryview, seconds: float | None) -> bool:
        """Write plaintext. The first bytes are written before the first wait.

        Returns:
            False if the rest was not written, because plaintext or EOF arrived meanwhile.

        Raises:
            WriteTimeoutError, WriteError: writing failed; a part may have been written.
        """
        view = memoryview(data)
        for start in range(0, len(view), _PIECE):
            left = memoryview(self._wrapped(view[start : start + _PIECE]))
            with _phase(seconds, WriteError, WriteTimeoutError("the server did not take the request in time")):
                while left:
                    try:
                        left = left[self._socket.send(left) :]
                    except BlockingIOError:
                        await self._either()
                        self._ahead = self._take(len(self._layers))
                        if self._ahead is not None:
                            return False
        return True

    async def read(self, seconds: float | None) -> bytes:
        """The next plaintext; `b""` at its end.

        Raises:
            ReadTimeoutError, ReadError: no data arrived.
        """
        with _phase(seconds, ReadError, ReadTimeoutError("the server did not answer in time")):
            data, self._ahead = self._ahead, None
            if data is None:
                data = await self._receive()
        return data

    def quiet(self) -> bool:
        """True if the connection is open and nothing has arrived: no plaintext, no part of a record, no EOF.

        This check discards arrived bytes, so do not use the connection if it returns False. TLS's own messages
        (tickets, new keys) do not count.
        """
        try:
            return self._take(len(self._layers)) is None and not any(layer.pending() for layer in self._layers)
        except OSError:  # ssl.SSLError is an OSError
            return False

    def close(self, *, politely: bool = False) -> None:
        """Close the socket. `politely`: send TLS's close_notify first."""
        if politely and self._layers and self._socket.fileno() >= 0:
            inner = self._layers.pop()
            inner.say_goodbye()
            with contextlib.suppress(OSError):
                self._socket.send(self._wrapped(inner.output()))
        self._socket.close()

    def interrupt(self) -> None:
        """End the connection. The task that uses it gets an error and closes it."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def _wrapped(self, data: bytes | memoryview) -> bytes | memoryview:
        """`data` in the records of every layer of TLS."""
        for layer in reversed(self._layers):
            data = layer.encrypt(data) if data else data
        return data

    async def _send(self, data: bytes | memoryview) -> None:
        left = memoryview(data)
        while left:
            try:
                left = left[self._socket.send(left) :]
            except BlockingIOError:
                await anyio.wait_writable(self._socket)

    async def _either(self) -> None:
        """Wait until the socket is writable or readable."""

        async def wait(event: Callable[[socket.socket], Awaitable[None]]) -> None:
            await event(self._socket)
            group.cancel_scope.cancel()

        async with anyio.create_task_group() as group:
            group.start_soon(wait, anyio.wait_writable)
            group.start_soon(wait, anyio.wait_readable)

    async def _receive(self) -> bytes:
        while (data := self._take(len(self._layers))) is None:
            await anyio.wait_readable(self._socket)
        return data

    def _take(self, depth: int) -> bytes | None:
        """Returns the bytes that have come through the first `depth` layers of TLS; None: no bytes; `b""`: the end."""
        if not depth:
            try:
                return self._socket.recv(_PIECE)
            except BlockingIOError:
                return None
        layer = self._layers[depth - 1]
        while (plain := layer.decrypt()) is None:
            data = self._take(depth - 1)
            if not data:
                return data
            layer.receive(data)
        return plain


async def connected(host: str, port: int) -> AnyioLine:
    """Opens a connection to the first address of the host that accepts.

    The addresses are tried in parallel, each one a little after the one before. So an address that does not respond
    costs little time.

    Raises:
        OSError: no address accepted; it is the error of the address that failed last.
    """
    found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    lines: list[AnyioLine] = []
    errors: list[OSError] = []

    async def attempt(family: int, address: Any, failed: anyio.Event) -> None:  # noqa: ANN401
        try:
            lines.append(AnyioLine(await _connect(family, address)))
        except OSError as error:
            errors.append(error)
            failed.set()
        else:
            group.cancel_scope.cancel()

    try:
        async with anyio.create_task_group() as group:
            for family, _, _, _, address in found:
                failed = anyio.Event()
                group.start_soon(attempt, family, address, failed)
                with anyio.move_on_after(_NEXT_ADDRESS_AFTER):
                    await failed.wait()
    except BaseException:
        for line in lines:
            line.close()
        raise
    for line in lines[1:]:
        line.close()
    if not lines:
        raise errors[-1] if errors else OSError("the host has no address")
    return lines[0]


async def _connect(family: int, address: Any) -> socket.socket:  # noqa: ANN401
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            sock.connect(address)
        except BlockingIOError:
            await anyio.wait_writable(sock)
            number = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if number:
                raise OSError(number, os.strerror(number)) from None
    except BaseException:
        sock.close()
        raise
    return sock


@contextlib.contextmanager
def _phase(seconds: float | None, failed: type[WireError], run_out: WireError) -> Iterator[None]:
    try:
        with anyio.move_on_after(seconds) as scope:
            yield
    except ssl.SSLError as error:
        raise failed(f"TLS failed: {tls_words(error)}") from error
    except OSError as error:
        raise failed(f"the connection was lost: {error}") from error
    if scope.cancelled_caught:
        raise run_out
