"""`--bad-rows`: writes the rows that are set aside to a file of the same format, to be corrected and sent later.

Rules:
- A row is written unchanged, with its problem in a column `problem` (CSV) or under the key `problem` (JSONL).
- If the cells of a row do not fit the header, or characters were lost, the row gets one cell too many (CSV) or becomes
  a string under the key `line` (JSONL). So the row is refused until somebody corrects it.
- No file is overwritten, because it may contain corrections. If the file exists with other content, the rows go to
  `NAME-2.csv`, and so on. A file with the same content stays unchanged.
"""

from __future__ import annotations

import csv
import io
import json
import os
import re
from contextlib import suppress
from itertools import count
from typing import TYPE_CHECKING

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.csv_rows import CsvRows
from eightbyeight_async.cli.reading.input_file import FORMATS
from eightbyeight_async.cli.reading.row_to_request import Row
from eightbyeight_async.cli.reading.send_window import MARGIN, WindowClosingError
from eightbyeight_async.cli.reading.twice_read_lines import FileChangedError
from eightbyeight_async.cli.terminal.loop_and_signals import now

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from eightbyeight_async.cli.reading.input_file import InputFile
    from eightbyeight_async.cli.reading.jsonl_rows import JsonlRows
    from eightbyeight_async.cli.reading.problems import Problems
    from eightbyeight_async.cli.reading.row_to_request import Problem
    from eightbyeight_async.cli.reading.send_window import SendWindow

__all__ = ["aside_words", "check_bad_rows_path", "good_rows", "keep_bad_rows"]

_COLUMN = "problem"
_MISFIT = "this row does not fit the header, or lost characters: mend it, then delete this cell"
# The key `problem` that an earlier run put at the beginning of an object in a file of bad rows.
_BEFORE = re.compile(r'^\s*\{"problem": "(?:[^"\\]|\\.)*"(?:, )?')


def check_bad_rows_path(path: Path, input_file: InputFile, rows: CsvRows | JsonlRows) -> None:
    """Raises UsageError if the path is that of the input, or its format is not that of the input."""
    form = FORMATS.get(path.suffix.lower())
    if form is not None and form != ("csv" if isinstance(rows, CsvRows) else "jsonl"):
        raise UsageError("--bad-rows: must be of the format of the input: .jsonl for JSONL, else .csv")
    with suppress(OSError):
        there = path.stat()
        if (there.st_dev, there.st_ino) == input_file.identity:
            raise UsageError(f"--bad-rows {path}: is the file with the messages")


def good_rows(
    rows: Iterable[Row | Problem], aside: array[int], last: int | None = None, window: SendWindow | None = None
) -> Iterator[Row | Problem]:
    """The rows of the second reading.

    Args:
        rows: all rows.
        aside: numbers of rows to leave out, in order.
        last: number of the last row to yield; None: yields to the end of the file.
        window: when messages may be sent to people; None: always.

    Raises:
        WindowClosingError: a message is to be sent at once, and its window may close.
    """
    left = iter(aside)
    skipped = next(left, None)
    for row in rows:
        at_once = isinstance(row, Row) and row.request.scheduled is None
        if window is not None and at_once and now() > window.now + MARGIN:
            raise WindowClosingError
        if row.number == skipped:
            skipped = next(left, None)
        elif not (isinstance(row, Row) and row.skipped):
            yield row
        if row.number == last:
            return


def aside_words(rows: int) -> str:
    """Returns the words about rows set aside, for the plan's line; empty if there are none."""
    return "" if not rows else ", 1 bad row set aside" if rows == 1 else f", {rows:,} bad rows set aside"


def keep_bad_rows(path: Path, input_file: InputFile, rows: CsvRows | JsonlRows, problems: Problems) -> str | None:
    """Writes the rows with a problem, and returns a line with the file's name. None: there are no such rows.

    Raises:
        UsageError: the file cannot be written, or the input has changed.
    """
    try:
        written = _write_bad_rows(path, input_file, rows, problems)
    except FileChangedError as changed:
        raise UsageError(f"{input_file.name}: changed while it was checked; nothing was sent") from changed
    if written is None:
        return None
    return f"{written}: the bad rows, each with its problem; mend them, then send that file the same way"


def _write_bad_rows(path: Path, input_file: InputFile, rows: CsvRows | JsonlRows, problems: Problems) -> Path | None:
    """Writes the rows with a problem, by reading the input again. Returns the path of the file with these rows."""
    reasons = {problem.number: problem.reason for problem in problems.all() if problem.number is not None}
    if not reasons:
        return None
    lines = input_file.lines.again()
    data = (_csv(rows, lines, reasons) if isinstance(rows, CsvRows) else _jsonl(rows, lines, reasons)).encode(
        errors="replace"
    )
    for number in count(1):
        name = path if number == 1 else path.with_stem(f"{path.stem}-{number}")
        try:
            if name.exists():
                if name.read_bytes() == data:
                    return name
                continue
            _write(name, data)
        except OSError as wrong:
            raise UsageError(f"--bad-rows {name}: {wrong.strerror or 'cannot be written'}; nothing was sent") from wrong
        return name
    raise AssertionError  # never reached: `count` has no end


def _write(path: Path, data: bytes) -> None:
    """Writes the whole file or nothing. Only the owner can read the file, because it contains numbers and texts."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError:
        path.unlink(missing_ok=True)
        raise


def _csv(rows: CsvRows, lines: Iterable[bytes], reasons: Mapping[int, str]) -> str:
    out = io.StringIO()
    out.write("\ufeff")  # a byte order mark, by which a spreadsheet recognises UTF-8
    records = rows.records(lines)
    _, header, _ = next(records)
    width = len(header)
    at = next((index for index, name in enumerate(header) if name.strip() == _COLUMN), width)
    writer = csv.writer(out, delimiter=rows.separator, lineterminator="\n")
    writer.writerow([*header, _COLUMN] if at == width else header)
    for number, cells, lossy in records:
        if number not in reasons:
            continue
        row = list(cells)
        while len(row) > width and not row[-1].strip():
            row.pop()
        misfit = lossy or not rows.fits(row)
        row += [""] * (max(width, at + 1) - len(row))
        row[at] = reasons[number]
        writer.writerow([*row, *[""] * (width + 1 - len(row)), _MISFIT] if misfit else row)
    return out.getvalue()


def _jsonl(rows: JsonlRows, lines: Iterable[bytes], reasons: Mapping[int, str]) -> str:
    out = io.StringIO()
    for number, line, lossy in rows.records(lines):
        if number not in reasons:
            continue
        reason = json.dumps(reasons[number])
        bare = _BEFORE.sub("{", line, count=1).strip()
        try:
            whole = isinstance(json.loads(bare), dict) and not lossy
        except (ValueError, RecursionError):
            whole = False
        if whole:
            rest = bare[1:].lstrip()
            out.write(f'{{"{_COLUMN}": {reason}{"" if rest.startswith("}") else ", "}{rest}\n')
        else:
            out.write(f'{{"{_COLUMN}": {reason}, "line": {json.dumps(line.strip())}}}\n')
    return out.getvalue()
