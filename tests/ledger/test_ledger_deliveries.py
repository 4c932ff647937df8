"""`Campaign.deliveries` and `feed` with a ledger: on any machine, at the same time, after a process died, without
numbers.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import psycopg
import pytest

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import Campaign
from eightbyeight_async.bulk.settling import deliveries as asking
from eightbyeight_async.errors import LogExportError
from eightbyeight_async.ledger import Ledger
from eightbyeight_async.ledger.without_client import LedgerReader
from eightbyeight_async.models.webhooks import DeliveryReceipt, DeliveryStatus, Namespace
from eightbyeight_async.sms import SmsOperations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from eightbyeight_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # other tests check the differences between the event loops


def people(count: int) -> list[SmsRequest]:
    return [
        SmsRequest(destination=f"+6581{place:06d}", text="Hi", client_message_id=f"m{place}") for place in range(count)
    ]


async def sent(sandbox: Sandbox, postgres: str, name: str, count: int) -> None:
    async with sandbox.client() as client, Campaign(client, ledger=postgres, name=name) as campaign:
        assert (await campaign.send(people(count))).accepted == count


async def test_two_machines_that_ask_at_once_agree(sandbox: Sandbox, postgres: str, name: str) -> None:
    await sent(sandbox, postgres, name, 50)
    found = []

    async def ask() -> None:
        async with sandbox.client() as client, Campaign(client, ledger=postgres, name=name) as campaign:
            found.append(await campaign.deliveries())

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        group.start_soon(ask)
    assert [(one.accepted, one.delivered, one.priced) for one in found] == [(50, 50, 50)] * 2
    async with sandbox.client() as client, Campaign(client, ledger=postgres, name=name) as campaign:
        asked: list[int] = []
        assert await campaign.deliveries(on_export=asked.append) == found[0]
        assert asked == []


async def test_what_a_look_up_that_died_has_found_is_kept_for_another_machine(
    sandbox: Sandbox, postgres: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent(sandbox, postgres, name, 5)
    whole = SmsOperations.iter_log_rows

    async def broken(self: SmsOperations, *args: Any, **more: Any) -> AsyncIterator[Mapping[str, str]]:
        number = 0
        async for row in whole(self, *args, **more):
            if number == 3:
                raise LogExportError("job", "broke off")
            number += 1
            yield row

    monkeypatch.setattr(asking, "_PAGE", 1)
    monkeypatch.setattr(SmsOperations, "iter_log_rows", broken)
    async with sandbox.client() as client, Campaign(client, ledger=postgres, name=name) as campaign:
        with pytest.raises(LogExportError):
            await campaign.deliveries()
    with LedgerReader(postgres, name) as reader:
        assert reader.deliveries().delivered == 3
    monkeypatch.setattr(SmsOperations, "iter_log_rows", whole)
    asked: list[int] = []
    async with sandbox.client() as client, Campaign(client, ledger=postgres, name=name) as campaign:
        assert (await campaign.deliveries(on_export=asked.append)).delivered == 5
    assert asked == [2]


def receipt(umid: str, state: str, seconds: int, reference: str | None = None, **words: Any) -> DeliveryReceipt:
    status = DeliveryStatus(state=state, timestamp=datetime(2026, 11, 26, 12, 0, seconds, tzinfo=UTC), **words)
    return DeliveryReceipt(namespace=Namespace.SMS, umid=umid, status=status, client_message_id=reference)


async def test_receipts_of_every_way_are_in_one_row_a_message(sandbox: Sandbox, postgres: str, name: str) -> None:
    """Three ways: `Ledger.feed` on a replica, `Campaign.feed`, a reader without a client; with and without the
    message's id.
    """
    await sent(sandbox, postgres, name, 4)
    umids = {message.client_message_id: message.umid for message in sandbox.messages}
    async with Ledger(postgres, name) as ledger:
        await ledger.feed(receipt(umids["m0"], "delivered", 5))
    async with sandbox.client() as client, Campaign(client, ledger=postgres, name=name) as campaign:
        several = [receipt(umids["m0"].upper(), "sent", 2, "m0"), receipt(umids["m1"], "undelivered", 9)]
        assert await campaign.feed(several) == 2
        assert await campaign.feed([receipt("a stranger's", "delivered", 5, "m2"), receipt("strange", "read", 5)]) == 0
        rows = {row.key: row.delivery async for row in campaign.rows()}
    assert {key: None if one is None else one.outcome for key, one in rows.items()} == {
        "m0": "delivered", "m1": "undelivered", "m2": None, "m3": None,
    }  # fmt: skip
    with LedgerReader(postgres, name) as reader:
        assert reader.feed([receipt(umids["m2"], "read", 1, "m2"), receipt(umids["m3"], "sent", 1)]) == 2
        found = reader.deliveries()
    assert (found.read, found.delivered, found.undelivered, found.on_its_way) == (1, 1, 1, 1)


async def test_no_number_gets_into_the_database(sandbox: Sandbox, postgres: str, name: str) -> None:
    await sent(sandbox, postgres, name, 1)
    umid = sandbox.messages[0].umid
    told = receipt(umid, "undelivered", 9, "m0", detail="to 6581000000", error_code="6581000000",
                   error_message="+6581000000 cannot be reached")  # fmt: skip
    with LedgerReader(postgres, name) as reader:
        assert reader.feed([told]) == 1
    with psycopg.connect(postgres) as look:
        found = look.execute("SELECT d::text FROM eightbyeight.delivery AS d WHERE id=%s", [umid.lower()]).fetchone()
    assert found is not None
    assert "cannot be reached" in found[0]
    assert "1000000" not in found[0]


async def test_what_is_forgotten_leaves_no_delivery(sandbox: Sandbox, postgres: str, name: str) -> None:
    await sent(sandbox, postgres, name, 3)
    umids = [message.umid.lower() for message in sandbox.messages]
    async with Ledger(postgres, name) as ledger:
        for umid in (*umids, f"{name} another"):
            await ledger.feed(receipt(umid, "delivered", 5))
        assert await ledger.forget(older_than=timedelta(microseconds=1)) == 3
        with psycopg.connect(postgres) as look:
            ids = [*umids, f"{name} another"]
            left = look.execute("SELECT id FROM eightbyeight.delivery WHERE id=ANY(%s)", [ids]).fetchall()
        assert left == [(f"{name} another",)]
