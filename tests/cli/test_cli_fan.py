"""The run over a file: how many rows it takes, what stops it, and the results of requests in flight."""

from __future__ import annotations

import json
import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from patience import PATIENCE, until

from eightbyeight_async import RetryPolicy
from eightbyeight_async.cli.exit_codes import Exit
from eightbyeight_async.cli.reading.row_to_request import Row
from eightbyeight_async.cli.reading.twice_read_lines import FileChangedError
from eightbyeight_async.cli.sending.one_by_one import OneByOneRun
from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts
from eightbyeight_async.cli.sending.record_writer import NoRecords
from eightbyeight_async.cli.sending.result_record import RecordOutcome
from eightbyeight_async.cli.terminal.loop_and_signals import run
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eightbyeight_async.cli.sending.file_run import FileRun
    from eightbyeight_async.sandbox import Sandbox

WIDTH = 4
AT_ONCE = RetryPolicy(initial_delay=0.001, max_delay=0.001)


class Records(NoRecords):
    """Keeps the records. `fails_after`: later writes fail as on a full disk."""

    def __init__(self, fails_after: int | None = None) -> None:
        super().__init__()
        self.kept: list[dict[str, object]] = []
        self._fails_after = fails_after

    async def write(self, line: str) -> None:
        if len(self.kept) == self._fails_after:
            self.failure = "o: No space left on device"
        if self.failure is None:
            self.kept.append(json.loads(line))
        else:
            self.unwritten.append(line)


def rows(count: int, taken: Callable[[int], None] = lambda _: None) -> Iterator[Row]:
    for number in range(1, count + 1):
        taken(number)
        yield Row(number=number, line=number + 1, request=SmsRequest(destination=f"+447700{number:06d}", text="Hi"))


def the_fan(sandbox: Sandbox, count: int, taken: Iterator[Row] | None = None, **options: object) -> OneByOneRun:
    settings = {"lines": Records(), **options}
    client = sandbox.client(max_concurrency=WIDTH, timeout=10 * PATIENCE, retry=AT_ONCE)
    return OneByOneRun(client=client, rows=taken or rows(count), counts=OutcomeCounts(count), **settings)  # type: ignore[arg-type]


def send(one: OneByOneRun) -> None:
    async def work() -> None:
        async with one.client:
            await one.run()

    run(work)


def counts(ended: OutcomeCounts) -> dict[str, int]:
    found = {outcome.value: ended.outcomes[outcome] for outcome in RecordOutcome if ended.outcomes[outcome]}
    assert sum(found.values()) + ended.not_tried == ended.rows
    return found


@contextmanager
def interrupting(one: FileRun, so: Callable[[], object], times: int = 1) -> Iterator[None]:
    """Sends Ctrl-C when `so()` is true. With `times=2`, sends it again after the first one was handled, because two
    signals at the same time can become one.
    """

    def press() -> None:
        until(so)
        os.kill(os.getpid(), signal.SIGINT)
        until(lambda: one.counts.interrupted)
        if times == 2:
            os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=press)
    thread.start()
    yield
    thread.join()


def test_rows_are_taken_as_they_are_sent(sandbox: Sandbox) -> None:
    """Counts rows: rows that are taken and not yet recorded never exceed twice the concurrency."""
    records, ahead = Records(), []
    one = the_fan(sandbox, 300, rows(300, lambda number: ahead.append(number - len(records.kept))), lines=records)
    send(one)
    assert len(records.kept) == len(sandbox.messages) == 300
    assert max(ahead) <= 2 * WIDTH + 1
    assert sandbox.traffic.peak_in_flight <= WIDTH


def test_every_outcome_is_counted_and_recorded(sandbox: Sandbox) -> None:
    sandbox.faults.plan(
        [
            None,
            Fault.error(1002),
            Fault.server_error(times=4),
            Fault.accept_then_drop(),
            Fault.html(),
            Fault.error(9, status=429),
        ]
    )
    one = the_fan(sandbox, 6)
    one.client = sandbox.client(max_concurrency=1, retry=AT_ONCE)
    send(one)
    found = sorted((r["row"], r["outcome"], r["ok"], r["sent"], r["code"]) for r in one.lines.kept)  # type: ignore[attr-defined]
    assert found == [
        (1, "accepted", True, "yes", None),
        (2, "failed", False, "no", 1002),
        (3, "unknown", False, "maybe", 2000),
        (4, "unknown", False, "maybe", None),
        (5, "unknown", False, "maybe", None),
        (6, "failed", False, "no", 9),
    ]
    assert counts(one.counts) == {"accepted": 1, "failed": 2, "unknown": 3}
    assert one.counts.exit is Exit.UNKNOWN


