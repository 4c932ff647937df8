"""The time from the start of a process to its first response, and the time of the first message of a client."""

from __future__ import annotations

import time

from benchmarks.contenders import CONTENDERS
from benchmarks.control import Control
from benchmarks.figures import Bar, Row, Spread, Table, by_round, cell, ratio, spread
from benchmarks.processes import Server, run_job
from benchmarks.settings import Settings, progress

_FIGURES = {
    "start_to_answer_ms": "process start to first answer",
    "cpu_to_answer_ms": "CPU until then",
    "import_ms": "import",
    "construct_ms": "construction",
    "first_message_ms": "first message",
    "second_message_ms": "second message",
}
_COMPARED = {"start_to_answer_ms": "process start to first answer / aiohttp's", "cpu_to_answer_ms": "CPU / aiohttp's"}


def run(settings: Settings, server: Server) -> list[Row]:
    rows: list[Row] = []
    environment = {"SSL_CERT_FILE": server.bundle()}
    with Control(server.url, server.ca_file) as control:
        control.reset()
    for number in range(settings.rounds * (1 if settings.quick else 2)):
        for name in settings.present("sdk", "aiohttp", "httpx"):
            progress(f"cold start, round {number + 1}: {name}")
            options = {"url": server.url, "concurrency": 100, "started": time.time()}
            rows.append({"round": number, "contender": name, **run_job("cold", name, options, environment)})
    return rows


def tables(rows: list[Row]) -> list[Table]:
    body = [
        [
            CONTENDERS[name].label.split(",")[0],
            *(cell(spread(by_round(rows, figure, contender=name).values()), ".1f") for figure in _FIGURES),
            *(cell(_ratio(rows, name, figure)) for figure in _COMPARED),
        ]
        for name in dict.fromkeys(row["contender"] for row in rows)
    ]
    return [
        Table(
            "Cold start, ms",
            ["contender", *_FIGURES.values(), *_COMPARED.values()],
            body,
            "Fresh processes, default TLS context over certifi's bundle: median (lowest-highest).",
        )
    ]


def bars(rows: list[Row]) -> list[Bar]:
    return [Bar("Process start to first answer, SDK / aiohttp", _ratio(rows, "sdk"), 0.85, at_most=True)]


def _ratio(rows: list[Row], name: str, figure: str = "start_to_answer_ms") -> Spread | None:
    return ratio(by_round(rows, figure, contender=name), by_round(rows, figure, contender="aiohttp"))
