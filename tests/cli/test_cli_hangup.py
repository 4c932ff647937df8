"""A closed terminal (SIGHUP) stops a run as SIGTERM does: nothing unknown, nothing lost, and no crash on stderr.

The processes, the signals and the pseudo-terminals are real. The test counts unknown messages in the journal or in the
records, and compares them with the messages that the sandbox accepted.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shlex
import shutil
import signal
import struct
import subprocess
import termios
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cli.command_line import COMMAND, environment, in_process, start_preloaded, started, under_way
from cli.test_cli_commands import csv_file
from held import held
from patience import PATIENCE

from eightbyeight_async import __main__ as door
from eightbyeight_async.bulk import status
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cli.command_line import Here

    from eightbyeight_async.sandbox import Sandbox

ROWS = 60
WIDTH = 5
HUP, TERM = signal.SIGHUP, signal.SIGTERM
COMMANDS = ("bulk run each", "bulk run batch", "send-each", "send-batch")


def arguments(command: str, tmp_path: Path) -> list[object]:
    """Returns the command line of a run over 60 rows with 5 requests in flight; batches have 2 messages."""
    options = [csv_file(tmp_path / "a.csv", ROWS), "--text", "Hi {name}", "--concurrency", WIDTH, "--yes"]
    if command.startswith("bulk run"):
        mode = command.rpartition(" ")[2]
        return ["bulk", "run", *options, "--mode", mode, "--chunk-size", 2, "--journal", tmp_path / "run.db"]
    chunk = ["--chunk-size", 2] if command == "send-batch" else []
    return [command, *options, *chunk, "--output", tmp_path / "sent.jsonl"]


def accepted_are(sandbox: Sandbox, command: str, requests: int) -> bool:
    """Returns whether `requests` requests were accepted. A batch request has two messages."""
    return len(sandbox.messages) == requests * (2 if "batch" in command else 1)


def outcomes(tmp_path: Path) -> tuple[int, int]:
    """Returns how many messages are accepted and unknown, by the journal or the records."""
    if (tmp_path / "run.db").exists():
        found = status(tmp_path / "run.db")
        assert found.total == ROWS
        return found.sent, found.unknown
    counts = Counter(json.loads(line)["sent"] for line in (tmp_path / "sent.jsonl").read_text().splitlines())
    assert set(counts) <= {"yes", "maybe"}
    return counts["yes"], counts["maybe"]


def sent_once(sandbox: Sandbox) -> bool:
    return Counter(m.client_message_id for m in sandbox.messages) == {f"ref-{n}": 1 for n in range(1, ROWS + 1)}


@pytest.mark.parametrize("signals", [(HUP,), (HUP, HUP, HUP), (TERM, HUP), (HUP, TERM)], ids=str)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_hangup_waits_for_the_requests_in_flight(
    sandbox: Sandbox, tmp_path: Path, command: str, signals: Sequence[signal.Signals]
) -> None:
    """The shell and the kernel may both send SIGHUP, and systemd sends it after SIGTERM. It never counts as the second
    signal.
    """
    with held(sandbox, 12):
        process = started(*arguments(command, tmp_path), sandbox=sandbox)
        under_way(process, lambda: accepted_are(sandbox, command, 12))
        for number in signals:
            process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    accepted, doubtful = outcomes(tmp_path)
    assert (process.returncode, doubtful, accepted) == (130, 0, len(sandbox.messages))
    assert accepted < ROWS
    assert b"stopped: interrupted" in err
    assert b"Traceback" not in err


@pytest.mark.parametrize("command", COMMANDS[:2])
def test_ctrl_c_and_sigterm_still_give_up_after_a_hangup(sandbox: Sandbox, tmp_path: Path, command: str) -> None:
    sandbox.faults.plan([*[None] * 10, Fault.slow(10 * PATIENCE, times=None)])
    process = started(*arguments(command, tmp_path), "--timeout", 20 * PATIENCE, sandbox=sandbox)
    under_way(process, lambda: sandbox.traffic.requests > 12)
    assert process.stderr is not None
    process.send_signal(HUP)
    while b"interrupted: waiting" not in process.stderr.readline():
        pass
    process.send_signal(HUP)
    process.send_signal(TERM)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=PATIENCE)
    accepted, doubtful = outcomes(tmp_path)
    assert (process.returncode, doubtful > 0) == (130, True)
    assert accepted <= len(sandbox.messages) <= accepted + doubtful


# --- a terminal


def on_terminal(*command: object, sandbox: Sandbox, leader: bool = True) -> tuple[subprocess.Popen[bytes], int]:
    """Starts the command with a terminal of its own for all its streams. Returns the other side of the terminal, too.

    Args:
        leader: the command is the terminal's foreground process, which gets SIGHUP when the terminal is closed.
    """
    theirs, ours = pty.openpty()
    process = start_preloaded(
        *command,
        stdin=ours,
        stdout=ours,
        stderr=ours,
        env=environment(sandbox, TERM="xterm", PYTHONUNBUFFERED=""),
        start_new_session=True,
        terminal=leader,
    )
    os.close(ours)
    return process, theirs


@pytest.mark.parametrize("command", COMMANDS)
def test_a_closed_terminal_stops_the_run_with_nothing_in_doubt(
    sandbox: Sandbox, tmp_path: Path, here: Here, command: str
) -> None:
    with held(sandbox, 12):
        process, terminal = on_terminal(*arguments(command, tmp_path), sandbox=sandbox)
        under_way(process, lambda: accepted_are(sandbox, command, 12))
        os.close(terminal)
    assert process.wait(PATIENCE) == 130
    accepted, doubtful = outcomes(tmp_path)
    assert (doubtful, accepted) == (0, len(sandbox.messages))
    assert accepted < ROWS
    if command.startswith("bulk run"):
        assert here("bulk", "run", "--journal", tmp_path / "run.db", sandbox=sandbox).code == 0
        assert sent_once(sandbox)


def test_the_exit_code_survives_the_terminal_that_the_result_was_for(sandbox: Sandbox, tmp_path: Path) -> None:
    with held(sandbox, 12):
        process, terminal = on_terminal(*arguments("bulk run each", tmp_path), "--json", sandbox=sandbox)
        under_way(process, lambda: len(sandbox.messages) == 12)
        os.close(terminal)
    assert process.wait(PATIENCE) == 130
    assert outcomes(tmp_path) == (len(sandbox.messages), 0)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_run_that_was_disowned_goes_on_without_its_terminal(sandbox: Sandbox, tmp_path: Path, command: str) -> None:
    """No signal comes, but every write to the terminal fails from now on."""
    with held(sandbox, 12):
        process, terminal = on_terminal(*arguments(command, tmp_path), sandbox=sandbox, leader=False)
        under_way(process, lambda: accepted_are(sandbox, command, 12))
        os.close(terminal)
    assert process.wait(PATIENCE) == 0
    assert outcomes(tmp_path) == (ROWS, 0)
    assert sent_once(sandbox)


def test_records_for_a_terminal_that_is_gone_stop_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    """Otherwise hundreds of messages would be sent without a record."""
    path = csv_file(tmp_path / "a.csv", 500)
    with held(sandbox, 12):
        process, terminal = on_terminal(
            "send-each", path, "--text", "Hi", "--concurrency", WIDTH, "--yes", sandbox=sandbox, leader=False
        )
        under_way(process, lambda: len(sandbox.messages) == 12)
        os.close(terminal)
    assert process.wait(PATIENCE) == 1
    assert len(sandbox.messages) < 2 * 50 + 3 * WIDTH  # 50 records are written together


# --- nohup, and platforms


@pytest.mark.skipif(shutil.which("nohup") is None, reason="no nohup")
@pytest.mark.parametrize("command", COMMANDS)
def test_under_nohup_a_hangup_is_ignored(sandbox: Sandbox, tmp_path: Path, command: str) -> None:
    words = ["nohup", *COMMAND, *map(str, arguments(command, tmp_path))]
    with held(sandbox, 12):
        process = subprocess.Popen(  # noqa: S603
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(sandbox)
        )
        under_way(process, lambda: accepted_are(sandbox, command, 12))
        process.send_signal(HUP)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, b"interrupted" in err) == (0, False)
    assert outcomes(tmp_path) == (ROWS, 0)
    assert sent_once(sandbox)


def test_a_platform_without_hangups_has_no_error(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = signal.getsignal(TERM)
    monkeypatch.delattr(signal, "SIGHUP")
    try:
        door._handle_signals()
        assert signal.getsignal(TERM) is signal.default_int_handler
        ended = in_process(*arguments("bulk run each", tmp_path), sandbox=sandbox, capsys=capsys)
        # not the handler that the loop leaves behind, which kills the process
        assert signal.getsignal(TERM) is signal.default_int_handler
    finally:
        signal.signal(TERM, before)
    assert (ended.code, outcomes(tmp_path)) == (0, (ROWS, 0))


def test_a_hangup_while_the_file_is_checked_sends_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    """The file is a pipe that is still open."""
    pipe = tmp_path / "rows.csv"
    os.mkfifo(pipe)
    process = started("bulk", "run", pipe, "--text", "Hi", "--journal", tmp_path / "run.db", sandbox=sandbox)
    with pipe.open("w") as rows:
        rows.write("destination\n+447700900001\n")
        rows.flush()
        # Before the command has read this line, a signal could arrive after `open` and before `with`.
        under_way(process, lambda: struct.unpack("i", fcntl.ioctl(rows, termios.FIONREAD, b"    ")) == (0,))
        process.send_signal(HUP)
        process.send_signal(HUP)
    # Then the pipe is closed: a signal that comes just before Python's read begins does not interrupt that read.
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, b"interrupted" in err, b"Traceback" in err) == (130, True, False)
    assert (sandbox.messages, [file.name for file in tmp_path.iterdir()]) == ([], ["rows.csv"])


# --- the command's output cannot be written


def in_bash(line: str, sandbox: Sandbox) -> subprocess.CompletedProcess[bytes]:
    """Runs a line in bash, for its redirections. Streams are buffered, as by default: an error comes late, and again at
    exit.
    """
    return subprocess.run(  # noqa: S603
        ["bash", "-c", line],  # noqa: S607
        capture_output=True,
        env=environment(sandbox, PYTHONUNBUFFERED=""),
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_stderr_on_a_full_disk_changes_nothing(sandbox: Sandbox, tmp_path: Path, command: str) -> None:
    with Path("/dev/full").open("wb") as full:
        ended = started(*arguments(command, tmp_path), sandbox=sandbox, stderr=full)
        assert (ended.communicate(timeout=PATIENCE)[0], ended.returncode) == (b"", 0)
    assert outcomes(tmp_path) == (ROWS, 0)
    assert sent_once(sandbox)


@pytest.mark.parametrize(("command", "stderr"), [(COMMANDS[0], "2>&-"), (COMMANDS[-1], "2> >(exec true)")])
def test_a_stderr_that_is_closed_changes_nothing(sandbox: Sandbox, tmp_path: Path, command: str, stderr: str) -> None:
    line = f"{shlex.join([*COMMAND, *map(str, arguments(command, tmp_path))])} {stderr}"
    ended = in_bash(line, sandbox)
    assert (ended.returncode, ended.stdout) == (0, b"")
    assert outcomes(tmp_path) == (ROWS, 0)
    assert sent_once(sandbox)


def test_a_result_that_cannot_be_written_is_one_line_and_no_success(
    sandbox: Sandbox, tmp_path: Path, here: Here
) -> None:
    assert here(*arguments("bulk run each", tmp_path), sandbox=sandbox).code == 0
    for command in ("status", "status --json", "export", "run --json"):
        with Path("/dev/full").open("wb") as full:
            process = started("bulk", *command.split(), "--journal", tmp_path / "run.db", sandbox=sandbox, stdout=full)
            _, err = process.communicate(timeout=PATIENCE)
        told = re.findall(rb"^eightbyeight: .*", err, re.MULTILINE)
        assert (process.returncode, told) == (1, [b"eightbyeight: stdout: No space left on device"]), command
        assert b"Traceback" not in err


def test_records_for_a_stdout_that_is_closed_are_refused_before_anything_is_sent(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    line = shlex.join([*COMMAND, "send-each", str(csv_file(tmp_path / "a.csv", ROWS)), "--text", "Hi"])
    ended = in_bash(f"{line} >&-", sandbox)
    told = b"eightbyeight: stdout is closed: give --output for the records\n"
    assert (ended.returncode, ended.stderr.endswith(told), b"Traceback" in ended.stderr) == (2, True, False)
    assert sandbox.messages == []
