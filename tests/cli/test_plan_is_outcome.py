"""The run does what the plan says: every number of a dry run is compared with the next run, and with the sandbox."""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from cli.command_line import Ended, in_process

from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

    Call = Callable[..., Ended]

LATER = [(datetime.now(UTC) + timedelta(hours=hours)).isoformat(timespec="seconds") for hours in (24, 25, 26)]
NINE, TEN = ("--text", "We open at nine"), ("--text", "We open at ten")
REFUSED = Fault.error(1002)
LOST = Fault.accept_then_drop()
STOPS = Fault.error(
    1200, status=401, times=None
)  # the key is refused, as if the run were killed: no later message is tried
PAUSE = Fault.too_many_requests(retry_after=3600)


def numbers(count: int, first: int = 0) -> str:
    return "destination\n" + "".join(f"+6591110{number:03}\n" for number in range(first, first + count))


def with_ids(count: int) -> str:
    return "destination,client_message_id\n" + "".join(f"+6591110{n:03},id-{n}\n" for n in range(count))


REMINDERS = "destination,scheduled\n" + "".join(f"+6591110{n:03},{moment}\n" for n in range(4) for moment in LATER)
NOTATIONS = "destination\n+6591110001\n6591110001\n+6591110001\n+6591110002\n"
NO_PLUS = "destination,country\n98765432,\n+6591110001,\n6591110002,\n98765433,SG\n6591110002,\n98765434,\n"
BLANK_IDS = 'destination,client_message_id\n+6591110001," "\n+6591110002,\n+6591110003,"  "\n'
COPIES = numbers(6) + numbers(4).partition("\n")[2]


@attrs.frozen
class Case:
    """
    Attributes:
        file: file of the planned run.
        expected: counts of the plan that are not 0, except `messages`, `parts` and `requests`.
        options: options of the planned run.
        earlier: file of an earlier run; None: there is no earlier run.
        faults: faults of the earlier run.
        before: options of the earlier run.
        requests: number of requests of the planned run.
    """

    file: str
    expected: Mapping[str, int]
    options: tuple[object, ...] = NINE
    earlier: str | None = None
    faults: tuple[Fault | None, ...] = ()
    before: tuple[object, ...] = NINE
    requests: int | None = None


