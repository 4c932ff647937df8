"""Campaigns with a ledger: any number of processes divide one input, and what a journal promises holds."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from anyio import to_thread
from patience import PATIENCE, seen

from eightbyeight_async import AsyncConnectClient, InvalidRequestError, RetryPolicy, SmsRequest
from eightbyeight_async.bulk import AccountChangedError, Campaign, InputChangedError, Report, State
from eightbyeight_async.bulk.judging.message_keys import SALT_LENGTHS
from eightbyeight_async.ledger import Ledger
from eightbyeight_async.ledger.without_client import LedgerReader
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    import ssl

    from ledger.postgres import OwnDatabase

    from eightbyeight_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """The run loop is that of a journal, which runs on both loops; here one test does."""
    return getattr(request, "param", "asyncio")


def messages(count: int, first: int = 0, **fields: Any) -> list[SmsRequest]:
    return [
        SmsRequest(destination=f"+6581{number:06d}", text="Your code", **fields)
        for number in range(first, first + count)
    ]


def client_of(sandbox: Sandbox) -> AsyncConnectClient:
    return sandbox.client(retry=RetryPolicy.none(), timeout=PATIENCE)


async def run(sandbox: Sandbox, url: str, name: str, given: Any, **options: Any) -> Report:
    async with client_of(sandbox) as client, Campaign(client, ledger=url, name=name, **options) as campaign:
        return await campaign.send(given)


@pytest.mark.parametrize("mode", ["each", "batch"])
async def test_the_second_run_sends_nothing_again(postgres: str, name: str, sandbox: Sandbox, mode: str) -> None:
    first = await run(sandbox, postgres, name, iter(messages(100)), mode=mode, batch_size=40)
    assert (first.accepted, first.complete, first.mode) == (100, True, mode)
    second = await run(sandbox, postgres, name, iter(messages(120)), mode=mode, batch_size=40)
    assert (second.known, second.accepted, second.status.sent, second.missing) == (100, 20, 120, 0)
    assert len(sandbox.messages) == 120
    assert set(sandbox.accepted_counts.values()) == {1}


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"], indirect=True)
@pytest.mark.parametrize("mode", ["each", "batch"])
async def test_processes_that_send_the_same_messages_at_once_divide_them(
    postgres: str, name: str, sandbox: Sandbox, mode: str
) -> None:
    reports: list[Report] = []

    async def one() -> None:
        options = {"mode": mode, "batch_size": 20, "max_rate": None}
        reports.append(await run(sandbox, postgres, name, messages(240), **options))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(one)
    assert sum(report.accepted for report in reports) == 240
    assert all(report.complete and report.accepted + report.known == 240 for report in reports)
    assert set(sandbox.accepted_counts.values()) == {1}
    assert len(sandbox.messages) == 240


async def test_one_number_gets_one_message_from_two_processes_with_different_messages(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    reports: list[Report] = []

    async def one(text: str) -> None:
        given = (SmsRequest(destination=f"+6581{number:06d}", text=text) for number in range(80))
        reports.append(
            await run(sandbox, postgres, name, given, one_per_number=True, allow_changed_input=True, mode="each")
        )

    async with anyio.create_task_group() as group:
        group.start_soon(one, "Good morning")
        group.start_soon(one, "Good evening")
    assert len(sandbox.messages) == len({message.destination for message in sandbox.messages}) == 80
    assert sum(report.same_number for report in reports) == 80


async def test_outcomes_are_those_of_a_journal(postgres: str, name: str, sandbox: Sandbox) -> None:
    sandbox.faults.on_destination("+6581000000", Fault.error(1002))
    sandbox.faults.on_destination("+6581000001", Fault.accept_then_drop())
    sandbox.faults.on_destination("+6581000002", Fault.too_many_requests(retry_after=0.05))
    report = await run(sandbox, postgres, name, messages(10), mode="each")
    assert (report.failed, report.unknown, report.accepted) == (1, 1, 8)
    async with client_of(sandbox) as client, Campaign(client, ledger=postgres, name=name) as campaign:
        found = await campaign.reconcile(lag=1e-9)
        assert (found.sent, found.unknown) == (1, 0)
        failed = [row async for row in campaign.rows(State.FAILED)]
        assert [row.code for row in failed] == [1002]
    again = await run(sandbox, postgres, name, messages(10), mode="each", resend_failed=True)
    assert (again.known, again.accepted, again.status.done) == (9, 1, True)


async def test_scheduled_messages_are_cancelled_from_another_process(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    later = datetime.now(UTC) + timedelta(hours=2)
    await run(sandbox, postgres, name, messages(30, scheduled=later), mode="batch", batch_size=10)
    await run(sandbox, postgres, name, iter(messages(5, 100, scheduled=later)), mode="each", allow_changed_input=True)
    async with client_of(sandbox) as client, Campaign(client, ledger=postgres, name=name) as campaign:
        assert (await campaign.cancel()).cancelled == 35
        status = await campaign.status()
    assert (status.cancelled, status.waiting) == (35, 0)


async def test_a_stop_from_elsewhere_ends_every_run_and_none_of_its_results_is_lost(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    reports: list[Report] = []

    async def one() -> None:
        reports.append(await run(sandbox, postgres, name, iter(messages(2_000)), mode="each", max_rate=None))

    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(one)
        await seen(lambda: len(sandbox.accepted_counts) > 50)
        with LedgerReader(postgres, name) as reader:
            reader.stop("a wrong text")
    assert {report.stopped for report in reports} == {"a wrong text"}
    count = len(sandbox.messages)
    assert count < 2_000
    status = reports[-1].status if reports[-1].accepted else reports[0].status
    with LedgerReader(postgres, name) as reader:
        status = reader.status(0.0)
        assert (status.sent, status.in_flight, status.unknown) == (count, 0, 0)
        assert (await run(sandbox, postgres, name, messages(2_000), allow_changed_input=True)).requests == 0
        reader.stop(None)
    assert (await run(sandbox, postgres, name, messages(100), allow_changed_input=True)).complete


async def test_another_input_is_refused_and_the_plan_says_what_it_would_send(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    await run(sandbox, postgres, name, messages(10))
    changed = [*messages(9), SmsRequest(destination="+6581000009", text="Another")]
    with pytest.raises(InputChangedError) as refused:
        await run(sandbox, postgres, name, changed)
    plan = refused.value.plan
    assert plan is not None
    assert (plan.settled, plan.new, plan.second) == (9, 1, 1)
    assert len(sandbox.messages) == 10
    async with client_of(sandbox) as client:
        campaign = Campaign(client, ledger=postgres, name=name, allow_changed_input=True)
        assert (await campaign.plan(changed)).as_dict() == plan.as_dict()
        with pytest.raises(InputChangedError):
            await Campaign(client, ledger=postgres, name=name).plan(changed)
        fresh = await Campaign(client, ledger=postgres, name=f"{name} new"[-200:]).plan(changed)
        assert (fresh.new, fresh.settled) == (10, 0)


async def test_of_two_processes_that_begin_with_different_messages_one_is_refused(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    ended: list[object] = []

    async def one(first: int) -> None:
        try:
            ended.append(await run(sandbox, postgres, name, messages(50, first)))
        except InputChangedError as error:
            ended.append(error)

    async with anyio.create_task_group() as group:
        group.start_soon(one, 0)
        group.start_soon(one, 100)
    assert sorted(type(end).__name__ for end in ended) == ["InputChangedError", "Report"]
    assert len(sandbox.messages) == 50


async def test_another_account_is_refused(postgres: str, name: str, sandbox: Sandbox) -> None:
    await run(sandbox, postgres, name, messages(3))
    async with client_of(sandbox) as client:
        other = client.with_options(subaccount_id="another")
        with pytest.raises(AccountChangedError):
            async with Campaign(other, ledger=postgres, name=name):
                pass
        with pytest.raises(AccountChangedError):
            await Campaign(other, ledger=postgres, name=name).plan(messages(3))


async def test_resend_unknown_sends_once_more_and_not_once_for_each_process(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    sandbox.faults.on_destination("+6581000001", Fault.drop_before_accept(times=None))
    await run(sandbox, postgres, name, messages(3), mode="each")
    async with (
        client_of(sandbox) as client,
        Campaign(client, ledger=postgres, name=name, resend_unknown=True, mode="each") as one,
        Campaign(client, ledger=postgres, name=name, resend_unknown=True, mode="each") as two,
    ):
        first, second = await one.send(messages(3)), await two.send(messages(3))
    assert (first.unknown, first.requests) == (1, 1)
    assert (second.known, second.requests) == (3, 0), "it was settled while the second was open"


@pytest.mark.parametrize("mode", ["each", "batch"])
async def test_claims_that_are_too_old_are_released_and_made_again(
    postgres: str, name: str, sandbox: Sandbox, mode: str
) -> None:
    """The machine slept after the claim."""
    async with client_of(sandbox) as client, Campaign(client, ledger=postgres, name=name, mode=mode) as campaign:  # type: ignore[arg-type]
        lease: Any = campaign._lease
        may_begin, asked = lease.may_begin, []

        def sleepy(claimed: float) -> bool:
            asked.append(claimed)
            return len(asked) > 3 and may_begin(claimed)

        lease.may_begin = sleepy
        report = await campaign.send(messages(5))
    assert (report.accepted, report.unknown, report.complete) == (5, 0, True)
    assert len(asked) > 3
    assert set(sandbox.accepted_counts.values()) == {1}


async def test_a_campaign_goes_on_over_a_crash_of_the_database(server: OwnDatabase, sandbox: Sandbox) -> None:
    async with anyio.create_task_group() as group:
        reports: list[Report] = []

        async def one() -> None:
            given = messages(600)
            reports.append(await run(sandbox, server.url, "name", given, mode="each", max_rate=600))

        group.start_soon(one)
        await seen(lambda: len(sandbox.accepted_counts) > 100)
        await to_thread.run_sync(server.crash)
        assert reports == [], "it crashed while messages were sent"
    assert (reports[0].accepted, reports[0].complete) == (600, True)
    assert set(sandbox.accepted_counts.values()) == {1}


_SENDER = """
import asyncio, os, signal, sys
from eightbyeight_async import AsyncConnectClient, SmsRequest
from eightbyeight_async.bulk import Campaign

