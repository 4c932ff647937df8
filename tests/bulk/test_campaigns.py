"""Campaigns against the sandbox: what a run sends, and what the next run does not send again."""

# ruff: noqa: ASYNC240, SIM117
from __future__ import annotations

import sqlite3
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from patience import PATIENCE, seen
from test_every_operation import SOON

from eightbyeight_async import AuthenticationError, InvalidRequestError, RetryPolicy, SmsRequest
from eightbyeight_async.bulk import Campaign, InputChangedError, Settled, State, read_rows, status
from eightbyeight_async.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio
MODES = pytest.mark.parametrize("mode", ["each", "batch"])


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


def number(index: int) -> str:
    return f"+6581{index:06d}"


def messages(count: int, first: int = 0) -> list[SmsRequest]:
    return [SmsRequest(destination=number(index), text="Your code") for index in range(first, first + count)]


async def run(sandbox: Sandbox, journal: Path, given: Any, **options: Any) -> Any:
    settings = {"durability": "process", "max_rate": None, **options}
    client = sandbox.client(retry=RetryPolicy(initial_delay=0.01, max_delay=0.02), timeout=PATIENCE)
    async with client, Campaign(client, journal, **settings) as campaign:
        return await campaign.send(given)


def check_sum(report: Any) -> None:
    decided = report.accepted + report.rejected + report.failed + report.unknown + report.not_sent
    assert report.taken == decided + report.known + report.duplicates
    assert report.in_flight == 0


@MODES
async def test_the_second_run_sends_nothing_again(sandbox: Sandbox, journal: Path, mode: str) -> None:
    first = await run(sandbox, journal, iter(messages(250)), mode=mode, batch_size=100)
    second = await run(sandbox, journal, iter(messages(300)), mode=mode, batch_size=100)
    assert (first.accepted, first.known, first.complete) == (250, 0, True)
    assert (second.accepted, second.known, second.missing) == (50, 250, 0)
    assert set(sandbox.accepted_counts.values()) == {1}
    assert len(sandbox.messages) == 300
    assert status(journal).as_dict() == {
        "total": 300, "sent": 300, "waiting": 0, "cancelled": 0, "rejected": 0, "failed": 0, "in_flight": 0,
        "unknown": 0, "opted_out": 0, "not_sent": 0,
    }  # fmt: skip
    for report in (first, second):
        check_sum(report)


async def test_an_async_source_and_auto(sandbox: Sandbox, journal: Path) -> None:
    async def source() -> AsyncIterator[SmsRequest]:
        for message in messages(30):
            await anyio.lowlevel.checkpoint()
            yield message

    for accepted in (30, 0):
        report = await run(sandbox, journal, source())
        assert (report.mode, report.accepted, report.known) == ("each", accepted, 30 - accepted)


@MODES
async def test_every_outcome_is_kept(sandbox: Sandbox, journal: Path, mode: str) -> None:
    """The next run leaves rejected, failed and unknown messages alone, and sends the message that was never sent."""
    given = [*messages(3), SmsRequest(destination="+99912345678", text="x")]
    if mode == "each":
        sandbox.faults.on_destination(number(0), Fault.error(1002))
        sandbox.faults.on_destination(number(1), Fault.accept_then_drop())
    for again in range(2):
        report = await run(sandbox, journal, given, mode=mode)
        check_sum(report)
        if mode == "each" and not again:
            assert (report.accepted, report.rejected, report.failed, report.unknown) == (1, 1, 1, 1)
    found = status(journal)
    assert (found.sent, found.rejected) == ((1, 1) if mode == "each" else (3, 1))
    if mode == "each":
        assert {row.place: row.code for row in read_rows(journal, State.FAILED)} == {0: 1002}
        report = await run(sandbox, journal, given, mode=mode, resend_unknown=True, resend_failed=True)
        assert (report.accepted, report.rejected) == (2, 1)
    assert set(sandbox.accepted_counts.values()) == ({1, 2} if mode == "each" else {1})


@MODES
async def test_a_429_pauses_and_the_message_is_sent_after_it(sandbox: Sandbox, journal: Path, mode: str) -> None:
    sandbox.faults.plan([Fault.too_many_requests(retry_after=0.2)])
    report = await run(sandbox, journal, messages(40), mode=mode, batch_size=10)
    assert (report.accepted, report.not_sent) == (40, 0)
    assert set(sandbox.accepted_counts.values()) == {1}
    assert report.seconds >= 0.2


