"""Impossible times are refused before anything is sent. If a row's time passes during the run, only that row fails."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from cli.command_line import Ended, in_process

from eightbyeight_async.cli.reading import file_plan
from eightbyeight_async.cli.reading.input_file import InputFile

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

MODES = pytest.mark.parametrize("mode", ["send-each", "send-batch", "bulk each", "bulk batch"])


def moment(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat(timespec="seconds")


def numbers(sandbox: Sandbox) -> list[str]:
    return sorted(message.destination for message in sandbox.messages)


def sending(mode: str, file: Path, *more: str, capsys: pytest.CaptureFixture[str], sandbox: Sandbox) -> Ended:
    command = ["bulk", "run", "--journal", str(file.with_name("run.db"))] if mode.startswith("bulk") else [mode]
    if mode.startswith("bulk"):
        command += ["--mode", mode.partition(" ")[2]]
    command.insert(2 if mode.startswith("bulk") else 1, str(file))
    return in_process(*command, *more, capsys=capsys, sandbox=sandbox)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"--scheduled": -120}, "--scheduled: must not be in the past"),
        ({"--expiry": -120}, "--expiry: must not be in the past"),
        ({"--scheduled": 600, "--expiry": 300}, "--expiry: must be after scheduled"),
        ({"--scheduled": 8 * 86_400}, "--scheduled: must be at most 7 days ahead"),
    ],
)
@pytest.mark.parametrize("mode", ["send", "send-each", "send-batch", "bulk each"])
def test_an_option_that_cannot_be_is_refused_in_one_line(
    mode: str,
    options: dict[str, int],
    words: str,
    tmp_path: Path,
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = [word for name, seconds in options.items() for word in (name, moment(seconds=seconds))]
    if mode == "send":
        ended = in_process("send", "--to", "+6591110001", "--text", "x", *given, capsys=capsys, sandbox=sandbox)
    else:
        file = tmp_path / "m.csv"
        file.write_text("destination,text\n+6591110001,x\n+6591110002,x\n")
        ended = sending(mode, file, *given, capsys=capsys, sandbox=sandbox)
    assert (ended.code, ended.err.startswith(f"eightbyeight: {words}"), len(ended.err.splitlines())) == (2, True, 1)
    assert sandbox.traffic.requests == 0


@MODES
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_row_that_cannot_be_is_named_and_nothing_is_sent(
    mode: str, form: str, tmp_path: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"destination": "+6591110001", "scheduled": "", "expiry": ""},
        {"destination": "+6591110002", "scheduled": moment(minutes=-2), "expiry": ""},
        {"destination": "+6591110003", "scheduled": "", "expiry": moment(seconds=-1)},
        {"destination": "+6591110004", "scheduled": moment(hours=2), "expiry": moment(hours=1)},
        {"destination": "+6591110005", "scheduled": moment(seconds=-10), "expiry": moment(hours=1)},
    ]
    file = tmp_path / f"m.{form}"
    if form == "csv":
        lines = ["destination,scheduled,expiry", *(",".join(row.values()) for row in rows)]
    else:
        lines = [json.dumps(row) for row in rows]
    file.write_text("\n".join(lines) + "\n")
    ended = sending(mode, file, "--text", "Hi", capsys=capsys, sandbox=sandbox)
    first = 2 if form == "csv" else 1
    assert [line for line in ended.err.splitlines() if file.name in line] == [
        f"eightbyeight: {file.name}:{first + 1} (row 2): scheduled: must not be in the past, by this machine's clock",
        f"eightbyeight: {file.name}:{first + 2} (row 3): expiry: must not be in the past, by this machine's clock",
        f"eightbyeight: {file.name}:{first + 3} (row 4): expiry: must be after scheduled: the message would expire "
        "before it is due",
    ]
    assert (ended.code, sandbox.traffic.requests) == (2, 0)


@MODES
def test_a_time_that_passes_after_the_check_fails_its_row_alone(
    mode: str, tmp_path: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file is checked one hour before it is read again and sent."""
    file = tmp_path / "m.csv"
    late = moment(minutes=-30)
    file.write_text(f"destination,expiry\n+6591110001,\n+6591110002,{late}\n+6591110003,\n")
    behind, records = [timedelta(hours=1)], tmp_path / "records.jsonl"
    unchanged = InputFile.unchanged

    def between_the_readings(source: InputFile) -> bool:
        behind[0] = timedelta()
        return unchanged(source)

    with monkeypatch.context() as patch:
        patch.setattr(file_plan, "now", lambda: datetime.now(UTC) - behind[0])
        patch.setattr(InputFile, "unchanged", between_the_readings)
        output = [] if mode.startswith("bulk") else ["--output", str(records)]
        ended = sending(mode, file, "--text", "Hi", *output, capsys=capsys, sandbox=sandbox)
    assert ended.code == 1, ended.err
    assert numbers(sandbox) == ["+6591110001", "+6591110003"]
    assert "expiry: must not be in the past" in ended.err
    assert "first in row 2" in ended.err
    if not mode.startswith("bulk"):
        told = map(json.loads, records.read_text().splitlines())
        found = {record["row"]: (record["outcome"], record["sent"]) for record in told}
        assert found == {1: ("accepted", "yes"), 2: ("failed", "no"), 3: ("accepted", "yes")}
        return
    # The campaign continues: messages that were sent in time are settled, and the others stay unsent.
    ended = sending(mode, file, "--text", "Hi", capsys=capsys, sandbox=sandbox)
    assert "times that have passed, in 1 row: 2; this run sends none of these messages" in ended.err
    assert (ended.code, len(sandbox.messages)) == (1, 2)
