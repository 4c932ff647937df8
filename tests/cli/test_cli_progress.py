"""A run into a log file reports its progress: a plain line on stderr every 15 seconds, even if no answer comes."""

from __future__ import annotations

import io
import json
import re
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import attrs
import pytest
from cli.command_line import environment
from cli.test_cli_commands import csv_file
from held import held
from patience import PATIENCE

from eightbyeight_async.bulk import Progress, status
from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts
from eightbyeight_async.cli.sending.result_record import RecordOutcome
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.cli.terminal.plain_progress import INTERVAL, campaign_line, file_run_line, reconcile_line
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

# The real command with another interval.
COMMAND = """import sys
from eightbyeight_async.cli.terminal import plain_progress
plain_progress.INTERVAL = float(sys.argv.pop(1))
from eightbyeight_async.__main__ import main
sys.exit(main())"""
LINE = re.compile(
    r"^([\d,]+) of 20 messages done: ([\d,]+) accepted, .*?([\d,]+) requests, [\d,]+ messages/s", re.MULTILINE
)


def run(interval: float, *arguments: object, sandbox: Sandbox) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603
        [sys.executable, "-c", COMMAND, str(interval), *map(str, arguments)],
        capture_output=True,
        text=True,
        env=environment(sandbox),
        timeout=PATIENCE,
        check=False,
    )


@pytest.mark.parametrize("command", ["bulk run each", "bulk run batch", "send-each", "send-batch"])
def test_lines_come_while_no_answer_does(sandbox: Sandbox, tmp_path: Path, command: str) -> None:
    """The last request gets its answer after three lines have reported it as the last one."""
    name, _, mode = command.partition(" run ")
    options = [csv_file(tmp_path / "a.csv"), "--text", "Hi", "--concurrency", 1, "--timeout", 10 * PATIENCE]
    if "batch" in command:
        options += ["--chunk-size", 2]
    words = [name, *options]
    if mode:
        words = [name, "run", *options, "--mode", mode, "--journal", tmp_path / "j.db", "--json"]
    done, requests = (18, 9) if "batch" in command else (19, 19)
    with (
        held(sandbox, requests) as gate,
        subprocess.Popen(  # noqa: S603
            [sys.executable, "-c", COMMAND, "0.01", *map(str, words)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment(sandbox),
        ) as process,
    ):
        assert process.stderr is not None
        told = 0
        while told < 3:
            line = process.stderr.readline()
            assert line
            found = [tuple(int(number.replace(",", "")) for number in numbers) for numbers in LINE.findall(line)]
            told += found in ([(done, done, requests)], [(done, done, requests + 1)])  # the request in flight may count
        gate.open()
        out, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    assert all(isinstance(json.loads(line), dict) for line in out.splitlines())  # stdout contains nothing else


def test_no_line_comes_before_its_time(sandbox: Sandbox, tmp_path: Path) -> None:
    ended = run(3600, "send-each", csv_file(tmp_path / "a.csv"), "--text", "Hi", sandbox=sandbox)
    assert (ended.returncode, LINE.findall(ended.stderr)) == (0, [])


def test_the_wait_for_the_log_shows_life_and_ends_with_ctrl_c(sandbox: Sandbox, tmp_path: Path) -> None:
    journal = tmp_path / "j.db"
    sandbox.faults.on_destination("+447700900003", Fault.accept_then_drop())
    ended = run(60, "bulk", "run", csv_file(tmp_path / "a.csv"), "--text", "Hi", "--journal", journal, sandbox=sandbox)
    assert ended.returncode == 4
    words = [sys.executable, "-c", COMMAND, "0.1", "bulk", "reconcile", "--wait", "--journal", str(journal)]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True, env=environment(sandbox)) as process:  # noqa: S603
        assert process.stderr is not None
        line = process.stderr.readline()
        process.send_signal(signal.SIGINT)
        rest = process.stderr.read()
    assert re.fullmatch(r"waiting until every sent message is in 8x8's log: (10:00|0[89]:\d\d) left\n", line)
    assert (process.returncode, rest.endswith("eightbyeight: interrupted\n"), "Traceback" in rest) == (130, True, False)
    assert status(journal).unknown == 1


