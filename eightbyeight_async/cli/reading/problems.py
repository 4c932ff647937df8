"""The problems of a file: the first ones, which are printed; with `--bad-rows` or `--problems` all of them. Pure.

Each problem takes 24 bytes in memory, so that a file of a million wrong rows does not fill the memory.
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

from eightbyeight_async.cli.reading.row_to_request import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["SHOWN", "Problems"]

SHOWN = 20
_HEADER = 0  # the row number of a problem that is about the header or the whole file


class Problems:
    """Collects problems.

    Args:
        keep_all: whether `all` yields all problems; otherwise only `first` has some.

    Attributes:
        first: the first problems in the order of their lines, at most 20.
        wrong: number of all problems.
        fatal: number of problems that belong to no row. With such a problem, setting rows aside does not help.
    """

    def __init__(self, *, keep_all: bool = False) -> None:
        self.first: list[Problem] = []
        self.wrong: int = 0
        self.fatal: int = 0
        self._keep_all = keep_all
        self._places = array("q")  # row number, line, index of field and rule
        self._rules: dict[tuple[str | None, str], int] = {}

    def add(self, problem: Problem) -> None:
        self.wrong += 1
        self.fatal += problem.number is None
        if len(self.first) < SHOWN or problem.line < self.first[-1].line:
            self.first = sorted([*self.first, problem], key=lambda one: one.line)[:SHOWN]
        if self._keep_all:
            rule = self._rules.setdefault((problem.field, problem.rule), len(self._rules))
            self._places.extend((problem.number or _HEADER, problem.line, rule))

    def all(self) -> Iterator[Problem]:
        """All problems in the order in which they were found."""
        rules = list(self._rules)
        for at in range(0, len(self._places), 3):
            number, line, index = self._places[at : at + 3]
            field, rule = rules[index]
            yield Problem(line=line, number=number or None, field=field, rule=rule)

    def rows(self) -> array[int]:
        """The numbers of the rows with a problem, each once, in order."""
        return array("q", sorted({self._places[at] for at in range(0, len(self._places), 3)} - {_HEADER}))
