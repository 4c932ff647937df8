"""The cost of checking a file: `bulk run --dry-run` of 10,000 and of 1,000,000 rows with three placeholders."""

from __future__ import annotations

from benchmarks.figures import Bar, Row, Table, by_round, cell, spread
from benchmarks.processes import Server, run_job
from benchmarks.settings import Settings, progress

FEW, MANY = 10_000, 1_000_000
_QUICK_MANY = 50_000
_BEFORE = 46.7  # CPU seconds for MANY rows, measured when the check still encoded the body of each row


def run(settings: Settings, server: Server) -> list[Row]:
    if "sdk" not in settings.contenders:
        return []
    rows: list[Row] = []
    for number in range(settings.rounds):
        for size, count in (("few", FEW), ("many", _QUICK_MANY if settings.quick else MANY)):
            progress(f"check, round {number + 1}: {count:,} rows")
            rows.append({"round": number, "size": size, **run_job("check", "sdk", {"count": count})})
    return rows


def tables(rows: list[Row]) -> list[Table]:
    body = []
    for count in dict.fromkeys(row["count"] for row in rows):
        found = {"count": count}
        body.append([
            f"{count:,}",
            cell(spread(by_round(rows, "cpu", **found).values()), ".2f"),
            cell(spread(by_round(rows, "wall", **found).values()), ".2f"),
            cell(spread(by_round(rows, "peak_mb", **found).values()), ".1f"),
        ])  # fmt: skip
    return [
        Table(
            "The check of a file, and its plan",
            ["rows", "CPU s", "wall s", "peak MB"],
            body,
            "`bulk run --dry-run` with three placeholders, a process each. Median (lowest-highest).",
        )
    ]


def bars(rows: list[Row]) -> list[Bar]:
    cpu, memory = (by_round(rows, figure, size="many") for figure in ("cpu", "peak_mb"))
    few = by_round(rows, "peak_mb", size="few")
    per_row = {row["round"]: row["count"] for row in rows if row["size"] == "many"}
    million = spread(seconds / per_row[number] * MANY for number, seconds in cpu.items())
    growth = spread(memory[number] - few[number] for number in memory if number in few)
    return [
        Bar("Check of 1,000,000 rows", million, _BEFORE / 2, at_most=True, unit=" s"),
        Bar("Peak memory, many rows less 10,000", growth, 40, at_most=True, unit=" MB"),
    ]
