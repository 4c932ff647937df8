"""The cost of a campaign's journal: against the same run without one, in batches, on opening, and in memory."""

from __future__ import annotations

from benchmarks.figures import Bar, Row, Spread, Table, by_round, cell, ratio, spread
from benchmarks.processes import Server, run_job
from benchmarks.settings import Settings, progress

LATENCY = 0.02
_DURABILITIES = ("power", "process")


def run(settings: Settings, server: Server) -> list[Row]:
    if "sdk" not in settings.contenders:
        return []
    rows: list[Row] = []
    each = 2_000 if settings.quick else 10_000
    batch = 50_000 if settings.quick else 300_000
    with Server("benchmarks.batch_server") as batches:
        for number in range(settings.rounds):
            ways = [("plain", ""), *(("journal", name) for name in _DURABILITIES)]
            rows += [_measured(number, server, what, each, latency=LATENCY, durability=name) for what, name in ways]
            rows += [_measured(number, batches, "batch", batch, durability=name) for name in _DURABILITIES]
        count = 100_000 if settings.quick else 1_000_000
        rows.append(_measured(0, server, "open", count))
        for few in (10_000, count):
            rows.append({**_measured(0, batches, "batch", few, durability="process"), "what": "memory"})
    return rows


def _measured(number: int, server: Server, what: str, count: int, **options: object) -> Row:
    progress(f"bulk, round {number + 1}: {what}, {count:,} messages {options.get('durability', '')}")
    wanted = {name: value for name, value in options.items() if value}
    result = run_job(
        "bulk", "sdk", {"what": what, "url": server.url, "ca_file": server.ca_file, "count": count, **wanted}
    )
    return {"round": number, "what": what, "durability": options.get("durability", ""), **result}


def tables(rows: list[Row]) -> list[Table]:
    body = []
    for what, durability in dict.fromkeys((row["what"], row["durability"]) for row in rows if "rate" in row):
        if what != "memory":
            found = {"what": what, "durability": durability}
            body.append(
                [
                    {"plain": "send_each, no journal", "journal": "campaign, each", "batch": "campaign, batch"}[what],
                    durability or "-",
                    cell(spread(by_round(rows, "rate", **found).values()), ",.0f"),
                    cell(_against_plain(rows, durability) if what == "journal" else None),
                    cell(spread(by_round(rows, "cpu_per_1000", **found).values()), ".3f"),
                    cell(spread(by_round(rows, "server_busy", **found).values())),
                ]
            )
    return [
        Table(
            "Bulk sends with a journal",
            ["what", "durability", "messages/s", "/ without", "CPU s per 1,000", "server busy"],
            body,
            "Each: 100 in flight, 20 ms server latency. Batch: 10,000 a request. Median (lowest-highest).",
        )
    ]


def bars(rows: list[Row]) -> list[Bar]:
    batch = spread(by_round(rows, "rate", what="batch", durability="power").values())
    opened = spread(value / 1000 for value in by_round(rows, "open_ms", what="open").values())
    memory = {row["messages"]: row["peak_mb"] for row in rows if row["what"] == "memory"}
    growth = spread([memory[max(memory)] - memory[min(memory)]] if len(memory) > 1 else [])
    return [
        Bar("Campaign (each, power) / without a journal", _against_plain(rows, "power"), 0.85),
        Bar("Campaign in batches, messages/s", batch, 45_000),
        Bar("Opening a journal of 1,000,000 rows", opened, 1, at_most=True, unit=" s"),
        Bar("Peak memory, 1,000,000 messages less 10,000", growth, 30, at_most=True, unit=" MB"),
    ]


def _against_plain(rows: list[Row], durability: str) -> Spread | None:
    ours = by_round(rows, "rate", what="journal", durability=durability)
    return ratio(ours, by_round(rows, "rate", what="plain"))
