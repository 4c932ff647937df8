"""A source holds a timeout, a scope or a task group open over its yields. Its end stops the source, and no send."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Any

import anyio
import anyio.lowlevel
import pytest
from patience import all_blocked

from eightbyeight_async import SmsRequest, SmsResponse, SmsStatus
from eightbyeight_async.fanout import SendEach, SendResult
from eightbyeight_async.source_feeder import END, Feeder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from eightbyeight_async.exchange import Flight

pytestmark = pytest.mark.anyio

OK = SmsResponse(umid="u", status=SmsStatus(code="QUEUED"))
UVLOOP = ("asyncio", {"use_uvloop": True})


@pytest.fixture(params=["asyncio", UVLOOP, "trio"], ids=["asyncio", "uvloop", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


def message(number: int) -> SmsRequest:
    return SmsRequest(destination="+6598765432", text=f"Hello {number}")


class Held:
    """The context managers that a source holds open over its yields. `expire` ends their time."""

    expire: Callable[[], None]

    @contextmanager
    def fail_after(self) -> Iterator[None]:
        with anyio.fail_after(3600) as scope:
            self.expire = lambda: setattr(scope, "deadline", anyio.current_time() - 1)
            yield

    @contextmanager
    def move_on_after(self) -> Iterator[None]:
        with anyio.move_on_after(3600) as scope:
            self.expire = scope.cancel
            yield

    @asynccontextmanager
    async def timeout(self) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(3600) as timeout:
            self.expire = lambda: timeout.reschedule(loop.time() - 1)
            yield

    @asynccontextmanager
    async def task_group(self) -> AsyncIterator[None]:
        broken = anyio.Event()

        async def wait() -> None:
            await broken.wait()
            raise TimeoutError

        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            self.expire = broken.set
            yield


async def source(held: Held, kind: str, *, after: int = 0, busy: bool = False) -> AsyncIterator[SmsRequest]:
    """Yields messages without end inside the held context, then `after` more. `busy`: the fourth one never comes."""
    context = getattr(held, kind)()
    number = 0
    async with _both(context):
        while True:
            if busy and number == 3:
                await anyio.sleep_forever()
            yield message(number)
            number += 1
    for _ in range(after):
        yield message(number)
        number += 1


@asynccontextmanager
async def _both(context: Any) -> AsyncIterator[None]:
    if hasattr(context, "__aenter__"):
        async with context:
            yield
    else:
        with context:
            yield


class Sender:
    """Holds messages back until `gate` opens. `cancelled` counts cancelled messages."""

    def __init__(self) -> None:
        self.gate = anyio.Event()
        self.in_flight = 0
        self.cancelled = 0

    async def send(self, request: SmsRequest, flight: Flight) -> SmsResponse:
        flight.maybe_sent = True
        self.in_flight += 1
        try:
            await self.gate.wait()
        except BaseException:
            self.cancelled += 1
            raise
        self.in_flight -= 1
        return OK


KINDS = ["fail_after", "move_on_after", "timeout", "task_group"]


def skip_unless_possible(kind: str) -> None:
    from sniffio import current_async_library

    if kind == "timeout" and current_async_library() == "trio":
        pytest.skip("asyncio.timeout is asyncio's")


def leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        (error,) = error.exceptions
    return error


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("busy", [False, True])
async def test_a_sources_own_timeout_cancels_no_send(kind: str, busy: bool) -> None:
    """The timeout expires while three messages are in flight: between two items (the workers are busy), or inside the
    source.
    """
    skip_unless_possible(kind)
    held, sender = Held(), Sender()
    results: list[SendResult] = []
    run = SendEach(sender.send, source(held, kind, busy=busy), 4 if busy else 3)
    raised: BaseException | None = None
    try:
        async with run:
            await all_blocked()
            assert sender.in_flight == 3
            held.expire()
            for _ in range(5):
                await all_blocked()
                await anyio.lowlevel.checkpoint()
            sender.gate.set()
            async for result in run:
                results.append(result)  # noqa: PERF401 - the exception would take the list along
    except (TimeoutError, BaseExceptionGroup) as error:
        raised = leaf(error)
    assert (type(raised) is TimeoutError) == (kind != "move_on_after")
    assert (sender.cancelled, sender.in_flight, run.leftover) == (0, 0, [])
    assert sorted(result.index for result in results) == [0, 1, 2]
    assert all(result.ok for result in results)


@pytest.mark.parametrize("kind", KINDS)
async def test_leaving_early_closes_the_source_in_the_task_that_reads_it(kind: str) -> None:
    """If another task left a scope, the event loop's state would be damaged, and the block would raise an error."""
    skip_unless_possible(kind)
    held, sender = Held(), Sender()
    requests = source(held, kind)
    run = SendEach(sender.send, requests, 3)
    async with run:
        await all_blocked()
    assert len(run.leftover) == sender.cancelled == 3
    assert [item async for item in requests] == []


