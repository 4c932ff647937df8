"""The first reading of a file: every row is looked at, nothing is sent, and what is wrong is said all at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.cli.reading.row_to_request import Problem
from eightbyeight_async.models.sms import Encoding
from eightbyeight_async.text import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eightbyeight_async.cli.reading.row_to_request import Row
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["Checked", "check_rows", "parts_of"]

SHOWN = 20
_LONG_SHOWN = 5


@attrs.define
class Checked:
    """
    Attributes:
        rows: messages in the file.
        scheduled: those of them that are not for now.
        blanks: in how many rows each column of `--text` is empty.
        long: messages whose text the platform will truncate; `long_rows`: the rows of the first of them.
        problems: the first of them; `wrong` counts all.
    """

    rows: int = 0
    scheduled: int = 0
    blanks: Counter[str] = attrs.field(factory=Counter)
    long: int = 0
    long_rows: list[int] = attrs.field(factory=list)
    problems: list[Problem] = attrs.field(factory=list)
    wrong: int = 0


def check_rows(rows: Iterable[Row | Problem], on_request: Callable[[SmsRequest], object] = lambda _: None) -> Checked:
    """`on_request`: is shown every message, for what else there is to count."""
    checked = Checked()
    for row in rows:
        if isinstance(row, Problem):
            checked.wrong += 1
            if len(checked.problems) < SHOWN:
                checked.problems.append(row)
            continue
        checked.rows += 1
        checked.scheduled += row.request.scheduled is not None
        if row.blanks:
            checked.blanks.update(set(row.blanks))
        if row.long:
            checked.long += 1
            if len(checked.long_rows) < _LONG_SHOWN:
                checked.long_rows.append(row.number)
        on_request(row.request)
    return checked


def parts_of(request: SmsRequest) -> int:
    """How many parts its text takes; one that GSM7 was asked for and cannot hold is counted as UCS2."""
    encoding = Encoding.UCS2 if request.encoding is Encoding.UCS2 else Encoding.AUTO
    return measure(request.text or "", encoding).parts
