"""The `bulk` commands with a ledger: one campaign on several machines."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cli.command_line import in_process, preloaded

from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.command_line import Ended

    from eightbyeight_async.sandbox import Sandbox

ROWS = 30


@pytest.fixture
def people(tmp_path: Path) -> Path:
    lines = [f"+6581{number:06d},Ann {number}" for number in range(ROWS)]
    path = tmp_path / "people.csv"
    path.write_text("\n".join(["destination,name", *lines]) + "\n")
    return path


@pytest.fixture
def bulk(
    postgres: str, sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], request: Any
) -> Callable[..., Ended]:
    """Runs `eightbyeight bulk COMMAND ... --campaign NAME`, with the ledger in the environment."""
    name = f"{request.node.name} {tmp_path}"[-200:]

    def call(command: str, *more: object, **options: Any) -> Ended:
        line = ("bulk", command, *more, "--campaign", name)
        return in_process(*line, sandbox=sandbox, capsys=capsys, EIGHTBYEIGHT_LEDGER=postgres, **options)

    return call


def test_a_campaign_is_sent_once_by_two_runs_and_told_by_every_command(
    bulk: Callable[..., Ended], people: Path, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.faults.on_destination("+6581000003", Fault.accept_then_drop())
    line = ("run", people, "--text", "Hi {name}", "--mode", "each")
    first = bulk(*line)
    assert first.code == 4, first.err
    assert first.err.count("fsync=off") <= 1
    assert "29 accepted" in first.err
    assert "`eightbyeight bulk reconcile --campaign" in first.err
    assert "postgresql://" not in first.err
    second = bulk(*line)
    assert (second.code, len(sandbox.messages)) == (4, ROWS)
    assert "30 already settled" in second.err
    assert json.loads(bulk("status", "--json").out)["unknown"] == 1
    unknown = json.loads(bulk("unknown", "--json").out)
    assert [entry["row"] for entry in unknown["messages"]] == [4]
    settled = bulk("reconcile", "--lag", "0.000001")
    assert (settled.code, settled.out.startswith("1 were sent")) == (0, True), settled.err
    assert bulk("status").out.startswith("30 messages: 30 sent")
    exported = bulk("export", "--output", tmp_path / "out.csv")
    assert exported.code == 0
    assert len((tmp_path / "out.csv").read_text().splitlines()) == ROWS + 1
    follow = bulk("status", "--follow", "--interval", "0.1", "--json")
    assert json.loads(follow.out.splitlines()[-1])["sent"] == ROWS


def test_a_dry_run_and_the_check_of_the_input_are_those_of_a_journal(
    bulk: Callable[..., Ended], people: Path, sandbox: Sandbox
) -> None:
    line = ("run", people, "--text", "Hi {name}")
    plan = json.loads(bulk(*line, "--dry-run", "--json").out)
    assert (plan["new"], plan["settled"]) == (ROWS, 0)
    assert bulk(*line).code == 0
    plan = json.loads(bulk(*line, "--dry-run", "--json").out)
    assert (plan["new"], plan["settled"]) == (0, ROWS)
    changed = bulk("run", people, "--text", "Ho {name}")
    assert changed.code == 2
    assert "differ from those" in changed.err
    assert len(sandbox.messages) == ROWS


def test_a_stop_holds_on_every_machine_until_it_is_taken_back(
    bulk: Callable[..., Ended], people: Path, sandbox: Sandbox
) -> None:
    line = ("run", people, "--text", "Hi {name}", "--limit", "10")
    assert bulk(*line).code == 0
    stopped = bulk("stop")
    assert (stopped.code, "stopped on every machine" in stopped.out) == (0, True)
    again = bulk("run", people, "--text", "Hi {name}")
    assert again.code == 1
    assert "stopped: stopped by `bulk stop`" in again.err
    assert "to go on: the same command again" in again.err
    assert len(sandbox.messages) == 10
    assert json.loads(bulk("stop", "--resume", "--json").out) == {"stopped": False}
    assert bulk("run", people, "--text", "Hi {name}").code == 0
    assert len(sandbox.messages) == ROWS


def test_an_unknown_message_is_settled_by_hand(bulk: Callable[..., Ended], people: Path, sandbox: Sandbox) -> None:
    sandbox.faults.on_destination("+6581000003", Fault.drop_before_accept())
    bulk("run", people, "--text", "Hi {name}", "--mode", "each")
    key = json.loads(bulk("unknown", "--json").out)["messages"][0]["key"]
    assert bulk("resolve", key, "--not-sent").code == 0
    assert bulk("resolve", key, "--sent").code == 2
    assert bulk("run", people, "--text", "Hi {name}").code == 0
    assert len(sandbox.messages) == ROWS


def test_scheduled_messages_are_cancelled_from_another_machine(
    bulk: Callable[..., Ended], people: Path, sandbox: Sandbox
) -> None:
    later = (datetime.now(UTC) + timedelta(hours=2)).isoformat()
    assert bulk("run", people, "--text", "Hi {name}", "--scheduled", later).code == 0
    cancelled = bulk("cancel")
    assert (cancelled.code, cancelled.out) == (0, f"cancelled: {ROWS} messages\n"), cancelled.err
    assert sandbox.totals["cancelled"] == ROWS


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--journal", "run.db", "--campaign", "n"], "--journal: does not go with"),
        ([], "--journal is missing"),
        (["--ledger", "postgresql://x"], "--campaign is missing"),
        (["--campaign", "n"], "--ledger is missing"),
        (["--ledger", "mysql://x", "--campaign", "n"], "--ledger (EIGHTBYEIGHT_LEDGER): must be the URL"),
        (["--ledger", "postgresql://x", "--campaign", " "], "--campaign: must be"),
        (
            ["--ledger", "postgresql://me:secret@127.0.0.1:9/x", "--campaign", "n"],
            "--ledger (EIGHTBYEIGHT_LEDGER): the database",
        ),
        (
            ["--ledger", "postgresql://127.0.0.1:9/x?sslmode=foo", "--campaign", "n"],
            "--ledger (EIGHTBYEIGHT_LEDGER): the",
        ),
    ],
)
@pytest.mark.parametrize("command", ["status", "unknown", "cancel", "run"])
def test_what_does_not_name_a_campaign_is_refused_in_one_line(
    options: list[str],
    words: str,
    command: str,
    people: Path,
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
) -> None:
    more = (people, "--text", "Hi") if command == "run" else ()
    ended = in_process("bulk", command, *more, *options, sandbox=sandbox, capsys=capsys)
    assert (ended.code, ended.out) == (2, "")
    assert len(ended.err.splitlines()) == 1
    assert words in ended.err
    assert "secret" not in ended.err


@pytest.mark.parametrize("command", ["status", "unknown", "reconcile", "cancel", "export", "stop"])
def test_a_mistyped_name_makes_no_campaign(bulk: Callable[..., Ended], command: str) -> None:
    ended = bulk(command)
    assert ended.code == 2
    assert "there is no campaign of this name" in ended.err


@pytest.mark.parametrize(
    "option", [["--durability", "process"], ["--duplicates", "send"], ["--store-private"], ["--accept-loss"]]
)
def test_options_of_journals_are_refused_before_the_file_is_read(
    bulk: Callable[..., Ended], option: list[str], people: Path
) -> None:
    ended = bulk("run", people, "--text", "Hi {name}", *option)
    assert ended.code == 2
    assert f"{' '.join(option)}: needs --journal" in ended.err


def test_stop_is_for_ledgers(sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process("bulk", "stop", "--journal", tmp_path / "run.db", sandbox=sandbox, capsys=capsys)
    assert ended.code == 2
    assert "Ctrl-C" in ended.err


def test_no_text_and_no_number_of_a_run_is_in_the_database(
    bulk: Callable[..., Ended], people: Path, postgres: str
) -> None:
    import psycopg

    bulk("run", people, "--text", "Geheimnis {name}")
    with psycopg.connect(postgres) as look:
        tables = look.execute("SELECT tablename FROM pg_tables WHERE schemaname='eightbyeight'").fetchall()
        everything = "".join(
            str(look.execute(f"SELECT t::text FROM eightbyeight.{table} AS t").fetchall())  # noqa: S608
            for (table,) in tables
        )
    assert "Geheimnis" not in everything
    # without digests: eight digits of one can be those of the number
    assert "81000007" not in re.sub(r"\d{15,}", "", everything)
    assert "command_line" not in everything


def test_three_processes_share_a_file(postgres: str, people: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    import threading

    import psycopg

    ended: list[Ended] = []
    options = ("--mode", "each", "--chunk-size", "2", "--campaign", str(tmp_path)[-100:])
    line = ("bulk", "run", people, "--text", "Hi {name}", *options)

    def one() -> None:
        ended.append(preloaded(*line, sandbox=sandbox, EIGHTBYEIGHT_LEDGER=postgres))

    workers = [threading.Thread(target=one) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert {one.code for one in ended} == {0}, [one.err for one in ended]
    assert len(sandbox.messages) == ROWS
    with psycopg.connect(postgres) as look:
        jobs = look.execute(
            "SELECT l.status::text, count(DISTINCT l.job_id) FROM eightbyeight.pgqueuer_log l, eightbyeight.campaign c "
            "WHERE l.entrypoint='eightbyeight ' || c.id AND c.name=%s AND l.status='successful' GROUP BY 1",
            [str(tmp_path)[-100:]],
        ).fetchall()
    assert jobs, "the file went through the queue"
    assert dict(jobs)["successful"] >= -(-ROWS // 4)
    assert set(sandbox.accepted_counts.values()) == {1}
