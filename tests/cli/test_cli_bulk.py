"""`bulk`: the next run continues a killed run. Unknown messages are reported and settled, and never sent twice."""

from __future__ import annotations

import csv
import json
import re
import shlex
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from cli.command_line import COMMAND, Ended, environment, preloaded, started, under_way
from cli.test_cli_commands import TOMORROW, csv_file
from held import held
from patience import PATIENCE

from eightbyeight_async.cli.commands.main import make_app
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.command_line import Here

    from eightbyeight_async.sandbox import Sandbox

    Bulk = Callable[..., Ended]

TEXT = "Hi {name}, a text nobody should see"
COUNTS = (
    "total",
    "sent",
    "waiting",
    "cancelled",
    "rejected",
    "failed",
    "in_flight",
    "unknown",
    "opted_out",
    "not_sent",
)


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


@pytest.fixture
def bulk(sandbox: Sandbox, journal: Path, here: Here) -> Bulk:
    """Runs `eightbyeight bulk ... --journal run.db` in this process."""

    def call(*arguments: object, **more: str) -> Ended:
        return here("bulk", *arguments, "--journal", journal, sandbox=sandbox, **more)

    return call


def status(bulk: Bulk) -> dict[str, int]:
    told: dict[str, int] = json.loads(bulk("status", "--json").out)
    assert tuple(told) == COUNTS
    assert told["total"] == sum(told[name] for name in COUNTS[1:])
    return told


def counted(**more: int) -> dict[str, int]:
    given = {name: more.get(name, 0) for name in COUNTS[1:]}
    return {"total": sum(given.values()), **given}


def sent_once(sandbox: Sandbox, count: int) -> bool:
    return Counter(m.client_message_id for m in sandbox.messages) == Counter(f"ref-{n}" for n in range(1, count + 1))


# --- run


def test_a_run_sends_every_row_and_the_next_one_none(
    sandbox: Sandbox, tmp_path: Path, journal: Path, bulk: Bulk
) -> None:
    path = csv_file(tmp_path / "a.csv")
    ended = preloaded("bulk", "run", path, "--text", TEXT, "--journal", journal, "--json", sandbox=sandbox)
    assert ended.code == 0
    (told,) = ended.records
    assert told["seconds"] > 0
    assert told == {
        "bad_rows": 0,
        "later": 0,
        "accepted": 20,
        "rejected": 0,
        "failed": 0,
        "unknown": 0,
        "not_sent": 0,
        "known": 0,
        "duplicates": 0,
        "same_number": 0,
        "opted_out": 0,
        "seconds": told["seconds"],
        "requests": 20,
        "mode": "each",
        "why": "no more than 1,000 messages: a lost answer then leaves one in doubt, not a whole batch",
        "complete": True,
        "stopped": None,
        "missing": 0,
        "status": counted(sent=20),
        "resume": None,
    }
    assert "this run: 20 accepted, 0 rejected, 0 failed, 0 unknown (" in ended.err
    assert "run.db: 20 messages: 20 sent, 0 rejected, 0 failed, 0 unknown, 0 not sent\n" in ended.err
    for again in ([], [path], [path, "--text", TEXT]):
        ended = bulk("run", *again, "--json")
        assert (ended.code, ended.records[0]["known"], ended.records[0]["requests"]) == (0, 20, 0)
    assert {m.client_message_id: m.text for m in sandbox.messages} == {
        f"ref-{n}": TEXT.format(name=f"Ann{n}") for n in range(1, 21)
    }
    assert sent_once(sandbox, 20)
    assert sandbox.violations == []


