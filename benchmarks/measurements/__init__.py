"""Measurements, one module each: `run` measures, `tables` shows the results, `bars` compares them with their limits.

To add a measurement, add a module and a line in `MEASUREMENTS`.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from benchmarks.figures import Bar, Row, Table
    from benchmarks.processes import Server
    from benchmarks.settings import Settings

__all__ = ["MEASUREMENTS", "Measurement", "measurement"]

MEASUREMENTS = {
    "instructions": "instructions",
    "throughput": "throughput",
    "slow-server": "slow_server",
    "latency": "latency",
    "memory": "memory",
    "cold-start": "cold_start",
    "import": "import_time",
    "command-line": "command_line",
    "micro": "micro",
    "bulk": "bulk",
    "check": "check",
    "sandbox": "sandbox",
}


class Measurement(Protocol):
    def run(self, settings: Settings, server: Server) -> list[Row]: ...

    def tables(self, rows: list[Row]) -> list[Table]: ...

    def bars(self, rows: list[Row]) -> list[Bar]: ...


def measurement(name: str) -> Measurement:
    return cast("Measurement", importlib.import_module(f"benchmarks.measurements.{MEASUREMENTS[name]}"))
