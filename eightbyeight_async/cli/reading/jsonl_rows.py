"""Reads JSONL, one object per line: lines in, rows and problems out. Pure; holds one line in memory at a time.

Rules:
- The value of a field is a string. A field is left out if its value is null or its key is absent.
- A key that is not a field can be used by `--text`. A number in such a key is printed exactly as in the file.
- A key that looks like a misspelt field is refused.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from eightbyeight_async.cli.reading.csv_rows import TEXT_TWICE
from eightbyeight_async.cli.reading.field_names import OPT_OUT
from eightbyeight_async.cli.reading.row_to_request import Problem
from eightbyeight_async.cli.reading.twice_read_lines import LineTooLongError
from eightbyeight_async.cli.reading.utf8_lines import NOT_UTF8, DecodedLines, NotTextError
from eightbyeight_async.models.privacy import masked_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from eightbyeight_async.cli.reading.row_to_request import Row, RowConverter
    from eightbyeight_async.cli.reading.send_window import SendWindow

__all__ = ["JsonlRows"]

# The most unused keys that are kept for the note. Without a limit, a file with a new key in every line would fill the
# memory.
_MOST_UNUSED = 20


class JsonlRows:
    """Reader of one JSONL file.

    Attributes:
        unused: after reading: the first keys that are neither a field nor used by `--text`, at most 20.
    """

    def __init__(self, converter: RowConverter) -> None:
        self.unused: list[str] = []
        self.hints: list[str] = []  # as in `CsvRows`
        self._converter = converter
        self._map = converter.column_map
        self._unmet: set[str] = set()  # keys of `--map` that have not occurred yet

    @property
    def window(self) -> SendWindow | None:
        """When messages may be sent to people; None: always."""
        return self._converter.any_window

    def has_default(self, column: str) -> bool:
        """Whether each placeholder of the column in `--text` has a default."""
        template = self._converter.template
        return template is not None and template.has_default(column)

    def read(self, lines: Iterable[bytes]) -> Iterator[Row | Problem]:
        text = DecodedLines(lines)
        self._unmet = set(self._map.given)
        number = 0
        try:
            for line in text:
                if line.strip():
                    number += 1
                    yield self._row(number, text, line)
            for key in sorted(self._unmet):
                yield Problem(line=text.number, rule=f"--map: no line has a key {masked_runs(key)!r}")
        except LineTooLongError as wrong:
            yield Problem(line=wrong.line, rule="is too long for a row")
        except NotTextError as wrong:
            yield Problem(line=text.number, rule=str(wrong))

    def records(self, lines: Iterable[bytes]) -> Iterator[tuple[int, str, bool]]:
        """Yields each row unchanged: number, line, whether characters are lost."""
        text = DecodedLines(lines)
        number = 0
        for line in text:
            if line.strip():
                number += 1
                yield number, line, text.undecodable() is not None

    def _row(self, number: int, text: DecodedLines, line: str) -> Row | Problem:
        if text.undecodable() is not None:
            return Problem(line=text.number, number=number, rule=NOT_UTF8)
        try:
            return self._converter.convert(number, text.number, *self._fields_and_cells(_object(line)))
        except _RowError as wrong:
            return Problem(line=text.number, number=number, field=wrong.field, rule=str(wrong))

    def _fields_and_cells(self, found: dict[str, Any]) -> tuple[list[tuple[str, str]], list[str]]:
        fields: dict[str, str] = {}
        cells: dict[str, str] = {}
        for key, value in found.items():
            field, placeholder = self._map.field_of(key), key in self._converter.columns
            self._unmet.discard(key)
            if field is not None and field in fields:
                raise _RowError("is given twice", field)
            if field is not None:
                fields[field] = _flag(value) if field == OPT_OUT else _string(value, field)
            elif not placeholder and (close := self._map.field_nearly_named(key)) is not None and close not in found:
                raise _RowError(f"has a key {key!r}; did you mean {close!r}? (If not, rename the key.)")
            elif not placeholder and len(self.unused) < _MOST_UNUSED and key not in self.unused:
                self.unused.append(key)
            if placeholder:
                cells[key] = _cell(value, key)
        if "destination" not in fields and (suggested := self._map.suggestion("destination", found)) is not None:
            raise _RowError(f"is missing; add {suggested}", "destination")
        self._check_text(fields, cells)
        return list(fields.items()), [cells[column].strip() for column in self._converter.columns]

    def _check_text(self, fields: dict[str, str], cells: dict[str, str]) -> None:
        for column in self._converter.columns:
            if column not in cells:
                raise _RowError(
                    f"--text has the placeholder {{{masked_runs(column)}}}, but there is no key of that name"
                )
        if self._converter.template is not None and "text" in fields and "text" not in self._converter.columns:
            raise _RowError(TEXT_TWICE)


class _RowError(Exception):
    """A problem of one line; `str()` is its rule."""

    def __init__(self, rule: str, field: str | None = None) -> None:
        super().__init__(rule)
        self.field = field


class _Number(str):
    """A JSON number as the file spells it: `12.50` stays `12.50`."""

    __slots__ = ()


def _object(line: str) -> dict[str, Any]:
    try:
        found = json.loads(
            line, object_pairs_hook=_pairs, parse_int=_Number, parse_float=_Number, parse_constant=_no_constant
        )
    except json.JSONDecodeError as wrong:
        problem = f"is not JSON: {wrong.msg} at character {wrong.pos + 1}"
    except RecursionError:
        problem = "is JSON that is nested too deeply"
    else:
        if isinstance(found, dict):
            return found
        problem = "must be a JSON object"
    raise _RowError(problem)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RowError("has a key twice")
    return found


def _no_constant(_: str) -> NoReturn:
    raise _RowError("is not JSON: NaN and Infinity are not JSON numbers")


def _string(value: object, field: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, _Number):
        return value if field == "text" else value.strip()
    raise _RowError("must be a string in quotes" if isinstance(value, _Number) else "must be a string", field)


def _flag(value: object) -> str:
    return (
        "yes"
        if value is True
        else ""
        if value is False
        else str(value)
        if isinstance(value, _Number)
        else _string(value, OPT_OUT)
    )


def _cell(value: object, key: str) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    raise _RowError(f"the value for the placeholder {{{masked_runs(key)}}} must be a string or a number")
