"""Messages a second with 100 in flight and a server that takes 50 ms for each response. The upper limit is 2,000."""

from __future__ import annotations

from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Bar, Row, Table, by_round, cell, spread
from benchmarks.processes import Server, run_job
from benchmarks.settings import Settings, progress

LATENCY = 0.05
IN_FLIGHT = 100
POSSIBLE = IN_FLIGHT / LATENCY
_TAKING_TURNS = ("sdk", "aiohttp", "sdk-fast")


def run(settings: Settings, server: Server) -> list[Row]:
    rows: list[Row] = []
    for number in range(settings.rounds):
        for name in settings.present(*_TAKING_TURNS):
            progress(f"slow server, round {number + 1}: {name}")
            options = {
                "url": server.url,
                "ca_file": server.ca_file,
                "concurrency": IN_FLIGHT,
                "seconds": 1 if settings.quick else 3,
                "latency": LATENCY,
            }
            rows.append({"round": number, "contender": name, **run_job("load", name, options)})
    for row in rows:
        row["share"] = row["rate"] / POSSIBLE * 100
    return rows


def tables(rows: list[Row]) -> list[Table]:
    body = []
    for name in dict.fromkeys(row["contender"] for row in rows):
        delay = spread(value * 1000 for value in by_round(rows, "server_delay", contender=name).values())
        body.append(
            [
                CONTENDERS[name].label,
                cell(spread(by_round(rows, "rate", contender=name).values()), ",.0f"),
                cell(spread(by_round(rows, "share", contender=name).values()), ".1f"),
                cell(delay, ".1f", True),
                cell(spread(by_round(rows, "server_in_flight", contender=name).values()), ".0f", True),
            ]
        )
    return [
        Table(
            "Server with 50 ms latency, 100 in flight",
            [
                "contender",
                "messages a second",
                "% of the possible 2,000",
                "server's real delay, ms",
                "most in flight there",
            ],
            body,
            "Median (lowest-highest). The possible 2,000 takes the latency as exactly 50 ms.",
        )
    ]


def bars(rows: list[Row]) -> list[Bar]:
    share = spread(by_round(rows, "share", contender="sdk").values())
    return [Bar("Share of 2,000/s, 50 ms latency, 100 in flight", share, 95, unit=" %")]
