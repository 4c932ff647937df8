"""The time of importing the client, compared with the libraries that it needs; fresh processes in turn."""

from __future__ import annotations

from benchmarks.figures import Bar, Row, Spread, Table, by_round, cell, ratio, spread
from benchmarks.processes import Server, run_python
from benchmarks.settings import Settings, progress

# The package's name alone imports nothing. These two are what a program that sends a message imports.
_OURS = "from eightbyeight_async import AsyncConnectClient, SmsRequest"
_THEIRS, _OTHER = "import httpx, cattrs", "import aiohttp"
_TRIES = 5  # the figure of a round is the lowest try: noise only adds time, and one import is short
_PROGRAM = (
    "import time; w = time.perf_counter(); c = time.process_time()\n"
    "{}\n"
    "print((time.perf_counter() - w) * 1000, (time.process_time() - c) * 1000)"
)


def run(settings: Settings, server: Server) -> list[Row]:
    rows: list[Row] = []
    modules = (_OURS, _THEIRS, _OTHER) if "sdk" in settings.contenders else (_THEIRS, _OTHER)
    for modules_to_compile in modules:
        run_python(["-c", _PROGRAM.format(modules_to_compile)])
    progress("import time")
    for number in range(settings.rounds):
        tries: dict[str, list[tuple[float, ...]]] = {name: [] for name in modules}
        for name in modules * _TRIES:
            tries[name].append(tuple(map(float, run_python(["-c", _PROGRAM.format(name)]).split())))
        for name, found in tries.items():
            wall, cpu = (min(column) for column in zip(*found, strict=True))
            rows.append({"round": number, "modules": name, "wall_ms": wall, "cpu_ms": cpu})
    return rows


def tables(rows: list[Row]) -> list[Table]:
    body = [
        [
            f"`{name}`",
            cell(spread(by_round(rows, "wall_ms", modules=name).values()), ".0f"),
            cell(spread(by_round(rows, "cpu_ms", modules=name).values()), ".0f"),
            cell(_ratio(rows, name)),
            cell(_ratio(rows, name, "cpu_ms")),
        ]
        for name in dict.fromkeys(row["modules"] for row in rows)
    ]
    return [
        Table(
            "Import time, ms",
            ["", "wall", "CPU", f"wall / `{_THEIRS}`", f"CPU / `{_THEIRS}`"],
            body,
            "Fresh processes in turn, byte code compiled, the lowest of five a round: median (lowest-highest).",
        )
    ]


def bars(rows: list[Row]) -> list[Bar]:
    return [Bar(f"{_OURS} / {_THEIRS}", _ratio(rows, _OURS), 1.2, at_most=True)]


def _ratio(rows: list[Row], name: str, figure: str = "wall_ms") -> Spread | None:
    return ratio(by_round(rows, figure, modules=name), by_round(rows, figure, modules=_THEIRS))
