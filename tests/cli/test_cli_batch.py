"""`send-batch`: one request for many rows, one record for each row, with the id of its batch."""

from __future__ import annotations

import json
import re
import signal
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from cli.command_line import started, under_way
from cli.test_cli_commands import TOMORROW, csv_file
from cli.test_cli_fan import AT_ONCE, Records, counts, interrupting, rows
from held import held
from patience import PATIENCE

from eightbyeight_async.cli.exit_codes import Exit
from eightbyeight_async.cli.reading.row_to_request import Row
from eightbyeight_async.cli.reading.twice_read_lines import FileChangedError
from eightbyeight_async.cli.sending.in_batches import BatchRun
from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts
from eightbyeight_async.cli.terminal.loop_and_signals import run
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from cli.command_line import Here

    from eightbyeight_async.sandbox import Sandbox

SIZE, WIDTH = 10, 2


def the_chunks(sandbox: Sandbox, count: int, taken: Iterator[Row] | None = None, **options: object) -> BatchRun:
    settings = {"lines": Records(), "size": SIZE, "width": WIDTH, "grace": None, **options}
    client = sandbox.client(max_concurrency=WIDTH, timeout=10 * PATIENCE, retry=AT_ONCE)
    return BatchRun(client=client, rows=taken or rows(count), counts=OutcomeCounts(count), **settings)  # type: ignore[arg-type]


def send(one: BatchRun) -> None:
    async def work() -> None:
        async with one.client:
            await one.run()

    run(work)


def numbers(one: BatchRun, outcome: str) -> list[int]:
    return sorted(record["row"] for record in one.lines.kept if record["outcome"] == outcome)  # type: ignore[attr-defined]


# --- the command