def test_the_journal_remembers_the_options_and_says_which(sandbox: Sandbox, tmp_path: Path, bulk: Bulk) -> None:
    path = tmp_path / "rows.txt"
    csv_file(path)
    options = (
        "--text",
        TEXT,
        "--format",
        "csv",
        "--source",
        "ACME",
        "--mode",
        "batch",
        "--chunk-size",
        5,
        "--schedule",
        TOMORROW,
    )
    sandbox.faults.plan([None, Fault.error(1200, status=401, times=None)])
    assert bulk("run", path, *options).code == 3
    assert status(bulk) == counted(waiting=5, not_sent=15)
    sandbox.faults.clear()
    ended = bulk("run")
    assert ended.code == 0
    remembered = "from run.db: rows.txt, --text, --format, --source, --scheduled, --mode, --chunk-size\n"
    assert set(ended.err.splitlines()[0].split(", ")) == set(remembered.strip().split(", "))
    assert {(m.source, m.state) for m in sandbox.messages} == {("ACME", "scheduled")}
    assert Counter(Counter(m.batch_id for m in sandbox.messages).values()) == {5: 4}
    assert sent_once(sandbox, 20)


def test_messages_from_stdin_have_to_be_given_again(
    sandbox: Sandbox, tmp_path: Path, journal: Path, bulk: Bulk
) -> None:
    rows = csv_file(tmp_path / "a.csv").read_bytes()
    arguments = ("bulk", "run", "-", "--format", "csv", "--text", TEXT, "--journal", journal)
    sandbox.faults.plan([Fault.error(1200, status=401, times=None)])
    ended = preloaded(*arguments, sandbox=sandbox, stdin=rows)
    assert (
        ended.code,
        f"to go on, with the same input: eightbyeight bulk run - --journal {journal}\n" in ended.err,
    ) == (3, True)
    sandbox.faults.clear()
    ended = bulk("run")
    assert (ended.code, "give the same messages on stdin again" in ended.err) == (2, True)
    assert preloaded("bulk", "run", "-", "--journal", journal, sandbox=sandbox, stdin=rows).code == 0
    assert sent_once(sandbox, 20)


@pytest.mark.parametrize(("mode", "requests", "size"), [("each", 20, 5), ("batch", 4, 5)])
def test_the_dry_run_shows_the_plan_and_makes_no_journal(
    sandbox: Sandbox, tmp_path: Path, journal: Path, bulk: Bulk, mode: str, requests: int, size: int
) -> None:
    path = csv_file(tmp_path / "a.csv")
    arguments = ("run", path, "--text", "x" * 161, "--mode", mode, "--chunk-size", size)
    nobody = {"EIGHTBYEIGHT_API_KEY": "", "EIGHTBYEIGHT_SUBACCOUNT_ID": ""}
    ended = bulk(*arguments, "--dry-run", "--json", **nobody)
    told = json.loads(ended.out)
    assert (ended.code, told["messages"], told["parts"], told["requests"], told["mode"]) == (0, 20, 40, requests, mode)
    assert (told["status"], journal.exists(), sandbox.traffic.connections) == (None, False, 0)
    sandbox.faults.plan([None, *[Fault.error(1200, status=401)] * 20])
    bulk(*arguments, "--concurrency", 1)
    done = {"each": 1, "batch": 5}[mode]
    ended = bulk("run", "--dry-run")
    assert ended.code == 0
    new = 20 - done
    assert f"a.csv: 20 messages, {new} new, {done} already settled, {2 * new} parts, to localhost:" in ended.err
    left = {"each": "19 requests", "batch": "3 requests"}[mode]
    assert ended.err.endswith(f", {left} in mode {mode} (asked for); nothing was sent\n")
    assert len(sandbox.messages) == done


def test_a_file_with_a_mistake_sends_nothing_and_leaves_no_journal(
    sandbox: Sandbox, tmp_path: Path, journal: Path, bulk: Bulk
) -> None:
    path = csv_file(tmp_path / "a.csv")
    path.write_text(path.read_text() + "98,Bob,ref-21\n")
    ended = bulk("run", path, "--text", TEXT)
    assert (ended.code, "a.csv:22 (row 21): destination: must be" in ended.err) == (2, True)
    assert (list(tmp_path.iterdir()), sandbox.traffic.requests) == ([path], 0)
    path.write_text(path.read_text().replace("98,Bob", "+6598765432,Bob"))
    assert bulk("run", path, "--text", TEXT).code == 0


