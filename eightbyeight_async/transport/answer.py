"""One answer, read out of bytes as they come. No socket, no clock: bytes in, an answer or a refusal out.

Rules of this file:
- llhttp (through httptools) does the parsing, nobody here takes HTTP apart by hand. What is checked besides is
  what llhttp lets through and httpx (h11) refuses, so that the same bytes mean the same under both; the few
  differences left are listed, each with its reason, in `tests/transport/test_like_httpx.py`.
- An answer is complete or it is an error: a body that ends early is never handed out.
- Bytes after the answer are never read as the next one: `reusable` turns False, the connection goes.
- Memory is bounded before the bytes are: head and body have limits, and so has framing without content.

Why httptools: for an answer of 5 headers and 200 bytes it takes 1.1 us, with all that is added here 4.4 us; h11 takes
53 us for the cycle (Python 3.11, 100,000 rounds of `timeit` on one core, the parser kept as a connection keeps it).
"""

from __future__ import annotations

import re

import httptools
import httpx

from eightbyeight_async.transport.failures import AnswerTooLargeError

__all__ = ["MAX_HEAD", "AnswerReader"]

MAX_HEAD = 64 * 1024
"""Bytes of status lines and headers of one answer, its 1xx forerunners included. httpx stops at 100 KiB;
nginx and Node send 8 and 16 at most by default."""

_FRAMING_PER_BODY_BYTE = 16
# A chunk of one byte costs 5 bytes of framing, and up to 15 with padded sizes. Beyond that somebody is feeding
# us chunk extensions for ever, which no read timeout would end.

_NOT_IN_A_REASON = re.compile(rb"[\x00\x0b\x0c]")  # h11 refuses them, llhttp does not look
_TO_ACT_ON = frozenset({b"content-encoding", b"location", b"set-cookie", b"set-cookie2"})
_TELLING_LENGTHS = frozenset(map(len, {b"content-length", b"transfer-encoding", *_TO_ACT_ON}))
_VERSIONS = {"1.1": b"HTTP/1.1", "1.0": b"HTTP/1.0"}