@pytest.mark.long
def test_a_pause_is_told(sandbox: Sandbox, tmp_path: Path) -> None:
    sandbox.faults.plan([*[None] * 5, Fault.too_many_requests(retry_after=3)])
    options = (csv_file(tmp_path / "a.csv"), "--text", "Hi", "--concurrency", 1)
    ended = run(0.01, "bulk", "run", *options, "--journal", tmp_path / "j.db", sandbox=sandbox)
    assert ended.returncode == 0
    assert re.search(r"; paused for [123] s, as 8x8 asks \(too many requests\)\n", ended.stderr)


# --- with a clock of the test


@attrs.define
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


def a_display() -> tuple[Display, Clock, io.StringIO]:
    stream, clock = io.StringIO(), Clock()
    return Display(stream, clock=clock), clock, stream


def test_a_file_run_prints_four_lines_a_minute() -> None:
    display, clock, stream = a_display()
    counts = OutcomeCounts(1000)
    with display.sending(counts) as changed:
        for _ in range(600):
            clock.now += 0.1
            counts.outcomes[RecordOutcome.ACCEPTED] += 1
            counts.requests += 1
            changed()
    lines = stream.getvalue().splitlines()
    assert len(lines) in (3, 4)  # 15 s in floats may be one tick late
    assert re.fullmatch(
        r"30\d of 1,000 messages done: 30\d accepted, 30\d requests, 10 messages/s, 01:10 left", lines[1]
    )


def test_a_check_prints_lines_with_its_share() -> None:
    display, clock, stream = a_display()
    with display.checking("a.csv", 4_000_000) as progress:
        for _ in range(4):
            clock.now += INTERVAL
            progress(1_000_000)
    assert stream.getvalue().splitlines() == [
        "checking a.csv: 25 % of 4.0 MB, 00:45 left; nothing is sent yet",
        "checking a.csv: 50 % of 4.0 MB, 00:30 left; nothing is sent yet",
        "checking a.csv: 75 % of 4.0 MB, 00:15 left; nothing is sent yet",
        "checking a.csv: 100 % of 4.0 MB, 00:00 left; nothing is sent yet",
    ]


def test_a_campaign_prints_a_line_an_interval_however_often_it_is_asked() -> None:
    display, clock, stream = a_display()
    with display.campaign(20) as update:
        for _ in range(3):
            update(Progress())
            clock.now += INTERVAL
            update(Progress(taken=5, accepted=5, expected=20, requests=5))
            update(Progress(taken=6, accepted=6, expected=20, requests=6))
    assert stream.getvalue() == "5 of 20 messages done: 5 accepted, 5 requests, 0 messages/s\n" * 3


@pytest.mark.parametrize(
    ("progress", "line"),
    [
        (
            Progress(taken=130, in_flight=20, accepted=100, failed=10, requests=130, expected=1000, rate=10.0),
            "110 of 1,000 messages done: 100 accepted, 10 failed, 130 requests, 10 messages/s, 01:29 left",
        ),
        (
            Progress(taken=7, accepted=1, rejected=2, unknown=1, known=2, duplicates=1, requests=4, expected=7),
            "7 of 7 messages done: 1 accepted, 2 rejected, 1 unknown, 2 already settled, 1 left out as duplicates, "
            "4 requests, 0 messages/s",
        ),
        (
            Progress(taken=10_000, in_flight=10_000, requests=1, expected=20_000, paused=29.6),
            "0 of 20,000 messages done: 0 accepted, 1 request, 0 messages/s; "
            "paused for 30 s, as 8x8 asks (too many requests)",
        ),
        (Progress(taken=3, accepted=3, requests=3), "3 messages done: 3 accepted, 3 requests, 0 messages/s"),
    ],
)
def test_a_line_of_a_campaign(progress: Progress, line: str) -> None:
    assert campaign_line(progress) == line


def test_lines_of_file_runs_and_look_ups() -> None:
    counts = OutcomeCounts(10_000, Counter({RecordOutcome.UNKNOWN: 10}), requests=1)
    assert file_run_line(counts, 0.0) == "10 of 10,000 messages done: 0 accepted, 10 unknown, 1 request, 0 messages/s"
    assert file_run_line(counts, 1.0).endswith("1 messages/s, 2:46:30 left")
    assert reconcile_line(345.0, 20.0) == "waiting until every sent message is in 8x8's log: 05:45 left"
    assert reconcile_line(-1.0, 46.0) == "looking up messages in 8x8's log: 00:46 so far"
