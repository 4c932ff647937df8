"""TLS between two byte queues: what came from the socket goes in, what has to go out comes out. No socket.

Rules of this file:
- An `SSLObject` over two `MemoryBIO`s, the public half of what asyncio does inside its own TLS.
- Errors are `ssl.SSLError`, and what OpenSSL wants to say about them (an alert) is in `output()` all the same.
"""

from __future__ import annotations

import contextlib
import ssl

__all__ = ["TlsPipe", "tls_words"]

_RECORD = 16 * 1024  # the most a TLS record holds: OpenSSL returns no more at once, whatever is asked for


class TlsPipe:
    """The client's end of one TLS session.

    Attributes:
        session: the `ssl.SSLObject`.
    """

    __slots__ = ("_head", "_incoming", "_left", "_outgoing", "session")

    def __init__(self, context: ssl.SSLContext, server_hostname: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._head = b""  # of a record that has come in part, and how much of its rest is to come
        self._left = 0
        self._outgoing = ssl.MemoryBIO()
        self.session = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)

    def shake_hands(self) -> bool:
        """One step of the handshake with what has come so far; True when it is done."""
        try:
            self.session.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def receive(self, data: bytes | memoryview) -> None:
        """Take bytes from the socket."""
        self._incoming.write(data)
        # OpenSSL takes in part of a record and does not say so. Only lengths are read here (RFC 8446, 5.1).
        size = len(data)
        if not self._left and not self._head and size > 4 and 5 + (data[3] << 8 | data[4]) == size:
            return
        at = 0
        while at < size:
            if self._left:
                step = min(self._left, size - at)
                self._left -= step
            else:
                step = min(5 - len(self._head), size - at)
                self._head += bytes(data[at : at + step])
                if len(self._head) == 5:
                    self._left = int.from_bytes(self._head[3:], "big")
                    self._head = b""
            at += step

    def pending(self) -> bool:
        """Bytes have come that are no plaintext yet: part of a record."""
        return self._left > 0 or self._head != b""

    def decrypt(self) -> bytes | None:
        """The next piece of plaintext; None when more bytes are needed, `b""` when the server said goodbye."""
        if not self._incoming.pending and not self.session.pending():
            return None  # asking OpenSSL would cost an exception
        try:
            return self.session.read(_RECORD)
        except ssl.SSLWantReadError:
            return None

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """The records for `data`, and whatever else was waiting to go out."""
        self.session.write(data)
        return self._outgoing.read()

    def say_goodbye(self) -> None:
        """Put close_notify into `output()`, without waiting for the server's."""
        with contextlib.suppress(ssl.SSLError):
            self.session.unwrap()

    def output(self) -> bytes:
        """What has to go to the socket."""
        return self._outgoing.read() if self._outgoing.pending else b""


def tls_words(error: Exception) -> str:
    """One line on what went wrong."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else str(error)
