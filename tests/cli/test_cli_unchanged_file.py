"""`bulk run` that continues: a file with the bytes that an earlier run checked is not checked again. Any other file is
checked.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from cli.test_cli_bulk import sent_once, status

from eightbyeight_async.cli.bulk import start
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Ended, Here
    from cli.test_cli_bulk import Bulk

    from eightbyeight_async.sandbox import Sandbox

ROWS = 4
SKIPPED = "unchanged since an earlier run checked it"


@pytest.fixture
def bulk(sandbox: Sandbox, tmp_path: Path, here: Here) -> Bulk:
    """Runs `eightbyeight bulk ... --journal run.db` in this process."""

    def call(*arguments: object, **more: str) -> Ended:
        return here("bulk", *arguments, "--journal", tmp_path / "run.db", sandbox=sandbox, **more)

    return call


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that are checked. The check itself still runs."""
    checked, check = [], start.check_file

    def spy(input_file, *args, **more):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN002, ANN003, ANN202
        checked.append(input_file.name)
        return check(input_file, *args, **more)

    monkeypatch.setattr(start, "check_file", spy)
    return checked


def customers(folder: Path, *, name: str = "Ann") -> Path:
    file = folder / "customers.csv"
    rows = [f"+6591{row:06},{name},ref-{row}" for row in range(1, ROWS + 1)]
    file.write_text("\n".join(["destination,name,client_message_id", *rows]))
    return file


def begun(bulk: Bulk, sandbox: Sandbox, tmp_path: Path, *more: object) -> Path:
    """A run that stops before its last messages."""
    file = customers(tmp_path)
    sandbox.faults.on_destination("+6591000003", Fault.error(status=401, code=1200))
    bulk("run", file, "--text", "Hi {name}", "--concurrency", 1, *more)
    assert 0 < len(sandbox.messages) < ROWS
    return file


def test_a_run_that_continues_does_not_check_the_same_bytes_again(
    bulk: Bulk,
    sandbox: Sandbox,
    tmp_path: Path,
    checks: list[str],
) -> None:
    begun(bulk, sandbox, tmp_path)
    ended = bulk("run")
    assert (ended.code, len(checks)) == (0, 1)
    assert SKIPPED in ended.err
    assert sent_once(sandbox, ROWS)
    assert status(bulk)["sent"] == ROWS
    again = bulk("run")
    assert SKIPPED in again.err
    assert (again.code, len(sandbox.messages), len(checks)) == (0, ROWS, 1)


def test_a_file_that_was_touched_or_moved_is_the_same(
    bulk: Bulk,
    sandbox: Sandbox,
    tmp_path: Path,
    checks: list[str],
) -> None:
    file = begun(bulk, sandbox, tmp_path)
    os.utime(file, (1, 1))
    file.rename(tmp_path / "moved.csv")
    assert SKIPPED in bulk("run", tmp_path / "moved.csv").err
    assert len(checks) == 1


def test_a_change_that_keeps_size_and_time_is_found(
    bulk: Bulk,
    sandbox: Sandbox,
    tmp_path: Path,
    checks: list[str],
) -> None:
    file = begun(bulk, sandbox, tmp_path)
    before = file.stat()
    customers(tmp_path, name="Bob")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (before.st_size, before.st_mtime_ns)
    ended = bulk("run")
    assert (ended.code, len(checks)) == (2, 2)
    assert "differ from those" in ended.err


