"""The tests replace a new process by forked commands and by runs in this process. Both work like a new process."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import struct
import subprocess
import termios
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cli.command_line import COMMAND, environment, start_preloaded, under_way
from patience import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.command_line import Here

pytestmark = pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="no process is forked here")


def new(*arguments: object, **options: Any) -> subprocess.Popen[bytes]:
    return subprocess.Popen([*COMMAND, *map(str, arguments)], **options)  # noqa: S603


def ended(start: Callable[..., subprocess.Popen[bytes]], *arguments: str, stdin: bytes, **options: Any) -> object:
    pipes = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.PIPE)
    with start(*arguments, **{**pipes, "env": environment(None), **options}) as process:
        out, err = process.communicate(stdin, PATIENCE)
        return process.returncode, out, err


@pytest.mark.parametrize(
    ("arguments", "options"),
    [
        ("measure --json", {}),
        ("measure --no-such-option", {}),
        ("send --help", {"env": environment(None, COLUMNS="50")}),
        ("send-each people.csv --text Hi --dry-run", {}),
        ("send --to +6598765432 --text Hi", {}),
        ("measure", {"stdout": subprocess.DEVNULL}),
    ],
)
def test_a_forked_command_does_what_a_new_one_does(tmp_path: Path, arguments: str, options: dict[str, Any]) -> None:
    """The same arguments, stdin, environment and folder give the same streams and exit code."""
    (tmp_path / "people.csv").write_text("destination\n+6598765432\n")
    given = {"stdin": "zwölf".encode(), "cwd": tmp_path, **options}
    assert ended(start_preloaded, *arguments.split(), **given) == ended(new, *arguments.split(), **given)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_a_forked_command_like_a_new_one(number: signal.Signals, tmp_path: Path) -> None:
    """The command reads from a pipe that it has opened and that is still open."""
    pipe, codes = tmp_path / "text", []
    os.mkfifo(pipe)
    for start in (start_preloaded, new):
        process = start("measure", "--file", pipe, env=environment(None), stderr=subprocess.PIPE)
        with pipe.open("wb", buffering=0) as text:
            text.write(b"x")
            # Before the command has read this byte, a signal could arrive after `open` and before `with`.
            under_way(
                process, lambda text=text: struct.unpack("i", fcntl.ioctl(text, termios.FIONREAD, b"    ")) == (0,)
            )
            process.send_signal(number)
        # Then the pipe is closed: a signal that comes just before Python's read begins does not interrupt that read.
        _, err = process.communicate(timeout=PATIENCE)
        codes.append((process.returncode, err))
    assert codes[0] == codes[1]
    assert codes[0][0] == (-9 if number is signal.SIGKILL else 130)


def descriptors(process: subprocess.Popen[bytes]) -> dict[int, str]:
    """Returns the target of each open descriptor."""
    found = {}
    for entry in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed in the meantime
            found[int(entry.name)] = str(entry.readlink())
    return dict(sorted(found.items()))


def test_a_forked_command_has_no_descriptor_but_its_streams(tmp_path: Path) -> None:
    """It has neither pytest's descriptors nor those of a command that runs at the same time."""
    pipe = tmp_path / "text"
    os.mkfifo(pipe)
    options = {"env": environment(None), "stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    both = [start_preloaded("measure", "--file", pipe, **options) for _ in range(2)]
    with pipe.open("wb"):
        for process in both:
            until(lambda: str(pipe) in descriptors(process).values())  # noqa: B023 - called at once
            found = descriptors(process)
            assert [number for number, where in found.items() if where != str(pipe)] == [0, 1, 2]
            assert len(found) == 4
    assert both[0].pid != both[1].pid
    for process in both:
        process.kill()
        process.wait(PATIENCE)


def test_a_run_in_this_process_knows_nothing_of_the_options_of_another(here: Here) -> None:
    """The result is the same although cyclopts reads each signature only once."""
    plain = here("measure", "Hi", "--encoding", "GSM7")
    assert here("measure", "Hi", "--encoding", "UCS2", "--json").out.startswith("{")
    assert here("measure", "Hi", "--encoding", "GSM7") == plain
    assert here("measure", "--encoding").code == 2
    assert here("measure", "Hi", "--encoding", "GSM7") == plain


def test_a_help_in_this_process_has_the_width_that_is_asked_for(here: Here) -> None:
    widths = [
        max(map(len, here("send-each", "--help", COLUMNS=str(width)).out.splitlines())) for width in (80, 120, 80)
    ]
    assert widths == [80, 120, 80]
