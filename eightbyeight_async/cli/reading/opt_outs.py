"""The people who have opted out: the numbers of `--opt-out FILE`, and of rows with a yes in the column `opt_out`.

Rules:
- A person opts out, not a row: if one row says `opt_out`, the other rows with that number are not sent either.
- A file is a list of numbers, one a line, or a table with a column for numbers (`destination`, `phone`, ...).
- Numbers may have any notation. If a number cannot be read, the run is refused: otherwise a person who has opted out
  would get a message. A line that begins with # is a comment.
"""

from __future__ import annotations

import csv
import json
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.column_map import ColumnMap
from eightbyeight_async.cli.reading.csv_rows import CsvRows
from eightbyeight_async.cli.reading.input_file import FORMATS, format_of, open_input
from eightbyeight_async.cli.reading.row_to_request import Row
from eightbyeight_async.cli.reading.twice_read_lines import LineTooLongError
from eightbyeight_async.cli.reading.utf8_lines import NOT_UTF8, DecodedLines, NotTextError
from eightbyeight_async.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from eightbyeight_async.cli.reading.input_file import InputFile
    from eightbyeight_async.cli.reading.jsonl_rows import JsonlRows
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["OptOuts", "add_marked_rows"]

_SEPARATORS = ",;\t|"
_NUMBER = re.compile(r"\+?[1-9][0-9]{6,14}")
_MARK = re.compile(rb"opt[\s_-]*out", re.IGNORECASE)


class OptOuts:
    """The numbers of people who have opted out. Call it with a message: it returns whether that person has opted out.

    Args:
        default_country: two letters, for numbers without `+`.
    """

    def __init__(self, default_country: str | None = None) -> None:
        self._country = default_country
        self._numbers: set[int | str] = set()  # 60 bytes a number

    def __len__(self) -> int:
        return len(self._numbers)

    def __call__(self, request: SmsRequest) -> bool:
        return bool(self._numbers) and self._digits(request) in self._numbers

    def add(self, request: SmsRequest) -> None:
        """Adds the person of a message."""
        self._numbers.add(self._digits(request))

    def add_file(self, name: str) -> None:
        """Adds the numbers of a file.

        Raises:
            UsageError: the file cannot be read, has no column for numbers, or has a value that is not a number.
        """
        known = Path(name).suffix.lower() in FORMATS or name.lower().endswith(".gz")
        form = format_of(name, None if known else "csv")
        with open_input(name, form=form) as file:
            try:
                for line, value in _values(file.lines.first(), form):
                    self._numbers.add(self._read(value, f"--opt-out {file.name}:{line}"))
            except (NotTextError, csv.Error, _UnclearError) as wrong:
                raise UsageError(f"--opt-out {file.name}: {wrong}; nothing was sent") from wrong

    def _read(self, value: str, place: str) -> int:
        from eightbyeight_async.cli.reading.clean_number import NumberCleaner, is_valid_abroad  # noqa: PLC0415 - 20 ms

        why = "is not a number"
        try:
            number = NumberCleaner(self._country).clean(value).number
        except InvalidRequestError as wrong:
            # The value is not a number of the default country. Perhaps it is an international number without its `+`.
            # Leaving out too many people does less harm than sending to somebody who has opted out.
            number, why = re.sub(r"[^0-9+]", "", value), wrong.reason
            if not is_valid_abroad(number):
                number = ""
        if _NUMBER.fullmatch(number):
            if number[0] == "+" or is_valid_abroad(number):
                return int(number)
            why = "has no + and is no number with a calling code: add --default-country"
        raise UsageError(f"{place}: {why}; nothing was sent")

    def _digits(self, request: SmsRequest) -> int | str:
        """Returns the number in international form; unchanged if it is national and its country does not have it."""
        number = request.destination
        if number[0] != "+" and request.country is not None:
            from eightbyeight_async.cli.reading.clean_number import NumberCleaner  # noqa: PLC0415 - 20 ms

            try:
                number = NumberCleaner().clean(number, request.country).number
            except InvalidRequestError:
                return f"{request.country}{number}"
        return int(number)


def add_marked_rows(opt_outs: OptOuts, input_file: InputFile, rows: CsvRows | JsonlRows, columns: ColumnMap) -> None:
    """Adds the people of rows with a yes in `opt_out`. Reads the whole file for this, before the check.

    A file without such a column is not read.
    """
    lines = input_file.lines.first()
    if isinstance(rows, CsvRows):
        header: Iterable[str] = next((cells for _, cells, _ in rows.records(lines)), [])
        marked = any(columns.field_of(name.strip()) == "opt_out" for name in header)
    else:
        marked = "opt_out" in columns.given.values()
        with suppress(LineTooLongError):  # the check reports it
            marked = marked or any(_MARK.search(line) for line in lines)
    if marked:
        for row in rows.read(input_file.lines.first()):
            if isinstance(row, Row) and row.opted_out:
                opt_outs.add(row.request)


class _UnclearError(Exception):
    """It is not clear which values of a file are numbers."""


def _values(lines: Iterable[bytes], form: str) -> Iterator[tuple[int, str]]:
    """Yields the values of a file that should be numbers, each with its line number."""
    text = DecodedLines(lines)
    kept = (line for line in text if line.strip() and not line.lstrip().startswith("#"))
    for value in _json_values(kept) if form == "jsonl" else _csv_values(kept):
        if text.undecodable() is not None:
            raise _UnclearError(f"line {text.number} {NOT_UTF8}")
        if value.strip():
            yield text.number, value.strip()


def _csv_values(lines: Iterator[str]) -> Iterator[str]:
    first = next(lines, None)
    if first is None:
        return
    split = [(one, [cell.strip() for cell in next(csv.reader([first], delimiter=one))]) for one in _SEPARATORS]
    separator, header = max(split, key=lambda pair: (_column(pair[1]) is not None, len(pair[1])))
    at = _column(header)
    if at is None:
        if len(header) > 1:
            raise _UnclearError("has several columns, and none that is named destination, phone or the like")
        separator, at = ",", 0
        if any(character.isdigit() for character in first):  # the first line is not a header
            yield header[0]
    for cells in csv.reader(lines, delimiter=separator):
        yield cells[at] if at < len(cells) else ""


def _json_values(lines: Iterator[str]) -> Iterator[str]:
    for line in lines:
        try:
            found = json.loads(line, parse_int=str)
        except ValueError as wrong:
            raise _UnclearError("has a line that is not JSON") from wrong
        if isinstance(found, dict):
            at = _column(list(found))
            if at is None:
                raise _UnclearError("has an object without a key destination, phone or the like")
            found = list(found.values())[at]
        if not isinstance(found, str):
            raise _UnclearError("has a value that is no number")
        yield found


def _column(names: list[str]) -> int | None:
    """Returns the index of the column for numbers, if there is exactly one."""
    columns = ColumnMap()
    found = [at for at, name in enumerate(names) if columns.field_of(name) == "destination"]
    found = found or [at for at, name in enumerate(names) if columns.suggestion("destination", [name]) is not None]
    return found[0] if len(found) == 1 else None