def test_another_file_is_refused_unless_it_is_allowed(sandbox: Sandbox, tmp_path: Path, bulk: Bulk) -> None:
    path, more = csv_file(tmp_path / "a.csv", 20), csv_file(tmp_path / "b.csv", 25)
    assert bulk("run", path, "--text", TEXT).code == 0
    for dry in ([], ["--dry-run"]):
        ended = bulk("run", more, *dry)
        assert (ended.code, ended.err.count("\n"), len(sandbox.messages)) == (2, 2, 20)
        assert (
            "that run.db began with; nothing was sent (5 of them are new; --allow-changed-input sends them)"
            in ended.err
        )
    assert bulk("run", "--json").records[0]["known"] == 20  # the journal still contains the first ones
    ended = bulk("run", more, "--allow-changed-input", "--json")
    assert (ended.code, ended.records[0]["known"], ended.records[0]["accepted"]) == (0, 20, 5)
    assert sent_once(sandbox, 25)


def test_what_was_refused_is_told_and_tried_again_only_if_asked_for(
    sandbox: Sandbox, tmp_path: Path, bulk: Bulk
) -> None:
    path = csv_file(tmp_path / "a.csv", 4)
    sandbox.faults.on_destination("+447700900002", Fault.error(1005))
    ended = bulk("run", path, "--text", TEXT)
    assert (ended.code, status(bulk)) == (1, counted(sent=3, failed=1))
    assert re.search(r"^  1 failed: .*code 1005, HTTP 400\); first in row 2$", ended.err, re.MULTILINE)
    assert "to go on" not in ended.err
    assert (bulk("run").code, len(sandbox.messages)) == (1, 3)
    assert (bulk("run", "--resend-failed").code, len(sandbox.messages)) == (0, 4)


def test_a_refused_key_ends_the_run_and_marks_nobody(
    sandbox: Sandbox, tmp_path: Path, journal: Path, bulk: Bulk
) -> None:
    path = csv_file(tmp_path / "a.csv", 300)
    ended = bulk("run", path, "--text", TEXT, "--concurrency", 5, "--region", "europe", EIGHTBYEIGHT_API_KEY="revoked")
    assert (ended.code, status(bulk)) == (3, counted(not_sent=300))
    assert f"to go on: eightbyeight bulk run --journal {journal} --region europe\n" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "FILE is missing"),
        (["run", "nowhere.csv"], "nowhere.csv: No such file or directory"),
        (["run", "nowhere.csv", "--rate", "0"], "--rate: must be"),
        (["run", "nowhere.csv", "--concurrency", "0"], "--concurrency: must be"),
        (["run", "nowhere.csv", "--chunk-size", "10001"], "--chunk-size: must be at most 10,000"),
        (["run", "nowhere.csv", "--mode", "fast"], "--mode must be one of auto, each, batch"),
        (["run", "nowhere.csv", "--source", "x" * 17], "--source: must be at most 16"),
        (["status"], "run.db: there is none at this path"),
        (["unknown"], "run.db: there is none at this path"),
        (["resolve", "key", "--sent"], "run.db: there is none at this path"),
        (["resolve", "key"], "--sent is missing"),
        (["reconcile"], "run.db: there is none at this path"),
        (["cancel"], "run.db: there is none at this path"),
        (["export"], "run.db: there is none at this path"),
        (["sent"], "there is no such command; there are run, status,"),
    ],
)
def test_a_mistake_is_one_line_and_makes_no_journal(
    sandbox: Sandbox, journal: Path, bulk: Bulk, arguments: list[str], words: str
) -> None:
    ended = bulk(*arguments)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    assert words in ended.err
    assert (journal.exists(), sandbox.traffic.requests) == (False, 0)


def test_a_file_that_is_no_journal_is_not_touched(sandbox: Sandbox, tmp_path: Path, journal: Path, bulk: Bulk) -> None:
    path = csv_file(tmp_path / "a.csv")
    journal.write_text("my diary\n")
    for arguments in (["run", path, "--text", TEXT], ["status"], ["cancel"]):
        ended = bulk(*arguments)
        assert (ended.code, "not a journal; it was not touched" in ended.err) == (2, True)
    assert (journal.read_text(), sandbox.traffic.requests) == ("my diary\n", 0)


