"""The writer's thread gets one group of requests at a time, on every event loop, and no request is lost."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, cast

import anyio
import pytest

from eightbyeight_async.bulk.errors import JournalError
from eightbyeight_async.bulk.judging.message_keys import Identity
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.records import CLAIMED, Claim, Claimed, Result
from eightbyeight_async.bulk.store.writer_requests import StopRequest
from eightbyeight_async.bulk.store.writer_thread import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eightbyeight_async.bulk.store.interface import Store

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "uvloop", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return ("asyncio", {"use_uvloop": True}) if request.param == "uvloop" else request.param


class Books:
    """A store that keeps every request, in one list for each transaction. Each transaction waits for `gate`."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.begun = 0
        self.groups: list[list[int]] = []
        self.closed = False
        self.full = False

    def transact(self, body: Callable[[], list[Claimed]]) -> list[Claimed]:
        self.begun += 1
        self.gate.wait()
        if self.full:
            raise JournalError("is full")
        self.groups.append([])
        return body()

    async def begins(self) -> None:
        """Waits until the thread is in a transaction."""
        while not self.begun:
            await anyio.sleep(0.001)

    def claim(self, claims: Sequence[Claim]) -> list[Claimed]:
        self.groups[-1] += [claim.id for claim in claims]
        return [CLAIMED for _ in claims]

    def record(self, results: Sequence[Result]) -> None:
        self.groups[-1] += [-result.id for result in results]

    def failure(self, error: Exception) -> JournalError:
        assert isinstance(error, JournalError)
        return error

    def close(self) -> None:
        self.closed = True


def claim(number: int) -> Claim:
    return Claim(number, Identity(f"key {number}", number, number), number)


def result(number: int) -> Result:
    return Result(number, f"key {number}", number, State.SENT)


def writer_of(books: Books) -> Writer:
    return Writer(lambda: cast("Store", books), most_pending=10_000, name="run.db")


async def test_what_comes_during_a_commit_is_one_group_and_one_commit() -> None:
    books = Books()
    writer = writer_of(books)
    await writer.start()
    books.gate.clear()
    granted: list[int] = []

    async def ask(number: int) -> None:
        assert await writer.claim([claim(number)]) == [CLAIMED]
        granted.append(number)
        writer.record([result(number)])

    async with anyio.create_task_group() as group:
        group.start_soon(ask, 1)
        await books.begins()
        for first in range(2, 502, 100):
            for number in range(first, first + 100):
                group.start_soon(ask, number)
            await anyio.wait_all_tasks_blocked()
            await anyio.sleep(0.001)  # a few turns of the loop
        assert granted == []
        books.gate.set()
    await writer.close()
    assert sorted(granted) == list(range(1, 502))
    assert [sorted(group) for group in books.groups[:2]] == [[1], list(range(2, 502))]
    assert sorted(number for group in books.groups for number in group if number < 0) == list(range(-501, 0))
    assert len(books.groups) < 100  # the 500 results come in a few groups; their number depends on the threads
    assert books.closed


async def test_the_tasks_of_one_turn_of_the_loop_share_a_commit() -> None:
    books = Books()
    writer = writer_of(books)
    await writer.start()
    async with anyio.create_task_group() as group:
        for number in range(1, 101):
            group.start_soon(writer.claim, [claim(number)])
    await writer.close()
    assert [sorted(group) for group in books.groups] == [list(range(1, 101))]


async def test_results_are_written_before_the_thread_ends() -> None:
    books = Books()
    writer = writer_of(books)
    await writer.start()
    for number in range(1, 1_001):
        writer.record([result(number)])
    await writer.close()
    assert books.groups == [[-number for number in range(1, 1_001)]]


async def test_after_a_failure_everybody_gets_the_error_and_no_result_is_forgotten() -> None:
    books = Books()
    writer = writer_of(books)
    await writer.start()
    books.gate.clear()
    books.full = True
    failed: list[int] = []

    async def ask(number: int) -> None:
        try:
            await writer.claim([claim(number)])
        except JournalError:
            failed.append(number)

    async with anyio.create_task_group() as group:
        group.start_soon(ask, 1)
        await books.begins()
        group.start_soon(ask, 2)  # waits in the next group
        writer.record([result(7)])
        await anyio.wait_all_tasks_blocked()
        books.gate.set()
    writer.record([result(8)])
    await writer.close()
    assert sorted(failed) == [1, 2]
    assert [one.id for one in writer.unwritten] == [7, 8]
    assert books.groups == []


async def test_once_the_failure_is_known_no_result_is_missing() -> None:
    books = Books()
    writer = writer_of(books)
    await writer.start()
    books.gate.clear()
    books.full = True
    seen: list[list[int]] = []

    async def ask() -> None:
        with pytest.raises(JournalError):
            await writer.claim([claim(1)])
        seen.append([one.id for one in writer.unwritten])

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await books.begins()
        writer.record([result(7)])
        writer.record([result(8)])
        await anyio.sleep(0.001)
        books.gate.set()
    await writer.close()
    assert seen == [[7, 8]]


async def test_a_claim_that_is_cancelled_while_it_waits_is_released_or_never_made() -> None:
    books = Books()
    writer = writer_of(books)
    await writer.start()
    books.gate.clear()
    async with anyio.create_task_group() as group:
        group.start_soon(writer.claim, [claim(1)])
        await books.begins()
        group.start_soon(writer.claim, [claim(2)])
        await anyio.wait_all_tasks_blocked()
        group.cancel_scope.cancel()
    books.gate.set()
    await writer.close()
    assert books.groups[0] == [1]
    assert -1 in books.groups[1]
    assert 2 not in [number for group in books.groups for number in group]


@pytest.mark.parametrize("anyio_backend", ["asyncio"], indirect=True)
async def test_a_result_of_a_task_that_its_loop_left_is_written() -> None:
    """A coroutine that is finalized after its loop has closed records its message as unknown."""
    import asyncio

    books = Books()
    writer = writer_of(books)

    def of_another_loop() -> None:
        loop = asyncio.new_event_loop()
        loop.run_until_complete(writer.start())
        loop.close()

    thread = threading.Thread(target=of_another_loop)
    thread.start()
    thread.join()
    writer.record([result(3)])
    writer.record([result(4)])  # stays in the writer: its thread cannot report the end to a closed loop
    while not books.groups:
        await anyio.sleep(0.001)
    assert books.groups == [[-3]]
    writer._groups.put([StopRequest(writer._loop.event())])
    assert writer._thread is not None
    writer._thread.join()
