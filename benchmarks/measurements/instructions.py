"""Instructions of the client process for one message, counted by callgrind: the same on a quiet and a busy machine."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

from benchmarks.contenders import CONTENDERS
from benchmarks.figures import Bar, Row, Table, by_round, cell, ratio, spread
from benchmarks.processes import Server
from benchmarks.settings import progress, uvloop_installed

if TYPE_CHECKING:
    from benchmarks.settings import Settings

_FEW, _MANY = 500, 2_500  # messages; the difference of the two runs contains no import and no handshake
_NAMES = ("sdk", "sdk-fast", "aiohttp", "floor")
# A campaign in batches of 10,000: the difference of the two runs contains two batches.
_BATCH, _FEW_IN_BATCHES, _MANY_IN_BATCHES = "campaign, batch", 20_000, 40_000


def run(settings: Settings, server: Server) -> list[Row]:
    if shutil.which("valgrind") is None:
        progress("instructions: skipped, because valgrind is not installed (a package of the system)")
        return []
    rows: list[Row] = []
    for name in settings.present(*_NAMES):
        progress(f"instructions of a message: {name}")
        _count(server, name, 0)  # compiles the modules that have no byte code yet
        few, many = (_count(server, name, count) for count in (_FEW, _MANY))
        rows.append({"round": 0, "contender": name, "instructions": (many - few) / (_MANY - _FEW)})
    if "sdk" in settings.contenders and not settings.quick:
        progress(f"instructions of a message: {_BATCH}")
        with Server("benchmarks.batch_server") as batches:
            wanted = {"what": "batch", "durability": "process"}
            few, many = (
                _count(batches, "sdk", count, "bulk", **wanted) for count in (_FEW_IN_BATCHES, _MANY_IN_BATCHES)
            )
        each = (many - few) / (_MANY_IN_BATCHES - _FEW_IN_BATCHES)
        rows.append({"round": 0, "contender": _BATCH, "instructions": each})
    return rows


def _count(server: Server, name: str, count: int, job: str = "instructions", **more: str) -> int:
    loop = CONTENDERS[name].loop
    options = {"contender": name, "url": server.url, "ca_file": server.ca_file, "count": count, **more}
    order = {
        "job": job,
        "fast": loop == "uvloop" or (loop == "any" and uvloop_installed()),
        "options": options,
    }
    child = [sys.executable, "-m", "benchmarks.child", json.dumps(order)]
    finished = subprocess.run(  # noqa: S603 - the system's valgrind, our own interpreter
        [shutil.which("valgrind") or "valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *child],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"Collected : (\d+)", finished.stderr)
    if finished.returncode or found is None:
        raise RuntimeError(f"valgrind failed with {finished.returncode}:\n{finished.stderr[-4000:]}")
    return int(found[1])


def tables(rows: list[Row]) -> list[Table]:
    theirs = by_round(rows, "instructions", contender="aiohttp")
    body = []
    for row in rows:
        ours = by_round(rows, "instructions", contender=row["contender"])
        name = row["contender"]
        label = _BATCH if name == _BATCH else CONTENDERS[name].label
        body.append([label, f"{row['instructions']:,.0f}", cell(ratio(ours, theirs))])
    return [
        Table(
            "Instructions of the client for one message",
            ["client", "instructions", "/ aiohttp"],
            body,
            f"callgrind; {_MANY:,} messages less {_FEW:,}, 100 in flight, TLS 1.3, a server of its own; "
            f"in batches {_MANY_IN_BATCHES:,} less {_FEW_IN_BATCHES:,}, 10,000 a request, with the journal.",
        )
    ]


def bars(rows: list[Row]) -> list[Bar]:
    def of(name: str) -> Bar:
        limit = 250_000 if name == "sdk" else 205_000
        found = spread(by_round(rows, "instructions", contender=name).values())
        return Bar(f"instructions of a message: {CONTENDERS[name].label}", found, limit, at_most=True)

    return [of(name) for name in ("sdk", "sdk-fast") if any(row["contender"] == name for row in rows)]
