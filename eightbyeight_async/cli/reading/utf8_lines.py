"""Decodes the lines of a file: only UTF-8, with or without a byte order mark (some programs write two marks)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["NOT_UTF8", "DecodedLines", "NotTextError"]

NOT_UTF8 = "contains bytes that are not UTF-8; save the file so, or add its encoding: --file-encoding windows-1252"


_MARK = b"\xef\xbb\xbf"


class NotTextError(Exception):
    """The file is UTF-16, compressed, or not text. `str()` says which."""


class DecodedLines:
    """Iterates over decoded lines.

    A line that is not UTF-8 is yielded with replacement characters, so that the rest of the file can be checked.
    `undecodable()` returns the number of that line.

    Attributes:
        number: number of the last yielded line, from 1; 0 before the first.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self.number: int = 0
        self._undecodable: int | None = None
        self._lines = iter(lines)

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = next(self._lines)
        self.number += 1
        if self.number == 1:
            if line.startswith((b"\xff\xfe", b"\xfe\xff")):
                raise NotTextError("the file is UTF-16; save it as UTF-8, or add --file-encoding utf-16")
            if line.startswith(b"PK\x03\x04"):
                raise NotTextError("the file is a spreadsheet or an archive; add --format xlsx or --format ods")
            if line.startswith(b"\x1f\x8b"):
                raise NotTextError("the file is compressed; give it a name that ends in .gz")
            while line.startswith(_MARK):
                line = line.removeprefix(_MARK)
        if b"\0" in line:
            raise NotTextError(
                "contains a zero byte, so the file is not UTF-8 text; UTF-16 is read with --file-encoding utf-16"
            )
        try:
            return line.decode()
        except UnicodeDecodeError:
            self._undecodable = self._undecodable or self.number
            return line.decode(errors="replace")

    def undecodable(self) -> int | None:
        """Returns the number of the first line since the last call that is not UTF-8. None: all lines are UTF-8."""
        line, self._undecodable = self._undecodable, None
        return line
