"""Settling unknown messages, by hand and by 8x8's log."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eightbyeight_async import InvalidRequestError, SmsRequest
from eightbyeight_async.bulk import Campaign, status
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


def messages(count: int) -> list[SmsRequest]:
    return [
        SmsRequest(destination=f"+6581{i:06d}", text="Your code", client_message_id=reference)
        for i in range(count)
        # contains its number, so the journal keeps a digest of it
        for reference in [f"order 81{i:06d}" if i % 2 else None]
    ]


async def doubtful(sandbox: Sandbox, journal: Path) -> None:
    """Sends 10 messages. Two get no answer: one of them is accepted, the other is not."""
    sandbox.faults.on_destination("+6581000003", Fault.accept_then_drop())
    sandbox.faults.on_destination("+6581000004", Fault.drop_before_accept())
    async with sandbox.client() as client, Campaign(client, journal, mode="each") as campaign:
        report = await campaign.send(messages(10))
    assert (report.accepted, report.unknown) == (8, 2)


async def test_the_log_settles_what_is_unknown(sandbox: Sandbox, journal: Path) -> None:
    await doubtful(sandbox, journal)
    async with sandbox.client() as client, Campaign(client, journal, mode="each") as campaign:
        found = await campaign.reconcile(lag=1e-9)
        assert (found.sent, found.not_sent, found.unknown, found.lacking) == (1, 1, 0, 0)
        report = await campaign.send(messages(10))
    assert (report.known, report.accepted) == (9, 1)
    assert len(sandbox.messages) == 10
    assert status(journal).sent == 10


async def test_a_log_that_is_not_ready_is_waited_for(sandbox: Sandbox, journal: Path) -> None:
    """The log is ready at the fourth look. At least 2 s pass between two looks."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    await doubtful(sandbox, journal)
    sandbox.exports.polls = 3
    async with sandbox.client() as client, Campaign(client, journal) as campaign:
        client._exchange.sleep = sleep  # Exchange takes its sleep as an argument
        found = await campaign.reconcile(lag=1e-9)
    assert (found.sent, found.not_sent, found.unknown) == (1, 1, 0)
    assert waits == [2.0] * 3


async def test_too_early_nothing_counts_as_unsent(sandbox: Sandbox, journal: Path) -> None:
    await doubtful(sandbox, journal)
    async with sandbox.client() as client, Campaign(client, journal) as campaign:
        found = await campaign.reconcile(lag=3600)
    assert (found.sent, found.not_sent, found.unknown) == (1, 0, 1)
    assert 3500 < found.ready_in <= 3600


async def test_a_log_that_lacks_a_known_message_proves_nothing(sandbox: Sandbox, journal: Path) -> None:
    await doubtful(sandbox, journal)
    sandbox.exports.lag = 3600
    async with sandbox.client() as client, Campaign(client, journal) as campaign:
        found = await campaign.reconcile(lag=1e-9)
        assert (found.sent, found.not_sent, found.unknown) == (0, 0, 2)
        assert found.lacking == 8
        assert (await campaign.send(messages(10))).known == 10


async def test_resolving_by_hand(sandbox: Sandbox, journal: Path) -> None:
    await doubtful(sandbox, journal)
    async with sandbox.client() as client, Campaign(client, journal) as campaign:
        rows = {row.place: row.key async for row in campaign.unknown()}
        assert set(rows) == {3, 4}
        await campaign.resolve(rows[3], sent=True)
        await campaign.resolve(rows[4], sent=False)
        with pytest.raises(InvalidRequestError, match="unknown"):
            await campaign.resolve(rows[3], sent=False)
        assert (await campaign.status()).as_dict() == {
            "total": 10, "sent": 9, "waiting": 0, "cancelled": 0, "rejected": 0, "failed": 0, "in_flight": 0,
            "unknown": 0, "opted_out": 0, "not_sent": 1,
        }  # fmt: skip
        assert (await campaign.send(messages(10))).accepted == 1
    assert set(sandbox.accepted_counts.values()) == {1}
