"""The sandbox's requests a second and CPU time a request: single sends and look-ups with 50 in flight, and batches.

For comparison, aiohttp with constant bytes runs behind the sandbox's own listener. The difference is the sandbox's own
part.
"""

from __future__ import annotations

from benchmarks.figures import Bar, Row, Table, by_round, cell, spread
from benchmarks.processes import Server, run_job
from benchmarks.settings import Settings, progress, uvloop_installed

IN_FLIGHT = 50
_LABELS = {
    "send": "single sends, 50 in flight",
    "look-up": "look-ups, 50 in flight",
    "batch": "messages in batches of 10,000",
    "constant": "aiohttp, constant bytes, 50 in flight",
}


def run(settings: Settings, server: Server) -> list[Row]:
    if "floor" not in settings.contenders:
        return []
    rows: list[Row] = []
    single, batches = (1000, 1) if settings.quick else (6000, 6)
    for number in range(settings.rounds):
        for loop in ("asyncio", *(["uvloop"] if uvloop_installed() else [])):
            for what in _LABELS:
                progress(f"sandbox, round {number + 1}, {loop}: {what}")
                in_flight, requests = (1, batches) if what == "batch" else (IN_FLIGHT, single)
                options = {"what": what, "loop": loop, "in_flight": in_flight, "requests": requests}
                rows.append({"round": number, "what": what, "loop": loop, **run_job("sandbox", "floor", options)})
    return rows


def tables(rows: list[Row]) -> list[Table]:
    body = [
        [
            _LABELS[what],
            loop,
            cell(spread(by_round(rows, "rate", what=what, loop=loop).values()), ",.0f"),
            cell(spread(by_round(rows, "cpu_us", what=what, loop=loop).values()), ".1f"),
            cell(spread(100 * busy for busy in by_round(rows, "busy", what=what, loop=loop).values()), ".0f"),
        ]
        for what, loop in dict.fromkeys((row["what"], row["loop"]) for row in rows)
    ]
    return [
        Table(
            "The sandbox",
            ["what", "loop", "a second", "CPU, microseconds each", "sandbox's core busy, %"],
            body,
            "User and system time of the sandbox's process; in batches of a message, else of a request. "
            "Median (lowest-highest).",
        )
    ]


def bars(rows: list[Row]) -> list[Bar]:
    return []