def test_an_interrupt_while_the_file_is_checked_leaves_no_journal(
    sandbox: Sandbox, tmp_path: Path, bulk: Bulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("eightbyeight_async.cli.bulk.start.check_file", interrupted)
    path = csv_file(tmp_path / "a.csv")
    ended = bulk("run", path, "--text", TEXT)
    assert (ended.code, ended.err) == (130, "eightbyeight: interrupted; nothing was sent\n")
    assert (list(tmp_path.iterdir()), sandbox.traffic.requests) == ([path], 0)


@pytest.mark.parametrize("mode", ["each", "batch"])
def test_a_full_disk_stops_the_run_and_no_message_goes_out_unclaimed(
    sandbox: Sandbox, tmp_path: Path, journal: Path, bulk: Bulk, mode: str
) -> None:
    path = csv_file(tmp_path / "a.csv", 1000)
    options = ("--text", TEXT, "--journal", journal, "--mode", mode, "--chunk-size", 100)
    arguments = [*COMMAND, "bulk", "run", path, *options]
    limited = f"""import resource, os, signal
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
os.execv({sys.executable!r}, {list(map(str, arguments))!r})"""
    ended = subprocess.run(  # noqa: S603
        [sys.executable, "-c", limited],
        capture_output=True,
        text=True,
        env=environment(sandbox, PYTHONDONTWRITEBYTECODE="1"),
        check=False,
    )
    found = status(bulk)
    lost, told = re.search(r"; ([\d,]+) results could not be recorded: (.*)\n", ended.stderr), ended.stderr
    # If no answer was outstanding when the disk was full, nothing is unknown.
    assert (ended.returncode, "stopped: run.db: cannot be written" in told) == (4 if found["unknown"] else 1, True)
    assert lost is None or lost[2] == "`bulk reconcile` looks these messages up, until then they count as unknown"
    # The journal cannot be written any more. It is still read, and no Python error appears.
    hint = f"{found['unknown']:,} may have been sent: `eightbyeight bulk unknown --journal"
    assert (hint in told) is (found["unknown"] > 0)
    assert f", {found['unknown']:,} unknown, {found['not_sent']:,} not sent\n" in told
    assert "to go on: eightbyeight bulk run --journal" in told
    assert "Traceback" not in told
    assert ".unrecorded" not in told
    assert 0 < len(sandbox.messages) <= found["sent"] + found["unknown"] < found["total"] == 1000
    bulk("run")
    bulk("reconcile", "--lag", 0.01, "--wait")
    assert bulk("run").code == 0
    assert sent_once(sandbox, 1000)


# --- interrupted and killed


def killed(process: subprocess.Popen[bytes], sandbox: Sandbox, at: int) -> None:
    under_way(process, lambda: len(sandbox.messages) >= at)
    process.kill()
    process.communicate()


@pytest.mark.parametrize(("mode", "in_flight"), [("each", 5), ("batch", 40)])
def test_a_killed_run_goes_on_and_everything_is_sent_once(
    sandbox: Sandbox, tmp_path: Path, journal: Path, bulk: Bulk, mode: str, in_flight: int
) -> None:
    """The run is killed while answers are outstanding. The next run sends the rest, and the log settles the unknown
    messages.
    """
    path = csv_file(tmp_path / "a.csv", 200)
    sandbox.faults.plan([*[None] * 2, Fault.slow(10 * PATIENCE, times=None)])
    width = {"each": 5, "batch": 2}[mode]
    options = ("--text", TEXT, "--mode", mode, "--chunk-size", 20, "--concurrency", width, "--timeout", 10 * PATIENCE)
    process = started("bulk", "run", path, *options, "--journal", journal, sandbox=sandbox)
    answered = {"each": 2, "batch": 40}[mode]
    killed(process, sandbox, answered + in_flight)
    sandbox.faults.clear()
    found = status(bulk)
    assert (found["total"], found["sent"] + found["unknown"]) == (200, answered + in_flight)
    assert found["unknown"] >= in_flight
    listed = json.loads(bulk("unknown", "--json").out)
    assert listed["unknown"] == len(listed["messages"]) == found["unknown"]
    ended = bulk("run", "--json")
    assert (ended.code, ended.records[0]["status"]["unknown"]) == (4, found["unknown"])
    assert "may have been sent: `eightbyeight bulk unknown --journal" in ended.err
    assert sent_once(sandbox, 200)
    told = json.loads(bulk("reconcile", "--lag", 0.01, "--wait", "--json").out)
    assert (told["sent"], told["not_sent"], told["unknown"]) == (found["unknown"], 0, 0)
    assert (bulk("run").code, status(bulk)) == (0, counted(sent=200))
    assert sent_once(sandbox, 200)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_waits_for_its_answers_and_says_how_to_go_on(
    sandbox: Sandbox, tmp_path: Path, journal: Path, bulk: Bulk, here: Here, number: signal.Signals
) -> None:
    path = csv_file(tmp_path / "a.csv", 200)
    options = ("--text", TEXT, "--concurrency", 5, "--journal", journal, "--timeout", 99, "--json")
    with held(sandbox, 15):
        process = started("bulk", "run", path, *options, sandbox=sandbox)
        under_way(process, lambda: len(sandbox.messages) == 15)
        process.send_signal(number)
    out, err = process.communicate(timeout=PATIENCE)
    told, words = json.loads(out), err.decode()
    assert (process.returncode, told["unknown"], told["stopped"]) == (130, 0, "interrupted")
    assert told["accepted"] == len(sandbox.messages) < 200
    assert "interrupted: waiting for the requests in flight; a second Ctrl-C stops waiting\n" in words
    assert "Traceback" not in words
    assert status(bulk) == counted(sent=told["accepted"], not_sent=200 - told["accepted"])
    (resume,) = re.findall(r"^to go on: eightbyeight (.*)$", words, re.MULTILINE)
    assert f"eightbyeight {resume}" == told["resume"] == f"eightbyeight bulk run --journal {journal} --timeout 99.0"
    assert here(*shlex.split(resume), sandbox=sandbox).code == 0
    assert sent_once(sandbox, 200)


def test_a_second_interrupt_gives_up_what_is_in_flight(
    sandbox: Sandbox, tmp_path: Path, journal: Path, bulk: Bulk
) -> None:
    path = csv_file(tmp_path / "a.csv", 100)
    sandbox.faults.plan([*[None] * 10, Fault.slow(10 * PATIENCE, times=None)])
    options = ("--text", TEXT, "--concurrency", 5, "--timeout", 10 * PATIENCE)
    process = started("bulk", "run", path, *options, "--journal", journal, sandbox=sandbox)
    under_way(process, lambda: len(sandbox.messages) == 15)
    assert process.stderr is not None
    process.send_signal(signal.SIGINT)
    heard = process.stderr.readline()
    while b"a second Ctrl-C" not in heard:
        heard = process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, status(bulk)) == (130, counted(sent=10, unknown=5, not_sent=85))
    assert b"to go on: eightbyeight bulk run --journal" in err
    assert b"Traceback" not in err


