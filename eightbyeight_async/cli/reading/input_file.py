"""The file that `send-each` reads: found, seekable, of a known format.

What cannot be read twice (stdin, a pipe) is copied into a nameless temporary file first: it has to be checked to
its end before its first row is sent. That file is gone when the command ends, however it ends.
"""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import attrs

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.twice_read_lines import TwiceReadLines

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["InputFile", "format_of", "open_input"]

FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@attrs.frozen(kw_only=True)
class InputFile:
    """
    Attributes:
        name: as complaints call it.
        size: in bytes.
        lines: to be read twice.
        identity: device and inode, so that the output cannot become the same file.
    """

    name: str
    size: int
    lines: TwiceReadLines
    identity: tuple[int, int]
    _file: BinaryIO
    _seen: tuple[int, int]

    def unchanged(self) -> bool:
        """Whether size and time of change are what they were when it was opened."""
        return _stamp(self._file) == self._seen


def format_of(name: str, asked: str | None) -> str:
    """`csv` or `jsonl`.

    Raises:
        UsageError: the name does not tell and nobody else does.
    """
    if asked is not None:
        return asked
    found = FORMATS.get(Path(name).suffix.lower())
    if found is None:
        what = "stdin" if name == "-" else "the file's name"
        raise UsageError(f"{what} does not tell CSV from JSONL: add --format csv or --format jsonl")
    return found


@contextmanager
def open_input(name: str) -> Iterator[InputFile]:
    """
    Raises:
        UsageError: it cannot be opened, or copied.
    """
    shown = "stdin" if name == "-" else Path(name).name or name
    with ExitStack() as resources:
        try:
            file = resources.enter_context(_seekable(name))
            status = os.fstat(file.fileno())
        except OSError as wrong:
            raise UsageError(f"{shown}: {wrong.strerror or 'cannot be read'}") from wrong
        yield InputFile(
            name=shown,
            size=status.st_size,
            lines=TwiceReadLines(file),
            identity=(status.st_dev, status.st_ino),
            file=file,
            seen=_stamp(file),
        )


@contextmanager
def _seekable(name: str) -> Iterator[BinaryIO]:
    # Unbuffered: the blocks are large, and a buffer could hand out what was there before a change.
    with open(0 if name == "-" else name, "rb", buffering=0, closefd=name != "-") as given:
        if stat.S_ISREG(os.fstat(given.fileno()).st_mode):
            yield cast("BinaryIO", given)
            return
        with tempfile.TemporaryFile(buffering=0) as copy:
            shutil.copyfileobj(given, copy)
            yield cast("BinaryIO", copy)


def _stamp(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns
