"""The second part of the demo: a campaign of 300 messages is killed, and the same command continues it.

The commands run as separate processes, because `kill -9` is the point of this demo. Each command is printed before it
runs.
"""

from __future__ import annotations

import csv
import os
import subprocess
import sys
import time
from collections import Counter
from itertools import cycle
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.bulk import status
from eightbyeight_async.cli.commands.demo_rows import numbers_of_nobody
from eightbyeight_async.cli.exit_codes import Exit
from eightbyeight_async.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from eightbyeight_async.cli.terminal.display import Display

__all__ = ["run_killed_campaign"]

_MESSAGES = 300
_ANSWERED = 100  # messages whose answers arrive before the process is killed
_IN_FLIGHT = 20  # messages in flight at the kill: the API has accepted them, and has not answered
_SLOW = 60.0  # seconds; longer than anybody waits for the kill
_LOOK = 0.005  # seconds between two checks of the sandbox


@attrs.define
class _Commands:
    """Runs commands against a sandbox, and prints each command first."""

    sandbox: Sandbox
    directory: Path
    display: Display

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        self.display.info("$ eightbyeight " + " ".join(f'"{a}"' if " " in a else a for a in arguments))
        environment = {**os.environ, **self.sandbox.environment}
        command = [sys.executable, "-m", "eightbyeight_async", *arguments]
        return subprocess.Popen(command, env=environment, cwd=self.directory)  # noqa: S603 - this interpreter

    def run(self, *arguments: str, ends: Sequence[Exit] = (Exit.OK,)) -> None:
        """Runs a command. Raises CommandFailedError if its exit code is not in `ends`."""
        with self.start(*arguments) as process:
            if process.wait() not in [int(end) for end in ends]:
                raise CommandFailedError(f"the command ended with exit code {process.returncode}")


class CommandFailedError(Exception):
    """A command of the demo ended with an unexpected exit code."""


def run_killed_campaign(directory: Path, display: Display) -> list[tuple[str, int, int]]:
    """Plans, runs, kills and continues a campaign, and settles the messages in doubt.

    Args:
        directory: an empty folder for the file and the journal.
        display: prints the notes.

    Returns:
        rows of a table: label, the journal's count, the sandbox's count.

    Raises:
        CommandFailedError: a command ended with an unexpected exit code.
    """
    journal = directory / "run.db"
    numbers = numbers_of_nobody(_MESSAGES)
    _write_file(directory / "campaign.csv", numbers)
    text = ("--text", "Hi {name|there}, we open at nine")
    with Sandbox() as sandbox:
        commands = _Commands(sandbox, directory, display)
        commands.run("bulk", "run", "campaign.csv", "--journal", "run.db", *text, "--dry-run")
        for number in numbers[_ANSWERED : _ANSWERED + _IN_FLIGHT]:
            sandbox.faults.on_destination(number, Fault.slow(_SLOW))
        each = ("--mode", "each", "--concurrency", str(_IN_FLIGHT), "--yes")
        with commands.start("bulk", "run", "campaign.csv", "--journal", "run.db", *text, *each) as process:
            try:
                while sandbox.traffic.in_flight < _IN_FLIGHT and process.poll() is None:
                    time.sleep(_LOOK)
            finally:
                process.kill()
        while sandbox.traffic.open_connections:  # Requests that the killed process wrote may still be on their way.
            time.sleep(_LOOK)
        accepted, answered = len(sandbox.messages), status(journal).sent
        display.note(
            f"kill -9. The API has accepted {accepted} messages, the journal knows {answered}. The same again:"
        )
        commands.run("bulk", "run", "--journal", "run.db", "--yes", ends=(Exit.OK, Exit.UNKNOWN))
        before = status(journal)
        commands.run("bulk", "reconcile", "--journal", "run.db", "--lag", "1", "--wait")
        found = status(journal).sent - before.sent
        commands.run("bulk", "run", "--journal", "run.db", "--yes")
        counts = status(journal)
        times = Counter(message.destination for message in sandbox.messages)
        once = sum(count == 1 for count in times.values())
        return [
            ("messages of the campaign", counts.total, len(times)),
            ("  = sent, each exactly once", counts.sent, once),
            ("  + in doubt at the end", counts.unknown, len(times) - once),
            ("in doubt, found in 8x8's log", found, accepted - answered),
        ]


def _write_file(path: Path, numbers: Sequence[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["destination", "name"])
        writer.writerows(zip(numbers, cycle(["Ann", "Bob", "Cem", "", "Eve"]), strict=False))
