"""The peak memory of a process that sends 1,000 or 100,000 messages from a generator, with 100 in flight."""

from __future__ import annotations

from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Bar, Row, Table, by_round, cell, spread
from benchmarks.processes import Server, run_job
from benchmarks.settings import Settings, progress

FEW, MANY = 1_000, 100_000
_QUICK_MANY = 10_000
_MOST_ROUNDS = 3  # the peak hardly varies, and each round takes half a minute
# seconds; limit of the large run. A client that is too slow for MANY sends fewer messages; the table shows how many
_LONGEST = 120


def run(settings: Settings, server: Server) -> list[Row]:
    rows: list[Row] = []
    for number in range(1 if settings.quick else min(settings.rounds, _MOST_ROUNDS)):
        # aiohttp is measured only for comparison, because gather keeps a task for every message. One round is enough.
        for name in settings.present("sdk", *(["aiohttp"] if number == 0 else [])):
            rate = float("inf")
            for size in (FEW, _QUICK_MANY if settings.quick else MANY):
                count = min(size, max(FEW, int(min(rate * _LONGEST, MANY))))
                progress(f"memory, round {number + 1}, {count:,} messages: {name}")
                options = {"url": server.url, "ca_file": server.ca_file, "concurrency": 100, "count": count}
                result = run_job("load", name, options)
                rate = result["rate"]
                rows.append({"round": number, "contender": name, "size": "few" if size == FEW else "many", **result})
    return rows


def tables(rows: list[Row]) -> list[Table]:
    body = []
    for name in dict.fromkeys(row["contender"] for row in rows):
        few, many = (by_round(rows, "peak_mb", contender=name, size=size) for size in ("few", "many"))
        most = by_round(rows, "messages", contender=name, size="many")
        growth = spread(many[number] - few[number] for number in few if number in many)
        body.append(
            [
                CONTENDERS[name].label,
                cell(spread(few.values()), ".1f"),
                cell(spread(most.values()), ",.0f", True),
                cell(spread(many.values()), ".1f"),
                cell(growth, ".1f"),
            ]
        )
    return [
        Table(
            "Peak memory, MB",
            ["contender", "for 1,000 messages", "messages in the large run", "for the large run", "difference"],
            body,
            "Of the whole process, interpreter included; median (lowest-highest).",
        )
    ]


def bars(rows: list[Row]) -> list[Bar]:
    few, many = (by_round(rows, "peak_mb", contender="sdk", size=size) for size in ("few", "many"))
    growth = spread(many[number] - few[number] for number in few if number in many)
    most = max(by_round(rows, "messages", contender="sdk", size="many").values(), default=MANY)
    return [Bar(f"Peak memory, {most:,.0f} messages less 1,000", growth, 15, at_most=True, unit=" MB")]