CHANGED = "--allow-changed-input"
CASES = {
    "a new journal": Case(numbers(20), {"new": 20}, requests=20),
    "auto, many": Case(numbers(1_001), {"new": 1_001}, requests=1),
    "batches": Case(numbers(25), {"new": 25}, (*NINE, "--mode", "batch", "--chunk-size", 10), requests=3),
    "a full last batch": Case(numbers(20), {"new": 20}, (*NINE, "--mode", "batch", "--chunk-size", 10), requests=2),
    "batches of one": Case(numbers(3), {"new": 3}, (*NINE, "--mode", "batch", "--chunk-size", 1), requests=3),
    "duplicates": Case(COPIES, {"new": 6, "duplicates": 4}, requests=6),
    "duplicates sent": Case(
        COPIES, {"new": 10, "repeated_numbers": 4}, (*NINE, "--duplicates", "send"), requests=10
    ),
    "duplicates in batches": Case(
        COPIES, {"new": 6, "duplicates": 4}, (*NINE, "--mode", "batch", "--chunk-size", 3), requests=2
    ),
    "two notations of a number": Case(NOTATIONS, {"new": 2, "duplicates": 2}, requests=2),
    "numbers without +": Case(NO_PLUS, {"new": 5, "duplicates": 1, "without_plus": 3}, requests=5),
    "numbers without +, a country for all": Case(
        NO_PLUS, {"new": 5, "duplicates": 1}, (*NINE, "--country", "SG"), requests=5
    ),
    "numbers without +, stopped, then resumed": Case(
        NO_PLUS, {"new": 3, "settled": 2, "duplicates": 1, "without_plus": 2}, earlier=NO_PLUS,
        faults=(*[None] * 2, STOPS), before=(*NINE, "--concurrency", 1), requests=3,
    ),
    "three reminders": Case(REMINDERS, {"new": 12, "scheduled": 12, "repeated_numbers": 4}, requests=12),
    "blank ids are none": Case(BLANK_IDS, {"new": 3}, requests=3),
    "the same id, the same message": Case(
        with_ids(3) + "+6591110001,id-1\n", {"new": 3, "duplicates": 1}, (*NINE, "--duplicates", "send"), requests=3
    ),
    "all settled": Case(numbers(8), {"settled": 8}, earlier=numbers(8), requests=0),
    "stopped, then resumed": Case(
        numbers(20), {"new": 15, "settled": 5}, earlier=numbers(20),
        faults=(*[None] * 5, STOPS), before=(*NINE, "--concurrency", 1), requests=15,
    ),
    "a 429, then resumed": Case(
        numbers(20), {"new": 15, "settled": 5}, earlier=numbers(20),
        faults=(*[None] * 5, PAUSE), before=(*NINE, "--concurrency", 1), requests=15,
    ),
    "batches stopped, then resumed": Case(
        numbers(25), {"new": 15, "settled": 10}, earlier=numbers(25), faults=(None, STOPS),
        before=(*NINE, "--mode", "batch", "--chunk-size", 10, "--concurrency", 1), requests=2,
    ),
    "copies stopped, then resumed": Case(
        COPIES, {"new": 5, "settled": 5, "second": 4, "repeated_numbers": 4},
        (*NINE, "--duplicates", "send"), earlier=COPIES, faults=(*[None] * 5, STOPS),
        before=(*NINE, "--duplicates", "send", "--concurrency", 1), requests=5,
    ),
    "reminders stopped, then resumed": Case(
        REMINDERS, {"new": 8, "settled": 4, "scheduled": 8, "second": 2, "repeated_numbers": 4}, earlier=REMINDERS,
        faults=(*[None] * 4, STOPS), before=(*NINE, "--concurrency", 1), requests=8,
    ),
    "a mended text": Case(
        numbers(20), {"new": 20, "second": 20, "missing": 20}, (*TEN, CHANGED), earlier=numbers(20), requests=20
    ),
    "a mended text, with ids": Case(with_ids(20), {"settled": 20}, (*TEN, CHANGED), earlier=with_ids(20), requests=0),
    "a mended text, half sent": Case(
        numbers(20), {"new": 20, "second": 5, "missing": 6}, (*TEN, CHANGED), earlier=numbers(20),
        faults=(*[None] * 5, STOPS), before=(*NINE, "--concurrency", 1), requests=20,
    ),
    "more rows": Case(numbers(25), {"new": 5, "settled": 20}, (*NINE, CHANGED), earlier=numbers(20), requests=5),
    "fewer rows": Case(numbers(5), {"settled": 5, "missing": 15}, (*NINE, CHANGED), earlier=numbers(20), requests=0),
    "in doubt": Case(numbers(6), {"in_doubt": 1, "settled": 5}, earlier=numbers(6), faults=(LOST,), requests=0),
    "in doubt, sent again": Case(
        numbers(6), {"again_unknown": 1, "settled": 5}, (*NINE, "--resend-unknown"), earlier=numbers(6),
        faults=(LOST,), requests=1,
    ),
    "a batch in doubt, sent again": Case(
        numbers(6), {"again_unknown": 3, "settled": 3}, (*NINE, "--resend-unknown"), earlier=numbers(6),
        faults=(LOST,), before=(*NINE, "--mode", "batch", "--chunk-size", 3, "--concurrency", 1), requests=1,
    ),
    "refused": Case(numbers(6), {"settled": 6}, earlier=numbers(6), faults=(REFUSED,), requests=0),
    "refused, sent again": Case(
        numbers(6), {"again_failed": 1, "settled": 5}, (*NINE, "--resend-failed"), earlier=numbers(6),
        faults=(REFUSED,), requests=1,
    ),
    "second after a doubt, not after a refusal": Case(
        numbers(6), {"new": 6, "second": 5, "missing": 6}, (*TEN, CHANGED), earlier=numbers(6),
        faults=(LOST, REFUSED), requests=6,
    ),
    "one per number": Case(
        REMINDERS, {"new": 4, "scheduled": 4, "same_number": 8}, (*NINE, "--one-per-number"), requests=4
    ),
    "one per number, copies wanted": Case(
        COPIES, {"new": 6, "same_number": 4}, (*NINE, "--one-per-number", "--duplicates", "send"), requests=6
    ),
    "one per number, a mended text": Case(
        numbers(20), {"new": 12, "same_number": 8, "missing": 8}, (*TEN, CHANGED, "--one-per-number"),
        earlier=numbers(8), requests=12,
    ),
    "one per number, in batches": Case(
        numbers(20), {"new": 12, "same_number": 8, "missing": 8},
        (*TEN, CHANGED, "--one-per-number", "--mode", "batch", "--chunk-size", 5), earlier=numbers(8), requests=3,
    ),
}  # fmt: skip


