"""Opens the input file of a command, so that it can be read twice: once to check it, once to send it.

Stdin and pipes cannot be read twice, so they are copied into a temporary file first: the input is checked to its end
before the first row is sent. The temporary file has no name; it disappears when the process ends, even when killed.
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
    """An open input file.

    Attributes:
        name: the name in messages: the file's name without folders, or `stdin`.
        size: in bytes.
        lines: the lines; they can be read twice.
        identity: device and inode. An output with the same identity is refused.
    """

    name: str
    size: int
    lines: TwiceReadLines
    identity: tuple[int, int]
    _file: BinaryIO
    _seen: tuple[int, int]

    def unchanged(self) -> bool:
        """Whether size and modification time are the same as when the file was opened."""
        return _stamp(self._file) == self._seen


def format_of(name: str, asked: str | None) -> str:
    """`csv` or `jsonl`: what `asked` says, else by the end of the file's name.

    Raises:
        UsageError: the name has another ending, and `asked` is None.
    """
    if asked is not None:
        return asked
    found = FORMATS.get(Path(name).suffix.lower())
    if found is None:
        what = "stdin" if name == "-" else "the file's name"
        raise UsageError(f"{what} does not say whether it is CSV or JSONL: add --format csv or --format jsonl")
    return found


@contextmanager
def open_input(name: str) -> Iterator[InputFile]:
    """Opens a path, or stdin for `-`.

    Raises:
        UsageError: the file cannot be opened, or stdin cannot be copied.
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
    # Unbuffered: reads are large (256 KiB), and a buffer could return bytes from before a change of the file.
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
