"""The microseconds of each pure step of one message, without and with orjson (extra `[fast]`)."""

from __future__ import annotations

from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Bar, Row, Table, by_round, cell, spread
from benchmarks.processes import Server, run_job
from benchmarks.settings import Settings, progress


def run(settings: Settings, server: Server) -> list[Row]:
    rows: list[Row] = []
    for number in range(settings.rounds):
        for name in settings.present("sdk", "sdk-fast"):
            progress(f"micro benchmarks, round {number + 1}: {name}")
            steps = run_job("micro", name, {"seconds": 0.1})
            rows += [
                {"round": number, "contender": name, "step": step, "microseconds": value}
                for step, value in steps.items()
            ]
    return rows


def tables(rows: list[Row]) -> list[Table]:
    names = list(dict.fromkeys(row["contender"] for row in rows))
    body = [
        [
            step,
            *(cell(spread(by_round(rows, "microseconds", contender=name, step=step).values())) for name in names),
        ]
        for step in dict.fromkeys(row["step"] for row in rows)
    ]
    return [
        Table(
            "Steps of one message, microseconds",
            ["step", *(CONTENDERS[name].label for name in names)],
            body,
            "The lowest of many repeats, then median (lowest-highest) over fresh processes.",
        )
    ]


def bars(rows: list[Row]) -> list[Bar]:
    return []
