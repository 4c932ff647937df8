"""Unusual calls of a ledger: they do not hang, do not end the ledger for other calls, and show no password."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import attrs
import pytest
from patience import PATIENCE, seen

from eightbyeight_async import BadRequestError, InvalidRequestError, RateLimitError, RetryPolicy, SmsRequest
from eightbyeight_async.bulk import AccountChangedError, Campaign
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.ledger import Ledger, LedgerError
from eightbyeight_async.ledger.settings import checked_url
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from eightbyeight_async import AsyncConnectClient
    from eightbyeight_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


def message(number: int = 0, text: str = "Your code is 4711") -> SmsRequest:
    return SmsRequest(destination=f"+6581{number:06d}", text=text)


def client_of(sandbox: Sandbox, **options: Any) -> AsyncConnectClient:
    return sandbox.client(retry=RetryPolicy.none(), timeout=PATIENCE, **options)


async def test_a_released_message_is_sent_with_another_text(postgres: str, name: str, sandbox: Sandbox) -> None:
    """A login code is new for each try. The first try did not go out, so the second one may have another text."""
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        sandbox.faults.plan([Fault.too_many_requests()])
        with pytest.raises(RateLimitError):
            await ledger.send_once(client, "key", message(text="Your code is 1"))
        with anyio.fail_after(PATIENCE):
            outcome = await ledger.send_once(client, "key", message(text="Your code is 2"))
        assert (outcome.state, outcome.new) == (State.SENT, True)
    assert sandbox.messages[0].text == "Your code is 2"


@pytest.mark.parametrize("key", ["a\0b", "a\ud800", "", None, 3])
async def test_a_key_that_cannot_be_stored_is_refused_and_ends_nothing(
    postgres: str, name: str, sandbox: Sandbox, key: Any
) -> None:
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        with pytest.raises(InvalidRequestError, match="key: no message"):
            await ledger.resolve(key, sent=True)
        assert (await ledger.send_once(client, "key", message())).ok


@pytest.mark.parametrize("code", [2**31, 2**63, -(2**63) - 1])
async def test_a_code_that_no_store_can_hold_ends_nothing(
    postgres: str, name: str, sandbox: Sandbox, code: int
) -> None:
    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger:
        sandbox.faults.plan([Fault.error(code)])
        outcome = await ledger.send_once(client, "refused", message())
        assert (outcome.state, outcome.recorded) == (State.FAILED, True)
        assert (await ledger.send_once(client, "key", message())).ok


async def test_a_call_in_flight_is_written_before_the_ledger_closes(postgres: str, name: str, sandbox: Sandbox) -> None:
    sandbox.faults.plan([Fault.slow(0.2)])
    outcomes = []

    async def ask(client: AsyncConnectClient, ledger: Ledger) -> None:
        outcomes.append(await ledger.send_once(client, "key", message()))

    async with client_of(sandbox) as client, anyio.create_task_group() as group, Ledger(postgres, name) as ledger:
        group.start_soon(ask, client, ledger)
        await seen(lambda: sandbox.traffic.in_flight)
    assert [(one.state, one.recorded) for one in outcomes] == [(State.SENT, True)]


@pytest.mark.parametrize("turns", [0, 1, 3])
async def test_calls_that_begin_as_the_ledger_closes_end_with_an_error(
    postgres: str, name: str, sandbox: Sandbox, turns: int
) -> None:
    """No call waits without end, and no claim is left behind."""
    ended: list[State | str] = []

    async def ask(client: AsyncConnectClient, ledger: Ledger, number: int) -> None:
        try:
            ended.append((await ledger.send_once(client, f"key {number}", message(number))).state)
        except RuntimeError as error:
            ended.append(str(error))

    ledger = Ledger(postgres, name, max_concurrency=5)
    with anyio.fail_after(PATIENCE):
        async with client_of(sandbox) as client, anyio.create_task_group() as group, ledger:
            for number in range(20):
                group.start_soon(ask, client, ledger, number)
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
    assert len(ended) == 20
    assert ended.count(State.SENT) == len(sandbox.accepted_counts)
    assert all(one is State.SENT or "not open" in str(one) for one in ended)


async def test_two_accounts_at_once_are_told_apart(postgres: str, name: str, sandbox: Sandbox) -> None:
    ended: dict[str, object] = {}

    async def ask(client: AsyncConnectClient, ledger: Ledger, subaccount: str) -> None:
        try:
            sender = client.with_options(subaccount_id=subaccount)
            ended[subaccount] = (await ledger.send_once(sender, subaccount, message())).state
        except AccountChangedError:
            ended[subaccount] = "refused"
        except BadRequestError:
            ended[subaccount] = "unknown to the API"

    async with client_of(sandbox) as client, Ledger(postgres, name) as ledger, anyio.create_task_group() as group:
        for subaccount in (client.subaccount_id, "another"):
            group.start_soon(ask, client, ledger, subaccount)
    assert list(ended.values()).count("refused") == 1


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:sec@ret@127.0.0.1/x",
        "postgresql://127.0.0.1:sec/ret@127.0.0.1/x",
        "postgresql://me:12/ret@127.0.0.1/x",
        "postgresql://me:sec/r@t@127.0.0.1:9/x",
        "postgresql://me:secret\udc80@127.0.0.1:9/x",
        "postgresql://me:secret\0@127.0.0.1:9/x",
        "postgresql://me:sec%ret@127.0.0.1:9/x",
        "postgresql://me:sec ret@127.0.0.1:9/x",
    ],
)
async def test_a_password_that_breaks_the_url_is_not_shown(url: str) -> None:
    with pytest.raises((InvalidRequestError, LedgerError)) as refused:
        async with Ledger(url, "name", patience=0.1):
            pass
    words = f"{refused.value!r} {refused.value}"
    assert "ledger" in words
    for piece in ("sec", "ret", "r@t"):
        assert piece not in words


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s%40e%2Fc@127.0.0.1:5432/x",
        "postgres://one:5432,two:5433/x?target_session_attrs=read-write",
        "postgresql:///x?host=/var/run/postgresql&user=a@b",
        "postgresql://[::1]/x",
    ],
)
async def test_urls_of_other_forms_are_taken(url: str) -> None:
    assert checked_url(url) == url


async def test_what_a_campaign_left_out_for_an_opt_out_is_not_sent(postgres: str, name: str, sandbox: Sandbox) -> None:
    """`send_once` sends nothing, whether the ledger was opened before the campaign or after it. A later campaign checks
    again, and may send.
    """
    keyed = [attrs.evolve(message(), client_message_id="k")]
    async with client_of(sandbox) as client, Ledger(postgres, name) as before:
        await before.send_once(client, "another", message(1))
        async with Campaign(client, ledger=postgres, name=name, opted_out=lambda _: True) as campaign:
            assert (await campaign.send(keyed)).opted_out == 1
        async with Ledger(postgres, name) as after:
            for ledger in (before, after):
                for wait in (True, False):
                    outcome = await ledger.send_once(client, "k", message(), wait=wait)
                    assert (outcome.state, outcome.new, outcome.ok) == (State.OPTED_OUT, False, False)
                with pytest.raises(InvalidRequestError, match="another number"):
                    await ledger.send_once(client, "k", message(2))
        assert sandbox.accepted_counts == {"another": 1}
        async with Campaign(client, ledger=postgres, name=name) as campaign:
            assert (await campaign.send(keyed)).accepted == 1
        outcome = await before.send_once(client, "k", message())
        assert (outcome.state, outcome.new) == (State.SENT, False)
    assert sandbox.accepted_counts == {"another": 1, "k": 1}


@pytest.mark.parametrize("second", ["asyncio", "trio"])
def test_a_ledger_is_opened_again_in_another_loop(postgres: str, name: str, sandbox: Sandbox, second: str) -> None:
    """As in a web application whose lifespan begins again. No state of the first opening disturbs the second one."""
    ledger = Ledger(postgres, name, max_rate=500)
    states = []

    async def opened(number: int, how_many: int = 4) -> None:
        async with client_of(sandbox) as client, ledger, anyio.create_task_group() as group:
            for at in range(how_many):
                group.start_soon(once, client, f"key {number}-{at}", message(10 * number + at))

    async def once(client: AsyncConnectClient, key: str, request: SmsRequest) -> None:
        states.append((await ledger.send_once(client, key, request)).state)

    for number, backend in enumerate(["asyncio", second, "asyncio"]):
        anyio.run(opened, number, backend=backend)
    assert states == [State.SENT] * 12
    assert set(sandbox.accepted_counts.values()) == {1}
    assert ledger._pace is not None
    assert ledger._pace._row._db._connection is None
