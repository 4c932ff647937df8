"""`--on-end COMMAND`: runs a command when a run has ended, with the results as JSON on its stdin.

Rules:
- The command is started without a shell, after all results are recorded. Its output is shown.
- Whether it succeeds, fails or cannot be started changes neither the results nor the exit code of the run.
- A journal does not store the command: otherwise a person who gets a journal would run somebody else's command.
"""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING, Any

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.terminal.safe_text import json_text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eightbyeight_async.cli.terminal.display import Display

__all__ = ["check_on_end", "run_at_end"]


def check_on_end(command: str | None) -> None:
    """Raises UsageError if the command is empty, or its quotes are not closed."""
    if command is not None and not _words(command):
        raise UsageError("--on-end: must be a command")


def run_at_end(command: str, results: Mapping[str, Any], display: Display) -> None:
    """Runs the command, and waits for it."""
    try:
        ended = subprocess.run(  # noqa: S603 - the user's own command
            _words(command), input=json_text(dict(results)).encode(), capture_output=True, check=False
        )
    except OSError as wrong:
        display.error(f"--on-end: {wrong.strerror or 'cannot be run'}")
        return
    for line in (ended.stdout + ended.stderr).decode(errors="replace").splitlines():
        display.info(f"--on-end: {line}")
    if ended.returncode:
        display.error(f"--on-end: the command ended with {ended.returncode}")


def _words(command: str) -> list[str]:
    try:
        return shlex.split(command)
    except ValueError as wrong:
        raise UsageError(f"--on-end: {wrong}") from wrong
