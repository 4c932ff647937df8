"""The latency of one message at a fixed rate of messages (open loop), with a server that takes 20 ms for each."""

from __future__ import annotations

from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Bar, Row, Table, by_round, cell, spread
from benchmarks.processes import Server, run_job
from benchmarks.settings import Settings, progress

LATENCY = 0.02
# 1,500 a second is near the API's own limit of 1,800 per sub-account, and out of reach for stock httpx.
_OFFERED = {500: ("sdk", "aiohttp", "httpx"), 1500: ("sdk", "aiohttp", "sdk-fast")}
_FIGURES = ("p50", "p95", "p99")


def run(settings: Settings, server: Server) -> list[Row]:
    rows: list[Row] = []
    for number in range(settings.rounds):
        for rate, names in _OFFERED.items():
            for name in settings.present(*names):
                progress(f"latency, round {number + 1}, {rate}/s offered: {name}")
                options = {
                    "url": server.url,
                    "ca_file": server.ca_file,
                    "rate": rate,
                    "seconds": 1 if settings.quick else 2,
                    "latency": LATENCY,
                }
                result = run_job("open_loop", name, options)
                rows.append({"round": number, "contender": name, "offered": rate, **result})
    return rows


def tables(rows: list[Row]) -> list[Table]:
    body = []
    for rate, name in dict.fromkeys((row["offered"], row["contender"]) for row in rows):
        wanted = {"offered": rate, "contender": name}
        found = [cell(spread(by_round(rows, figure, **wanted).values()), ".1f") for figure in _FIGURES]
        unanswered = sum(by_round(rows, "unanswered", **wanted).values())
        body.append([f"{rate}/s", CONTENDERS[name].label.split(",")[0], *found, f"{unanswered:.0f}"])
    return [
        Table(
            "Latency at a fixed offered rate, ms",
            ["offered", "contender", *_FIGURES, "unanswered"],
            body,
            "Single sends (`sms.send`), 20 ms of it the server's; counted from when the message was due, over all "
            "rounds: median (lowest-highest). A dash: too many never came back.",
        )
    ]


def bars(rows: list[Row]) -> list[Bar]:
    ours, theirs = (by_round(rows, "p99", contender=name, offered=1500) for name in ("sdk", "aiohttp"))
    later = spread(value - theirs[number] for number, value in ours.items() if number in theirs)
    return [Bar("p99 at 1,500/s later than aiohttp's", later, 1, at_most=True, unit=" ms")]
