"""The time of `eightbyeight --help` and similar commands, compared with importing the libraries that draw the help."""

from __future__ import annotations

import resource
import time

from benchmarks.figures import Bar, Row, Spread, Table, by_round, cell, ratio, spread
from benchmarks.processes import Server, run_python
from benchmarks.settings import Settings, progress

_REFERENCE = 'python -c "import cyclopts, rich"'
_HELP = "eightbyeight --help"
_COMMANDS = {
    _REFERENCE: ["-c", "import cyclopts, rich; print()"],
    _HELP: ["-m", "eightbyeight_async", "--help"],
    "eightbyeight --version": ["-m", "eightbyeight_async", "--version"],
    "eightbyeight send --help": ["-m", "eightbyeight_async", "send", "--help"],
    "eightbyeight bulk --help": ["-m", "eightbyeight_async", "bulk", "--help"],
}
_TRIES = 5  # the figure of a round is the lowest try: noise only adds time, and one start is short


def run(settings: Settings, server: Server) -> list[Row]:
    rows: list[Row] = []
    if "sdk" not in settings.contenders:
        return rows
    progress("command line")
    for arguments in _COMMANDS.values():
        run_python(arguments)  # compiles the modules that have no byte code yet
    for number in range(settings.rounds):
        tries: dict[str, list[tuple[float, float]]] = {name: [] for name in _COMMANDS}
        for name in [*_COMMANDS] * _TRIES:
            tries[name].append(_timed(_COMMANDS[name]))
        for name, found in tries.items():
            wall, cpu = (min(column) for column in zip(*found, strict=True))
            rows.append({"round": number, "command": name, "wall_ms": wall, "cpu_ms": cpu})
    return rows


def _timed(arguments: list[str]) -> tuple[float, float]:
    """Returns the milliseconds of a process: wall-clock time, and CPU time (user and system)."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    run_python(arguments)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall * 1000, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1000


def tables(rows: list[Row]) -> list[Table]:
    body = [
        [
            f"`{name}`",
            cell(spread(by_round(rows, "wall_ms", command=name).values()), ".0f"),
            cell(spread(by_round(rows, "cpu_ms", command=name).values()), ".0f"),
            cell(_ratio(rows, name, "wall_ms")),
            cell(_ratio(rows, name, "cpu_ms")),
        ]
        for name in dict.fromkeys(row["command"] for row in rows)
    ]
    return [
        Table(
            "Command line, ms",
            ["", "wall", "CPU", "wall / the first", "CPU / the first"],
            body,
            "Fresh processes in turn, byte code compiled, the lowest of five a round: median (lowest-highest).",
        )
    ]


def bars(rows: list[Row]) -> list[Bar]:
    return [Bar(f"{_HELP} / {_REFERENCE}", _ratio(rows, _HELP, "wall_ms"), 1.3, at_most=True)]


def _ratio(rows: list[Row], name: str, figure: str) -> Spread | None:
    return ratio(by_round(rows, figure, command=name), by_round(rows, figure, command=_REFERENCE))
