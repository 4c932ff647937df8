"""Messages a second and CPU seconds per 1,000 messages: closed loop, 10 to 500 in flight, alternating contenders."""

from __future__ import annotations

from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Bar, Row, Spread, Table, by_round, cell, ratio, spread
from benchmarks.processes import Server, run_job
from benchmarks.settings import Settings, progress

IN_FLIGHT = (10, 50, 100, 500)
_QUICK_IN_FLIGHT = (50, 100)
_TAKING_TURNS = ("sdk", "aiohttp", "sdk-fast", "aiohttp-uvloop", "httpx")
_PAIRS = (("sdk", "httpx"), ("sdk", "aiohttp"), ("sdk-fast", "aiohttp"), ("sdk-fast", "aiohttp-uvloop"))


def run(settings: Settings, server: Server) -> list[Row]:
    rows: list[Row] = []
    seconds = 0.4 if settings.quick else 1.2
    for number in range(settings.rounds):
        for in_flight in _QUICK_IN_FLIGHT if settings.quick else IN_FLIGHT:
            turn = settings.present(*_TAKING_TURNS, *(["floor"] if number == 0 else []))
            for name in turn:
                progress(f"throughput, round {number + 1}, {in_flight} in flight: {name}")
                options = {
                    "url": server.url,
                    "ca_file": server.ca_file,
                    "concurrency": in_flight,
                    "seconds": seconds,
                }
                result = run_job("load", name, options)
                rows.append({"round": number, "contender": name, "in_flight": in_flight, **result})
    return rows


def tables(rows: list[Row]) -> list[Table]:
    names = list(dict.fromkeys(row["contender"] for row in rows))
    steps = sorted({row["in_flight"] for row in rows})
    labels = [CONTENDERS[name].label for name in names]
    rounds = len({row["round"] for row in rows})

    def figures(figure: str, form: str) -> list[list[str]]:
        return [
            [
                str(step),
                *(
                    cell(spread(by_round(rows, figure, contender=name, in_flight=step).values()), form, True)
                    for name in names
                ),
            ]
            for step in steps
        ]

    pairs = [(ours, theirs) for ours, theirs in _PAIRS if ours in names and theirs in names]
    ratios = [
        [
            str(step),
            *(cell(_ratio(rows, ours, theirs, step), ".1f" if theirs == "httpx" else ".2f") for ours, theirs in pairs),
        ]
        for step in steps
    ]
    server = [
        [
            CONTENDERS[name].label,
            cell(spread(row["server_busy"] * 100 for row in rows if row["contender"] == name), ".0f"),
            cell(spread(row["client_busy"] * 100 for row in rows if row["contender"] == name), ".0f"),
        ]
        for name in names
    ]
    return [
        Table(
            "Messages a second",
            ["in flight", *labels],
            figures("rate", ",.0f"),
            f"Medians of {rounds} alternating rounds; a server that answers at once. The constant bytes are no "
            "client: they show what the server can take (one round).",
        ),
        Table(
            "Ratios of messages a second",
            ["in flight", *(f"{ours} / {theirs}" for ours, theirs in pairs)],
            ratios,
            f"Taken round by round: median (lowest-highest) of {rounds}.",
        ),
        Table(
            "CPU seconds per 1,000 messages",
            ["in flight", *labels],
            figures("cpu_per_1000", ".3f"),
            f"User and system time of the client process; medians of {rounds} rounds.",
        ),
        Table(
            "Was the server the bottleneck?",
            ["contender", "server's core busy, %", "client's core busy, %"],
            server,
            "Over all rounds and steps: median (lowest-highest). A server near 100 % would be.",
        ),
    ]


def bars(rows: list[Row]) -> list[Bar]:
    found = [Bar("SDK / stock httpx, 100 in flight", _ratio(rows, "sdk", "httpx", 100), 50)]
    for step in (50, 100, 500):
        ours = _ratio(rows, "sdk", "aiohttp", step)
        fast = _ratio(rows, "sdk-fast", "aiohttp", step)
        found += [
            Bar(f"SDK / aiohttp, {step} in flight", ours, 2.0),
            Bar(f"SDK [fast] / aiohttp, {step} in flight", fast, 2.3),
        ]
    return found


def _ratio(rows: list[Row], ours: str, theirs: str, step: int) -> Spread | None:
    return ratio(
        by_round(rows, "rate", contender=ours, in_flight=step),
        by_round(rows, "rate", contender=theirs, in_flight=step),
    )
