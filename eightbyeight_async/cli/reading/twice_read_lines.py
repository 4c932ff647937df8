"""Yields the lines of a file that is read twice, and raises if the file changed in between.

The first reading stores a digest of every block: 16 bytes per 256 KiB, so 64 KiB for a file of 1 GiB. A later reading
compares each block with its digest before it yields a line that ends in the block. So the second reading uses only
bytes that the first reading checked.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["FileChangedError", "LineTooLongError", "TwiceReadLines"]

BLOCK = 256 * 1024
# In bytes. A text of ten parts has 1,530 characters, so a longer line is not a row: the file has no line ends.
MAX_LINE = 1024 * 1024


class FileChangedError(Exception):
    """The file has changed since the first reading checked it."""


class LineTooLongError(Exception):
    """A line is longer than `MAX_LINE`.

    Attributes:
        line: line number, from 1.
    """

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} is longer than {MAX_LINE:,} bytes")
        self.line = line


class TwiceReadLines:
    """Call `first()` or `scan()`, then `again()` any number of times: both yield the same lines, with their line ends.

    Args:
        file: seekable, opened in binary mode. It stays open between the readings, so moving another file to its path
            has no effect.
        on_block: called with the size in bytes of every block that is read; for a progress bar.
        block: block size in bytes.
    """

    def __init__(self, file: BinaryIO, on_block: Callable[[int], None] = lambda _: None, *, block: int = BLOCK) -> None:
        self._file = file
        self._block = block
        self._digests: list[bytes] = []
        self.on_block = on_block

    def first(self) -> Iterator[bytes]:
        self._digests = []
        return _lines(self._remembered())

    def scan(self) -> None:
        """Reads the file only to compute the digests. Call it in place of `first`."""
        self._digests = []
        for _ in self._remembered():
            pass

    @property
    def digest(self) -> str:
        """Returns the digest of the whole file. Call it after `scan`, or when `first` was read to its end."""
        return hashlib.blake2b(b"".join(self._digests), digest_size=16).hexdigest()

    def again(self) -> Iterator[bytes]:
        """Yields the lines again.

        Raises:
            FileChangedError: a block has changed. Raised during the iteration, before any byte of that block is used.
        """
        return _lines(self._compared())

    def _remembered(self) -> Iterator[bytes]:
        for block in self._blocks():
            self._digests.append(_digest(block))
            yield block

    def _compared(self) -> Iterator[bytes]:
        index = 0
        for block in self._blocks():
            if index == len(self._digests) or _digest(block) != self._digests[index]:
                raise FileChangedError
            index += 1
            yield block
        if index != len(self._digests):
            raise FileChangedError

    def _blocks(self) -> Iterator[bytes]:
        offset = 0
        while True:
            block = self._read(offset)
            if not block:
                return
            offset += len(block)
            self.on_block(len(block))
            yield block

    def _read(self, offset: int) -> bytes:
        """Reads a whole block, or up to the end of the file.

        Incomplete reads are continued, because block boundaries must not move.
        """
        self._file.seek(offset)
        block = b""
        while len(block) < self._block and (more := self._file.read(self._block - len(block))):
            block += more
        return block


def _digest(block: bytes) -> bytes:
    return hashlib.blake2b(block, digest_size=16).digest()


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest, number = b"", 0
    for block in blocks:
        *whole, rest = (rest + block).split(b"\n")
        for line in whole:
            number += 1
            if len(line) > MAX_LINE:
                raise LineTooLongError(number)
            yield line + b"\n"
        if len(rest) > MAX_LINE:
            raise LineTooLongError(number + 1)
    if rest:
        yield rest