@pytest.fixture
def call(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> Call:
    def call(*arguments: object, **more: str) -> Ended:
        return in_process(*arguments, sandbox=sandbox, capsys=capsys, **more)

    return call


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def bulk(folder: Path, file: str, name: str, *options: object) -> tuple[object, ...]:
    path = folder / name
    path.write_text(file)
    return ("bulk", "run", path, "--journal", folder / "run.db", *options)


@pytest.mark.parametrize("name", CASES)
def test_a_campaign_does_what_its_dry_run_says(sandbox: Sandbox, tmp_path: Path, call: Call, name: str) -> None:
    case = CASES[name]
    if case.earlier is not None:
        sandbox.faults.plan(list(case.faults))
        call(*bulk(tmp_path, case.earlier, "earlier.csv", *case.before))
        sandbox.faults.clear()
    line = bulk(tmp_path, case.file, "now.csv", "--format", "csv", *case.options)
    before, out = content(tmp_path), len(sandbox.messages)
    dry = call(*line, "--dry-run", "--json")
    assert (dry.code, len(sandbox.messages), content(tmp_path)) == (0, out, before), dry.err
    plan = json.loads(dry.out)
    counts = ("new", "again_unknown", "again_failed", "late", "settled", "in_doubt", "duplicates", "same_number")
    more = ("scheduled", "second", "repeated_numbers", "missing", "without_plus")
    assert {field: plan[field] for field in (*counts, *more) if plan[field]} == case.expected
    assert plan["messages"] == sum(plan[field] for field in counts)
    assert plan["requests"] == case.requests
    to_send = plan["new"] + plan["again_unknown"] + plan["again_failed"]
    words = call(*line, "--dry-run").err.splitlines()[-1]

    requests = len(sandbox.requests)
    run = call(*line, "--json")
    told = json.loads(run.out)
    assert run.err.splitlines().count(words.removesuffix("; nothing was sent")) == 1
    assert (told["accepted"], told["known"]) == (to_send, plan["settled"] + plan["in_doubt"])
    assert all(told[field] == plan[field] for field in ("duplicates", "same_number", "missing", "mode", "requests"))
    assert told["rejected"] + told["failed"] + told["unknown"] + told["not_sent"] == 0
    assert len(sandbox.requests) - requests == plan["requests"]
    sent = sandbox.messages[out:]
    assert len(sent) == to_send
    assert sum(message.state == "scheduled" for message in sent) == plan["scheduled"]
    assert plan["parts"] == to_send
    without_plus = [message for message in sent if message.destination[0] != "+" and message.country is None]
    assert len(without_plus) == plan["without_plus"] == sum(plan["without_plus_to"].values())
    earlier = {digits(message.destination) for message in sandbox.messages[:out]}
    if not plan["again_unknown"] and not plan["again_failed"]:
        assert sum(digits(message.destination) in earlier for message in sent) == plan["second"]
    repeated = Counter(digits(message.destination) for message in sandbox.messages)
    if CHANGED not in case.options and not plan["again_unknown"]:
        assert sum(count > 1 for count in repeated.values()) == plan["repeated_numbers"]
    # After the run, a dry run has nothing left to send.
    assert json.loads(call(*line, "--dry-run", "--json").out)["requests"] == 0


def digits(number: str) -> str:
    return number.lstrip("+")


FILE_CASES: dict[str, tuple[str, tuple[object, ...], dict[str, int]]] = {
    "new": (numbers(20), (), {"accepted": 20}),
    "duplicates": (COPIES, (), {"accepted": 6, "duplicate": 4}),
    "duplicates sent": (COPIES, ("--duplicates", "send"), {"accepted": 10}),
    "notations": (NOTATIONS, (), {"accepted": 2, "duplicate": 2}),
    "notations, paced": (NOTATIONS, ("--rate", 1_000), {"accepted": 2, "duplicate": 2}),
    "reminders": (REMINDERS, (), {"accepted": 12}),
    "reminders, one per number": (REMINDERS, ("--one-per-number",), {"accepted": 4, "same_number": 8}),
    "blank ids": (BLANK_IDS, (), {"accepted": 3}),
    "same ids": (with_ids(3) + "+6591110001,id-1\n", (), {"accepted": 3, "duplicate": 1}),
    "a long tail": ("destination\n" + "+6591110001\n" * 300, (), {"accepted": 1, "duplicate": 299}),
}


@pytest.mark.parametrize("command", ["send-each", "send-batch"])
@pytest.mark.parametrize("name", FILE_CASES)
def test_a_file_is_sent_as_its_dry_run_says(
    sandbox: Sandbox, tmp_path: Path, call: Call, command: str, name: str
) -> None:
    file, options, expected = FILE_CASES[name]
    path, output = tmp_path / "now.csv", tmp_path / "sent.jsonl"
    path.write_text(file)
    line = (command, path, *NINE, *options, *(("--chunk-size", 4) if command == "send-batch" else ()))
    dry = call(*line, "--dry-run")
    assert (dry.code, len(sandbox.messages), sorted(tmp_path.iterdir())) == (0, 0, [path])
    rows, accepted = file.count("\n") - 1, expected["accepted"]
    words = dry.err.splitlines()[-1]
    left_out = [("duplicate", r"duplicates? left out"), ("same_number", r"left out by --one-per-number")]
    for outcome, pattern in left_out:
        found = re.findall(rf"([\d,]+) {pattern}", words)
        assert found == ([str(expected[outcome])] if outcome in expected else [])
    assert (f", {accepted} to send" in words) is (accepted < rows)
    assert f", {accepted} part" in words

    requests = len(sandbox.requests)
    run = call(*line, "--output", output)
    assert run.code == 0
    assert run.err.splitlines().count(words.removesuffix("; nothing was sent")) == 1
    summary = next(text for text in run.err.splitlines() if text.startswith(f"{rows} row"))
    for outcome, pattern in left_out:
        assert re.findall(rf"([\d,]+) {pattern}", summary) == ([str(expected[outcome])] if outcome in expected else [])
    records = [json.loads(text) for text in output.read_text().splitlines()]
    assert Counter(record["outcome"] for record in records) == expected
    assert sorted(record["row"] for record in records) == list(range(1, rows + 1))
    assert len({tuple(record) for record in records}) == 1  # all records have the same fields
    assert len(sandbox.messages) == accepted
    batches = re.findall(r"([\d,]+) batch", words)
    assert len(sandbox.requests) - requests == (int(batches[0]) if batches else accepted)
    assert all(record["sent"] == ("yes" if record["ok"] else "no") for record in records)


@pytest.mark.parametrize("command", ["send-each", "send-batch"])
def test_every_record_is_of_its_own_row(sandbox: Sandbox, tmp_path: Path, call: Call, command: str) -> None:
    """Skipped rows between the others do not shift the row numbers."""
    order = [1, 1, 2, 3, 2, 4, 1, 5, 6, 6, 7]
    path = tmp_path / "now.csv"
    path.write_text("destination\n" + "".join(f"+659111000{number}\n" for number in order))
    size = ("--chunk-size", 2) if command == "send-batch" else ()
    output = tmp_path / "sent.jsonl"
    run = call(command, path, *NINE, *size, "--include-private", "--output", output)
    assert run.code == 0
    records = {record["row"]: record for record in map(json.loads, output.read_text().splitlines())}
    assert [records[row]["destination"] for row in sorted(records)] == [f"+659111000{number}" for number in order]
    assert {row: records[row]["error"] for row in records if not records[row]["ok"]} == {
        2: "the same message as row 1",
        5: "the same message as row 3",
        7: "the same message as row 1",
        10: "the same message as row 9",
    }
    umids = {message.umid: message.destination for message in sandbox.messages}
    assert all(umids[r["umid"]] == r["destination"] for r in records.values() if r["ok"])
    if command == "send-batch":
        told = re.findall(r": rows (\d+) to (\d+), 2 accepted", run.err)
        assert sorted(told) == [("1", "3"), ("4", "6"), ("8", "9")]


@pytest.mark.parametrize("command", ["send-each", "send-batch", "bulk"])
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_an_id_of_two_messages_is_refused_with_both_rows(
    sandbox: Sandbox, tmp_path: Path, call: Call, command: str, dry: tuple[str, ...], form: str
) -> None:
    """The two rows are far apart and have another number, text or time. The file also has other problems."""
    rows: list[dict[str, Any]] = [{"destination": f"+65911{n:05}", "text": "x"} for n in range(1_300)]
    rows[4]["client_message_id"] = rows[1_200]["client_message_id"] = "summer-sale"
    rows[6] |= {"client_message_id": "twice"}
    rows[9] |= rows[6] | {"text": "y"}
    rows[20] |= {"client_message_id": "later"}
    rows[30] |= rows[20] | {"scheduled": LATER[0]}
    rows[40]["destination"] = "98"
    path = tmp_path / f"now.{form}"
    if form == "csv":
        names = ("destination", "text", "client_message_id", "scheduled")
        path.write_text("\n".join([",".join(names), "", *(",".join(r.get(n, "") for n in names) for r in rows)]))
    else:
        path.write_text("\n\n" + "\n".join(map(json.dumps, rows)))
    line = ("bulk", "run", path, "--journal", tmp_path / "run.db") if command == "bulk" else (command, path)
    ended = call(*line, *dry)
    assert (ended.code, ended.out, sandbox.traffic.requests, list(tmp_path.iterdir())) == (2, "", 0, [path])
    told = "has the id of row {}, but another number, country, sender, text or schedule; "
    told += "give every message an id of its own"
    above = 2
    assert ended.err.splitlines()[:5] == [
        f"eightbyeight: now.{form}:{10 + above} (row 10): client_message_id: row 10 {told.format(7)}",
        f"eightbyeight: now.{form}:{31 + above} (row 31): client_message_id: row 31 {told.format(21)}",
        ended.err.splitlines()[2],
        f"eightbyeight: now.{form}:{1_201 + above} (row 1201): client_message_id: row 1,201 {told.format(5)}",
        "eightbyeight: 4 problems; nothing was sent",
    ]
    assert f"now.{form}:{41 + above} (row 41): destination: must be" in ended.err.splitlines()[2]


def test_the_refusal_of_another_input_says_what_the_option_sends(sandbox: Sandbox, tmp_path: Path, call: Call) -> None:
    call(*bulk(tmp_path, numbers(20), "a.csv", *NINE))
    refusals = {
        (numbers(20), TEN): "(20 of them are new, 20 of these are second messages to a person; ",
        (numbers(25), NINE): "(5 of them are new; ",
        (numbers(21, 19), NINE): "(20 of them are new; ",
        (numbers(7), NINE): "(none of them is new; ",
        (numbers(1), TEN): "(1 of them is new, 1 of these is a second message to a person; ",
    }
    for (file, text), words in refusals.items():
        for dry in ((), ("--dry-run",)):
            before = content(tmp_path)
            ended = call(*bulk(tmp_path, file, "a.csv", *text, *dry))
            assert (ended.code, len(sandbox.messages), ended.err.splitlines()[-1].count(words)) == (2, 20, 1), ended.err
            assert {**content(tmp_path), "a.csv": b""} == {**before, "a.csv": b""}


def test_a_dry_run_beside_a_campaign_is_refused_like_the_run(sandbox: Sandbox, tmp_path: Path, call: Call) -> None:
    line = bulk(tmp_path, numbers(3), "a.csv", *NINE)
    call(*line)
    with (tmp_path / "run.db-mark").open("rb+") as lock:  # as a running campaign holds the lock
        fcntl.flock(lock, fcntl.LOCK_EX)
        told = {call(*line, *dry).err.splitlines()[-1] for dry in ((), ("--dry-run",))}
    (line,) = told
    assert f"--journal {tmp_path / 'run.db'}: is in use by another campaign; one at a time" in line


def test_a_killed_run_leaves_its_journal_as_it_was_for_the_dry_run(
    sandbox: Sandbox, tmp_path: Path, call: Call
) -> None:
    """The dry run reads the log beside the journal, and does not remove it."""
    line = bulk(tmp_path, numbers(30), "a.csv", *NINE)
    sandbox.faults.plan([*[None] * 10, STOPS])
    call(*line, "--concurrency", 1)
    sandbox.faults.clear()
    folder = tmp_path / "killed"
    folder.mkdir()
    with closing(sqlite3.connect(tmp_path / "run.db", isolation_level=None)) as writer:
        writer.execute("INSERT INTO meta VALUES ('of a test', 1)")
        for end in ("", "-wal", "-shm", "-mark"):
            shutil.copy(tmp_path / f"run.db{end}", folder)
    (folder / "a.csv").write_text(numbers(30))
    before = content(folder)
    assert before["run.db-wal"]
    ended = call("bulk", "run", "--journal", folder / "run.db", folder / "a.csv", "--dry-run", "--json")
    assert json.loads(ended.out)["new"] == 20
    assert {**content(folder), "run.db-shm": b""} == {**before, "run.db-shm": b""}
