"""Opens the input file of a command, so that it can be read twice: once to check it, once to send it.

Stdin and pipes cannot be read twice, so they are copied into a temporary file first: the input is checked to its end
before the first row is sent. Compressed files, spreadsheets, and files in other encodings than UTF-8 are copied too:
see `input_copy`.
"""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

import attrs

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.input_copy import encoding_named, plain_copy, temporary, unpacked, utf8_copy
from eightbyeight_async.cli.reading.twice_read_lines import TwiceReadLines

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["FORMATS", "SHEETS", "InputFile", "format_of", "open_input"]

SHEETS = frozenset({"xlsx", "ods"})
FORMATS = {".csv": "csv", ".tsv": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".xlsx": "xlsx", ".ods": "ods"}
_GZIP = ".gz"


@attrs.frozen(kw_only=True)
class InputFile:
    """An open input file.

    Attributes:
        name: the name in messages: the file's name without folders, or `stdin`.
        size: size in bytes.
        lines: the lines; they can be read twice.
        identity: device and inode of the named file, not of a copy. An output with the same identity is refused.
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
    """Returns `csv`, `jsonl`, `xlsx` or `ods`: `asked`, or else the ending of the file's name (without `.gz`).

    Raises:
        UsageError: the name has another ending, and `asked` is None.
    """
    if asked is not None:
        return asked
    path = Path(name)
    found = FORMATS.get(Path(path.stem if path.suffix.lower() == _GZIP else path.name).suffix.lower())
    if found is None:
        what = "stdin" if name == "-" else "the file's name"
        raise UsageError(f"{what} does not say whether it is CSV or JSONL: add --format csv or --format jsonl")
    return found


@contextmanager
def open_input(
    name: str, *, form: str | None = None, encoding: str | None = None, sheet: str | None = None
) -> Iterator[InputFile]:
    """Opens a path, or stdin for `-`.

    Args:
        name: the path.
        form: format of the file; None: taken from its name. A spreadsheet becomes CSV.
        encoding: encoding of the file; None: UTF-8.
        sheet: name of the sheet of a spreadsheet; None: the only sheet.

    Raises:
        UsageError: the file cannot be opened, or it must be copied and that fails.
    """
    shown = "stdin" if name == "-" else Path(name).name or name
    spreadsheet = form in SHEETS
    if encoding is not None and spreadsheet:
        raise UsageError("--file-encoding: a spreadsheet needs none")
    if sheet is not None and not spreadsheet:
        raise UsageError("--sheet: only a spreadsheet has sheets")
    asked = None if encoding is None else encoding_named(encoding)
    with ExitStack() as resources:
        try:
            # Unbuffered: reads are large (256 KiB), and a buffer could return bytes from before a change of the file.
            given = resources.enter_context(open(0 if name == "-" else name, "rb", buffering=0, closefd=name != "-"))
            file, status = cast("BinaryIO", given), os.fstat(given.fileno())
            seen = _stamp(file)
            if not stat.S_ISREG(status.st_mode):
                file = plain_copy(file, resources)
            if Path(name).suffix.lower() == _GZIP:
                file = unpacked(file, shown, resources)
            if spreadsheet:
                file = _sheet(file, shown, sheet, resources)
            elif asked not in (None, "utf-8"):
                file = utf8_copy(file, shown, str(asked), resources)
            copied = os.fstat(file.fileno())
        except OSError as wrong:
            raise UsageError(f"{shown}: {wrong.strerror or 'cannot be read'}") from wrong
        yield InputFile(
            name=shown,
            size=copied.st_size,
            lines=TwiceReadLines(file),
            identity=(status.st_dev, status.st_ino),
            file=file,
            seen=seen if file is given else _stamp(file),
        )


def _sheet(file: BinaryIO, name: str, sheet: str | None, resources: ExitStack) -> BinaryIO:
    from eightbyeight_async.cli.reading.sheet_copy import write_csv  # noqa: PLC0415 - rarely needed

    copy = temporary(resources)
    write_csv(file, name, sheet, copy)
    copy.seek(0)
    return copy


def _stamp(file: BinaryIO) -> tuple[int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns
