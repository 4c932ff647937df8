"""The waiter of a message wakes up exactly on its final receipt, after any earlier receipts, and leaves no state
behind.
"""

from __future__ import annotations

import math
from typing import Any

import anyio
import anyio.to_thread
import pytest
from test_receipts import HANDSET, NO_RECEIPTS, OPERATOR, receipt

from eightbyeight_async import InvalidRequestError
from eightbyeight_async.webhooks import DeliveryWaiter, MessageProgress

pytestmark = pytest.mark.anyio


async def test_the_final_receipt_wakes_everybody_who_waits_for_it_and_nobody_else() -> None:
    waiter = DeliveryWaiter()
    got: list[MessageProgress] = []

    async def person(umid: str) -> None:
        got.append(await waiter.wait(umid))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(person, "m1")
        group.start_soon(person, "m2")
        await anyio.wait_all_tasks_blocked()
        for state in ("queued", "sent", "expired"):
            waiter.feed(receipt(state))
        await anyio.wait_all_tasks_blocked()
        assert got == []
        progress = waiter.feed(receipt("delivered"))
        await anyio.wait_all_tasks_blocked()
        assert got == [progress] * 3
        assert progress == waiter.state("m1")
        assert "awaited=1" in repr(waiter)
        waiter.feed(receipt("rejected", umid="m2"))
    assert got[3].umid == "m2"
    assert waiter._awaited == {}


async def test_a_receipt_that_came_before_is_found() -> None:
    waiter = DeliveryWaiter()
    waiter.feed(receipt("delivered", 1))
    waiter.feed(receipt("sent", 0))  # late
    assert (await waiter.wait("m1", timeout=0)).state == "delivered"
    assert (await waiter.wait("m1")).state == "delivered"


async def test_two_receipts_at_once_give_the_one_that_counts() -> None:
    waiter = DeliveryWaiter()
    got: list[MessageProgress] = []

    async def person() -> None:
        got.append(await waiter.wait("m1"))

    async with anyio.create_task_group() as group:
        group.start_soon(person)
        await anyio.wait_all_tasks_blocked()
        waiter.feed(receipt("delivered", 0))
        waiter.feed(receipt("read", 1))
        waiter.feed(receipt("delivered", 0))
    assert [progress.state for progress in got] == ["read"]


@pytest.mark.parametrize(
    ("fed", "known"),
    [
        ([], "no receipt of the message came"),
        (["sent"], "the last state was sent"),
        (["+6598765432"], "the last state was one that this version does not know"),
    ],
)
async def test_out_of_patience_is_a_timeout_error_that_says_what_is_known(fed: list[str], known: str) -> None:
    waiter = DeliveryWaiter()
    for state in fed:
        waiter.feed(receipt(state))
    with pytest.raises(TimeoutError) as caught:
        await waiter.wait("m1", timeout=0)
    assert str(caught.value) == f"no final receipt within 0 s; {known}"
    assert waiter._awaited == {}


async def test_who_gives_up_does_not_disturb_who_stays() -> None:
    waiter = DeliveryWaiter()
    got: list[str] = []

    async def patient() -> None:
        got.append((await waiter.wait("m1")).state)

    async with anyio.create_task_group() as group:
        group.start_soon(patient)
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(TimeoutError):
            await waiter.wait("m1", timeout=0)
        waiter.feed(receipt("read"))
    assert got == ["read"]


async def test_a_cancelled_wait_leaves_nothing() -> None:
    waiter = DeliveryWaiter()
    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(waiter.wait, "m1")
        await anyio.wait_all_tasks_blocked()
        assert len(waiter._awaited) == 1
        group.cancel_scope.cancel()
    assert waiter._awaited == {}
    waiter.feed(receipt("delivered"))
    assert (await waiter.wait("m1", timeout=0)).state == "delivered"


async def test_cancelled_in_the_moment_of_the_receipt_the_receipt_is_not_lost() -> None:
    waiter = DeliveryWaiter()
    async with anyio.create_task_group() as group:
        group.start_soon(waiter.wait, "m1")
        await anyio.wait_all_tasks_blocked()
        waiter.feed(receipt("delivered"))
        group.cancel_scope.cancel()
    assert waiter._awaited == {}
    assert (await waiter.wait("m1", timeout=0)).state == "delivered"


async def test_an_awaited_message_is_not_missed_however_little_is_remembered() -> None:
    waiter = DeliveryWaiter(max_messages=1)
    got: list[str] = []

    async def person() -> None:
        got.append((await waiter.wait("m1")).state)

    async with anyio.create_task_group() as group:
        group.start_soon(person)
        await anyio.wait_all_tasks_blocked()
        waiter.feed(receipt("sent"))
        for number in range(100):
            waiter.feed(receipt("delivered", umid=str(number)))
        waiter.feed(receipt("delivered"))
        for number in range(100):
            waiter.feed(receipt("delivered", umid=str(number)))
        assert waiter.state("m1") is None
    assert got == ["delivered"]


async def test_ten_thousand_wait_at_once(anyio_backend: str) -> None:
    count = 10_000 if anyio_backend == "asyncio" else 500
    waiter = DeliveryWaiter()
    got: set[str] = set()

    async def person(umid: str) -> None:
        got.add((await waiter.wait(umid, timeout=60)).umid)

    async with anyio.create_task_group() as group:
        for number in range(count):
            group.start_soon(person, str(number))
        await anyio.wait_all_tasks_blocked()
        for number in reversed(range(count)):
            waiter.feed(receipt("delivered", umid=str(number)))
    assert len(got) == count
    assert waiter._awaited == {}


async def test_another_thread_is_told_how() -> None:
    waiter = DeliveryWaiter()
    with pytest.raises(RuntimeError, match="async def"):
        await anyio.to_thread.run_sync(waiter.feed, receipt("delivered"))
    assert waiter.state("m1") is None

    def as_told() -> None:
        anyio.from_thread.run_sync(waiter.feed, receipt("delivered"))

    await anyio.to_thread.run_sync(as_told)
    assert (await waiter.wait("m1", timeout=0)).state == "delivered"


async def test_another_event_loop_is_refused() -> None:
    waiter = DeliveryWaiter()

    async def feed() -> None:
        waiter.feed(receipt("delivered"))

    async with anyio.create_task_group() as group:
        group.start_soon(waiter.wait, "m1")
        await anyio.wait_all_tasks_blocked()
        with pytest.raises(RuntimeError, match="event loop"):
            await anyio.to_thread.run_sync(anyio.run, feed)
        assert waiter.state("m1") is None
        waiter.feed(receipt("delivered"))


async def test_the_operators_word_is_an_end_unless_more_is_asked_for() -> None:
    waiter = DeliveryWaiter()
    got: dict[str, MessageProgress] = {}

    async def person(settle: Any) -> None:
        got[settle] = await waiter.wait("m1", settle=settle)

    async with anyio.create_task_group() as group:
        group.start_soon(person, "operator")
        group.start_soon(person, "recipient")
        await anyio.wait_all_tasks_blocked()
        assert "awaited=2" in repr(waiter)
        operator = waiter.feed(receipt("delivered", 1, detail=OPERATOR))
        await anyio.wait_all_tasks_blocked()
        assert got == {"operator": operator}
        assert operator.final
        assert operator.status.operator_only
        corrected = waiter.feed(receipt("undelivered", 2))
    assert got == {"operator": operator, "recipient": corrected}
    assert waiter.state("m1") == corrected
    assert waiter._awaited == {}


@pytest.mark.parametrize(
    ("state", "detail", "enough"),
    [
        ("delivered", OPERATOR, False),
        ("delivered", HANDSET, True),
        ("delivered", None, True),
        ("read", None, True),
        ("undelivered", None, True),
        ("failed", None, True),
        ("rejected", None, True),
        ("sent", None, False),
        ("expired", None, False),
    ],
)
async def test_what_settles_a_wait_for_the_recipient(state: str, detail: str | None, enough: bool) -> None:
    waiter = DeliveryWaiter()
    progress = waiter.feed(receipt(state, detail=detail))
    if progress.final:
        assert await waiter.wait("m1", timeout=0) == progress  # with `enough`, the receipt of the operator is final
    if enough:
        assert await waiter.wait("m1", timeout=0, settle="recipient") == progress
    else:
        with pytest.raises(TimeoutError):
            await waiter.wait("m1", timeout=0, settle="recipient")


async def test_failed_wakes_like_undelivered() -> None:
    waiter = DeliveryWaiter()
    got: list[MessageProgress] = []

    async def person() -> None:
        got.append(await waiter.wait("m1"))

    async with anyio.create_task_group() as group:
        group.start_soon(person)
        await anyio.wait_all_tasks_blocked()
        waiter.feed(receipt("failed"))
    assert [progress.state for progress in got] == ["failed"]


async def test_out_of_patience_the_operators_word_is_told() -> None:
    waiter = DeliveryWaiter()
    waiter.feed(receipt("delivered", detail=OPERATOR))
    with pytest.raises(TimeoutError) as caught:
        await waiter.wait("m1", timeout=0, settle="recipient")
    assert str(caught.value) == "no final receipt within 0 s; the last state was delivered, to the operator only"
    assert waiter._awaited == {}


async def test_another_settle_is_refused() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await DeliveryWaiter().wait("m1", timeout=0, settle="handset")  # type: ignore[arg-type]
    assert str(caught.value) == "settle: must be 'operator' or 'recipient'"


@pytest.mark.parametrize(("event", "kind"), NO_RECEIPTS)
async def test_only_receipts_are_fed(event: Any, kind: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        DeliveryWaiter().feed(event)
    assert str(caught.value) == f"receipt: must be a DeliveryReceipt, not {kind}"


def test_what_is_fed_is_looked_at_before_the_event_loop() -> None:
    with pytest.raises(InvalidRequestError):
        DeliveryWaiter().feed(None)  # type: ignore[arg-type]


@pytest.mark.parametrize("patience", [-1, math.nan, "5", True])
async def test_a_timeout_that_is_none_is_refused(patience: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        await DeliveryWaiter().wait("m1", timeout=patience)
    assert caught.value.field == "timeout"
