"""The time from the start of a process to its first response, and the time of the first message of a client."""

from __future__ import annotations

import time

from benchmarks.contenders import CONTENDERS
from benchmarks.control import Control
from benchmarks.figures import Bar, Row, Table, by_round, cell, spread
from benchmarks.processes import Server, run_job
from benchmarks.settings import Settings, progress

_FIGURES = {
    "start_to_answer_ms": "process start to first answer",
    "import_ms": "import",
    "construct_ms": "construction",
    "first_message_ms": "first message",
    "second_message_ms": "second message",
}


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
        ]
        for name in dict.fromkeys(row["contender"] for row in rows)
    ]
    return [
        Table(
            "Cold start, ms",
            ["contender", *_FIGURES.values()],
            body,
            "Fresh processes, default TLS context over certifi's bundle: median (lowest-highest).",
        )
    ]


def bars(rows: list[Row]) -> list[Bar]:
    return []
