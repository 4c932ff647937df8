"""Compressed bodies: unpacking with a limit, and the end of a gzip.

- gzip can pack 1,000 to 1. With a limit on the compressed size only, 32 MiB could become 32 GiB. So gzip and deflate
  are unpacked up to the limit. Nothing else is asked for.
- A truncated gzip unpacks to a shorter text without an error. JSON would be invalid then, but a log would look whole.
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
    """The body without its content encodings. Encodings that were not asked for are left, as httpx does.

    Args:
        body: the whole body.
        headers: those of the answer.
        limit: the most bytes that are unpacked.
        status: the HTTP status, for the error.

    Raises:
        DecodingError: the body is not what its content-encoding says.
        AnswerTooLargeError: the unpacked body is too large.
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
    """Unpacks a gzip while it comes, in pieces of bounded size.

    Attributes:
        whole: True if the end of the gzip has been read; check it at the end of the data.
    """

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)

    @property
    def whole(self) -> bool:
        return self._member.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """The unpacked pieces of the next bytes, each at most 256 KiB.

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
