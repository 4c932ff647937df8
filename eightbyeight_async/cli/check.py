"""The first reading of a file: every row is looked at, nothing is sent, and what is wrong is said all at once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.cli.rows import Complaint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eightbyeight_async.cli.rows import Row

__all__ = ["Checked", "check"]

SHOWN = 20


@attrs.define
class Checked:
    """
    Attributes:
        rows: messages in the file.
        scheduled: those of them that are not for now.
        blanks: in how many rows each column of `--text` is empty.
        complaints: the first of them; `wrong` counts all.
    """

    rows: int = 0
    scheduled: int = 0
    blanks: Counter[str] = attrs.field(factory=Counter)
    complaints: list[Complaint] = attrs.field(factory=list)
    wrong: int = 0


def check(rows: Iterable[Row | Complaint]) -> Checked:
    checked = Checked()
    for row in rows:
        if isinstance(row, Complaint):
            checked.wrong += 1
            if len(checked.complaints) < SHOWN:
                checked.complaints.append(row)
            continue
        checked.rows += 1
        checked.scheduled += row.request.scheduled is not None
        if row.blanks:
            checked.blanks.update(set(row.blanks))
    return checked