@pytest.mark.parametrize("seconds", [3600, 10_000_000_000])
async def test_a_pause_that_is_too_long_stops_the_run(sandbox: Sandbox, journal: Path, seconds: int) -> None:
    sandbox.faults.plan([Fault.too_many_requests(retry_after=seconds)])
    report = await run(sandbox, journal, messages(40), mode="each", max_concurrency=4)
    assert "the API asks for a pause of" in report.stopped
    assert not report.complete
    assert status(journal).not_sent == 40 - report.accepted


async def test_one_bad_message_fails_alone(sandbox: Sandbox, journal: Path) -> None:
    """The API refuses the whole batch because of one message. The campaign finds it by halving the batch."""
    sandbox.faults.on_destination(number(13), Fault.error(1002, times=None))
    report = await run(sandbox, journal, messages(64), mode="batch")
    assert (report.accepted, report.failed, report.requests) == (63, 1, 13)
    assert [row.place for row in read_rows(journal, State.FAILED)] == [13]


@MODES
async def test_a_lost_answer_is_unknown_and_never_sent_again(sandbox: Sandbox, journal: Path, mode: str) -> None:
    sandbox.faults.plan([Fault.accept_then_drop()])
    for _ in range(3):
        report = await run(sandbox, journal, messages(20), mode=mode, batch_size=5, max_concurrency=1)
    assert status(journal).unknown == (1 if mode == "each" else 5)
    assert report.known == 20
    assert set(sandbox.accepted_counts.values()) == {1}


@MODES
async def test_a_wrong_key_ends_the_run_and_marks_nothing(sandbox: Sandbox, journal: Path, mode: str) -> None:
    client = sandbox.client(api_key="wrong")
    async with client, Campaign(client, journal, mode=mode, batch_size=20, max_concurrency=4) as campaign:
        with pytest.raises(AuthenticationError):
            await campaign.send(messages(200))
        assert campaign.report is not None
        assert campaign.report.taken < 200
    assert status(journal).not_sent == 200
    assert (await run(sandbox, journal, messages(200), mode=mode)).accepted == 200


@MODES
async def test_without_a_server_the_run_gives_up_and_the_next_sends_all(
    sandbox: Sandbox, journal: Path, mode: str
) -> None:
    client = sandbox.client(sms_base_url="https://localhost:1")
    async with client, Campaign(client, journal, mode=mode, batch_size=10, max_rate=None) as campaign:
        report = await campaign.send(messages(300))
    assert "cannot be reached" in report.stopped
    check_sum(report)
    assert report.not_sent == report.taken < 300
    assert (await run(sandbox, journal, messages(300), mode=mode)).accepted == 300


async def test_unwanted_duplicates_are_counted_wanted_ones_sent(sandbox: Sandbox, journal: Path) -> None:
    given = [*messages(10), *messages(10), *messages(1)]
    report = await run(sandbox, journal, given, mode="each", max_concurrency=7)
    assert (report.accepted, report.duplicates, len(sandbox.messages)) == (10, 11, 10)
    for accepted in (11, 0):
        report = await run(sandbox, journal, given, mode="batch", duplicates="send")
        assert (report.accepted, report.known, report.duplicates) == (accepted, 21 - accepted, 0)
    assert len(sandbox.messages) == 21
    assert set(sandbox.accepted_counts.values()) == {1}


async def test_the_same_reference_is_the_same_message(sandbox: Sandbox, journal: Path) -> None:
    given = [SmsRequest(destination=number(0), text="x", client_message_id="order 1") for _ in range(2)]
    report = await run(sandbox, journal, given, duplicates="send", max_concurrency=1)
    assert (report.accepted, report.duplicates) == (1, 1)
    assert sandbox.times_accepted("order 1") == 1


@pytest.mark.parametrize(
    "other",
    [{"destination": "90000001"}, {"country": "MY"}, {"text": "y"}, {"source": "Shop"}, {"scheduled": SOON}],
    ids=lambda other: next(iter(other)),
)
async def test_of_a_list_with_one_id_for_two_messages_nothing_is_sent(
    sandbox: Sandbox, journal: Path, other: dict[str, Any]
) -> None:
    """The same digits in another country are the number of another person. The two messages are further apart than a
    page of the input.
    """
    one: dict[str, Any] = {"destination": "90000000", "country": "SG", "text": "x", "client_message_id": "order 1"}
    between = [SmsRequest(destination=number(n), text="x") for n in range(1_500)]
    given = [SmsRequest(**one), *between, SmsRequest(**{**one, **other})]
    with pytest.raises(InvalidRequestError, match=r"message 1,502 has the id of message 1\b"):
        await run(sandbox, journal, given)
    assert sandbox.messages == []