class AnswerReader:
    """Reads the answers of one connection, one at a time.

    `expect()`, then `feed()` until it says True, or `eof()`. The attributes are the answer's, and valid then.

    Attributes:
        status: 200 to 999.
        reason: the reason phrase as sent.
        version: `b"HTTP/1.1"`.
        headers: as sent, in order, names in their case.
        body: the body without its transfer encoding, still compressed if it was.
        plain: no header asks the client to do something: decode, keep a cookie, go elsewhere.
        complete: the answer is all there.
        reusable: the connection may carry another request.
    """

    __slots__ = (
        "_begun",
        "_framing_seen",
        "_head_done",
        "_head_only",
        "_head_seen",
        "_max_body",
        "_parser",
        "_parts",
        "_size",
        "_until_eof",
        "complete",
        "headers",
        "plain",
        "reason",
        "reusable",
        "status",
        "version",
    )

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        self._parser = httptools.HttpResponseParser(self)
        # Each leniency is one that httpx has too: Transfer-Encoding wins over Content-Length, spaces after a chunk
        # size are padding, any HTTP/d.d is read, "Connection: close" on a 1xx does not end the conversation.
        self._parser.set_dangerous_leniencies(
            lenient_chunked_length=True,
            lenient_spaces_after_chunk_size=True,
            lenient_version=True,
            lenient_keep_alive=True,
        )
        self.expect(head_only=False)

    def expect(self, *, head_only: bool) -> None:
        """Get ready for the answer to the next request; `head_only` for HEAD, whose answer has no body."""
        self._head_only = head_only
        self._begun = False
        self._head_done = False
        self._until_eof = False
        self._head_seen = 0
        self._framing_seen = 0
        self._size = 0
        self._parts: list[bytes] = []
        self.status = 0
        self.reason = b""
        self.version = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.plain = True
        self.complete = False
        self.reusable = False

    @property
    def body(self) -> bytes:
        parts = self._parts
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def feed(self, data: bytes | memoryview) -> bool:
        """Take the next bytes; True when the answer is complete.

        Raises:
            httpx.RemoteProtocolError: this is no HTTP answer, or one beyond the limits.
        """
        if not self._begun:
            self._begun = True
            # llhttp skips blank lines before an answer and speaks RTSP and ICE as well; httpx does neither.
            if data[0] != 72:  # "H"
                raise httpx.RemoteProtocolError("the server's answer is not HTTP")
        size_before = self._size
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.complete:
                raise self._refusal(error) from error
            self.reusable = False  # the answer is whole; what came after it is not ours to read
        if not self.complete:
            self._bound(len(data) - (self._size - size_before))
        return self.complete

    def eof(self) -> None:
        """The server has closed its side: the end of a body without a length, else an error.

        Raises:
            httpx.RemoteProtocolError: the answer is cut off, or there was none.
        """
        if self.complete:
            return
        if self._head_done and self._until_eof:
            self.complete = True
        elif not self._begun:
            raise httpx.RemoteProtocolError("the server disconnected without sending an answer")
        else:
            part = "body" if self._head_done else "head"
            raise httpx.RemoteProtocolError(f"the server disconnected in the {part} of its answer")

    def _bound(self, framing: int) -> None:
        if not self._head_done:
            self._head_seen += framing
            if self._head_seen > MAX_HEAD:
                raise AnswerTooLargeError(f"the head of the answer is larger than {MAX_HEAD} bytes", None)
        else:
            self._framing_seen += framing
            if self._framing_seen > 4 * MAX_HEAD + _FRAMING_PER_BODY_BYTE * self._size:
                raise httpx.RemoteProtocolError("the answer is nearly all framing")

    def _refusal(self, error: Exception) -> httpx.RemoteProtocolError:
        if isinstance(error.__context__, _TooLargeError):
            return AnswerTooLargeError(str(error.__context__), self.status or None)
        return httpx.RemoteProtocolError(_why(error))

    # What httptools calls, by these names. An exception raised here stops the parser where it stands, and comes
    # out of feed_data() as the context of an HttpParserCallbackError.

    def on_message_begin(self) -> None:
        if self.complete:
            raise _Surplus
        self.headers = []  # of a 1xx before
        self.reason = b""

    def on_status(self, part: bytes) -> None:
        self.reason += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._head_done:
            return  # a trailer; httpx drops them too
        self.headers.append((name, value.rstrip(b" \t")))

    def on_headers_complete(self) -> None:
        # Counted here too, so that the limit does not depend on how the bytes were cut.
        if sum([len(name) + len(value) for name, value in self.headers]) > MAX_HEAD:
            raise _TooLargeError(f"the head of the answer is larger than {MAX_HEAD} bytes")
        if self.reason != b"OK" and _NOT_IN_A_REASON.search(self.reason):
            raise _RefusedError("the reason phrase has control characters")
        self.status = status = self._parser.get_status_code()
        if status < 200:
            if status < 100:
                raise _RefusedError("the status of the answer is below 100")
            return  # 100, 103: the answer proper follows. 101 ends in an HttpParserError or -Upgrade
        self._head_done = True
        version = self._parser.get_http_version()
        self.version = _VERSIONS.get(version) or b"HTTP/" + version.encode()
        # Kept alive by 1.1 only, whatever Connection says: as httpx does.
        self.reusable = self._parser.should_keep_alive() and self.version == b"HTTP/1.1"
        self._frame(status)
        if self._head_only:
            # llhttp would wait for the body that Content-Length announces and HEAD never gets.
            self.complete = True
            raise _Surplus

    def _frame(self, status: int) -> None:
        length: bytes | None = None
        encodings = 0
        for index, (name, value) in enumerate(self.headers):
            if len(name) not in _TELLING_LENGTHS:
                continue
            lower = name.lower()
            if lower == b"content-length":
                length = value
            elif lower in _TO_ACT_ON:
                self.plain = False
            elif lower == b"transfer-encoding":
                encodings += 1
                if encodings > 1 or value.lower() != b"chunked":
                    raise _RefusedError("the answer has a transfer encoding other than chunked")
                self.headers[index] = (name, b"chunked")
        if status in (204, 304) or self._head_only:
            return
        if encodings:
            return
        if length is None:
            self._until_eof = True
        elif int(length) > self._max_body:
            raise _TooLargeError(f"the body of the answer is larger than {self._max_body} bytes")

    def on_body(self, part: bytes) -> None:
        self._size += len(part)
        if self._size > self._max_body:
            self._parts.clear()
            raise _TooLargeError(f"the body of the answer is larger than {self._max_body} bytes")
        self._parts.append(part)

    def on_message_complete(self) -> None:
        if self.status >= 200:
            self.complete = True


class _RefusedError(Exception):
    """The answer breaks a rule of ours; the text says which."""


class _TooLargeError(_RefusedError):
    """The answer breaks one of our bounds."""


class _Surplus(Exception):  # noqa: N818 - a signal to stop parsing, not an error
    """Bytes beyond a complete answer."""


def _why(error: Exception) -> str:
    if isinstance(error, httptools.HttpParserUpgrade):
        return "the server switched protocols unasked"
    if isinstance(error.__context__, _RefusedError):
        return str(error.__context__)
    return f"the server's answer is not HTTP: {error}"
