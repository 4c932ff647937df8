"""The job `check`: `bulk run --dry-run` of a file of `count` rows, in this process."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.jobs.load import LostMessagesError, peak_memory
from eightbyeight_async.cli.entry import run_command_line

_NAMES = ("Ann", "Bob", "Chandrika", "Mei Ling", "O'Brien", "Siti Nurhaliza", "Jürgen", "Zoë")
_TEXT = (
    "Hi {name}, your table {table} is ready at {time}. "
    "Reply STOP if you do not want to hear from us again. See you soon, your team"
)


def run(contender: str, count: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory, "customers.csv")
        with file.open("w") as out:
            out.write("destination,name,table,time\n")
            for row in range(count):
                out.write(f"+65{80000000 + row},{_NAMES[row % 8]},{row % 97},{18 + row % 4}:30\n")
        command = ["bulk", "run", str(file), "--text", _TEXT, "--journal", str(Path(directory, "run.db")), "--dry-run"]
        printed = io.StringIO()
        cpu, began = time.process_time(), time.perf_counter()
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(io.StringIO()):
            run_command_line([*command, "--json"])
        wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    found = json.loads(printed.getvalue())
    if found["new"] != count:
        raise LostMessagesError(f"{count} rows, and the plan has {found['new']} messages")
    return {"count": count, "cpu": cpu, "wall": wall, "peak_mb": peak_memory()}