def test_every_row_is_recorded_with_its_umid_and_its_batch(here: Here, sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", 25)
    ended = here("send-batch", path, "--text", "Hi {name}", "--chunk-size", 10, sandbox=sandbox)
    assert ended.code == 0
    sent = {m.client_message_id: (m.umid, m.batch_id, m.text) for m in sandbox.messages}
    assert sandbox.traffic.requests == 3
    assert sorted(record["row"] for record in ended.records) == list(range(1, 26))
    for record in ended.records:
        number = record["row"]
        umid, batch_id, text = sent[f"ref-{number}"]
        assert text == f"Hi Ann{number}"
        assert record == {
            "row": number,
            "index": number - 1,
            "batch_id": batch_id,
            "ok": True,
            "outcome": "accepted",
            "umid": umid,
            "status": "QUEUED",
            "client_message_id": f"ref-{number}",
            "error": None,
            "code": None,
            "sent": "yes",
            "attempts": None,
        }
    told = dict(
        re.findall(r"^batch ([0-9a-f-]{36}): (rows \d+ to \d+), \d+ accepted, 0 rejected$", ended.err, re.MULTILINE)
    )
    assert sorted(told.values()) == ["rows 1 to 10", "rows 11 to 20", "rows 21 to 25"]
    assert told.keys() == {batch_id for _, batch_id, _ in sent.values()}
    assert "25 rows: 25 accepted, 0 rejected, 0 failed, 0 unknown (" in ended.err
    assert sandbox.violations == []


def test_a_batch_that_was_told_can_be_cancelled(here: Here, sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", 5)
    ended = here("send-batch", path, "--text", "Hi", "--scheduled", TOMORROW, sandbox=sandbox)
    (batch,) = re.findall(r"^batch (\S+):", ended.err, re.MULTILINE)
    assert here("cancel-batch", batch, sandbox=sandbox).out == "cancelled: 5 messages\n"


def test_the_dry_run_counts_parts_and_batches(here: Here, sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", 25)
    ended = here(
        "send-batch",
        path,
        "--text",
        "x" * 161,
        "--chunk-size",
        10,
        "--dry-run",
        sandbox=sandbox,
        EIGHTBYEIGHT_API_KEY="",
    )
    assert (ended.code, ended.out, sandbox.traffic.connections) == (0, "", 0)
    assert "\na.csv: 25 messages, 50 parts, to localhost:" in ended.err
    assert ended.err.endswith(", 3 batches of up to 10, 2 at a time, no rate limit; nothing was sent\n")


@pytest.mark.parametrize(("given", "words"), [("0", "must be"), ("10001", "must be at most 10,000")])
def test_the_size_of_a_chunk_has_limits(sandbox: Sandbox, here: Here, given: str, words: str) -> None:
    ended = here("send-batch", "nowhere.csv", "--chunk-size", given, sandbox=sandbox)
    assert (ended.code, words in ended.err, sandbox.traffic.requests) == (2, True, 0)


def test_an_interrupted_run_waits_for_the_answers(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", 1000)
    with held(sandbox, 4):
        process = started("send-batch", path, "--text", "Hi", "--chunk-size", 10, sandbox=sandbox)
        under_way(process, lambda: len(sandbox.messages) == 40)
        process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    records = [json.loads(line) for line in out.splitlines()]
    sent = len(sandbox.messages)
    assert (process.returncode, Counter(r["outcome"] for r in records)) == (130, Counter(accepted=sent))
    assert b"interrupted: waiting for the requests in flight; a second Ctrl-C stops waiting" in err
    assert f"stopped: interrupted; {1000 - sent} rows were not tried" in err.decode()
    assert b"Traceback" not in err


# --- the run


def test_chunks_are_full_but_for_the_last_and_no_more_at_a_time_than_allowed(sandbox: Sandbox) -> None:
    one = the_chunks(sandbox, 95)
    send(one)
    assert (counts(one.counts), sandbox.traffic.requests) == ({"accepted": 95}, 10)
    assert sandbox.traffic.peak_in_flight <= WIDTH
    assert sorted(Counter(m.batch_id for m in sandbox.messages).values()) == [5, *[10] * 9]


def test_what_becomes_of_a_chunk_becomes_of_its_rows(sandbox: Sandbox) -> None:
    sandbox.faults.plan([None, Fault.error(1100), Fault.accept_then_drop(), Fault.html(), Fault.server_error(times=4)])
    one = the_chunks(sandbox, 60, width=1)
    send(one)
    assert counts(one.counts) == {"accepted": 20, "failed": 10, "unknown": 30}
    assert numbers(one, "failed") == list(range(11, 21))
    assert numbers(one, "unknown") == list(range(21, 51))
    assert {record["batch_id"] is None for record in one.lines.kept if not record["ok"]} == {True}  # type: ignore[attr-defined]
    assert one.counts.exit is Exit.UNKNOWN


def test_a_message_that_is_refused_is_refused_alone(sandbox: Sandbox) -> None:
    def some() -> Iterator[Row]:
        for row in rows(10):
            bad = row.number == 4
            number = "+9991234567" if bad else row.request.destination
            yield Row(number=row.number, line=row.line, request=type(row.request)(destination=number, text="Hi"))

    one = the_chunks(sandbox, 10, some())
    send(one)
    assert (counts(one.counts), numbers(one, "rejected")) == ({"accepted": 9, "rejected": 1}, [4])
    assert one.counts.exit is Exit.REFUSED


def test_an_answer_that_tells_nothing_of_a_row_leaves_it_unknown(sandbox: Sandbox) -> None:
    counted = {"batchId": "00b4d8a4-1f0f-4a6b-9c2e-9f0d0a1b2c3d", "acceptedCount": 1, "rejectedCount": 0}
    message = {"umid": "7a4bbd96-19f0-4b6a-a7a4-cf0b0a5a7a3e", "destination": "+447700000002", "encoding": "GSM7"}
    for more, outcomes in (({}, ["unknown"] * 3), ({"messages": [message]}, ["unknown", "accepted", "unknown"])):
        body = {**counted, **json.loads(json.dumps(more))}
        for item in body.get("messages", []):
            item["status"] = {"code": "QUEUED"}
        sandbox.faults.plan([Fault.answer(json.dumps(body).encode())])
        one = the_chunks(sandbox, 3)
        send(one)
        kept = sorted(one.lines.kept, key=lambda record: record["row"])  # type: ignore[attr-defined]
        assert [record["outcome"] for record in kept] == outcomes
        assert {record["batch_id"] for record in kept} == {counted["batchId"]}
        assert one.counts.exit is Exit.UNKNOWN


def test_a_refused_key_stops_the_run(sandbox: Sandbox) -> None:
    one = the_chunks(sandbox, 1000)
    one.client = sandbox.client(api_key="revoked", max_concurrency=WIDTH)
    send(one)
    assert one.why_stopped == "the API key is not accepted"
    assert counts(one.counts)["failed"] <= 2 * WIDTH * SIZE
    assert one.counts.exit is Exit.AUTHENTICATION


def test_a_full_disk_stops_the_run_and_nothing_is_forgotten(sandbox: Sandbox) -> None:
    one = the_chunks(sandbox, 1000, lines=Records(fails_after=15))
    send(one)
    assert one.why_stopped == "o: No space left on device"
    assert 15 + len(one.lines.unwritten) == counts(one.counts)["accepted"] == len(sandbox.messages) <= 50


def test_a_file_that_changed_stops_the_run(sandbox: Sandbox) -> None:
    def changing() -> Iterator[Row]:
        yield from rows(15)
        raise FileChangedError

    one = the_chunks(sandbox, 30, changing())
    send(one)
    assert one.why_stopped == "the file has changed since it was checked"
    assert (counts(one.counts), one.counts.not_tried) == ({"accepted": 15}, 15)


def test_a_second_interrupt_gives_up_what_is_in_flight(sandbox: Sandbox) -> None:
    sandbox.faults.plan([None, Fault.slow(10 * PATIENCE, times=None)])
    one = the_chunks(sandbox, 1000)
    with interrupting(one, lambda: len(sandbox.messages) == 3 * SIZE, times=2):
        send(one)
    assert counts(one.counts) == {"accepted": SIZE, "unknown": 2 * SIZE}
    assert one.counts.exit is Exit.INTERRUPTED


def test_an_interrupt_does_not_wait_for_the_pace(sandbox: Sandbox) -> None:
    one = the_chunks(sandbox, 1000, rate=0.001)  # the second one would wait a quarter of an hour
    with interrupting(one, lambda: one.lines.kept):  # type: ignore[attr-defined]
        send(one)
    assert counts(one.counts) == {"accepted": SIZE}
