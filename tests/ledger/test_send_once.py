"""`Ledger.send_once`: its results, its errors, and the promise that any number of callers send a message once."""

from __future__ import annotations

import itertools
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import psycopg
import pytest
from held import held
from patience import PATIENCE, seen

from eightbyeight_async import (
    AsyncConnectClient,
    AuthenticationError,
    InvalidRequestError,
    RateLimitError,
    RetryPolicy,
    Sent,
    SmsRequest,
    TransportError,
)
from eightbyeight_async.bulk import AccountChangedError
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.ledger import Ledger, LedgerError, Outcome
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from eightbyeight_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


BOTH = pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"], indirect=True)


@pytest.fixture
def anyio_backend(request: pytest.FixtureRequest) -> str:
    """Tests that wait for something run on both event loops."""
    return getattr(request, "param", "asyncio")


def message(number: int = 0, text: str = "Your code is 4711", **fields: Any) -> SmsRequest:
    return SmsRequest(destination=f"+6581{number:06d}", text=text, **fields)


def client_of(sandbox: Sandbox, **options: Any) -> AsyncConnectClient:
    return sandbox.client(retry=RetryPolicy.none(), timeout=PATIENCE, **options)


@BOTH
async def test_a_key_is_sent_once_and_its_outcome_is_told_again(postgres: str, name: str, sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        first = await ledger.send_once(client, "order 1", message())
        again = await ledger.send_once(client, "order 1", message())
    assert (first.state, first.new, first.ok, first.recorded) == (State.SENT, True, True, True)
    assert again == Outcome(key="order 1", state=State.SENT, umid=first.umid, new=False)
    assert sandbox.accepted_counts == {"order 1": 1}
    assert first.umid == sandbox.messages[0].umid
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        assert (await ledger.send_once(client, "order 1", message())).umid == first.umid
        assert (await ledger.status()).sent == 1


@BOTH
async def test_replicas_with_the_same_keys_at_once_send_each_once_and_agree_on_the_umid(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    """The second replica has the keys in the opposite order. Each statement sorts its keys, so no deadlock occurs."""
    found: dict[str, set[str | None]] = {f"key {number}": set() for number in range(100)}
    new = []

    async def ask(ledger: Ledger, client: AsyncConnectClient, key: str) -> None:
        outcome = await ledger.send_once(client, key, message(int(key[4:])))
        found[key].add(outcome.umid)
        new.append(outcome.new)

    async with (
        client_of(sandbox) as client,
        Ledger(postgres, name) as one,
        Ledger(postgres, name) as two,
        anyio.create_task_group() as group,
    ):
        for key in found:
            group.start_soon(ask, one, client, key)
        for key in reversed(found):
            group.start_soon(ask, two, client, key)
    assert sandbox.accepted_counts == dict.fromkeys(found, 1)
    assert {len(umids) for umids in found.values()} == {1}
    assert new.count(True) == 100


async def test_calls_that_run_at_once_share_commits(postgres: str, name: str, sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        await ledger.send_once(client, "first", message())
        store: Any = await ledger._writer.do(lambda store: store)
        commits = 0
        transact = store._db.transact

        def counted(body: Any) -> Any:
            nonlocal commits
            commits += 1
            return transact(body)

        store._db.transact = counted
        async with anyio.create_task_group() as group:
            for number in range(200):
                group.start_soon(ledger.send_once, client, f"key {number}", message(number))
    assert len(sandbox.accepted_counts) == 201
    assert commits < 200, "one statement and one commit a call would be 400"


OUTCOMES = {
    "accepted": (None, State.SENT, None),
    "unreadable": (Fault.empty_body(status=200), State.UNKNOWN, None),
    "refused": (Fault.error(1002), State.FAILED, 1002),
    "lost": (Fault.accept_then_drop(), State.UNKNOWN, None),
    "lost before": (Fault.drop_before_accept(), State.UNKNOWN, None),
    "internal error": (Fault.server_error(), State.UNKNOWN, 2000),
}


@pytest.mark.parametrize("case", OUTCOMES)
async def test_what_is_decided_is_returned_and_stays(postgres: str, name: str, sandbox: Sandbox, case: str) -> None:
    fault, state, code = OUTCOMES[case]
    sandbox.faults.plan([fault])
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        outcome = await ledger.send_once(client, "key", message())
        again = await ledger.send_once(client, "key", message())
    assert (outcome.state, outcome.new, again.state, again.new) == (state, True, state, False)
    assert again.umid == outcome.umid
    if code is not None:
        assert outcome.code == again.code == code
    if fault is not None:
        assert outcome.error is not None
    assert sandbox.accepted_counts.get("key", 0) <= 1


async def test_what_was_certainly_not_sent_is_raised_and_can_be_tried_again(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        sandbox.faults.plan([Fault.too_many_requests(), Fault.error(1200, status=401)])
        for kind in (RateLimitError, AuthenticationError):
            with pytest.raises(kind) as raised:
                await ledger.send_once(client, "key", message())
            assert raised.value.sent is Sent.NO
            assert (await ledger.status()).not_sent == 1
        outcome = await ledger.send_once(client, "key", message())
        assert (outcome.state, outcome.new) == (State.SENT, True)
    async with (
        AsyncConnectClient("key", "acme", sms_base_url="http://127.0.0.1:9") as client,
        Ledger(postgres, f"{name} elsewhere"[-200:]) as ledger,
    ):
        with pytest.raises(TransportError) as refused:
            await ledger.send_once(client, "key", message())
        assert refused.value.sent is Sent.NO


@BOTH
async def test_a_call_that_is_cancelled_in_flight_leaves_its_message_unknown(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    sandbox.faults.plan([Fault.slow(10 * PATIENCE)])
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        async with anyio.create_task_group() as group:
            group.start_soon(ledger.send_once, client, "key", message())
            await seen(lambda: sandbox.traffic.in_flight)
            group.cancel_scope.cancel()
        assert [row.key async for row in ledger.unknown()] == ["key"]
        assert (await ledger.send_once(client, "key", message())).state is State.UNKNOWN
        await ledger.resolve("key", sent=False)
        assert (await ledger.send_once(client, "key", message())).new
        with pytest.raises(InvalidRequestError, match="key: no message"):
            await ledger.resolve("key", sent=True)


@BOTH
async def test_a_second_caller_waits_for_the_first_ones_outcome(postgres: str, name: str, sandbox: Sandbox) -> None:
    outcomes: list[Outcome] = []

    async def ask(ledger: Ledger) -> None:
        outcomes.append(await ledger.send_once(client, "key", message()))

    async with (
        client_of(sandbox) as client,
        Ledger(postgres, name) as one,
        Ledger(postgres, name) as two,
        anyio.create_task_group() as group,
    ):
        with held(sandbox, 0):
            group.start_soon(ask, one)
            await seen(lambda: sandbox.traffic.in_flight)
            at_once = await two.send_once(client, "key", message(), wait=False)
            assert (at_once.state, at_once.new, at_once.umid) == (State.INTENT, False, None)
            assert (await two.status()).in_flight == 1
            for _ in range(3):
                group.start_soon(ask, two)
    assert {outcome.umid for outcome in outcomes} == {sandbox.messages[0].umid}
    assert len(outcomes) == 4


async def test_a_claim_whose_holder_died_is_unknown_when_its_lease_is_over(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    """The death is not reported; the wait ends with the lease. A late outcome counts if the holder is still alive."""
    async with client_of(sandbox) as client, Ledger(postgres, name, lease=1.0) as ledger:
        await ledger._use(client)
        identity = ledger._keys.of(message(client_message_id="key"))
        from eightbyeight_async.bulk.store.records import Claim, Result

        claim = Claim(ledger._last_id + 1, identity, 0)
        ledger._last_id += 1
        await ledger._writer.claim([claim])
        outcome = await ledger.send_once(client, "key", message())
        assert (outcome.state, outcome.new) == (State.UNKNOWN, False)
        (row,) = [row async for row in ledger.unknown()]
        assert row.at == row.claimed_at + 1.0
        await ledger._writer.settle([Result(claim.id, "key", 0, State.SENT, "late")])
        assert (await ledger.send_once(client, "key", message())).umid == "late"
    assert sandbox.accepted_counts == {}


@BOTH
async def test_a_send_that_outlasts_the_lease_is_cut_off(postgres: str, name: str, sandbox: Sandbox) -> None:
    sandbox.faults.plan([Fault.slow(10 * PATIENCE)])
    async with client_of(sandbox) as client, Ledger(postgres, name, lease=0.5) as ledger:
        outcome = await ledger.send_once(client, "key", message())
    assert (outcome.state, outcome.new) == (State.UNKNOWN, True)
    assert isinstance(outcome.error, TransportError)


async def test_no_send_begins_in_the_second_half_of_the_lease(postgres: str, name: str, sandbox: Sandbox) -> None:
    """The machine sleeps between the claim and the send. The claim is released, and a new claim is made."""
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        await ledger._use(client)
        # claimed, slept for half of the lease; claimed again, begun, and looked at until the answer is there
        clock = itertools.chain([0.0, 60.0], itertools.repeat(61.0))
        ledger._lease.clock = lambda: next(clock)
        outcome = await ledger.send_once(client, "key", message())
    assert outcome.new
    assert sandbox.accepted_counts == {"key": 1}
    with psycopg.connect(postgres) as look:
        found = look.execute(
            "SELECT m.claim & 15 FROM eightbyeight.message m JOIN eightbyeight.campaign c ON c.id=m.campaign "
            "WHERE c.name=%s",
            [name],
        ).fetchall()
    assert found == [(2,)]


async def test_no_number_and_no_text_is_in_the_database(postgres: str, name: str, sandbox: Sandbox) -> None:
    """A key that contains the number is stored as a digest, and later calls find it by the digest."""
    number = "91234567"
    request = SmsRequest(destination=f"+65{number}", text="Geheimnis", source="ACME")
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        await ledger.send_once(client, "order 1", request)
        first = await ledger.send_once(client, f"code for {number}", request)
        assert (await ledger.send_once(client, f"code for {number}", request)).umid == first.umid
        second = await ledger.send_once(client, "+65 9123-4567", request)
        assert (await ledger.send_once(client, "+65 9123-4567", request)).umid == second.umid
        keys = {row.key async for row in ledger.rows()}
    assert number not in first.key
    assert keys == {"order 1", first.key, second.key}
    assert sandbox.accepted_counts == {"order 1": 1, f"code for {number}": 1, "+65 9123-4567": 1}
    with psycopg.connect(postgres) as look:
        tables = look.execute("SELECT tablename FROM pg_tables WHERE schemaname='eightbyeight'").fetchall()
        everything = "".join(
            str(look.execute(f"SELECT t::text FROM eightbyeight.{table} AS t").fetchall())  # noqa: S608
            for (table,) in tables
        )
    assert "order 1" in everything
    everything = re.sub(r"\d{15,}", "", everything)  # digests: eight digits of one can be those of the number
    for secret in (number, "9123-4567", "Geheimnis", "ACME", sandbox.api_key):
        assert secret not in everything, secret


async def test_a_key_of_another_number_is_refused_and_another_text_is_not(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        first = await ledger.send_once(client, "key", message(1))
        assert (await ledger.send_once(client, "key", message(1, text="Retried later"))).umid == first.umid
        with pytest.raises(InvalidRequestError, match="key: belongs to a message to another number"):
            await ledger.send_once(client, "key", message(2))


@pytest.mark.parametrize(
    ("key", "fields", "words"),
    [
        ("", {}, "key: "),
        (" \t", {}, "key: "),
        ("\u200b", {}, "key: "),
        (None, {}, "key: "),
        ("k" * 351, {}, "client_message_id: "),
        ("key", {"client_message_id": "another"}, "key: "),
    ],
)
async def test_bad_keys_are_refused_before_anything_is_claimed(
    postgres: str, name: str, sandbox: Sandbox, key: Any, fields: Any, words: str
) -> None:
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        with pytest.raises(InvalidRequestError, match=words):
            await ledger.send_once(client, key, message(**fields))
        with pytest.raises(InvalidRequestError, match="SmsRequest"):
            await ledger.send_once(client, "key", {"destination": "+6581000000"})  # type: ignore[arg-type]
        assert (await ledger.status()).total == 0


@pytest.mark.parametrize(
    ("url", "options", "field"),
    [
        ("", {}, "ledger"),
        ("mysql://x", {}, "ledger"),
        ("postgresql://a:secret@[::1/x", {}, "ledger"),
        (None, {}, "ledger"),
        ("postgresql://x", {"name": " "}, "name"),
        ("postgresql://x", {"name": "n" * 201}, "name"),
        ("postgresql://x", {"name": "a\0b"}, "name"),
        ("postgresql://x", {"max_rate": 0}, "max_rate"),
        ("postgresql://x", {"max_concurrency": 0}, "max_concurrency"),
        ("postgresql://x", {"lease": -1}, "lease"),
        ("postgresql://x", {"patience": "long"}, "patience"),
    ],
)
async def test_bad_settings_are_refused(url: Any, options: Any, field: str) -> None:
    with pytest.raises(InvalidRequestError) as refused:
        Ledger(url, **{"name": "name", **options})
    assert refused.value.field == field
    assert "secret" not in str(refused.value)


async def test_a_database_out_of_reach_is_told_at_once_and_without_the_password() -> None:
    ledger = Ledger("postgresql://me:secret@127.0.0.1:9/x", "name")
    with pytest.raises(LedgerError, match="ledger name: the database cannot be used") as refused:
        async with ledger:
            pass
    assert refused.value.sent is Sent.NO
    assert "secret" not in f"{refused.value!r} {refused.value} {ledger!r}"
    with pytest.raises(RuntimeError, match="not open"):
        await ledger.status()


async def test_a_ledger_belongs_to_one_sub_account(postgres: str, name: str, sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        await ledger.send_once(client, "key", message())
        other = client.with_options(subaccount_id="another")
        with pytest.raises(AccountChangedError):
            await ledger.send_once(other, "key 2", message())
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        with pytest.raises(AccountChangedError):
            await ledger.send_once(client.with_options(subaccount_id="another"), "key 2", message())
        assert (await ledger.send_once(client, "key 2", message())).new


async def test_what_is_unknown_is_reconciled_by_the_log(postgres: str, name: str, sandbox: Sandbox) -> None:
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        sandbox.faults.plan([None, None, Fault.accept_then_drop(), Fault.drop_before_accept()])
        for number in range(4):
            await ledger.send_once(client, f"key {number}", message(number))
        assert (await ledger.status()).unknown == 2
        found = await ledger.reconcile(client, lag=1e-9)
        assert (found.sent, found.not_sent, found.unknown) == (1, 1, 0)
        for number in range(4):
            await ledger.send_once(client, f"key {number}", message(number))
        assert (await ledger.status()).sent == 4
    assert sandbox.accepted_counts == {f"key {number}": 1 for number in range(4)}


async def test_old_decided_messages_are_forgotten_and_what_is_in_doubt_or_to_come_is_kept(
    postgres: str, name: str, sandbox: Sandbox
) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        sandbox.faults.plan([None, Fault.accept_then_drop(), Fault.error(1002)])
        for number in range(3):
            await ledger.send_once(client, f"key {number}", message(number))
        await ledger.send_once(client, "later", message(scheduled=soon))
        assert await ledger.forget(older_than=timedelta(hours=1)) == 0
        assert await ledger.forget(older_than=timedelta(microseconds=1)) == 2
        assert {row.key async for row in ledger.rows()} == {"key 1", "later"}
        with pytest.raises(InvalidRequestError, match="older_than"):
            await ledger.forget(older_than=timedelta(0))


async def test_a_ledger_of_another_loop_or_process_is_refused(postgres: str, name: str) -> None:
    async with Ledger(postgres, name) as ledger:
        ledger._opened = (1, object())
        with pytest.raises(RuntimeError, match="another process or event loop"):
            await ledger.status()