def test_a_journal_that_is_in_use_is_refused_at_once(
    sandbox: Sandbox, tmp_path: Path, journal: Path, bulk: Bulk
) -> None:
    path = csv_file(tmp_path / "a.csv", 100)
    sandbox.faults.plan([*[None] * 5, Fault.slow(10 * PATIENCE, times=None)])
    options = ("--text", TEXT, "--concurrency", 2, "--timeout", 10 * PATIENCE)
    process = started("bulk", "run", path, *options, "--journal", journal, sandbox=sandbox)
    under_way(process, lambda: len(sandbox.messages) == 7)
    for arguments in (["run"], ["run", path, "--text", TEXT], ["cancel"], ["reconcile"], ["resolve", "x", "--sent"]):
        ended = bulk(*arguments)
        assert (ended.code, "is in use by another campaign" in ended.err) == (2, True)
    assert json.loads(bulk("status", "--json").out)["in_flight"] == 2
    assert bulk("export").out.count("\n") == 7  # the claimed messages
    assert json.loads(bulk("unknown", "--json").out)["unknown"] == 0
    process.kill()
    process.communicate()
    assert len(sandbox.messages) == 7


def test_a_file_that_changes_under_the_run_stops_it(
    sandbox: Sandbox, tmp_path: Path, bulk: Bulk, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eightbyeight_async.cli.bulk import prepared_run as bulk_run

    path, resume = csv_file(tmp_path / "a.csv"), bulk_run._resume

    def between_the_readings(*given: Any) -> str:
        path.write_text(path.read_text().replace("Ann", "Bob"))
        return resume(*given)

    monkeypatch.setattr(bulk_run, "_resume", between_the_readings)
    ended = bulk("run", path, "--text", TEXT)
    assert (ended.code, sandbox.messages) == (1, [])
    assert "stopped: the file has changed since it was checked\n" in ended.err


# --- afterwards


@pytest.fixture
def doubts(sandbox: Sandbox, tmp_path: Path, bulk: Bulk) -> list[str]:
    """Sends 20 messages; two become unknown, and one of these has gone out. Returns their keys, that one first."""
    path = csv_file(tmp_path / "a.csv")
    sandbox.faults.on_destination("+447700900003", Fault.accept_then_drop())
    sandbox.faults.on_destination("+447700900007", Fault.drop_before_accept())
    ended = bulk("run", path, "--text", TEXT)
    assert (ended.code, status(bulk)) == (4, counted(sent=18, unknown=2))
    assert bulk("status").code == 4
    return ["ref-3", "ref-7"]


def test_doubts_are_listed_and_settled_by_hand(sandbox: Sandbox, bulk: Bulk, doubts: list[str]) -> None:
    ended = bulk("unknown")
    assert (ended.code, ended.err) == (4, "2 messages may have been sent\n")
    assert sorted(line.split("  ")[0] for line in ended.out.splitlines()) == doubts
    assert bulk("resolve", doubts[0], "--sent").out == "settled: sent\n"
    ended = bulk("resolve", doubts[1], "--not-sent", "--json", EIGHTBYEIGHT_API_KEY="")
    assert json.loads(ended.out) == {"key": "ref-7", "state": "not_sent"}
    ended = bulk("resolve", doubts[1], "--sent")
    assert (ended.code, "no message whose outcome is unknown" in ended.err) == (2, True)
    assert (bulk("unknown").code, bulk("run").code, bulk("status").code) == (0, 0, 0)
    assert sent_once(sandbox, 20)


def test_doubts_are_settled_by_the_log(sandbox: Sandbox, bulk: Bulk, doubts: list[str]) -> None:
    early = bulk("reconcile", "--json")
    told = json.loads(early.out)
    assert (early.code, told["sent"], told["not_sent"], told["unknown"]) == (4, 1, 0, 1)
    assert "again in" in early.err
    ended = bulk("reconcile", "--lag", 0.01, "--wait")
    assert (ended.code, ended.out) == (0, "0 were sent, 0 were rejected, 1 were not sent, 0 are still unknown\n")
    assert bulk("run").code == 0
    assert sent_once(sandbox, 20)
    assert doubts


def test_who_prefers_a_double_gets_it(sandbox: Sandbox, bulk: Bulk, doubts: list[str]) -> None:
    assert bulk("run", "--resend-unknown").code == 0
    assert Counter(m.client_message_id for m in sandbox.messages)[doubts[0]] == 2
    assert len(sandbox.messages) == 21


@pytest.mark.parametrize("mode", ["each", "batch"])
def test_cancel_calls_off_all_that_is_scheduled(sandbox: Sandbox, tmp_path: Path, bulk: Bulk, mode: str) -> None:
    path = csv_file(tmp_path / "a.csv")
    assert bulk("run", path, "--text", TEXT, "--schedule", TOMORROW, "--mode", mode).code == 0
    ended = bulk("cancel", "--json")
    assert (ended.code, json.loads(ended.out)["cancelled"]) == (0, 20)
    assert {m.state for m in sandbox.messages} == {"cancelled"}
    again = bulk("cancel")
    assert (again.code, again.out) == (0, "cancelled: 0 messages\n")
    assert "20 settled by an earlier `bulk cancel`" in again.err


def test_cancel_of_what_is_not_scheduled_is_no_success(tmp_path: Path, bulk: Bulk) -> None:
    bulk("run", csv_file(tmp_path / "a.csv"), "--text", TEXT)
    assert bulk("cancel").code == 1
    assert bulk("cancel", EIGHTBYEIGHT_API_KEY="").code == 2


def test_export_tells_of_every_message(sandbox: Sandbox, tmp_path: Path, bulk: Bulk, doubts: list[str]) -> None:
    records = bulk("export").records
    by_key = {m.client_message_id: m.umid for m in sandbox.messages}
    assert sorted(record["row"] for record in records) == list(range(1, 21))
    assert {record["key"] for record in records if record["state"] == "unknown"} == set(doubts)
    assert all(record["umid"] == by_key[record["key"]] for record in records if record["state"] == "sent")
    output = tmp_path / "o.csv"
    assert json.loads(bulk("export", "--output", output, "--json").out) == {
        "messages": 20,
        "output": str(output),
        "format": "csv",
    }
    with output.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["key"] for row in rows] == [record["key"] for record in records]
    assert Counter(row["state"] for row in rows) == {"sent": 18, "unknown": 2}
    again = bulk("export", "--output", output)
    assert (again.code, "--force" in again.err) == (2, True)
    assert bulk("export", "--output", output, "--force", "--format", "jsonl").code == 0
    assert [json.loads(line) for line in output.read_text().splitlines()] == records