@pytest.mark.parametrize("kind", KINDS)
async def test_a_cancellation_from_outside_closes_it_too(kind: str) -> None:
    skip_unless_possible(kind)
    held, sender = Held(), Sender()
    run = SendEach(sender.send, source(held, kind), 3)
    with anyio.CancelScope() as scope:
        async with run:
            await all_blocked()
            scope.cancel()
            await anyio.sleep_forever()
    assert scope.cancelled_caught
    assert len(run.leftover) == sender.cancelled == 3


async def test_a_source_that_goes_on_after_its_timeout_loses_nothing() -> None:
    held, sender = Held(), Sender()
    async with SendEach(sender.send, source(held, "move_on_after", after=5), 3) as run:
        await all_blocked()
        held.expire()
        await all_blocked()
        sender.gate.set()
        results = [result async for result in run]
    assert sorted(result.index for result in results) == list(range(8))
    assert sender.cancelled == 0
    assert run.leftover == []


async def test_what_it_yielded_then_is_told_when_nobody_takes_it() -> None:
    held, sender = Held(), Sender()
    run = SendEach(sender.send, source(held, "move_on_after", after=5), 3)
    async with run:
        await all_blocked()
        held.expire()
        await all_blocked()
    sent = {result.index: result.error and result.error.sent.name for result in run.leftover}
    assert sent == {0: "MAYBE", 1: "MAYBE", 2: "MAYBE", 3: "NO"}


async def test_several_sources_at_once() -> None:
    """Each run has its own reader. If one source expires, the others continue."""
    runs = []
    async with anyio.create_task_group() as group:
        for number in range(4):
            held, sender = Held(), Sender()
            run = SendEach(sender.send, source(held, "move_on_after"), 3)
            runs.append((held, sender, run))

            async def read(number: int = number, run: SendEach = run) -> None:
                async with run:
                    counts[number] = len([result async for result in run])

            group.start_soon(read)
        counts: dict[int, int] = {}
        await all_blocked()
        for held, _, _ in runs:
            held.expire()
            await all_blocked()
        for _, sender, _ in runs:
            sender.gate.set()
    assert counts == dict.fromkeys(range(4), 3)
    assert [(sender.cancelled, run.leftover) for _, sender, run in runs] == [(0, [])] * 4


async def test_one_task_reads_the_source() -> None:
    readers = set()

    async def requests() -> AsyncIterator[SmsRequest]:
        for number in range(200):
            readers.add(anyio.get_current_task().id)
            await anyio.lowlevel.checkpoint()
            yield message(number)

    sender = Sender()
    sender.gate.set()
    async with SendEach(sender.send, requests(), 9) as run:
        assert len([result async for result in run]) == 200
    assert len(readers) == 1


async def test_an_item_given_to_a_caller_that_is_cancelled_meanwhile_is_not_lost() -> None:
    callers = anyio.CancelScope()

    async def requests() -> AsyncIterator[int]:
        yield 0
        callers.cancel()  # the first caller has its item, but has not run since
        yield 1
        yield 2

    feeder = Feeder(requests())
    got: list[object] = []

    async def ask() -> None:
        got.append(await feeder.next())

    async with anyio.create_task_group() as readers:
        with callers:
            async with anyio.create_task_group() as group:
                group.start_soon(ask)
                group.start_soon(ask)
                await all_blocked()
                readers.start_soon(feeder.run)
                await anyio.sleep_forever()
        rest = await feeder.next()
        assert await feeder.next() is END
    found = sorted(item for item in [*got, *feeder.undelivered, rest] if isinstance(item, tuple))
    assert found == [(0, 0), (1, 1), (2, 2)]


def test_a_loop_that_dies_closes_it_without_a_word() -> None:
    """A coroutine that is collected outside its loop must not use the loop."""

    async def begun() -> Any:
        coroutine = Feeder(source(Held(), "move_on_after")).run()
        coroutine.send(None)
        return coroutine

    asyncio.run(begun()).close()
