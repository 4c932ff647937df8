"""Trial runs: `--limit` sends the first messages, `--test-to` sends samples to the user's own number."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cli.command_line import in_process

from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Ended

    from eightbyeight_async.sandbox import Sandbox

COMMANDS = ["send-each", "send-batch", "bulk run"]
ROWS = "".join(f"+659123{number:04},N{number % 3}\n" for number in range(20))
OUT = "+6591230001"


def line(command: str, folder: Path) -> tuple[object, ...]:
    where = ("--journal", folder / "run.db") if command == "bulk run" else ("--output", folder / "out.jsonl", "--force")
    return (*command.split(), folder / "people.csv", "--text", "Hi {name}", *where)


def numbers(sandbox: Sandbox) -> list[int]:
    return [int(message.destination[-4:]) for message in sandbox.messages]


@pytest.fixture
def here(sandbox: Sandbox, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Any:
    # The first rows contain a duplicate and a bad row.
    first, second, *rest = ROWS.splitlines(keepends=True)
    (tmp_path / "people.csv").write_text("destination,name\n" + first + "98,bad\n" + first + second + "".join(rest))
    (tmp_path / "out.txt").write_text(OUT)

    def run(*arguments: object) -> Ended:
        options = ("--bad-rows", tmp_path / "bad.csv", "--opt-out", tmp_path / "out.txt")
        return in_process(*arguments, *options, sandbox=sandbox, capsys=capsys)

    return run


@pytest.mark.parametrize("name", ["--limit", "--sample"])
@pytest.mark.parametrize("command", COMMANDS)
def test_only_the_first_messages_are_sent(sandbox: Sandbox, tmp_path: Path, here: Any, command: str, name: str) -> None:
    dry = here(*line(command, tmp_path), name, "5", "--dry-run")
    ran = here(*line(command, tmp_path), name, "5")
    assert (dry.code, ran.code) == (0, 1), "a bad row is left to mend"
    assert sorted(numbers(sandbox)) == [0, 2, 3, 4, 5], "the duplicate and the person who opted out do not count"
    for told in (dry.err, ran.err):
        assert ", 14 rows later (--limit)" in told
        assert "to 5 people: SG 5\n" in told


@pytest.mark.parametrize("mode", ["each", "batch", "auto"])
def test_a_campaign_sends_the_rest_later_and_nothing_twice(
    sandbox: Sandbox, tmp_path: Path, here: Any, mode: str, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ("--mode", mode)
    assert here(*line("bulk run", tmp_path), *more, "--limit", "5").code == 1
    status = json.loads(in_process("bulk", "status", "--journal", tmp_path / "run.db", "--json", capsys=capsys).out)
    assert (status["sent"], status["opted_out"], status["not_sent"]) == (5, 1, 15), "2 of these are duplicates' places"
    assert here(*line("bulk run", tmp_path), *more, "--limit", "5").code == 1
    assert sorted(numbers(sandbox)) == [0, *range(2, 11)]
    last = here(*line("bulk run", tmp_path), *more)
    assert (last.code, sorted(numbers(sandbox))) == (1, [0, *range(2, 20)]), last.err
    status = json.loads(in_process("bulk", "status", "--journal", tmp_path / "run.db", "--json", capsys=capsys).out)
    assert (status["sent"], status["opted_out"], status["not_sent"]) == (19, 1, 0)


def test_a_limited_run_that_sends_all_of_its_messages_ends_well(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people.csv").write_text(f"destination,name\n{ROWS}")
    for limit, code, sent in ((3, 0, 3), (3, 0, 6), (100, 0, 20)):
        ended = in_process(*line("bulk run", tmp_path), "--limit", limit, sandbox=sandbox, capsys=capsys)
        assert (ended.code, len(sandbox.messages)) == (code, sent), ended.err
    sandbox.faults.plan([Fault.error(1002)])
    other = (*line("bulk run", tmp_path)[:-1], tmp_path / "other.db")
    ended = in_process(*other, "--limit", 3, sandbox=sandbox, capsys=capsys)
    assert ended.code == 1, "one of the three was refused"


@pytest.mark.parametrize("command", COMMANDS)
def test_samples_go_to_ones_own_number_once_and_nothing_else_does(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (tmp_path / "people.csv").write_text("destination,name\n+6591230001,A\n+6591230002,Long name\n+6591230003,C\n")
    options = (*line(command, tmp_path), "--test-to", "+6590000000", "--source", "ACME")
    dry = in_process(*options, "--dry-run", sandbox=sandbox, capsys=capsys)
    assert (dry.code, list(sandbox.messages), "samples: 3 to send by --test-to" in dry.err) == (0, [], True), dry.err
    ended = in_process(*options, sandbox=sandbox, capsys=capsys)
    assert ended.code == 0, ended.err
    assert [(m.destination.lstrip("+"), m.text) for m in sandbox.messages] == [
        ("6590000000", "Hi Long name"), ("6590000000", "Hi A"), ("6590000000", "Hi C"),
    ]  # fmt: skip
    assert {m.body["source"] for m in sandbox.messages} == {"ACME"}
    assert not (tmp_path / "run.db").exists(), "outside of the journal"
    if command == "bulk run":
        told = in_process(*options, "--json", "--dry-run", sandbox=sandbox, capsys=capsys)
        assert json.loads(told.out) == {"dry_run": True, "samples": 3, "ok": None}
    assert "90000000" not in ended.err
    if command == "bulk run":  # an existing journal does not change, either
        assert in_process(*line(command, tmp_path), sandbox=sandbox, capsys=capsys).code == 0
        before = (tmp_path / "run.db").read_bytes()
        in_process(*options, sandbox=sandbox, capsys=capsys)
        assert (tmp_path / "run.db").read_bytes() == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_sample_that_fails_is_told(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (tmp_path / "people.csv").write_text("destination,name\n+6591230001,A\n+6591230002,Long name\n")
    for fault, code in ((Fault.error(1002), 1), (Fault.accept_then_drop(), 4), (Fault.error(1200), 3)):
        sandbox.reset()
        sandbox.faults.plan([fault])
        ended = in_process(*line(command, tmp_path), "--test-to", "+6590000000", sandbox=sandbox, capsys=capsys)
        assert ended.code == code, ended.err
    for wrong in ("90000000", "+65", "nobody"):
        ended = in_process(*line(command, tmp_path), "--test-to", wrong, sandbox=sandbox, capsys=capsys)
        assert (ended.code, "--test-to: " in ended.err) == (2, True), ended.err
