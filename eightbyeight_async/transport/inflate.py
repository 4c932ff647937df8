"""Compressed bodies: how large one gets, and whether one is whole. httpx asks neither.

gzip packs 1,000 to 1, so a limit on what comes over the wire alone would let 32 MiB become 32 GiB. gzip and deflate
are measured; br and zstd only ever come to who has installed their packages and asks for them, and are not.
A gzip that was cut off unpacks to a shorter text without a word: JSON misses its end, a log does not.
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
    """Refuse a body that unpacks to more than `limit` bytes, in memory bounded by it. Rubbish is left to httpx.

    Raises:
        AnswerTooLargeError
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
    """A gzip as it comes, in pieces of bounded size; `whole` says at the end whether its own end has been seen."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP)

    @property
    def whole(self) -> bool:
        return self._member.eof

    def pieces(self, data: bytes) -> Iterator[bytes]:
        """What comes out of the next bytes.

        Raises:
            zlib.error: they are not gzip.
        """
        while data:
            if self._member.eof:  # a gzip may be several, one after the other
                self._member = zlib.decompressobj(_GZIP)
            piece = self._member.decompress(data, _PIECE)
            if piece:
                yield piece
            data = self._member.unconsumed_tail or self._member.unused_data
