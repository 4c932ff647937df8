"""The rate that processes share: it is never exceeded, no turn is wasted, and a 429 slows all processes."""

from __future__ import annotations

import heapq
import socket
from typing import TYPE_CHECKING, Any

import anyio
import psycopg
import pytest
from patience import seen

from eightbyeight_async.bulk.store.records import Account
from eightbyeight_async.ledger import LedgerError
from eightbyeight_async.ledger.shared_pace import SharedPace

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

pytestmark = pytest.mark.anyio

RATE = 300.0


class Clock:
    """One clock for the database and all processes. The test moves it."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Processes:
    """Processes whose messages take turns on a simulated clock. The clock advances when all processes wait for it.

    Attributes:
        started: start times of messages, by process.
    """

    def __init__(self, url: str, name: str, count: int) -> None:
        self.clock = Clock()
        self.paces = [
            SharedPace(url, Account("host", name), RATE, patience=5.0, clock=self.clock, wall=self.clock)
            for _ in range(count)
        ]
        self.started: list[list[float]] = [[] for _ in self.paces]
        self._sleeping: list[tuple[float, int, anyio.Event]] = []
        for pace in self.paces:
            pace._sleep = self._sleep  # type: ignore[method-assign]

    async def _sleep(self, seconds: float, halt: anyio.Event) -> None:
        if halt.is_set():
            return
        event = anyio.Event()
        heapq.heappush(self._sleeping, (self.clock.now + seconds, id(event), event))
        await event.wait()

    async def run(self, seconds: float, busy: Sequence[int] = (0, 1, 2), width: int = 30) -> None:
        """Runs for `seconds`. Each of the `busy` processes always has `width` waiting messages."""
        halt = anyio.Event()
        end = self.clock.now + seconds

        async def work(number: int) -> None:
            while await self.paces[number].turn(halt):
                self.started[number].append(self.clock.now)

        async with anyio.create_task_group() as group:
            for number in busy:
                for _ in range(width):
                    group.start_soon(work, number)
            while True:
                for _ in range(8):
                    await anyio.lowlevel.checkpoint()
                if any(pace._question is not None and not pace._question.done.is_set() for pace in self.paces):
                    await anyio.sleep(0.0005)
                    continue
                if not self._sleeping or self._sleeping[0][0] > end:
                    break
                self.clock.now, _, event = heapq.heappop(self._sleeping)
                event.set()
            self.clock.now = end
            halt.set()
            for _, _, event in self._sleeping:
                event.set()
            self._sleeping.clear()

    def counts(self) -> list[int]:
        counts = [len(started) for started in self.started]
        self.started = [[] for _ in self.paces]
        return counts

    def most_in_a_second(self) -> int:
        every = sorted(moment for started in self.started for moment in started)
        return max(
            sum(first <= moment < first + 1.0 for moment in every) for first in every[:: max(1, len(every) // 50)]
        )


@pytest.fixture
async def three(postgres: str, name: str) -> AsyncIterator[Processes]:
    processes = Processes(postgres, name, 3)
    yield processes
    for pace in processes.paces:
        await pace.close()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_three_processes_together_keep_the_rate_and_waste_nothing_of_it(three: Processes) -> None:
    await three.run(3.0)
    assert three.most_in_a_second() <= 1.1 * RATE
    counts = three.counts()
    assert 0.95 * 3 * RATE <= sum(counts) <= 1.05 * 3 * RATE
    assert min(counts) > 0.2 * 3 * RATE, "each has its share"


async def test_what_one_process_does_not_use_goes_to_the_others(three: Processes) -> None:
    await three.run(1.0)
    await three.run(0.5, busy=[1])
    three.counts()
    await three.run(2.0, busy=[1])
    idle, busy, also_idle = three.counts()
    assert (idle, also_idle) == (0, 0)
    assert busy >= 0.9 * 2 * RATE


async def test_a_429_of_one_process_pauses_and_slows_all_and_the_rate_comes_back(three: Processes) -> None:
    await three.run(0.5)
    three.counts()
    three.paces[0].refused(three.clock.now, 2.0)
    await three.run(0.3)
    three.counts()  # skips the turns that were reserved before
    await three.run(1.5)
    assert sum(three.counts()) == 0, "a pause for everybody"
    await three.run(1.2)
    after = sum(three.counts())  # the second after the pause, without the turns that earlier runs had reserved in it
    assert 0.2 * RATE <= after <= 0.75 * RATE, "then half of the rate, and a little more with each moment"
    await three.run(3.0)
    three.counts()
    await three.run(2.0)
    assert sum(three.counts()) >= 0.8 * 2 * RATE


async def test_many_429s_of_one_moment_halve_the_rate_once(three: Processes) -> None:
    await three.run(0.5)
    for pace in three.paces:
        for _ in range(10):
            pace.refused(three.clock.now - 0.1, 0.0)
    await three.run(0.02)
    assert all(0.45 * RATE <= pace.rate <= 0.6 * RATE for pace in three.paces)


async def test_turns_that_are_not_used_in_time_are_void(three: Processes) -> None:
    """A process that was stopped for some time does not send its missed turns all at once."""
    pace = three.paces[0]
    pace._waiting = 99
    await pace._next(anyio.Event())
    assert len(pace._turns) > 20
    three.clock.now += 60.0
    pace._waiting = 0
    assert await pace.turn(anyio.Event())
    assert [until for _, until in pace._turns if until < three.clock.now] == []


async def test_a_turn_that_expires_while_its_task_sleeps_is_void(three: Processes, monkeypatch: Any) -> None:
    pace = three.paces[0]
    pace._waiting = 99
    await pace._next(anyio.Event())
    pace._waiting = 0
    old = list(pace._turns)
    slept: list[float] = []

    async def stopped(seconds: float, _: anyio.Event) -> None:
        slept.append(seconds)
        three.clock.now += 60.0 if len(slept) == 1 else seconds

    monkeypatch.setattr(pace, "_sleep", stopped)
    assert await pace.turn(anyio.Event())
    assert 0 < slept[0] < 0.1
    assert not set(old) & set(pace._turns)


async def test_a_halted_process_does_not_wait_for_its_turn(three: Processes) -> None:
    halt = anyio.Event()
    pace = three.paces[0]
    del pace._sleep
    pace.pause(3_600.0)
    found: list[bool] = []

    async def wait() -> None:
        found.append(await pace.turn(halt))

    async with anyio.create_task_group() as group:
        group.start_soon(wait)
        await anyio.sleep(0.05)
        assert not found
        halt.set()
    assert found == [False]


async def test_few_statements_are_made_for_many_turns(three: Processes) -> None:
    asked = 0
    for pace in three.paces:
        ask: Any = pace._row.ask

        def counted(*arguments: Any, ask: Any = ask) -> Any:
            nonlocal asked
            asked += 1
            return ask(*arguments)

        pace._row.ask = counted  # type: ignore[method-assign]
    await three.run(2.0)
    assert sum(three.counts()) / asked > 5


async def test_the_pace_begins_anew_when_its_row_is_gone(three: Processes, postgres: str) -> None:
    """The table is unlogged: a crash of the database empties it."""
    await three.run(0.2)
    with psycopg.connect(postgres, autocommit=True) as admin:
        admin.execute("DELETE FROM eightbyeight.pace")
    three.counts()
    await three.run(2.0)
    assert sum(three.counts()) >= 0.8 * 2 * RATE


async def test_real_turns_of_three_processes_never_exceed_the_rate(postgres: str, name: str) -> None:
    """With real clocks. The limit holds on a machine of any speed."""
    import time

    paces = [SharedPace(postgres, Account("host", name), 500.0, patience=5.0) for _ in range(3)]
    started: list[float] = []
    halt = anyio.Event()

    async def work(pace: SharedPace) -> None:
        while await pace.turn(halt):
            started.append(time.monotonic())
            if len(started) == 700:  # 1.4 seconds at the rate
                halt.set()

    async with anyio.create_task_group() as group:
        for pace in paces:
            for _ in range(30):
                group.start_soon(work, pace)
    for pace in paces:
        await pace.close()
    assert max(sum(first <= moment < first + 1.0 for moment in started) for first in started) <= 1.1 * 500 + 3


async def cancelled_while_it_asks(pace: SharedPace) -> Any:
    """Cancels a task that waits for the database. Returns its question."""
    async with anyio.create_task_group() as group:
        group.start_soon(pace.turn, anyio.Event())
        await seen(lambda: pace._question)
        group.cancel_scope.cancel()
    assert group.cancel_scope.cancelled_caught
    return pace._question


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_a_cancelled_task_leaves_at_once_and_the_next_one_takes_its_turns(postgres: str, name: str) -> None:
    """The database does not answer, here because another connection has locked the row."""
    pace = SharedPace(postgres, Account("host", name), 500.0, patience=60.0)
    halt = anyio.Event()
    assert await pace.turn(halt)
    pace._turns.clear()
    with psycopg.connect(postgres) as other:
        other.execute("SELECT 1 FROM eightbyeight.pace WHERE account=%s FOR UPDATE", [f"host {name}"])
        question = await cancelled_while_it_asks(pace)
        assert not question.done.is_set()
        with anyio.move_on_after(0.05):
            await pace.turn(halt)
        assert pace._question is question, "the second task waits for the same answer"
        other.rollback()
        assert await pace.turn(halt)
    assert question.done.is_set()
    await pace.close()


@pytest.mark.parametrize("anyio_backend", ["asyncio", "trio"])
async def test_an_error_that_nobody_waited_for_is_asked_again_and_its_refusals_are_kept(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:  # accepts a connection and never answers
        port = deaf.getsockname()[1]
        pace = SharedPace(f"postgresql://me@127.0.0.1:{port}/x", Account("host", name), 500.0, patience=60.0)
        halt = anyio.Event()
        pace.refused(0.0, 0.0)
        question = await cancelled_while_it_asks(pace)
    await question.done.wait()
    assert (len(question.refusals), pace._refusals) == (1, [])
    with pytest.raises(LedgerError, match="the database cannot be used"):
        await pace.turn(halt)
    assert (pace._question, len(pace._refusals)) == (None, 1)
    await pace.close()


async def test_a_close_does_not_wait_for_a_database_that_is_away(name: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        port = deaf.getsockname()[1]
        pace = SharedPace(f"postgresql://me@127.0.0.1:{port}/x", Account("host", name), 500.0, patience=60.0)
        question = await cancelled_while_it_asks(pace)
        await pace.close()
        assert pace._question is question
        assert not question.done.is_set()
    await question.done.wait()
