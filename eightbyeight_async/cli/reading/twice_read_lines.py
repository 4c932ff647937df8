"""The physical lines of a file that is read twice and has to be the same both times.

The first reading remembers a digest of every block (16 bytes for 256 KiB, so a file of 1 GiB takes 64 KiB of them).
A later one compares each block before it hands out a line that ends in it: no byte is used that was not checked.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["FileChangedError", "LineTooLongError", "TwiceReadLines"]

BLOCK = 256 * 1024
# A text of ten parts is 1,530 characters; a line this long is no row but a file without line ends.
MAX_LINE = 1024 * 1024


class FileChangedError(Exception):
    """The file is not the one that was checked."""


class LineTooLongError(Exception):
    """`line` is its number, from 1."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line} is longer than {MAX_LINE:,} bytes")
        self.line = line


class TwiceReadLines:
    """`first()`, then `again()` as often as needed: the same lines, each with its line end.

    Args:
        file: seekable and binary; it stays open, so that a file put in its place by another name does not matter.
        on_block: called with the size of every block read, for a progress bar.
    """

    def __init__(self, file: BinaryIO, on_block: Callable[[int], None] = lambda _: None, *, block: int = BLOCK) -> None:
        self._file = file
        self._block = block
        self._digests: list[bytes] = []
        self.on_block = on_block

    def first(self) -> Iterator[bytes]:
        self._digests = []
        return _lines(self._remembered())

    def again(self) -> Iterator[bytes]:
        """
        Raises:
            FileChangedError: while it is iterated over, before anything of the changed block is handed out.
        """
        return _lines(self._compared())

    def _remembered(self) -> Iterator[bytes]:
        for block in self._blocks():
            self._digests.append(_digest(block))
            yield block

    def _compared(self) -> Iterator[bytes]:
        met = 0
        for block in self._blocks():
            if met == len(self._digests) or _digest(block) != self._digests[met]:
                raise FileChangedError
            met += 1
            yield block
        if met != len(self._digests):
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
        """A whole block unless the file ends: where blocks end must not depend on how much a read brings."""
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
