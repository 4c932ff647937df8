"""Cancelling scheduled messages, and the counts of `status` afterwards."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import Campaign, Cancelled, State, read_rows, status
from eightbyeight_async.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        running.exports.polls = 0  # a job that is not ready at the first look makes the test wait 2 s
        yield running


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


def hours(number: float) -> datetime:
    return datetime.now(UTC) + timedelta(hours=number)


def messages(count: int, scheduled: datetime | None = None, begin: int = 0) -> list[SmsRequest]:
    return [
        SmsRequest(destination=f"+6581{i:06d}", text="Your code", scheduled=scheduled)
        for i in range(begin, begin + count)
    ]


def counts(journal: Path) -> dict[str, int]:
    """Returns the counts of `status` that are not 0."""
    return {name: count for name, count in status(journal).as_dict().items() if count}


@pytest.mark.parametrize("mode", ["each", "batch"])
async def test_cancelling_everything_and_again(sandbox: Sandbox, journal: Path, mode: str) -> None:
    later = hours(2)
    given = [*messages(30, later), SmsRequest(destination="+6582000000", text="now")]
    async with (
        sandbox.client() as client,
        Campaign(client, journal, mode=mode, batch_size=10) as campaign,  # type: ignore[arg-type]
    ):
        await campaign.send(given)
        assert counts(journal) == {"total": 31, "sent": 1, "waiting": 30}
        assert await campaign.cancel() == Cancelled(cancelled=30)
        assert counts(journal) == {"total": 31, "sent": 1, "cancelled": 30}
        assert await campaign.cancel() == Cancelled(already=30)
        assert [row.cancelled async for row in campaign.rows(State.SENT)].count(True) == 30
    assert sandbox.totals["cancelled"] == 30


async def test_what_is_out_is_too_late_and_a_lost_answer_is_unclear(sandbox: Sandbox, journal: Path) -> None:
    soon, later = hours(1), hours(3)
    given = [
        *messages(4, later),
        *(SmsRequest(destination=f"+658200000{i}", text="x", scheduled=soon) for i in range(3)),
    ]
    async with sandbox.client() as client, Campaign(client, journal, mode="each") as campaign:
        await campaign.send(given)
        sandbox.clock.advance(2 * 3600)
        umid = sandbox.messages[0].umid
        if sandbox.messages[0].scheduled == soon:
            umid = next(message.umid for message in sandbox.messages if message.scheduled == later)
        sandbox.faults.on_cancel(umid, Fault.accept_then_drop())
        assert await campaign.cancel() == Cancelled(cancelled=3, too_late=3, failed=1)
        assert counts(journal) == {"total": 7, "sent": 3, "waiting": 1, "cancelled": 3}
        assert await campaign.cancel() == Cancelled(already=6, unclear=1)
        # The first cancel request may have reached 8x8. So the message is no longer waiting, and it is not certain that
        # it is cancelled.
        assert counts(journal) == {"total": 7, "sent": 4, "cancelled": 3}


async def send(sandbox: Sandbox, journal: Path, given: list[SmsRequest], **options: Any) -> None:
    async with sandbox.client() as client, Campaign(client, journal, **options) as campaign:
        await campaign.send(given)


async def cancel(sandbox: Sandbox, journal: Path, **options: Any) -> Cancelled:
    async with sandbox.client() as client, Campaign(client, journal, **options) as campaign:
        return await campaign.cancel()


async def test_thousands_that_were_scheduled_and_cancelled_are_cancelled_and_not_sent(
    sandbox: Sandbox, journal: Path
) -> None:
    given = [*messages(4_999, hours(2)), *messages(1, begin=4_999)]
    await send(sandbox, journal, given, mode="batch", batch_size=1_000, max_rate=None)
    assert counts(journal) == {"total": 5_000, "sent": 1, "waiting": 4_999}
    assert await cancel(sandbox, journal) == Cancelled(cancelled=4_999)
    assert counts(journal) == {"total": 5_000, "sent": 1, "cancelled": 4_999}
    assert await cancel(sandbox, journal) == Cancelled(already=4_999)
    # Their scheduled time passes, and they stay cancelled.
    async with sandbox.client() as client, Campaign(client, journal, now=lambda: hours(3).timestamp()) as campaign:
        found = await campaign.status()
        assert (found.sent, found.waiting, found.cancelled, found.accepted) == (1, 0, 4_999, 5_000)
        assert (await campaign.send(given)).known == 5_000
    assert len([row for row in read_rows(journal) if row.cancelled]) == 4_999


async def test_of_a_batch_that_is_partly_out_the_rest_is_cancelled_and_counted(sandbox: Sandbox, journal: Path) -> None:
    given = [*messages(6, hours(1)), *messages(4, hours(4), begin=6)]
    await send(sandbox, journal, given, mode="batch")
    sandbox.clock.advance(2 * 3_600)
    assert await cancel(sandbox, journal) == Cancelled(cancelled=4, too_late=6)
    assert counts(journal) == {"total": 10, "sent": 6, "cancelled": 4}
    assert await cancel(sandbox, journal) == Cancelled(already=10)
    assert counts(journal) == {"total": 10, "sent": 6, "cancelled": 4}


async def test_a_batch_whose_cancel_lost_its_answer_is_asked_again(sandbox: Sandbox, journal: Path) -> None:
    await send(sandbox, journal, messages(10, hours(2)), mode="batch")
    (batch_id,) = {row.batch_id for row in read_rows(journal)}
    assert batch_id is not None
    sandbox.faults.on_cancel(batch_id, Fault.drop_before_accept())
    assert await cancel(sandbox, journal) == Cancelled(failed=10)
    assert counts(journal) == {"total": 10, "waiting": 10}
    assert await cancel(sandbox, journal) == Cancelled(cancelled=10)
    assert counts(journal) == {"total": 10, "cancelled": 10}


async def test_a_batch_of_another_campaigns_messages_counts_only_its_own(sandbox: Sandbox, journal: Path) -> None:
    """Under a batch id, 8x8 may cancel more messages than this journal has scheduled."""
    await send(sandbox, journal, [*messages(3, hours(2)), *messages(2, begin=3)], mode="batch")
    assert await cancel(sandbox, journal) == Cancelled(cancelled=3)
    assert counts(journal) == {"total": 5, "sent": 2, "cancelled": 3}


async def test_what_is_unknown_is_told_and_cancelled_after_it_is_settled(sandbox: Sandbox, journal: Path) -> None:
    sandbox.faults.on_destination("+6581000001", Fault.accept_then_drop())
    await send(sandbox, journal, messages(3, hours(2)), mode="each")
    assert await cancel(sandbox, journal) == Cancelled(cancelled=2, unknown=1)
    async with sandbox.client() as client, Campaign(client, journal) as campaign:
        assert (await campaign.reconcile(lag=1e-9)).sent == 1
        assert await campaign.cancel() == Cancelled(cancelled=1, already=2)
    assert counts(journal) == {"total": 3, "cancelled": 3}
    assert sandbox.totals["cancelled"] == 3


async def test_a_second_attempt_that_finds_nothing_is_unclear(sandbox: Sandbox, journal: Path) -> None:
    """8x8 cancels the message and answers 2000. The second attempt finds nothing to cancel."""
    later = datetime.now(UTC) + timedelta(hours=3)
    async with sandbox.client() as client, Campaign(client, journal, mode="each") as campaign:
        await campaign.send([SmsRequest(destination="+6581000000", text="x", scheduled=later)])
        sandbox.faults.on_cancel(sandbox.messages[0].umid, Fault.server_error(accepts=True))
        assert await campaign.cancel() == Cancelled(unclear=1)