@pytest.mark.parametrize(
    "option",
    [
        ("--text", "Hi  {name}"),
        ("--max-cost", "100"),
        ("--limit", "1"),
        ("--window", "00:00-23:59"),
        ("--require-plus",),
        ("--clean-numbers",),
        ("--one-per-number",),
        ("--duplicates", "send"),
        ("--long-text", "refuse"),
        ("--source", "ACME"),
        ("--bad-rows", "bad.csv"),
        ("--problems", "problems.csv"),
        ("--resend-failed",),
        ("--resend-unknown",),
        ("--allow-changed-input",),
        ("--dry-run",),
    ],
)
def test_what_the_check_depends_on_makes_it_needed_again(
    option: tuple[str, ...],
    bulk: Bulk,
    sandbox: Sandbox,
    tmp_path: Path,
    checks: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    begun(bulk, sandbox, tmp_path)
    assert SKIPPED not in bulk("run", *option).err
    assert len(checks) == 2


@pytest.mark.parametrize("first", [("--limit", "3"), ("--expiry", "2126-01-01T00:00:00Z"), ("--weekdays",)])
def test_a_check_that_cannot_be_relied_on_is_not_remembered(
    first: tuple[str, ...],
    bulk: Bulk,
    sandbox: Sandbox,
    tmp_path: Path,
    checks: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    begun(bulk, sandbox, tmp_path, *first)
    bulk("run")
    assert len(checks) == 2


def test_people_who_opted_out_meanwhile_are_left_out(
    bulk: Bulk,
    sandbox: Sandbox,
    tmp_path: Path,
    checks: list[str],
) -> None:
    begun(bulk, sandbox, tmp_path)
    stopped = tmp_path / "stopped.txt"
    stopped.write_text("+65 9100 0004\n")
    bulk("run", "--opt-out", stopped)
    assert len(checks) == 1
    assert (status(bulk)["sent"], status(bulk)["opted_out"]) == (ROWS - 1, 1)
    assert "+6591000004" not in [message.destination for message in sandbox.messages]


def test_more_messages_than_allowed_are_refused_without_a_check(
    bulk: Bulk,
    sandbox: Sandbox,
    tmp_path: Path,
    checks: list[str],
) -> None:
    begun(bulk, sandbox, tmp_path)
    sent = len(sandbox.messages)
    ended = bulk("run", "--max-messages", "1")
    assert (ended.code, len(checks), len(sandbox.messages)) == (2, 1, sent)
    assert "--max-messages" in ended.err


def test_rows_that_were_set_aside_stay_aside(bulk: Bulk, sandbox: Sandbox, tmp_path: Path, checks: list[str]) -> None:
    file = customers(tmp_path)
    file.write_text(file.read_text().replace("+6591000002", "98"))
    sandbox.faults.on_destination("+6591000003", Fault.error(status=401, code=1200))
    bulk("run", file, "--text", "Hi {name}", "--concurrency", 1, "--bad-rows", tmp_path / "bad.csv")
    assert len(sandbox.messages) < ROWS - 1
    bad = (tmp_path / "bad.csv").read_text(encoding="utf-8-sig")
    ended = bulk("run")
    assert (ended.code, len(checks), "1 bad row set aside" in ended.err) == (1, 1, True), "1: a row is aside"
    assert sorted(message.destination[-1] for message in sandbox.messages) == ["1", "3", "4"]
    (tmp_path / "bad.csv").unlink()
    assert (bulk("run").code, len(checks)) == (1, 2)
    assert (tmp_path / "bad.csv").read_text(encoding="utf-8-sig") == bad, "what is gone is written again"
    (tmp_path / "bad.csv").write_text(bad.replace("\n98,", "\n+6591000002,"))
    assert bulk("run", tmp_path / "bad.csv").code == 0
    assert (sent_once(sandbox, ROWS), len(checks)) == (True, 3)


def test_a_check_of_another_input_than_the_campaigns_is_not_relied_on(
    bulk: Bulk, sandbox: Sandbox, tmp_path: Path, checks: list[str]
) -> None:
    """As after a kill between two writes: the check of the new input, and the input's fingerprint."""
    begun(bulk, sandbox, tmp_path)
    with closing(sqlite3.connect(tmp_path / "run.db", isolation_level=None)) as journal:
        journal.execute("UPDATE meta SET value='4-00' WHERE name='fingerprint'")
    ended = bulk("run")
    assert (ended.code, len(checks), "differ from those" in ended.err) == (2, 2, True)
