"""One socket with or without TLS: plaintext in, plaintext out. It contains no HTTP.

Rules:
- This class runs TLS itself (`tls_pipe.py`), between the socket and its subclass. Measured for one request: anyio's TLS
  stream takes 95 us more; asyncio's own TLS takes 23 us more, and a 256 KiB buffer for every connection.
- A failure is reported once, by calling `failed` with one line. After `failed`, or once `over` is True, only `gone` is
  called.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import ssl
import sys
from pathlib import Path
from typing import cast

from eightbyeight_async.transport.tls_pipe import TlsPipe, tls_words

__all__ = ["Line"]

_BUFFER = 8 * 1024
# The most bytes read from the socket at once; most answers have a tenth of that. A plain `asyncio.Protocol` gets a new
# buffer of 256 KiB for every read, which the allocator maps and unmaps: 15 us, against 1.5 us with this buffer.


class Line(asyncio.BufferedProtocol):
    """The base class of a connection; see the rules at the top of this file.

    It calls `made`, `ready`, `take`, `failed` and `gone`, which a subclass overrides.

    Attributes:
        over: True once the subclass has closed the connection and wants no event except `gone`.
    """

    __slots__ = ("_buffer", "_poll", "_tls", "_transport", "_up", "over")

    def __init__(self, ssl_context: ssl.SSLContext | None, server_hostname: str) -> None:
        self._transport: asyncio.Transport | None = None
        self._buffer = memoryview(bytearray(_BUFFER))
        self._poll: select.poll | None = None
        self._tls = None if ssl_context is None else TlsPipe(ssl_context, server_hostname)
        self._up = False
        self.over: bool = False

    # Events for the subclass.

    def made(self) -> None:
        """The connection has a socket."""

    def ready(self) -> None:
        """Data can be sent: the TLS handshake is done, or there is no TLS."""

    def take(self, data: bytes | memoryview) -> None:
        """Plaintext has arrived. Its memory is reused after this call."""

    def failed(self, reason: str, cause: BaseException | None = None) -> None:
        """The connection failed; `reason` is one line."""

    def gone(self) -> None:
        """The socket is closed."""

    # Actions.

    def send(self, data: bytes | memoryview) -> None:
        """Write plaintext."""
        if self._transport is None:
            return
        try:
            self._transport.write(data if self._tls is None else self._tls.encrypt(data))
        except ssl.SSLError as error:
            self.failed(f"TLS failed: {tls_words(error)}", error)
        finally:
            del data  # a traceback can show locals

    def quiet(self) -> bool:
        """True if the socket is open and has nothing unread: no bytes and no EOF, even if the loop has not seen it."""
        if self._transport is None or self._transport.is_closing() or (self._tls is not None and self._tls.pending()):
            return False
        return self._poll is None or not self._poll.poll(0)  # this check takes 0.4 us

    def hang_up(self, *, politely: bool = False, goodbye: bool = False) -> None:
        """Close the socket.

        - `politely`: close without a reset if all written bytes have been sent; else abort.
        - `goodbye`: send TLS's close_notify first.
        """
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if goodbye and self._tls is not None:
            self._tls.say_goodbye()
            self._flush(self._tls)
        if politely and not transport.get_write_buffer_size():
            transport.close()
        else:
            transport.abort()

    def let_go(self) -> None:
        """Shut the socket down without using the loop, because the loop is closed.

        The server sees the end at once. The file descriptor is closed when asyncio's transport is garbage-collected.
        That issues a ResourceWarning (hidden by default), because no public function closes a transport without its
        loop.
        """
        transport, self._transport, self._poll = self._transport, None, None
        if transport is not None:
            with contextlib.suppress(OSError, TypeError):  # uvloop has closed the socket and has no shutdown()
                transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def disown(self) -> None:
        """Called in a forked process: releases the parent's socket.

        The socket's file descriptor gets another file. This has two effects: the server sees the end of the connection
        as soon as the parent closes it; and asyncio's transport, which closes the descriptor later, closes no unrelated
        file.
        """
        if self._transport is None:
            return
        with Path(os.devnull).open("rb") as nothing, contextlib.suppress(OSError):
            os.dup2(nothing.fileno(), self._transport.get_extra_info("socket").fileno(), inheritable=False)

    # Callbacks of asyncio.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self.made()
        if self.over:
            self._transport.abort()
            return
        if sys.platform != "win32":
            self._poll = select.poll()
            self._poll.register(transport.get_extra_info("socket").fileno(), select.POLLIN)
        if self._tls is not None:
            self._shake_hands(self._tls)
        else:
            self._up = True
            self.ready()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._buffer

    def buffer_updated(self, nbytes: int) -> None:
        if self.over:
            return
        data = self._buffer[:nbytes]
        tls = self._tls
        if tls is None:
            self.take(data)
            return
        tls.receive(data)
        if not self._up:
            self._shake_hands(tls)
        try:
            while self._up and not self.over:
                plain = tls.decrypt()
                if plain:
                    self.take(plain)
                elif plain is None:
                    break
                else:
                    self.eof_received()
        except ssl.SSLError as error:
            self.failed(f"TLS failed: {tls_words(error)}", error)

    def connection_lost(self, exc: Exception | None) -> None:
        self.failed("the connection was lost" if exc is None else f"the connection was lost: {exc}", exc)
        self._transport = self._poll = None
        self.gone()

    def _shake_hands(self, tls: TlsPipe) -> None:
        try:
            self._up = tls.shake_hands()
        except (ssl.SSLError, ssl.CertificateError) as error:
            self._flush(tls)  # sends the alert with the reason to the server
            self.failed(f"the TLS handshake failed: {tls_words(error)}", error)
            return
        self._flush(tls)
        if self._up:
            self.ready()

    def _flush(self, tls: TlsPipe) -> None:
        output = tls.output()
        if output and self._transport is not None:
            self._transport.write(output)
