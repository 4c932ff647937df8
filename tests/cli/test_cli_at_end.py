"""`--on-end` and `--keep-trying` on the command line."""

from __future__ import annotations

import json
import shlex
import sys
from typing import TYPE_CHECKING

import pytest
from cli.command_line import in_process

from eightbyeight_async.bulk import Progress
from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.durations import seconds_of
from eightbyeight_async.cli.terminal.plain_progress import campaign_line
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

COMMANDS = ["send-each", "send-batch", "bulk run"]
KEEP = "import sys; open('end.json', 'wb').write(sys.stdin.buffer.read()); print('told\\x1b[31m')"


def line(command: str, folder: Path) -> tuple[object, ...]:
    where = ("--journal", folder / "run.db") if command == "bulk run" else ("--output", folder / "out.jsonl", "--force")
    return (*command.split(), folder / "people.csv", "--text", "Hi", *where)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_command_gets_the_results_when_the_run_has_ended(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text("destination\n+6591234561\n+6591234562\n")
    sandbox.faults.on_destination("+6591234562", Fault.error(1002))
    on_end = ("--on-end", shlex.join([sys.executable, "-c", KEEP]))
    dry = in_process(*line(command, tmp_path), *on_end, "--dry-run", sandbox=sandbox, capsys=capsys)
    assert (dry.code, (tmp_path / "end.json").exists()) == (0, False)
    ended = in_process(*line(command, tmp_path), *on_end, sandbox=sandbox, capsys=capsys)
    told = json.loads((tmp_path / "end.json").read_text())
    assert told["accepted"] + told["failed"] == 2
    assert "--on-end: told\\x1b[31m" in ended.err, "its output is shown, and no escape sequence of it"
    assert "91234561" not in json.dumps(told)


@pytest.mark.parametrize("command", COMMANDS)
def test_what_becomes_of_it_changes_nothing(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (tmp_path / "people.csv").write_text("destination\n+6591234561\n")
    fails = shlex.join([sys.executable, "-c", "raise SystemExit(7)"])
    for on_end, words in ((fails, "ended with 7"), ("no-such-command-here", "No such file")):
        for left in ("run.db", "run.db-mark"):
            (tmp_path / left).unlink(missing_ok=True)
        ended = in_process(*line(command, tmp_path), "--on-end", on_end, sandbox=sandbox, capsys=capsys)
        assert (ended.code, "--on-end: " in ended.err, words in ended.err) == (0, True, True), ended.err
    sandbox.reset()
    for wrong in ("", "'"):
        ended = in_process(*line(command, tmp_path), "--on-end", wrong, sandbox=sandbox, capsys=capsys)
        assert (ended.code, "--on-end: " in ended.err, list(sandbox.messages)) == (2, True, []), ended.err


@pytest.mark.parametrize(
    ("text", "seconds"), [(None, 0), ("90", 90), ("90s", 90), ("1.5m", 90), ("30m", 1800), ("2h", 7200), ("0", 0)]
)
def test_a_duration(text: str | None, seconds: float) -> None:
    assert seconds_of(text, "--keep-trying") == seconds


@pytest.mark.parametrize("text", ["", "soon", "-1", "1d", "1h30m", "inf", "1e3"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--keep-trying: must be a duration"):
        seconds_of(text, "--keep-trying")


def test_the_line_of_progress_says_what_is_waited_for() -> None:
    waiting = campaign_line(Progress(taken=5, expected=9, paused=8.0, unreachable=1790.0))
    assert waiting.endswith("; 8x8 cannot be reached: next try in 8 s, trying for 29:50 more")
    assert campaign_line(Progress(taken=5, expected=9, paused=8.0)).endswith(
        "paused for 8 s, as 8x8 asks (too many requests)"
    )
