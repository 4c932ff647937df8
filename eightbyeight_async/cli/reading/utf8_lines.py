"""Bytes of a line to text: UTF-8, with or without a byte order mark, and nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["NOT_UTF8", "DecodedLines", "NotTextError"]

NOT_UTF8 = "holds bytes that are not UTF-8; save the file as UTF-8"


class NotTextError(Exception):
    """Not a text file at all, or one in UTF-16. `str()` says so."""


class DecodedLines:
    """Decoded lines. One that is not UTF-8 is noted and goes on with marks in it, so that the rest can be checked.

    Attributes:
        number: of the last line handed out, from 1.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.number = 0
        self._undecodable: int | None = None
        self._lines = iter(lines)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        if self.number == 1:
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise NotTextError("the file is UTF-16; save it as UTF-8")
            line = line.removeprefix(b"\xef\xbb\xbf")
        if b"\0" in line:
            raise NotTextError("holds a zero byte; this is not UTF-8 text")
        try:
            return line.decode()
        except UnicodeDecodeError:
            self._undecodable = self._undecodable or self.number
            return line.decode(errors="replace")

    def undecodable(self) -> int | None:
        """The first line that is not UTF-8 since this was asked the last time."""
        line, self._undecodable = self._undecodable, None
        return line
