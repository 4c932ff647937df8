"""Checks all rows of a file and collects the counts and the problems. Sends and prints nothing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Protocol

import attrs

from eightbyeight_async.cli.reading.problems import Problems
from eightbyeight_async.cli.reading.row_to_request import Problem, Row
from eightbyeight_async.models.number_plus import NO_PLUS, lacks_plus
from eightbyeight_async.models.sms import Encoding
from eightbyeight_async.quick_parts import quick_parts
from eightbyeight_async.text import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["Checked", "RowObserver", "check_rows", "parts_of"]

_ROWS_SHOWN = 5


class RowObserver(Protocol):
    """Receives every valid row, and may report more problems.

    Attributes:
        report: the function to call with each of these problems.
    """

    report: Callable[[Problem], None]

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
        skipped: number of rows that this run does not concern.
        scheduled: number of messages with a `scheduled` time.
        timed: whether a message has a `scheduled` or an `expiry`. If so, a check on another day may give another
            result.
        blanks: per column that `--text` uses: number of rows where the column is empty.
        long: number of messages whose text the platform will truncate.
        long_rows: row numbers of the first of these messages, at most 5.
        late: number of messages with a time that has passed; 0 unless such times are allowed.
        late_rows: row numbers of the first of these messages, at most 5.
        cleaned: number of numbers that `--clean-numbers` changed.
        changes: per kind of change: number of numbers.
        without_plus: number of messages whose number has no `+` and no country; 0 unless these are refused.
        first_without_plus: the first of these messages; None: there are none.
        found: the problems.
        set_aside: whether rows with a problem are left out, so that the other rows may be sent.
    """

    rows: int = 0
    skipped: int = 0
    scheduled: int = 0
    timed: bool = False
    blanks: Counter[str] = attrs.field(factory=Counter)
    long: int = 0
    long_rows: list[int] = attrs.field(factory=list)
    late: int = 0
    late_rows: list[int] = attrs.field(factory=list)
    cleaned: int = 0
    changes: Counter[str] = attrs.field(factory=Counter)
    without_plus: int = 0
    first_without_plus: Problem | None = None
    found: Problems = attrs.field(factory=Problems)
    set_aside: bool = False

    @property
    def problems(self) -> list[Problem]:
        """The first problems, at most 20."""
        return self.found.first

    @property
    def wrong(self) -> int:
        """Number of all problems."""
        return self.found.wrong

    @property
    def refused(self) -> bool:
        """Whether nothing of the file may be sent."""
        wrong = self.found.fatal if self.set_aside else self.found.wrong
        return bool(wrong or self.without_plus)


def check_rows(
    rows: Iterable[Row | Problem],
    observer: RowObserver | None = None,
    *,
    allow_late: bool = False,
    require_plus: bool = False,
    set_aside: bool = False,
    keep_all: bool = False,
) -> Checked:
    """Checks every row.

    Args:
        rows: the rows of the file.
        observer: called with each valid row; None: no observer.
        allow_late: whether a time that has passed is only counted, and not a problem.
        require_plus: whether a number without `+` and without country is refused.
        set_aside: whether rows with a problem are left out, instead of refusing the file.
        keep_all: whether all problems are kept. Problems of rows that are set aside are always kept.
    """
    checked = Checked(found=Problems(keep_all=keep_all or set_aside), set_aside=set_aside)
    if observer is not None:
        observer.report = checked.found.add
    for found in rows:
        row = found
        if isinstance(row, Row):
            if row.late is not None and not allow_late:
                row = row.late
            elif set_aside and require_plus and lacks_plus(row.request):
                row = Problem(line=row.line, number=row.number, field="destination", rule=NO_PLUS)
        if isinstance(row, Problem):
            checked.found.add(row)
            continue
        if row.skipped:
            checked.skipped += 1
            continue
        checked.rows += 1
        if row.request.scheduled is not None:
            checked.scheduled += 1
            checked.timed = True
        if row.request.expiry is not None:
            checked.timed = True
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
    return checked


def parts_of(request: SmsRequest) -> int:
    """Returns the number of parts of the text. A text with encoding GSM7 that GSM7 cannot represent counts as UCS2."""
    text = request.text or ""
    return measure(text, Encoding.UCS2).parts if request.encoding is Encoding.UCS2 else quick_parts(text)[0]
