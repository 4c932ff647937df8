"""Reads CSV with a header: lines in, rows and problems out. Pure; holds one record in memory at a time.

Rules:
- The encoding is UTF-8, with or without a byte order mark.
- Every record has as many cells as the header. More are allowed if they are empty.
- A column without a name is allowed if it is empty. At the end of a record it may be missing.
- A quoted cell that contains a line break is refused without `--multiline`. With two stray quotes, all rows between
  them would become one cell: those people would get no message, and one person would get their numbers. No rule can
  distinguish such a cell from a text of several lines for certain, and a wrong guess cannot be undone.
- The separator is the first of `, ; tab |` with which the header has a `destination` column. A first line `sep=;`,
  which Excel understands, also sets the separator; it is not the header.
- Cells are stripped of white space, except the text.
- A column that is not a field of a message can be used by `--text`.
- A column that looks like a misspelt field is refused. If a misspelt `scheduled` or `source` were ignored, other
  messages would be sent than the user meant.
"""

from __future__ import annotations

import csv
import itertools
import re
from typing import TYPE_CHECKING

from eightbyeight_async.cli.reading.field_names import OPT_OUT
from eightbyeight_async.cli.reading.row_to_request import Problem
from eightbyeight_async.cli.reading.twice_read_lines import LineTooLongError
from eightbyeight_async.cli.reading.utf8_lines import NOT_UTF8, DecodedLines, NotTextError
from eightbyeight_async.models.privacy import masked_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from eightbyeight_async.cli.reading.column_map import ColumnMap
    from eightbyeight_async.cli.reading.row_to_request import Row, RowConverter
    from eightbyeight_async.cli.reading.send_window import SendWindow

__all__ = ["TEXT_TWICE", "CsvRows"]

_SEPARATORS = ",;\t|"
_SEPARATOR_LINE = re.compile(r"\"?sep=(.)\"?[\r\n]*", re.IGNORECASE)


