"""Runs the real command against a sandbox: in a new process, in a forked one, or in this one."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import attrs
import pytest
from cyclopts import App
from patience import PATIENCE, until
from rich.console import Console

import eightbyeight_async
from eightbyeight_async.cli import entry
from eightbyeight_async.cli.commands.main import make_app

if TYPE_CHECKING:
    from collections.abc import Callable

    from eightbyeight_async.sandbox import Sandbox

    Here = Callable[..., "Ended"]

ROOT = Path(eightbyeight_async.__file__).parent.parent
COMMAND = [sys.executable, "-m", "eightbyeight_async"]


@attrs.frozen
class Ended:
    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """Returns the JSON lines of stdout."""
        return [json.loads(line) for line in self.out.splitlines()]


def environment(sandbox: Sandbox | None, **more: str) -> dict[str, str]:
    """Returns this process's environment without EIGHTBYEIGHT_ variables, plus the sandbox's; warnings are errors."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("EIGHTBYEIGHT_")}
    wiring = {} if sandbox is None else dict(sandbox.environment)
    # With an account id, each plan would request the price list. Only tests of the cost do that; others count requests.
    wiring.pop("EIGHTBYEIGHT_ACCOUNT_ID", None)
    return {**bare, "PYTHONWARNINGS": "error", "PYTHONPATH": str(ROOT), **wiring, **more}


def eightbyeight(*arguments: object, sandbox: Sandbox | None = None, stdin: bytes = b"", **more: str) -> Ended:
    ended = subprocess.run(  # noqa: S603
        [*COMMAND, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        env=environment(sandbox, **more),
        timeout=PATIENCE,
        check=False,
    )
    return Ended(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def in_process(
    *arguments: object, capsys: pytest.CaptureFixture[str], sandbox: Sandbox | None = None, **more: str
) -> Ended:
    """Runs the command without a process of its own, because a process takes half a second to start."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(sandbox, **more).items():
            patch.setenv(name, value)
        patch.setattr(entry, "make_app", _the_app)
        # Otherwise an app would keep the width that COLUMNS had at its first help.
        patch.setattr(App, "console", property(lambda _app: Console()))
        patch.setattr(App, "error_console", property(lambda _app: Console(stderr=True)))
        patch.setattr(App, "assemble_argument_collection", _arguments_of)
        # A process of the command has no pydantic. With FastAPI's pydantic, cyclopts would check each argument again (9
        # ms).
        patch.delitem(sys.modules, "pydantic", raising=False)
        code = entry.run_command_line([str(argument) for argument in arguments])
    out, err = capsys.readouterr()
    return Ended(code, out, err)


# The names and types of all options are read from the commands' signatures once in this process, not in each of about
# 2,000 calls. Reading takes 25 ms of CPU time, which is more than most commands take.
_the_app = cache(make_app)
_read_arguments = App.assemble_argument_collection
# by the app's id, because an app has no hash; keeping the app keeps the id its own
_READ: dict[object, tuple[App, Any]] = {}


def _arguments_of(app: App, **options: Any) -> Any:
    """Returns what cyclopts reads from a command's signature, as a fresh copy without the values of an earlier call."""
    key = (id(app), *sorted(options.items()))
    if key not in _READ:
        _READ[key] = app, _read_arguments(app, **options)
    known = _READ[key][1]
    new = {id(argument): copy.copy(argument) for argument in known}
    for argument in new.values():
        argument.tokens = []
        argument.children = type(known)(new[id(child)] for child in argument.children)
    return type(known)(new.values())


def under_way(process: subprocess.Popen[bytes], so: Callable[[], object]) -> None:
    """Waits until a condition is true while the process runs."""
    until(lambda: so() or process.poll() is not None)
    assert process.poll() is None


# A program that makes its stdin its controlling terminal, as a shell does.
TAKES_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"
)


def start_preloaded(*arguments: object, terminal: bool = False, **options: Any) -> subprocess.Popen[bytes]:
    """Like `Popen` of the command. On Linux, the process is forked from one that has imported the command already.

    Args:
        terminal: stdin becomes its controlling terminal; use it with `start_new_session`.
    """
    words = [str(argument) for argument in arguments]
    if hasattr(os, "pidfd_open"):  # Linux
        from cli.preloaded import PreloadedCommand

        return PreloadedCommand(words, terminal=terminal, **options)
    before = [sys.executable, "-c", TAKES_TERMINAL] if terminal else []
    return subprocess.Popen([*before, *COMMAND, *words], **options)  # noqa: S603


def preloaded(
    *arguments: object, sandbox: Sandbox | None = None, stdin: bytes = b"", cwd: Path | None = None, **more: str
) -> Ended:
    """Like `eightbyeight`, in a process from `start_preloaded`: for tests of the command and not of Python's start."""
    process = start_preloaded(
        *arguments,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=cwd,
        env=environment(sandbox, **more),
    )
    out, err = process.communicate(stdin, PATIENCE)
    encoding = more.get("PYTHONIOENCODING", "utf-8")
    return Ended(process.returncode, out.decode(encoding), err.decode(encoding))


def started(
    *arguments: object,
    sandbox: Sandbox | None = None,
    stdout: int | IO[bytes] = subprocess.PIPE,
    stderr: int | IO[bytes] = subprocess.PIPE,
    **more: str,
) -> subprocess.Popen[bytes]:
    return start_preloaded(
        *arguments, stdin=subprocess.DEVNULL, stdout=stdout, stderr=stderr, env=environment(sandbox, **more)
    )