def test_a_refused_key_stops_the_run(sandbox: Sandbox) -> None:
    """The rows in flight get the same error. The others are not tried, and they are counted."""
    one = the_fan(sandbox, 1000)
    one.client = sandbox.client(api_key="revoked", max_concurrency=WIDTH)
    send(one)
    assert one.why_stopped == "the API key is not accepted"
    assert sandbox.traffic.requests == counts(one.counts)["failed"] <= 3 * WIDTH
    assert one.counts.exit is Exit.AUTHENTICATION


def test_a_full_disk_stops_the_run_and_nothing_is_forgotten(sandbox: Sandbox) -> None:
    one = the_fan(sandbox, 1000, lines=Records(fails_after=10))
    send(one)
    assert one.why_stopped == "o: No space left on device"
    assert 10 + len(one.lines.unwritten) == counts(one.counts)["accepted"] == len(sandbox.messages) <= 10 + 3 * WIDTH


def test_a_file_that_changed_stops_the_run(sandbox: Sandbox) -> None:
    def changing() -> Iterator[Row]:
        yield from rows(10)
        raise FileChangedError

    one = the_fan(sandbox, 20, changing())
    send(one)
    assert one.why_stopped == "the file has changed since it was checked"
    assert (counts(one.counts), one.counts.not_tried) == ({"accepted": 10}, 10)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_waits_for_what_is_in_flight(sandbox: Sandbox, number: signal.Signals) -> None:
    def interrupt(row: int) -> None:
        if row == 50:
            os.kill(os.getpid(), number)

    one = the_fan(sandbox, 1000, rows(1000, interrupt))
    send(one)
    assert counts(one.counts) == {"accepted": len(sandbox.messages)}
    assert 50 <= len(sandbox.messages) <= 50 + WIDTH
    assert (one.why_stopped, one.counts.exit) == ("interrupted", Exit.INTERRUPTED)


def test_what_an_interrupt_cuts_off_is_unknown(sandbox: Sandbox) -> None:
    sandbox.faults.plan([*[None] * 10, Fault.slow(10 * PATIENCE, times=None)])
    one = the_fan(sandbox, 1000, grace=0.05)
    with interrupting(one, lambda: len(sandbox.messages) == 10 + WIDTH):
        send(one)
    assert counts(one.counts) == {"accepted": 10, "unknown": WIDTH}
    kept: list[dict[str, object]] = one.lines.kept  # type: ignore[attr-defined]
    # The sandbox may have read any of them last, because they come over four connections.
    assert len([r for r in kept if r["sent"] == "maybe"]) == WIDTH
    assert {r["row"] for r in kept} == set(range(1, 11 + WIDTH))


def test_a_second_interrupt_ends_the_wait(sandbox: Sandbox) -> None:
    sandbox.faults.plan([Fault.slow(10 * PATIENCE, times=None)])
    one = the_fan(sandbox, 1000, grace=10 * PATIENCE)
    with interrupting(one, lambda: len(sandbox.messages) == WIDTH, times=2):
        send(one)
    assert counts(one.counts) == {"unknown": WIDTH}
    assert one.counts.exit is Exit.INTERRUPTED


def test_rows_that_wait_for_their_moment_are_not_in_flight(sandbox: Sandbox) -> None:
    """With `--rate`, an interrupt reports requests in flight as unknown, but not rows that wait for their turn."""
    taken: list[int] = []
    # the second row would wait a quarter of an hour
    one = the_fan(sandbox, 1000, rows(1000, taken.append), rate=0.001, grace=0.0)
    with interrupting(one, lambda: one.lines.kept and len(taken) == 2):  # type: ignore[attr-defined]
        send(one)
    assert (counts(one.counts), one.counts.tried) == ({"accepted": 1}, 1)


def test_a_bug_is_not_hidden_and_the_books_are_closed(sandbox: Sandbox) -> None:
    def failing() -> Iterator[Row]:
        yield from rows(10)
        raise ZeroDivisionError

    one = the_fan(sandbox, 20, failing())
    with pytest.raises(ZeroDivisionError):
        send(one)
    assert counts(one.counts) == {"accepted": 10}
