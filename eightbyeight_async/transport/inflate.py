"""How large a compressed body gets, found out before httpx unpacks it: httpx has no limit there.

gzip packs 1,000 to 1, so a limit on what comes over the wire alone would let 32 MiB become 32 GiB. gzip and deflate
are measured; br and zstd only ever come to who has installed their packages and asks for them, and are not.
"""

from __future__ import annotations

import zlib

from eightbyeight_async.transport.failures import AnswerTooLargeError

__all__ = ["check_inflated"]

_GZIP, _ZLIB, _RAW = 31, 15, -15


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
