"""The head of a request as bytes, checked before any of them is written.

Rules:
- No value can end a line or a header early: header names are tokens, values have no control characters.
- An error names the header or the rule, never a value, because the API key is such a value.
- The declared Content-Length is the length sent. A body of bytes is compared with it before anything is written, a
  streamed body while it is written.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator

import httpx

__all__ = ["Head", "Heads", "Outgoing", "framed", "outgoing"]

_METHOD = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_TARGET = re.compile(rb"[\x21-\x7e]+")
_ALLOWED = bytes(byte for byte in range(256) if byte == 9 or (byte >= 32 and byte != 127))

_PLAIN, _HOST, _LENGTH, _ENCODING, _CONNECTION = range(5)
_SPECIAL = {
    b"host": _HOST,
    b"content-length": _LENGTH,
    b"transfer-encoding": _ENCODING,
    b"connection": _CONNECTION,
}


class Head:
    """The request line and the headers of one request.

    Attributes:
        data: the bytes to write, the blank line included.
        length: the Content-Length in bytes; None if there is none.
        chunked: True if the body is sent in chunks.
        close: True if the request asks the server to close the connection afterwards.

    Raises:
        httpx.LocalProtocolError: the request breaks a rule. Nothing was written.
    """

    __slots__ = ("chunked", "close", "data", "length")

    def __init__(self, method: str, target: bytes, headers: list[tuple[bytes, bytes]]) -> None:
        self.length: int | None = None
        self.chunked = False
        self.close = False
        hosts = 0
        line = method.encode("ascii", "replace")
        if not _METHOD.fullmatch(line) or line == b"CONNECT":
            raise httpx.LocalProtocolError("the method is not one this transport can send")
        if not _TARGET.fullmatch(target):
            raise httpx.LocalProtocolError("the request target has characters that are not allowed")
        parts = [line, b" ", target, b" HTTP/1.1\r\n"]
        for name, value in headers:
            kind = _kind(name)
            if value.strip() != value:
                raise _bad_value(name)
            if kind:
                if kind == _HOST:
                    hosts += 1
                elif kind == _LENGTH:
                    self._declare(value)
                elif kind == _ENCODING:
                    if self.chunked or value.lower() != b"chunked":
                        raise httpx.LocalProtocolError("the only transfer encoding is chunked, once")
                    self.chunked = True
                elif b"close" in value.lower():
                    self.close = True
            parts += (name, b": ", value, b"\r\n")
        if hosts != 1:
            raise httpx.LocalProtocolError("a request has one Host header")
        parts.append(b"\r\n")
        self.data = b"".join(parts)
        # One check of all bytes takes a tenth of the time of a check of each value.
        if self.data.translate(None, _ALLOWED) != b"\r\n" * (len(headers) + 2):
            raise _bad_value(next(name for name, value in headers if value.translate(None, _ALLOWED)))

    def _declare(self, value: bytes) -> None:
        if not value.isdigit() or len(value) > 20 or self.length not in (None, int(value)):
            raise httpx.LocalProtocolError("the Content-Length is not one number")
        self.length = int(value)

    def with_body(self, body: bytes) -> bytes:
        """The bytes of head and body.

        Raises:
            httpx.LocalProtocolError: the body's length is not Content-Length. Nothing was written.
        """
        if self.chunked:
            if not body:
                return self.data + b"0\r\n\r\n"
            return b"%s%x\r\n%s\r\n0\r\n\r\n" % (self.data, len(body), body)
        if len(body) != (self.length or 0):
            raise httpx.LocalProtocolError("the body is not as long as Content-Length says")
        return self.data + body


class Heads:
    """A cache of heads: an application sends few different ones.

    A lookup takes 0.3 us, making a head 5 us. The key has everything that is in the head, so no entry is outdated.
    """

    _KEPT = 256
    _LARGEST = 4096  # bytes of a cached head; the product of both limits bounds the memory

    def __init__(self) -> None:
        self._made: dict[tuple[object, ...], Head] = {}

    def __len__(self) -> int:
        return len(self._made)

    def head(self, method: str, target: bytes, headers: list[tuple[bytes, bytes]]) -> Head:
        """The head from the cache, or a new one; arguments and errors are those of `Head`."""
        key = (method, target, *headers)
        made = self._made.get(key)
        if made is None:
            made = Head(method, target, headers)
            if len(made.data) > self._LARGEST:
                return made
            if len(self._made) >= self._KEPT:
                self._made.pop(next(iter(self._made)))
            self._made[key] = made
        return made


class Outgoing:
    """The bytes of one request. An object and not bytes, because tracebacks can show locals: its repr shows nothing.

    Attributes:
        data: the first bytes.
        rest: the other bytes, for a streamed body; None if `data` is the whole request.
    """

    __slots__ = ("data", "rest")

    def __init__(self, data: bytes, rest: AsyncGenerator[bytes] | None = None) -> None:
        self.data = data
        self.rest = rest


def outgoing(head: Head, stream: object) -> Outgoing:
    """The bytes of a request with this head and body.

    Raises:
        httpx.LocalProtocolError: the body does not agree with the head. Nothing was written.
    """
    if type(stream) is httpx.ByteStream:
        return Outgoing(head.with_body(b"".join(stream)))
    if not isinstance(stream, httpx.AsyncByteStream):
        raise RuntimeError("a sync request body cannot be sent by an async transport")  # noqa: TRY004 - httpx's choice
    return Outgoing(head.data, framed(head, stream))


async def framed(head: Head, stream: httpx.AsyncByteStream) -> AsyncGenerator[bytes]:
    """The bytes of a streamed body in the framing that the head declares: chunks or Content-Length.

    Raises:
        httpx.LocalProtocolError: the body is longer or shorter than declared; a part of it may have been written.
    """
    left = head.length or 0
    parts = aiter(stream)
    try:
        async for part in parts:
            if not part:
                continue
            if head.chunked:
                yield b"%x\r\n%s\r\n" % (len(part), part)
                continue
            left -= len(part)
            if left < 0:
                raise httpx.LocalProtocolError("the body is longer than Content-Length says")
            yield part
    finally:
        # After an error or an early answer, close the caller's generator here and not in the garbage collector.
        if isinstance(parts, AsyncGenerator):
            await parts.aclose()
    if head.chunked:
        yield b"0\r\n\r\n"
    elif left:
        raise httpx.LocalProtocolError("the body is shorter than Content-Length says")


def _bad_value(name: bytes) -> httpx.LocalProtocolError:
    return httpx.LocalProtocolError(f"the value of the header {name.decode()} has characters that are not allowed")


def _kind(name: bytes) -> int:
    if not _METHOD.fullmatch(name):
        raise httpx.LocalProtocolError("a header name has characters that are not allowed")
    return _SPECIAL.get(name.lower(), _PLAIN)