def test_numbers_and_texts_are_in_an_export_only_if_asked_for_twice(
    sandbox: Sandbox, tmp_path: Path, bulk: Bulk
) -> None:
    path = csv_file(tmp_path / "a.csv", 1)
    assert bulk("run", path, "--text", TEXT, "--store-private").code == 0
    assert "destination" not in bulk("export").records[0]
    (record,) = bulk("export", "--include-private").records
    assert (record["destination"], record["text"]) == ("+447700900001", TEXT.format(name="Ann1"))
    assert len(sandbox.messages) == 1


def test_no_number_no_text_and_no_key_in_journal_or_output(sandbox: Sandbox, tmp_path: Path, bulk: Bulk) -> None:
    path = tmp_path / "a.csv"
    numbers = [f"+4477009{n:05d}" for n in range(1, 6)] + ["+99912345678"]
    private = "a text nobody should see"
    path.write_text("destination,text,client_message_id\n" + "".join(f"{n},{private},ref-{n[1:]}\n" for n in numbers))
    sandbox.faults.on_destination(numbers[0], Fault.error(1002, reason=f"no number {numbers[0]}"))
    sandbox.faults.on_destination(numbers[1], Fault.accept_then_drop())
    sandbox.faults.on_destination(numbers[2], Fault.html(body=private.encode()))
    ended = [
        bulk("run", path, "--json"),
        *(bulk(name, "--json") for name in ("status", "unknown", "export", "reconcile")),
    ]
    ended.append(bulk("run", "--text", f"{private} {{text}}"))
    said = "".join(one.out + one.err for one in ended)
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.name.startswith("run.db"))
    for hidden in (private, sandbox.api_key, *(number[1:] for number in numbers)):
        assert hidden not in said
        assert hidden.encode() not in files


def test_a_template_is_not_in_the_journal_in_clear(tmp_path: Path, bulk: Bulk) -> None:
    bulk("run", csv_file(tmp_path / "a.csv"), "--text", "a text nobody should see")
    files = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.name.startswith("run.db"))
    assert b"nobody" not in files
    assert bulk("run").code == 0


def test_help_shows_an_example(here: Here) -> None:
    for command in make_app()["bulk"]:
        if not command.startswith("-"):
            ended = here("bulk", command, "--help", COLUMNS="200")
            assert (ended.code, f"eightbyeight bulk {command}" in ended.out.split("\n", 1)[1]) == (0, True)
            assert "--json" in ended.out
            assert "Exit codes: 0" in ended.out
