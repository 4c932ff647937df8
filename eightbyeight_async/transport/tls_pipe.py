"""TLS without a socket: bytes from the socket go into one queue, bytes for the socket come out of another.

Rules:
- TLS is an `ssl.SSLObject` over two `ssl.MemoryBIO`s, both public; asyncio's own TLS uses the same.
- Errors are `ssl.SSLError`. After an error, `output()` may still have an alert for the server.
"""

from __future__ import annotations

import contextlib
import ssl

__all__ = ["TlsPipe", "tls_words"]

_RECORD = 16 * 1024  # the largest plaintext of a TLS record; OpenSSL never returns more at once


class TlsPipe:
    """The client's side of one TLS session.

    Attributes:
        session: the `ssl.SSLObject`.
    """

    __slots__ = ("_head", "_incoming", "_left", "_outgoing", "session")

    def __init__(self, context: ssl.SSLContext, server_hostname: str) -> None:
        self._incoming = ssl.MemoryBIO()
        self._head = b""  # the bytes read so far of a record's 5-byte header
        self._left = 0  # bytes of the current record that have not arrived yet
        self._outgoing = ssl.MemoryBIO()
        self.session: ssl.SSLObject = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_hostname)

    def shake_hands(self) -> bool:
        """Continue the handshake with the bytes that have arrived; return True if it is done."""
        try:
            self.session.do_handshake()
        except ssl.SSLWantReadError:
            return False
        return True

    def receive(self, data: bytes | memoryview) -> None:
        """Take bytes from the socket."""
        self._incoming.write(data)
        # Count the bytes of each record, because OpenSSL does not report that it holds a partial one. Only the length
        # in the record header is read here (RFC 8446, 5.1).
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
        """True if an incomplete record has arrived, which cannot be decrypted yet."""
        return self._left > 0 or self._head != b""

    def decrypt(self) -> bytes | None:
        """The next piece of plaintext; None if more bytes are needed; `b""` after the server's close_notify."""
        if not self._incoming.pending and not self.session.pending():
            return None  # OpenSSL would raise an exception, which is slow
        try:
            return self.session.read(_RECORD)
        except ssl.SSLWantReadError:
            return None

    def encrypt(self, data: bytes | memoryview) -> bytes:
        """The TLS records of `data`, and any other bytes for the socket."""
        try:
            self.session.write(data)
        finally:
            del data  # a traceback can show locals
        return self._outgoing.read()

    def say_goodbye(self) -> None:
        """Put close_notify into `output()`, without waiting for the server's close_notify."""
        with contextlib.suppress(ssl.SSLError):
            self.session.unwrap()

    def output(self) -> bytes:
        """The bytes to write to the socket; empty if there are none."""
        return self._outgoing.read() if self._outgoing.pending else b""


def tls_words(error: Exception) -> str:
    """The reason of a TLS error in one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    reason = getattr(error, "reason", None)
    return str(reason).lower().replace("_", " ") if reason else str(error)
