"""Medians with their spread, tables and bars: pure functions from raw rows to printed text.

A ratio is computed for each round, from two measurements that are seconds apart, and then summarised. So a minute in
which the machine is slow affects both. Tables are GitHub Markdown, so that the output can be pasted.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

__all__ = ["Bar", "Row", "Spread", "Table", "by_round", "cell", "ratio", "render", "render_bars", "spread"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Spread:
    """The median and the range of a figure over several rounds."""

    median: float
    low: float
    high: float
    rounds: int

    def show(self, form: str = ".2f") -> str:
        if self.rounds == 1:
            return f"{self.median:{form}}"
        return f"{self.median:{form}} ({self.low:{form}}-{self.high:{form}})"


@dataclass(frozen=True)
class Table:
    title: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    note: str = ""


@dataclass(frozen=True)
class Bar:
    """A required figure: `measured` must be at least `limit`, or at most `limit` if `at_most` is True.

    `stretch`: a goal that is not required.
    """

    name: str
    measured: Spread | None
    limit: float
    at_most: bool = False
    stretch: bool = False
    unit: str = ""

    @property
    def met(self) -> bool | None:
        if self.measured is None:
            return None
        value = self.measured.median
        return value <= self.limit if self.at_most else value >= self.limit


def spread(values: Iterable[float]) -> Spread | None:
    found = list(values)
    return Spread(statistics.median(found), min(found), max(found), len(found)) if found else None


def by_round(rows: Iterable[Row], figure: str, **wanted: object) -> dict[int, float]:
    """`figure` of each round, from the rows that have all the `wanted` values."""
    return {
        row["round"]: row[figure]
        for row in rows
        if row.get(figure) is not None and all(row.get(key) == value for key, value in wanted.items())
    }


def ratio(ours: dict[int, float], theirs: dict[int, float]) -> Spread | None:
    """Ours divided by theirs, for each round."""
    return spread(value / theirs[number] for number, value in ours.items() if theirs.get(number))


def cell(found: Spread | None, form: str = ".2f", only_median: bool = False) -> str:
    if found is None:
        return "-"
    return f"{found.median:{form}}" if only_median else found.show(form)


def render(table: Table) -> str:
    rows = [list(table.header), *([*row] for row in table.rows)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.header))]

    def line(row: Sequence[str], pad: Callable[[str, int], str]) -> str:
        return "| " + " | ".join(pad(text, width) for text, width in zip(row, widths, strict=True)) + " |"

    rule = line(["-" * width for width in widths], str.ljust)
    body = [line(rows[0], str.ljust), rule, *(line(row, str.ljust) for row in rows[1:])]
    return "\n".join([f"### {table.title}", "", *([table.note, ""] if table.note else []), *body])


def render_bars(bars: Sequence[Bar]) -> str:
    words = {True: "met", False: "NOT MET", None: "not measured"}
    rows = []
    for bar in bars:
        form = ".1f" if bar.limit >= 10 else ".2f"
        limit = f"{'<=' if bar.at_most else '>='} {bar.limit:g}{bar.unit}"
        rows.append([bar.name, limit + (" (stretch)" if bar.stretch else ""), cell(bar.measured, form), words[bar.met]])
    return render(Table("Bars", ["what", "bar", "measured: median (min-max)", ""], rows))