class CsvRows:
    """Reader of one CSV file.

    Attributes:
        unused: set by reading: names of the columns that are neither a field nor used by `--text`.
        separator: set by reading: separator of the cells.
        hints: set by reading: options to add for columns that probably have a meaning.
    """

    def __init__(self, converter: RowConverter, separator: str | None = None, *, multiline: bool = False) -> None:
        self.unused: list[str] = []
        self.hints: list[str] = []
        self.separator: str = separator or ","
        self._converter = converter
        self._map: ColumnMap = converter.column_map
        self._separator = separator
        self._multiline = multiline
        self._names: list[str] = []
        self._fields: list[tuple[int, str]] = []
        self._placeholders: list[int] = []
        self._unnamed: list[int] = []
        self._named_width = 0  # number of columns up to the last column with a name

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
        records = self._records(text)
        while (header := next(records, None)) is not None and not isinstance(header, Problem) and _blank(header[1]):
            pass
        if header is None or isinstance(header, Problem):
            yield header or Problem(line=1, rule="the file is empty; its first line must name the columns")
            return
        if (broken := self._line_break(header[1])) is not None:
            yield Problem(line=header[0], rule=f"column {broken + 1}: {_line_break_rule(text.number)}")
            return
        problems = list(self._header_problems(*header))
        if text.undecodable() is not None:
            problems.append(Problem(line=header[0], rule=NOT_UTF8))
        if problems:
            yield from problems
            return
        number = 0
        for record in records:
            if isinstance(record, Problem):
                yield record
                continue
            line, cells = record
            together = "".join(cells)
            if not together or together.isspace():
                continue
            number += 1
            yield self._row(number, line, cells, text, breaks="\n" in together or "\r" in together)

    def fits(self, cells: list[str]) -> bool:
        """Whether a record has a cell for each column of the header; columns without a name at its end may lack one."""
        return self._named_width <= len(cells) <= len(self._names)

    def records(self, lines: Iterable[bytes]) -> Iterator[tuple[int, list[str], bool]]:
        """Yields the header, with number 0, and each row unchanged: number, cells, whether characters are lost."""
        text = DecodedLines(lines)
        number = -1
        for record in self._records(text):
            if not isinstance(record, Problem) and not _blank(record[1]):
                number += 1
                yield number, record[1], text.undecodable() is not None

    def _row(self, number: int, line: int, cells: list[str], text: DecodedLines, *, breaks: bool) -> Row | Problem:
        """Converts a record. `breaks`: whether a cell contains a line break."""
        if (undecodable := text.undecodable()) is not None:
            return Problem(line=undecodable, number=number, rule=NOT_UTF8)
        if breaks and (broken := self._line_break(cells)) is not None:
            # The column's number, not its name: by mistake the header may be a row with private data. The cells are not
            # shown either: they may come from several rows.
            rule = f"column {broken + 1}: {_line_break_rule(text.number)}"
            return Problem(line=line, number=number, rule=rule)
        width = len(self._names)
        if len(cells) != width:
            if len(cells) > width and _blank(cells[width:]):
                del cells[width:]
            if not self.fits(cells):
                rule = f"has {_cells(len(cells))}, the header has {width}"
                return Problem(
                    line=line, number=number, rule=f"{rule}; put quotes around a cell that contains the separator"
                )
            cells += [""] * (width - len(cells))
        for at in self._unnamed:
            if cells[at].strip():
                return Problem(line=line, number=number, rule=f"column {at + 1} has a value, but no name in the header")
        fields = [(name, cells[at] if name == "text" else cells[at].strip()) for at, name in self._fields]
        return self._converter.convert(number, line, fields, [cells[at].strip() for at in self._placeholders])

    def _line_break(self, cells: list[str]) -> int | None:
        """Index of the first cell that contains a line break, unless that is allowed."""
        if self._multiline:
            return None
        return next((at for at, cell in enumerate(cells) if "\n" in cell or "\r" in cell), None)

    def _records(self, text: DecodedLines) -> Iterator[tuple[int, list[str]] | Problem]:
        """Yields each record with the number of its first line. Stops at a problem that makes the rest unreadable."""
        line = 1
        try:
            first = next(text, None)
            if first is None:
                return
            separator = self._separator
            if said := _SEPARATOR_LINE.fullmatch(first):
                separator = separator or said[1]
                first = next(text, "")
            self.separator = separator = separator or self._separator_of(first)
            reader = csv.reader(itertools.chain([first], text), delimiter=separator, strict=True)
            line = text.number
            for cells in reader:
                yield line, cells
                line = text.number + 1
        except LineTooLongError as wrong:
            yield Problem(line=wrong.line, rule="is too long for a row; are the line ends LF or CRLF?")
        except NotTextError as wrong:
            yield Problem(line=text.number, rule=str(wrong))
        except csv.Error as wrong:
            # The csv module's messages name the separator and the quote, never the content of a cell.
            yield Problem(line=line, rule=_csv_rule(str(wrong)))

    def _header_problems(self, line: int, header: list[str]) -> Iterator[Problem]:
        """Yields the problems of the header.

        A problem quotes a name only if it resembles a field: the first line may be a row of data by mistake.
        """
        names = [name.strip() for name in header]
        fields = [(at, field) for at, name in enumerate(names) if (field := self._map.field_of(name)) is not None]
        present = {field for _, field in fields}
        for at, name in enumerate(names):
            field, close = self._map.field_of(name), self._map.field_nearly_named(name)
            if not name:
                continue
            if name in names[:at] or (field is not None and (at, field) != _first(fields, field)):
                yield Problem(line=line, rule=f"column {at + 1} {_SAME}", field=field)
            elif close is not None and close not in present and name not in self._converter.columns:
                rule = f"column {at + 1} is named {name!r}; did you mean {close!r}? (If not, rename the column.)"
                yield Problem(line=line, rule=rule)
        for column in self._map.given:
            if column not in names:
                yield Problem(line=line, rule=f"--map: there is no column named {masked_runs(column)!r}")
        if "destination" not in present:
            suggested = self._map.suggestion("destination", names)
            rule = _NO_HEADER if suggested is None else f"add {suggested}"
            yield Problem(line=line, rule=f"there is no column named destination; {rule}")
            return
        for column in self._converter.columns:
            if column not in names:
                yield Problem(
                    line=line,
                    rule=f"--text has the placeholder {{{masked_runs(column)}}}, but there is no column of that name",
                )
        if self._converter.template is None and "text" not in present:
            suggested = self._map.suggestion("text", names)
            more = "--map COLUMN=text says which column has it" if suggested is None else f"add {suggested}"
            yield Problem(line=line, rule=f"there is no column named text, and no option --text; {more}")
        text_column = next((names[at] for at, field in fields if field == "text"), None)
        if self._converter.template is not None and text_column not in (None, *self._converter.columns):
            yield Problem(line=line, rule=TEXT_TWICE)
        self._names, self._fields = names, fields
        self._placeholders = [names.index(name) for name in self._converter.columns if name in names]
        self._unnamed = [at for at, name in enumerate(names) if not name]
        self._named_width = max(at for at, name in enumerate(names) if name) + 1
        self.hints = [one for one in (self._map.suggestion(OPT_OUT, names),) if one and OPT_OUT not in present]
        self.unused = [
            name for name in names if name and self._map.field_of(name) is None and name not in self._converter.columns
        ]

    def _separator_of(self, header: str) -> str:
        """Returns the first separator with which the header has a column for the number.

        If no separator gives one, the first with which a column has a usual name for the number.
        """
        split = [(separator, cells) for separator in _SEPARATORS if (cells := _cells_of(header, separator))]
        for separator, cells in split:
            if any(self._map.field_of(cell) == "destination" for cell in cells):
                return separator
        for separator, cells in split:
            if self._map.suggestion("destination", cells) is not None:
                return separator
        return ","


_NO_HEADER = (
    "the first line must name the columns. If it does, say which has the numbers: --map COLUMN=destination, "
    "with that column's name for COLUMN"
)
_SAME = "has the same name as an earlier column, or sets the same field (--map COLUMN= lets it set none)"
TEXT_TWICE = "a text is given here and by --text; put {text} into --text, or leave one of them out"


def _cells_of(header: str, separator: str) -> list[str]:
    try:
        return [cell.strip() for cell in next(csv.reader([header], delimiter=separator), [])]
    except csv.Error:
        return []


def _first(fields: list[tuple[int, str]], field: str) -> tuple[int, str]:
    return next(pair for pair in fields if pair[1] == field)


def _blank(cells: list[str]) -> bool:
    return not any(cell.strip() for cell in cells)


def _cells(cells: int) -> str:
    return f"{cells} cell" if cells == 1 else f"{cells} cells"


def _line_break_rule(last: int) -> str:
    return f"a quoted cell contains a line break, and the row ends in line {last}; remove the extra quote, {_MEANT}"


_MEANT = "or add --multiline if texts of several lines are meant"


def _csv_rule(words: str) -> str:
    if "unexpected end of data" in words or "field larger" in words:
        return "a quoted cell has no closing quote; look for an extra quote in this line or in an earlier one"
    if "new-line character" in words:
        return "contains a carriage return outside quotes; line ends must be LF or CRLF"
    return f"is not CSV: {words}"
