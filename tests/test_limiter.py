"""The number of places is bounded. Waiters get places in order of arrival, and a cancellation loses no place."""

from __future__ import annotations

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import PATIENCE

from eightbyeight_async.limiter import Limiter

pytestmark = pytest.mark.anyio


class Spy:
    """Counts the calls that hold a place."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter
        self.inside = 0
        self.peak = 0
        self.order: list[int] = []

    async def visit(self, number: int, steps: int = 1) -> None:
        async with self.limiter.here():
            self.order.append(number)
            self.inside += 1
            self.peak = max(self.peak, self.inside)
            try:
                for _ in range(steps):
                    await anyio.lowlevel.checkpoint()
            finally:
                self.inside -= 1


async def test_no_more_inside_than_places_and_all_get_in() -> None:
    spy = Spy(Limiter(7))
    async with anyio.create_task_group() as group:
        for number in range(500):
            group.start_soon(spy.visit, number)
    assert (spy.peak, len(spy.order), spy.inside) == (7, 500, 0)


async def test_first_come_first_served() -> None:
    limiter = Limiter(1)
    spy = Spy(limiter)
    async with anyio.create_task_group() as group, limiter.here():
        for number in range(50):
            group.start_soon(spy.visit, number)
            await anyio.wait_all_tasks_blocked()
    assert spy.order == list(range(50))


async def test_an_exception_inside_gives_the_place_back() -> None:
    limiter = Limiter(1)
    for _ in range(3):
        with pytest.raises(ZeroDivisionError):
            async with limiter.here():
                raise ZeroDivisionError
    await Spy(limiter).visit(1)


async def test_cancelled_in_the_moment_of_the_handover_the_next_gets_the_place() -> None:
    limiter = Limiter(1)
    spy = Spy(limiter)
    scope = anyio.CancelScope()

    async def doomed() -> None:
        with scope:
            await spy.visit(1)

    async with anyio.create_task_group() as group:
        async with limiter.here():
            group.start_soon(doomed)
            await anyio.wait_all_tasks_blocked()
            group.start_soon(spy.visit, 2)
            await anyio.wait_all_tasks_blocked()
        scope.cancel()  # `doomed` has just got the place, but has not run yet
    assert 2 in spy.order
    await spy.visit(3)


@given(
    width=st.integers(1, 4),
    visits=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 8)), min_size=1, max_size=30),
)
def test_whoever_is_cancelled_whenever_no_place_is_lost(width: int, visits: list[tuple[int, int]]) -> None:
    """Each visitor stays for some steps and is cancelled after some steps. At the end every place can be taken."""

    async def run() -> None:
        limiter = Limiter(width)
        spy = Spy(limiter)

        async def visitor(number: int, stay: int, patience: int) -> None:
            scope = anyio.CancelScope()

            async def killer() -> None:
                for _ in range(patience):
                    await anyio.lowlevel.checkpoint()
                scope.cancel()

            async with anyio.create_task_group() as group:
                group.start_soon(killer)
                with scope:
                    await spy.visit(number, stay)

        async with anyio.create_task_group() as group:
            for number, (stay, patience) in enumerate(visits):
                group.start_soon(visitor, number, stay, patience)
        assert spy.peak <= width
        assert spy.inside == 0
        with anyio.fail_after(PATIENCE):
            for _ in range(width):
                await limiter.here().__aenter__()  # takes all places at once: none is lost
        assert limiter.free == 0

    anyio.run(run)


async def test_waiters_that_give_up_leave_the_queue_at_once() -> None:
    """No place is released in the meantime, and the queue does not grow."""
    limiter = Limiter(1)
    async with limiter.here():
        for _ in range(20):
            async with anyio.create_task_group() as group:
                for number in range(50):
                    group.start_soon(Spy(limiter).visit, number)
                await anyio.wait_all_tasks_blocked()
                assert limiter.waiting == 50
                group.cancel_scope.cancel()
            assert limiter.waiting == 0
    await Spy(limiter).visit(1)
