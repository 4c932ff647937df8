"""The lease of a claim ends a call by a clock that counts suspended time, on both event loops."""

from __future__ import annotations

import anyio
import pytest
from patience import seen

from eightbyeight_async.bulk.run.claim_lease import ClaimLease, boottime
from eightbyeight_async.errors import Sent, TransportTimeoutError

pytestmark = pytest.mark.anyio


class Clock:
    """Like CLOCK_BOOTTIME: it advances during a suspend, and the loop's clock does not."""

    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


async def test_a_call_that_a_suspend_outlasts_is_cut_off() -> None:
    clock, other = Clock(), anyio.Event()
    lease = ClaimLease(3_600.0, clock)
    cut: list[Sent] = []

    async def suspended() -> None:
        clock.now += 3_600.0
        await anyio.sleep_forever()

    async def call(claimed: float, work: object) -> None:
        try:
            await lease.within(claimed, work)  # type: ignore[arg-type]
        except TransportTimeoutError as error:
            cut.append(error.sent)

    async with anyio.create_task_group() as group:
        group.start_soon(call, 50.0 + 3_600.0, other.wait)  # claimed later: its call continues
        await anyio.wait_all_tasks_blocked()
        group.start_soon(call, 50.0, suspended)
        await seen(lambda: cut)
        assert len(lease._ends) == 1
        other.set()
    assert cut == [Sent.MAYBE]
    assert lease._ends == {}
    await seen(lambda: lease._loop is None)  # without calls in flight, no timer runs


async def test_calls_are_watched_again_after_a_rest() -> None:
    clock = Clock()
    lease = ClaimLease(3_600.0, clock)
    for _ in range(2):
        assert await lease.within(clock.now, lambda: _value(7)) == 7
        await seen(lambda: lease._loop is None)

    async def suspended() -> None:
        clock.now += 7_200.0
        await anyio.sleep_forever()

    with pytest.raises(TransportTimeoutError):
        await lease.within(clock.now, suspended)


async def test_a_call_that_is_cancelled_is_not_watched_any_more() -> None:
    lease = ClaimLease(3_600.0, Clock())
    with anyio.move_on_after(0.01):
        await lease.within(50.0, anyio.sleep_forever)
    assert lease._ends == {}


def test_the_clock_never_goes_back() -> None:
    first = boottime()
    assert boottime() >= first


async def _value(value: int) -> int:
    return value