async def test_a_changed_input_is_refused_before_anything_is_sent(sandbox: Sandbox, journal: Path) -> None:
    await run(sandbox, journal, messages(5))
    with pytest.raises(InputChangedError):
        await run(sandbox, journal, messages(6))
    assert len(sandbox.messages) == 5
    assert (await run(sandbox, journal, messages(6), allow_changed_input=True)).accepted == 1
    report = await run(sandbox, journal, iter(messages(2)))
    assert (report.known, report.missing) == (2, 4)


async def test_stop_finishes_what_is_in_flight(sandbox: Sandbox, journal: Path) -> None:
    sandbox.latency = 0.05
    client = sandbox.client()
    settled: list[Settled] = []

    def note(one: Settled) -> None:
        settled.append(one)
        if len(settled) == 5:
            campaign.stop()

    async with client:
        async with Campaign(client, journal, mode="each", max_concurrency=10, on_result=note) as campaign:
            report = await campaign.send(iter(messages(1_000)))
    assert report.stopped == "asked to stop"
    assert (report.unknown, report.complete) == (0, False)
    assert report.accepted == len(sandbox.messages) == len(settled)
    assert report.accepted < 50
    assert status(journal).unknown == 0
    assert "Your code" not in repr(settled)


@MODES
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_cancelled_run_doubts_what_was_in_flight_and_no_more(
    sandbox: Sandbox, journal: Path, mode: str
) -> None:
    sandbox.faults.plan([*[None] * 10, Fault.slow(10 * PATIENCE, times=None)])

    before = set(threading.enumerate())

    async def send() -> None:
        async with Campaign(client, journal, mode=mode, max_concurrency=4, batch_size=5, max_rate=None) as campaign:
            await campaign.send(iter(messages(1_000)))

    async with sandbox.client(timeout=10 * PATIENCE) as client, anyio.create_task_group() as group:
        group.start_soon(send)
        await seen(lambda: sandbox.traffic.requests == 14 and sandbox.traffic.in_flight == 4)
        group.cancel_scope.cancel()
    sandbox.faults.clear()
    found = status(journal)
    assert (found.sent, found.unknown) == ((10, 4) if mode == "each" else (50, 20))
    assert "eightbyeight-journal" not in {thread.name for thread in threading.enumerate() if thread not in before}
    report = await run(sandbox, journal, iter(messages(1_000)), mode=mode)
    assert report.unknown == 0
    assert set(sandbox.accepted_counts.values()) == {1}
    assert found.unknown + status(journal).sent == 1_000


async def test_a_run_that_is_cancelled_while_it_halves_doubts_only_the_half_in_flight(
    sandbox: Sandbox, journal: Path
) -> None:
    sandbox.faults.on_destination(number(13), Fault.error(1002, times=None))
    # of the batches of 64, 32 and 16 messages, the third is slow
    sandbox.faults.plan([None, None, Fault.slow(10 * PATIENCE, times=None)])

    async def send() -> None:
        async with Campaign(client, journal, mode="batch", max_concurrency=1, max_rate=None) as campaign:
            await campaign.send(messages(64))

    async with sandbox.client(timeout=10 * PATIENCE) as client, anyio.create_task_group() as group:
        group.start_soon(send)
        await seen(lambda: sandbox.traffic.requests == 3 and sandbox.traffic.in_flight == 1)
        group.cancel_scope.cancel()
    sandbox.faults.clear()
    found = status(journal)
    assert (found.unknown, found.not_sent, found.in_flight) == (16, 48, 0)
    assert (await run(sandbox, journal, messages(64), mode="batch")).accepted == 48


