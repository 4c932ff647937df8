"""Decompresses bodies up to a limit, and notices a truncated gzip.

- gzip can compress 1,000 to 1. If only the compressed size had a limit, 32 MiB could become 32 GiB. So gzip and deflate
  are decompressed up to the limit. Requests do not ask for other encodings.
- A truncated gzip decompresses to a shorter text without an error. JSON would then be invalid, but a log would look
  complete.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from eightbyeight_async.transport.wire_errors import AnswerTooLargeError, DecodingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["Inflater", "decoded"]

_GZIP, _ZLIB, _RAW = 31, 15, -15
_KINDS = {b"gzip": (_GZIP,), b"deflate": (_ZLIB, _RAW)}
_PIECE = 256 * 1024


def decoded(body: bytes, headers: Iterable[tuple[bytes, bytes]], limit: int, status: int) -> bytes:
    """Returns the body without its content encodings. Encodings that the request did not ask for stay, as in httpx.

    Args:
        body: the whole body.
        headers: the headers of the answer.
        limit: the most bytes after decompression.
        status: the HTTP status, for the error.

    Raises:
        DecodingError: the body does not have its declared content encoding.
        AnswerTooLargeError: the decompressed body is too large.
    """
    told = b",".join(value for name, value in headers if name.lower() == b"content-encoding")
    for encoding in reversed(told.lower().split(b",")):
        kinds = _KINDS.get(encoding.strip())
        if kinds is None:
            continue
        unpacked = _unpacked(body, kinds, limit)
        if unpacked is None:
            raise DecodingError("the body's content-encoding cannot be decoded")
        if len(unpacked) > limit:
            raise AnswerTooLargeError(f"the body of the answer unpacks to more than {limit} bytes", status)
        body = unpacked
    return body


def _unpacked(body: bytes, kinds: tuple[int, ...], limit: int) -> bytes | None:
    for kind in kinds:
        try:
            return zlib.decompressobj(kind).decompress(body, limit + 1)
        except zlib.error:
            continue
    return None


class Inflater:
    """Decompresses a gzip while it arrives, in pieces of limited size.

    Attributes:
        whole: True if the end of the gzip has been read; check it at the end of the data.
    """

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)

    @property
    def whole(self) -> bool:
        return self._member.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """Yields the decompressed pieces of the next bytes, each at most 256 KiB.

        Raises:
            zlib.error: the bytes are not gzip.
        """
        while data:
            if self._member.eof:  # a gzip file may consist of several members, one after the other
                self._member = zlib.decompressobj(_GZIP)
            piece = self._member.decompress(data, _PIECE)
            if piece:
                yield piece
            data = self._member.unconsumed_tail or self._member.unused_data