count, killed_after = int(sys.argv[3]), int(sys.argv[4])

def look(settled):
    global killed_after
    killed_after -= 1
    if not killed_after:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    messages = [SmsRequest(destination=f"+6581{index:06d}", text="Your code") for index in range(count)]
    async with AsyncConnectClient() as client:
        campaign = Campaign(
            client, ledger=sys.argv[1], name=sys.argv[2], mode="each", max_concurrency=5, on_result=look, max_rate=400
        )
        async with campaign:
            await campaign.send(messages)

asyncio.run(main())
"""


async def test_three_processes_of_which_two_are_killed_send_nothing_twice_and_lose_nothing(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    """The short form of `nox -s crash_ledger`."""
    count = 200
    async with Ledger(postgres, name, lease=1.0):  # the first of a name decides about the lease
        pass

    def start(killed_after: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-c", _SENDER, postgres, name, str(count), str(killed_after)]
        return subprocess.Popen(command, env={**os.environ, **sandbox.environment})  # noqa: S603

    # The third begins when the others are dead: else it might leave them too little to die of.
    victims = [await to_thread.run_sync(start, killed_after) for killed_after in (20, 40)]
    codes = [await to_thread.run_sync(victim.wait) for victim in victims]
    codes.append(await to_thread.run_sync((await to_thread.run_sync(start, 10**9)).wait))
    assert codes == [-signal.SIGKILL, -signal.SIGKILL, 0]
    assert set(sandbox.accepted_counts.values()) == {1}
    with LedgerReader(postgres, name) as reader:
        with anyio.fail_after(PATIENCE):
            while reader.status(0.0).in_flight:
                await anyio.sleep(0.05)
        status = reader.status(0.0)
    assert status.unknown <= 2 * 2 * 5, "in flight, and results that were not committed yet"
    assert status.sent + status.unknown == status.total == count
    async with client_of(sandbox) as client, Campaign(client, ledger=postgres, name=name) as campaign:
        await campaign.reconcile(lag=1e-9)
        report = await campaign.send(messages(count))
    assert report.status.sent == count
    assert len(sandbox.messages) == count
    assert set(sandbox.accepted_counts.values()) == {1}


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "journal"),
    ({"journal": "run.db", "ledger": "postgresql://x", "name": "n"}, "journal"),
    ({"journal": "run.db", "name": "n"}, "name"),
    ({"ledger": "postgresql://x"}, "name"),
    ({"ledger": "http://x", "name": "n"}, "ledger"),
    ({"ledger": "postgresql://x", "name": " "}, "name"),
    ({"ledger": "postgresql://x", "name": "n", "store_private": True}, "store_private"),
    ({"ledger": "postgresql://x", "name": "n", "accept_loss": True}, "accept_loss"),
    ({"ledger": "postgresql://x", "name": "n", "durability": "process"}, "durability"),
    ({"ledger": "postgresql://x", "name": "n", "duplicates": "send"}, "duplicates"),
]


@pytest.mark.parametrize(("options", "field"), BAD)
async def test_settings_that_do_not_go_together_are_refused(
    options: dict[str, Any], field: str, tls: ssl.SSLContext
) -> None:
    client = AsyncConnectClient("key", "acme", ssl_context=tls)
    with pytest.raises(InvalidRequestError) as refused:
        Campaign(client, **options)
    assert refused.value.field == field
    await client.aclose()


async def test_the_repr_of_a_campaign_shows_no_url(postgres: str, name: str, sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client:
        campaign = Campaign(client, ledger="postgresql://me:secret@db/x", name="november")
        assert repr(campaign) == "<Campaign ledger campaign='november', mode=auto>"


@pytest.mark.parametrize("salt", SALT_LENGTHS[1:])
async def test_a_campaign_that_began_under_an_older_rule_keeps_its_keys(
    postgres: str, name: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, salt: int
) -> None:
    people = [
        SmsRequest(destination="+6581000001", text="Hi", client_message_id="order +65 8100-0001"),
        SmsRequest(destination="+6581000002", text="Hi", client_message_id="order 2"),
        SmsRequest(destination="81000003", country="sg", text="Hi"),
        SmsRequest(destination="81000003", country="SG", text="Hi"),
    ]
    monkeypatch.setattr("eightbyeight_async.ledger.store.SALT_BYTES", salt)
    assert (await run(sandbox, postgres, name, people)).accepted == 4
    with LedgerReader(postgres, name) as reader:
        assert ("order +65 8100-0001" in {row.key for row in reader.rows()}) == (salt == 16)
    monkeypatch.undo()
    again = await run(sandbox, postgres, name, people)
    assert (again.known, again.accepted, len(sandbox.messages)) == (4, 0, 4)


async def test_the_case_of_a_country_makes_no_second_message(postgres: str, name: str, sandbox: Sandbox) -> None:
    people = [SmsRequest(destination="81000003", country=country, text="Hi") for country in ("sg", "SG")]
    report = await run(sandbox, postgres, name, people)
    again = await run(sandbox, postgres, name, [people[1], people[1]])
    assert (report.accepted, report.duplicates, again.known, len(sandbox.messages)) == (1, 1, 1, 1)