@pytest.mark.parametrize("how", ["cancelled", "failed"])
async def test_a_run_that_ends_while_it_claims_a_copy_doubts_nothing(sandbox: Sandbox, journal: Path, how: str) -> None:
    """The copy is claimed when the rest of its batch already has its claims."""
    scope, asked = anyio.CancelScope(), []

    def opted_out(request: SmsRequest) -> bool:
        asked.append(request)
        if len(asked) > 11:
            if how == "failed":
                raise ZeroDivisionError
            scope.cancel()
        return False

    given = [*messages(10), *messages(1)]
    options: dict[str, Any] = {"mode": "batch", "duplicates": "send", "max_concurrency": 1}
    with scope, suppress(ZeroDivisionError):
        await run(sandbox, journal, given, opted_out=opted_out, **options)
    found = status(journal)
    assert (len(asked), found.unknown, found.sent, found.not_sent) == (12, 0, 0, 11)
    assert (await run(sandbox, journal, given, **options)).accepted == 11


async def test_no_number_and_no_text_in_the_journal_unless_asked_for(sandbox: Sandbox, tmp_path: Path) -> None:
    given = [SmsRequest(destination=number(7), text="Your code", client_message_id=f"to {number(7)}")]
    for private in (False, True):
        path = tmp_path / f"{private}.db"
        await run(sandbox, path, given, store_private=private)
        data = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.name.startswith(str(private)))
        assert (number(7).encode() in data, b"Your code" in data) == (private, private)
        assert (sandbox.api_key.encode() in data) is False


async def test_the_iterables_own_exception_comes_out(sandbox: Sandbox, journal: Path) -> None:
    def source() -> Iterator[SmsRequest]:
        yield from messages(10)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await run(sandbox, journal, source(), mode="each", max_concurrency=2)
    assert status(journal).sent == len(sandbox.messages)


async def test_what_is_no_message_is_refused(sandbox: Sandbox, journal: Path) -> None:
    with pytest.raises(InvalidRequestError, match="messages"):
        await run(sandbox, journal, ["+6581000000"])
    with pytest.raises(InvalidRequestError, match="messages"):
        await run(sandbox, journal, 7)
    # and the refused inputs are not stored as the campaign's input
    assert (await run(sandbox, journal, messages(2))).accepted == 2


async def test_the_claim_is_committed_before_the_post(sandbox: Sandbox, journal: Path) -> None:
    """When the POST leaves, another process can read the row in the file."""
    from eightbyeight_async.sms import SmsOperations

    client = sandbox.client()
    seen: list[int] = []
    send = client.sms.send

    async def spied(request: SmsRequest) -> Any:
        # The campaign's lock keeps SQLite out. A copy of the files is what a kill at this moment would leave.
        copy = journal.with_name(f"copy{len(seen)}.db")
        for end in ("", "-wal"):
            copy.with_name(copy.name + end).write_bytes(journal.with_name(journal.name + end).read_bytes())
        connection = sqlite3.connect(copy)
        seen.append(
            connection.execute(
                "SELECT count(*) FROM message WHERE state=0 AND key=?", (request.client_message_id,)
            ).fetchone()[0]
        )
        connection.close()
        return await send(request)

    assert isinstance(client.sms, SmsOperations)
    client.sms.send = spied  # type: ignore[method-assign]
    async with client, Campaign(client, journal, mode="each", max_concurrency=3) as campaign:
        await campaign.send(messages(10))
    assert seen == [1] * 10


@pytest.mark.anyio
@pytest.mark.parametrize("key", ["a\0b", "\ud800", "a\nb", "", 3, None])
async def test_a_key_that_no_journal_holds_ends_nothing(sandbox: Sandbox, tmp_path: Path, key: Any) -> None:
    async with sandbox.client() as client, Campaign(client, tmp_path / "run.db", mode="each") as campaign:
        with pytest.raises(InvalidRequestError):
            await campaign.resolve(key, sent=True)
        assert (await campaign.send(messages(3))).accepted == 3


@pytest.mark.anyio
@pytest.mark.parametrize("code", [2**63 - 1, 2**63, -(2**63) - 1, 10**30])
async def test_a_code_that_no_journal_can_hold_is_left_out(sandbox: Sandbox, tmp_path: Path, code: int) -> None:
    """The states of this message and of the others are still written."""
    given = messages(3)
    sandbox.faults.on_destination(given[0].destination, Fault.error(code))
    report = await run(sandbox, tmp_path / "run.db", given, mode="each")
    assert (report.accepted, report.failed + report.unknown) == (2, 1)
    codes = [row.code for row in read_rows(tmp_path / "run.db")]
    assert sorted(codes, key=str) == sorted([code if abs(code) < 2**63 else None, None, None], key=str)
