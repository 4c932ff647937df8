"""The first reading of a file: every row is looked at, nothing is sent, and what is wrong is said all at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.cli.reading.row_to_request import Complaint, Row
from eightbyeight_async.models.sms import Encoding
from eightbyeight_async.text import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["Checked", "check", "parts_of"]

SHOWN = 20
_ROWS_SHOWN = 5


@attrs.define
class Checked:
    """
    Attributes:
        rows: messages in the file.
        scheduled: those of them that are not for now.
        blanks: in how many rows each column of `--text` is empty.
        long: messages whose text the platform will truncate; `long_rows`: the rows of the first of them.
        late: messages with a time that has passed, where that is allowed; `late_rows`: the rows of the first of them.
        complaints: the first of them; `wrong` counts all.
    """

    rows: int = 0
    scheduled: int = 0
    blanks: Counter[str] = attrs.field(factory=Counter)
    long: int = 0
    long_rows: list[int] = attrs.field(factory=list)
    late: int = 0
    late_rows: list[int] = attrs.field(factory=list)
    complaints: list[Complaint] = attrs.field(factory=list)
    wrong: int = 0


def check(
    rows: Iterable[Row | Complaint], look: Callable[[SmsRequest], object] = lambda _: None, *, allow_late: bool = False
) -> Checked:
    """
    Args:
        look: is shown every message, for what else there is to count.
        allow_late: a time that has passed is counted, not complained about.
    """
    checked = Checked()
    for found in rows:
        row = found
        if isinstance(row, Row) and row.late is not None and not allow_late:
            row = row.late
        if isinstance(row, Complaint):
            checked.wrong += 1
            if len(checked.complaints) < SHOWN:
                checked.complaints.append(row)
            continue
        checked.rows += 1
        checked.scheduled += row.request.scheduled is not None
        if row.blanks:
            checked.blanks.update(set(row.blanks))
        if row.long:
            checked.long += 1
            if len(checked.long_rows) < _ROWS_SHOWN:
                checked.long_rows.append(row.number)
        if row.late is not None:
            checked.late += 1
            if len(checked.late_rows) < _ROWS_SHOWN:
                checked.late_rows.append(row.number)
        look(row.request)
    return checked


def parts_of(request: SmsRequest) -> int:
    """How many parts its text takes; one that GSM7 was asked for and cannot hold is counted as UCS2."""
    encoding = Encoding.UCS2 if request.encoding is Encoding.UCS2 else Encoding.AUTO
    return measure(request.text or "", encoding).parts
