"""Checks all rows of a file and collects the counts and the problems. Sends and prints nothing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

import attrs

from eightbyeight_async.cli.reading.row_to_request import Problem, Row
from eightbyeight_async.models.number_plus import NO_PLUS, lacks_plus
from eightbyeight_async.models.sms import Encoding
from eightbyeight_async.text import measure

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["ONE_PART", "Checked", "RowObserver", "check_rows", "parts_of"]

# Problems that are kept and printed; the others are only counted.
SHOWN = 20
_ROWS_SHOWN = 5
# A character takes at most two units of UCS2 or two septets, so a text this short is one part. `measure`: 5 us.
ONE_PART = 35


class RowObserver(Protocol):
    """Sees every valid row, and may find problems of its own.

    Attributes:
        problems: the first of them, at most 20.
        wrong: number of all of them.
    """

    problems: list[Problem]
    wrong: int

    def add(self, row: Row) -> None:
        """Takes the next row."""
        ...

    def finish(self) -> None:
        """Called after the last row."""
        ...


@attrs.define
class Checked:
    """The result of checking a file.

    Attributes:
        rows: number of valid rows; each is one message.
        scheduled: number of messages with a `scheduled` time.
        blanks: per column that `--text` uses: number of rows where the column is empty.
        long: number of messages whose text the platform will truncate.
        long_rows: row numbers of the first of these messages, at most 5.
        late: number of messages with a time that has passed; 0 unless such times are allowed.
        late_rows: row numbers of the first of these messages, at most 5.
        cleaned: number of numbers that `--clean-numbers` changed.
        changes: per kind of change: number of numbers.
        without_plus: number of messages whose number has no `+` and no country; 0 unless these are refused.
        first_without_plus: the first of them; None: there is none.
        problems: the first problems, at most 20.
        wrong: number of all problems.
    """

    rows: int = 0
    scheduled: int = 0
    blanks: Counter[str] = attrs.field(factory=Counter)
    long: int = 0
    long_rows: list[int] = attrs.field(factory=list)
    late: int = 0
    late_rows: list[int] = attrs.field(factory=list)
    cleaned: int = 0
    changes: Counter[str] = attrs.field(factory=Counter)
    without_plus: int = 0
    first_without_plus: Problem | None = None
    problems: list[Problem] = attrs.field(factory=list)
    wrong: int = 0

    @property
    def refused(self) -> bool:
        """Whether nothing of the file may be sent."""
        return bool(self.wrong or self.without_plus)


def check_rows(
    rows: Iterable[Row | Problem],
    observer: RowObserver | None = None,
    *,
    allow_late: bool = False,
    require_plus: bool = False,
) -> Checked:
    """Checks every row.

    Args:
        rows: the rows of the file.
        observer: called with each valid row; None: nobody is.
        allow_late: whether a time that has passed is only counted, and is not a problem.
        require_plus: whether a number without `+` and without country is refused.
    """
    checked = Checked()
    for found in rows:
        row = found
        if isinstance(row, Row) and row.late is not None and not allow_late:
            row = row.late
        if isinstance(row, Problem):
            checked.wrong += 1
            if len(checked.problems) < SHOWN:
                checked.problems.append(row)
            continue
        checked.rows += 1
        checked.scheduled += row.request.scheduled is not None
        if row.blanks:
            checked.blanks.update(set(row.blanks))
        if row.cleaned:
            checked.cleaned += 1
            checked.changes.update(row.cleaned)
        if row.long:
            checked.long += 1
            if len(checked.long_rows) < _ROWS_SHOWN:
                checked.long_rows.append(row.number)
        if row.late is not None:
            checked.late += 1
            if len(checked.late_rows) < _ROWS_SHOWN:
                checked.late_rows.append(row.number)
        if require_plus and lacks_plus(row.request):
            checked.without_plus += 1
            if checked.first_without_plus is None:
                checked.first_without_plus = Problem(
                    line=row.line, number=row.number, field="destination", rule=NO_PLUS
                )
        if observer is not None:
            observer.add(row)
    if observer is not None:
        observer.finish()
        checked.wrong += observer.wrong
        checked.problems = sorted([*checked.problems, *observer.problems], key=lambda problem: problem.line)[:SHOWN]
    return checked


def parts_of(request: SmsRequest) -> int:
    """Number of parts of the text. A text with encoding GSM7 that GSM7 cannot represent is counted as UCS2."""
    text = request.text or ""
    if 0 < len(text) <= ONE_PART or (0 < len(text) <= 2 * ONE_PART and text.isascii()):
        return 1
    encoding = Encoding.UCS2 if request.encoding is Encoding.UCS2 else Encoding.AUTO
    return measure(text, encoding).parts
