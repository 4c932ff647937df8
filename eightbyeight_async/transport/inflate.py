"""Checks of compressed bodies that httpx does not make: the unpacked size, and the end of a gzip.

- gzip can pack 1,000 to 1. With a limit on the compressed size only, 32 MiB could become 32 GiB. So gzip and deflate
  are unpacked up to the limit. br and zstd are not checked: they come only to an application that has installed their
  packages and asks for them.
- A truncated gzip unpacks to a shorter text without an error. JSON would be invalid then, but a log would look whole.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

from eightbyeight_async.transport.failures import AnswerTooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Inflater", "check_inflated"]

_GZIP, _ZLIB, _RAW = 31, 15, -15
_PIECE = 256 * 1024


def check_inflated(body: bytes, encodings: str, limit: int, status: int) -> None:
    """Refuse a body that unpacks to more than `limit` bytes, without unpacking more than that.

    A body that cannot be unpacked is accepted: httpx refuses it later.

    Args:
        body: the compressed body.
        encodings: the value of Content-Encoding.
        limit: bytes.
        status: the HTTP status, for the error.

    Raises:
        AnswerTooLargeError: the unpacked body is too large.
    """
    for encoding in reversed(encodings.lower().split(",")):
        kinds = {"gzip": (_GZIP,), "deflate": (_ZLIB, _RAW)}.get(encoding.strip())
        unpacked = None if kinds is None else _unpacked(body, kinds, limit)
        if unpacked is None:
            return
        if len(unpacked) > limit:
            raise AnswerTooLargeError(f"the body of the answer unpacks to more than {limit} bytes", status)
        body = unpacked


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
