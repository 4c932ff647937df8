"""Receipts in a ledger: fed on one replica and awaited on another; late, repeated, out of order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import anyio
import psycopg
import pytest

from eightbyeight_async import InvalidRequestError
from eightbyeight_async.ledger import Ledger
from eightbyeight_async.models.webhooks import DeliveryReceipt, DeliveryStatus, Namespace

if TYPE_CHECKING:
    from eightbyeight_async.bulk.judging.deliveries import Delivery

pytestmark = pytest.mark.anyio
BEGAN = datetime(2026, 11, 26, 12, tzinfo=UTC)


def receipt(umid: str, state: str, seconds: float = 0.0, **fields: Any) -> DeliveryReceipt:
    status = DeliveryStatus(state=state, timestamp=BEGAN + timedelta(seconds=seconds), **fields)
    return DeliveryReceipt(namespace=Namespace.SMS, umid=umid, status=status)


async def test_a_replica_waits_for_a_receipt_that_another_gets(postgres: str, name: str) -> None:
    found: list[Delivery] = []

    async def wait(ledger: Ledger, umid: str) -> None:
        found.append(await ledger.wait(umid))

    async with Ledger(postgres, name) as one, Ledger(postgres, name) as two, anyio.create_task_group() as group:
        for number in range(5):
            group.start_soon(wait, two, f"{name} {number}")
        for number in range(5):
            assert (await one.feed(receipt(f"{name} {number}", "sent"))).state == "sent"
        assert found == []
        for number in range(5):
            await one.feed(receipt(f"{name} {number}".upper(), "delivered", 5))
    assert sorted(str(one.state) for one in found) == ["delivered"] * 5


async def test_all_that_wait_share_their_statements(postgres: str, name: str) -> None:
    asked: list[int] = []
    async with Ledger(postgres, name) as ledger:
        ask = ledger._arrivals._ask

        async def counted(ids: Any) -> Any:
            asked.append(len(ids))
            return await ask(ids)

        ledger._arrivals._ask = counted
        async with anyio.create_task_group() as group:
            for number in range(100):
                group.start_soon(ledger.wait, f"{name} {number}")
            await anyio.sleep(0.05)
            for number in range(100):
                await ledger.feed(receipt(f"{name} {number}", "delivered"))
    assert asked[0] == 100
    assert len(asked) < 100


async def test_late_and_repeated_receipts_change_nothing(postgres: str, name: str) -> None:
    async with Ledger(postgres, name) as one, Ledger(postgres, name) as two:
        last = receipt(name, "delivered", 9)
        await one.feed(last)
        for ledger in (one, two):
            for again in (last, receipt(name, "sent", 20), receipt(name, "undelivered", 30)):
                assert str((await ledger.feed(again)).state) == "delivered"
        read = await two.feed(receipt(name, "read", 40))
        assert str(read.state) == "read"


async def test_replicas_that_get_the_same_messages_receipts_at_once_agree(postgres: str, name: str) -> None:
    states = ["queued", "sent", "delivered", "read"]
    async with Ledger(postgres, name) as one, Ledger(postgres, name) as two:
        async with anyio.create_task_group() as group:
            for number in range(30):
                for at, state in enumerate(states):
                    ledger = one if (number + at) % 2 else two
                    group.start_soon(ledger.feed, receipt(f"{name} {number}", state, at))
        for number in range(30):
            assert str((await one.wait(f"{name} {number}", timeout=0)).state) == "read"


async def test_what_does_not_come_in_time_is_told(postgres: str, name: str) -> None:
    async with Ledger(postgres, name) as ledger:
        for timeout in (0, 0.05):
            with pytest.raises(TimeoutError):
                await ledger.wait(name, timeout=timeout)
        await ledger.feed(receipt(name, "delivered", detail="delivered_to_operator"))
        assert (await ledger.wait(name, timeout=0)).outcome == "with_operator"
        with pytest.raises(TimeoutError):
            await ledger.wait(name, timeout=0, settle="recipient")
        for wrong in ({"timeout": -1}, {"timeout": float("nan")}, {"settle": "nobody"}):
            with pytest.raises(InvalidRequestError):
                await ledger.wait(name, **wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidRequestError):
            await ledger.feed({"umid": name})  # type: ignore[arg-type]


async def test_a_number_in_the_words_of_an_error_is_masked(postgres: str, name: str) -> None:
    async with Ledger(postgres, name) as ledger:
        await ledger.feed(receipt(name, "undelivered", error_code=14, error_message="no phone +6591234567\0"))
    with psycopg.connect(postgres) as look:
        (found,) = look.execute("SELECT reason FROM eightbyeight.delivery WHERE umid=%s", [name]).fetchall()
    assert "91234567" not in found[0]
