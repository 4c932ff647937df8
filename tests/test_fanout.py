"""Many sends at once: their number is bounded, the source is read lazily, and the report names messages without an
answer.
"""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from answers import coded
from patience import seen
from scripted import QUEUED, ScriptedServer, answer

from eightbyeight_async import (
    AsyncConnectClient,
    BadRequestError,
    InvalidRequestError,
    RetryPolicy,
    SendResult,
    Sent,
    SmsRequest,
    SmsResponse,
    SmsStatus,
    TransportError,
)
from eightbyeight_async.fanout import SendEach

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from eightbyeight_async.exchange import Flight

    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

pytestmark = pytest.mark.anyio


def message(number: int = 0) -> SmsRequest:
    return SmsRequest(destination="+6598765432", text=f"Hello {number}")


OK = SmsResponse(umid="u", status=SmsStatus(code="QUEUED"))


class Sender:
    """Replaces the client in tests of the fan-out alone. It counts messages and can hold them back."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.peak = 0
        self.started = 0
        self.gate: anyio.Event | None = None
        self.fails: dict[int, BaseException] = {}

    async def send(self, request: SmsRequest, flight: Flight) -> SmsResponse:
        flight.maybe_sent = True
        number = self.started
        self.started += 1
        self.in_flight += 1
        self.peak = max(self.peak, self.in_flight)
        try:
            for _ in range(20):  # more turns than any source needs for its next message
                await anyio.lowlevel.checkpoint()
            if self.gate is not None:
                await self.gate.wait()
            if number in self.fails:
                raise self.fails[number]
            return OK
        finally:
            self.in_flight -= 1


class Counted:
    """An iterable that counts the items taken from it."""

    def __init__(self, count: int, error: Exception | None = None) -> None:
        self.taken = 0
        self._count = count
        self._error = error

    def __iter__(self) -> Iterator[SmsRequest]:
        for number in range(self._count):
            self.taken += 1
            yield message(number)
        if self._error is not None:
            raise self._error


class AsyncCounted(Counted):
    __iter__ = None  # type: ignore[assignment]

    async def __aiter__(self) -> AsyncIterator[SmsRequest]:
        for request in Counted.__iter__(self):  # type: ignore[misc]
            await anyio.lowlevel.checkpoint()
            yield request


async def collect(run: SendEach) -> list[SendResult]:
    async with run as results:
        return [result async for result in results]


SOURCES = pytest.mark.parametrize("source", [Counted, AsyncCounted])


@SOURCES
async def test_every_message_gets_one_result(source: type[Counted]) -> None:
    sender = Sender()
    run = SendEach(sender.send, source(300), 9)
    results = await collect(run)
    assert sorted(result.index for result in results) == list(range(300))
    assert all(result.ok and result.request == message(result.index) for result in results)
    assert (sender.peak, run.leftover) == (9, [])


@SOURCES
async def test_nothing_is_gathered(source: type[Counted]) -> None:
    """If the reader reads nothing, the run takes at most two messages a worker."""
    sender = Sender()
    requests = source(100_000)
    async with SendEach(sender.send, requests, 5) as results:
        await anyio.wait_all_tasks_blocked()
        assert requests.taken <= 10
        seen = 0
        async for _ in results:
            seen += 1
            assert requests.taken <= seen + 10
            if seen == 200:
                break


async def test_few_messages_start_few_workers() -> None:
    sender = Sender()
    run = SendEach(sender.send, [message(), message()], 1000)
    assert len(await collect(run)) == 2
    assert run._started <= 3


@SOURCES
async def test_no_messages_no_results(source: type[Counted]) -> None:
    assert await collect(SendEach(Sender().send, source(0), 5)) == []


async def test_a_none_in_the_iterable_is_an_error_not_the_end(serve: Serve, connect: Connect) -> None:
    requests: Any = [message(), None, "text", message()]
    with serve() as server:
        async with connect(server) as client, client.sms.send_each(requests) as results:
            found = {result.index: result async for result in results}
    assert [found[n].ok for n in range(4)] == [True, False, False, True]
    for n in (1, 2):
        error = found[n].error
        assert isinstance(error, InvalidRequestError)
        assert error.field == "request"


async def test_one_failing_message_aborts_nothing() -> None:
    sender = Sender()
    sender.fails = {3: TransportError("reset"), 5: InvalidRequestError("text", "missing")}
    results = await collect(SendEach(sender.send, Counted(50), 4))
    assert len(results) == 50
    assert sorted(type(r.error).__name__ for r in results if not r.ok) == ["InvalidRequestError", "TransportError"]


@SOURCES
async def test_the_iterables_exception_comes_out_after_what_was_in_flight(source: type[Counted]) -> None:
    sender = Sender()
    got = []
    with pytest.raises(ZeroDivisionError, match="row 20"):
        async with SendEach(sender.send, source(20, ZeroDivisionError("row 20")), 6) as results:
            async for result in results:
                got.append(result.index)  # noqa: PERF401 - the exception would take the list along
    assert sorted(got) == list(range(20))
    assert sender.in_flight == 0


async def test_the_iterables_exception_comes_out_of_a_block_that_reads_nothing() -> None:
    with pytest.raises(ZeroDivisionError):
        async with SendEach(Sender().send, Counted(0, ZeroDivisionError()), 3):
            await anyio.wait_all_tasks_blocked()


async def test_a_bug_in_the_send_comes_out_and_its_message_is_told() -> None:
    sender = Sender()
    sender.fails = {2: KeyError("bug")}
    run = SendEach(sender.send, Counted(1000), 2)
    got = []
    with pytest.raises(KeyError, match="bug"):
        async with run as results:
            async for result in results:
                got.append(result.index)  # noqa: PERF401 - the exception would take the list along
    assert sorted(got + [result.index for result in run.leftover]) == list(range(sender.started))
    assert sender.started < 10


async def test_the_bodys_exception_comes_out_as_it_is() -> None:
    error = ZeroDivisionError("body")
    with pytest.raises(ZeroDivisionError) as caught:
        async with SendEach(Sender().send, Counted(100), 5) as results:
            async for _ in results:
                raise error
    assert caught.value is error


async def test_leaving_early_cancels_awaits_and_tells_what_was_in_flight() -> None:
    sender = Sender()
    sender.gate = anyio.Event()
    run = SendEach(sender.send, Counted(100), 7)
    async with run:
        await anyio.wait_all_tasks_blocked()
        assert sender.in_flight == 7
    assert sender.in_flight == 0
    assert sorted(result.index for result in run.leftover) == list(range(7))
    for result in run.leftover:
        assert isinstance(result.error, TransportError)
        assert result.error.sent is Sent.MAYBE


class Nursery(Sender):
    """Sends in a task group of the event loop itself, as transports and sources do."""

    def __init__(self, fails: Exception | None = None) -> None:
        super().__init__()
        self.error = fails

    async def send(self, request: SmsRequest, flight: Flight) -> SmsResponse:
        try:
            async with _own_group() as start:
                start(anyio.sleep_forever)
                self.in_flight += 1
                await anyio.sleep_forever()
        finally:
            self.in_flight -= 1
            if self.error is not None:
                raise self.error
        return OK


@asynccontextmanager
async def _own_group() -> AsyncIterator[Callable[..., object]]:
    if anyio.get_cancelled_exc_class() is not asyncio.CancelledError:
        import trio

        async with trio.open_nursery() as nursery:
            yield nursery.start_soon
    else:
        async with asyncio.TaskGroup() as group:
            yield lambda act: group.create_task(act())


@SOURCES
@pytest.mark.parametrize("how", ["at once", "in flight", "by a timeout", "by an exception"])
async def test_leaving_early_is_quiet_whatever_the_send_holds_open(source: type[Counted], how: str) -> None:
    """A cancelled nursery of trio raises a group of cancellations."""
    sender = Nursery()
    run = SendEach(sender.send, source(100), 7)
    if how == "at once":
        async with run:
            pass
    elif how == "in flight":
        async with run:
            await seen(lambda: sender.in_flight == 7)
    elif how == "by a timeout":
        with anyio.CancelScope() as scope:
            async with run as results:
                await seen(lambda: sender.in_flight == 7)
                scope.cancel()
                await anext(results)
        assert scope.cancelled_caught
    else:
        with pytest.raises(ZeroDivisionError):
            async with run:
                await seen(lambda: sender.in_flight == 7)
                raise ZeroDivisionError
    assert sender.in_flight == 0
    assert all(result.error is not None for result in run.leftover)


async def test_leaving_early_keeps_a_bug_that_comes_with_the_cancellation() -> None:
    sender = Nursery(fails=KeyError("bug"))
    with pytest.raises(KeyError):
        async with SendEach(sender.send, Counted(1), 1):
            await seen(lambda: sender.in_flight == 1)


async def leave_while_connections_open(client: AsyncConnectClient) -> None:
    for turns in range(12):
        async with client.sms.send_each(Counted(50), max_concurrency=10):
            for _ in range(turns):
                await anyio.lowlevel.checkpoint()
    assert len(await collect(client.sms.send_each(Counted(8)))) == 8


async def test_leaving_while_connections_open_leaves_none(serve: Serve, connect: Connect) -> None:
    with serve() as server:
        async with connect(server) as client:
            await leave_while_connections_open(client)
        gc.collect()  # a leaked socket warns here


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_leaving_while_an_applications_own_client_connects_is_quiet(
    serve: Serve, connect: Connect, tls: ssl.SSLContext
) -> None:
    """On trio, httpx opens connections in nurseries. (It leaves sockets of cancelled handshakes to the collector.)"""
    with serve() as server:
        async with httpx.AsyncClient(verify=tls) as http:
            await leave_while_connections_open(connect(server, http_client=http))
        gc.collect()


async def test_results_nobody_read_are_told_too() -> None:
    run = SendEach(Sender().send, Counted(100), 3)
    async with run as results:
        first = await anext(results)
        await anyio.wait_all_tasks_blocked()
    told = [first.index] + [result.index for result in run.leftover]
    assert sorted(told) == list(range(len(told)))
    assert all(result.ok for result in run.leftover)


async def test_a_cancellation_from_outside_goes_through() -> None:
    sender = Sender()
    sender.gate = anyio.Event()
    run = SendEach(sender.send, Counted(100), 4)
    cancelled = []

    async def read() -> None:
        try:
            async with run as results:
                async for _ in results:
                    pass
        except anyio.get_cancelled_exc_class():
            cancelled.append(run)
            raise

    async with anyio.create_task_group() as group:
        group.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        assert sender.in_flight == 4
        group.cancel_scope.cancel()
    assert cancelled == [run]
    assert (sender.in_flight, len(run.leftover)) == (0, 4)


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_native_cancellation_goes_through() -> None:
    import asyncio

    sender = Sender()
    sender.gate = anyio.Event()
    run = SendEach(sender.send, Counted(100), 4)
    task = asyncio.create_task(collect(run))
    while sender.in_flight < 4:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert task.cancelled()
    assert (sender.in_flight, len(run.leftover)) == (0, 4)


class Odd(BaseException):
    """An exception that is not an Exception."""


@pytest.mark.parametrize("odd", [Odd("source"), SystemExit(3), KeyboardInterrupt()])
async def test_whatever_the_iterable_raises_comes_out_as_it_is(odd: BaseException) -> None:
    def source() -> Iterator[SmsRequest]:
        yield message()
        raise odd

    with pytest.raises(type(odd)) as caught:
        await collect(SendEach(Sender().send, source(), 3))
    assert caught.value is odd


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_an_iterable_that_was_cancelled_by_somebody_else_does_not_look_like_our_cancellation() -> None:
    import asyncio

    async def source() -> AsyncIterator[SmsRequest]:
        yield message()
        raise asyncio.CancelledError

    with pytest.raises(RuntimeError, match="cancelled"):
        await collect(SendEach(Sender().send, source(), 3))


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("native", [True, False])
async def test_results_are_told_also_when_the_wait_for_the_workers_is_cancelled(native: bool) -> None:
    """The reader sleeps while results queue up, and is cancelled. `leftover` has every answer."""
    import asyncio

    sender = Sender()
    run = SendEach(sender.send, Counted(100), 5)

    async def dawdle() -> None:
        async with run:
            await anyio.sleep_forever()

    if native:
        task = asyncio.create_task(dawdle())
        await anyio.wait_all_tasks_blocked()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    else:
        async with anyio.create_task_group() as group:
            group.start_soon(dawdle)
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
    assert len(run.leftover) == sender.started > 0
    assert all(result.ok for result in run.leftover)


async def test_misuse_is_said_clearly() -> None:
    run = SendEach(Sender().send, Counted(2), 4)
    with pytest.raises(RuntimeError, match="enter it first"):
        await anext(run)
    await collect(run)
    with pytest.raises(StopAsyncIteration):
        await anext(run)
    with pytest.raises(RuntimeError, match="once"):
        async with run:
            pass
    not_iterable: Any = 5
    with pytest.raises(InvalidRequestError, match="^requests: .*int"):
        SendEach(Sender().send, not_iterable, 4)


async def test_two_readers_share_the_results() -> None:
    seen: list[int] = []

    async def read(results: SendEach) -> None:
        async for result in results:
            seen.append(result.index)
            await anyio.lowlevel.checkpoint()

    async with SendEach(Sender().send, Counted(200), 5) as results, anyio.create_task_group() as group:
        group.start_soon(read, results)
        group.start_soon(read, results)
    assert sorted(seen) == list(range(200))


async def test_over_real_tls_with_the_clients_own_bound(serve: Serve, connect: Connect) -> None:
    """The `max_concurrency` of a run lowers the client's limit and never raises it."""
    for asked, bound in ((3, 3), (None, 6), (500, 6)):
        with serve() as server:
            async with connect(server, max_concurrency=6) as client:
                results = await collect(client.sms.send_each(Counted(60), max_concurrency=asked))
        assert len(results) == len(server.received) == 60
        assert all(result.ok for result in results)
        assert server.peak <= bound
        if anyio.get_cancelled_exc_class() is asyncio.CancelledError:
            assert server.connections <= bound  # on trio, a connection rests between two requests


async def test_answers_of_every_kind_become_results(serve: Serve, connect: Connect) -> None:
    rejected = answer(200, '{"umid":"u","status":{"code":"REJECTED","description":"no"}}')
    with serve(QUEUED, rejected, answer(400, coded(1002)), None, QUEUED) as server:
        async with connect(server) as client:
            results = await collect(client.sms.send_each(Counted(6), max_concurrency=1))
    by_index = sorted(results, key=lambda result: result.index)
    assert [result.ok for result in by_index] == [True, False, False, False, True, True]
    assert by_index[1].response is not None
    assert type(by_index[2].error) is BadRequestError
    assert isinstance(by_index[3].error, TransportError)
    assert all((result.response is None) != (result.error is None) for result in results)


async def test_leaving_early_over_real_tls_frees_the_places(serve: Serve, connect: Connect) -> None:
    gate = threading.Event()
    with serve(gate=gate) as server:
        async with connect(server, max_concurrency=4) as client:
            run = client.sms.send_each(Counted(50))
            async with run:
                await seen(lambda: len(server.received) == 4)
            gate.set()
            assert len(run.leftover) == 4
            assert len(await collect(client.sms.send_each(Counted(8)))) == 8
    assert len(server.received) == 12


async def test_what_only_waited_for_its_turn_was_not_sent(serve: Serve, connect: Connect) -> None:
    """At one message in 1,000 seconds, the first one is in flight, and the other two wait for their turn."""
    gate = threading.Event()
    with serve(gate=gate) as server:
        async with connect(server, max_rate=0.001) as client:
            run = client.sms.send_each(Counted(50), max_concurrency=3)
            async with run:
                await seen(lambda: server.received and run._taken == 3)
        gate.set()
    left = {result.index: result for result in run.leftover}
    assert {index: result.error and result.error.sent.name for index, result in left.items()} == {
        0: "MAYBE",
        1: "NO",
        2: "NO",
    }


async def test_a_result_tells_its_attempts(serve: Serve, connect: Connect) -> None:
    policy = RetryPolicy(max_delay=0.0)
    with serve(answer(500, coded(2000)), answer(500, coded(2000)), QUEUED, answer(400, coded(1002))) as server:
        async with connect(server, retry=policy) as client:
            results = await collect(client.sms.send_each(Counted(2), max_concurrency=1))
    assert [(result.index, result.ok, result.attempts) for result in results] == [(0, True, 3), (1, False, 1)]


@pytest.mark.parametrize("value", [0, -1, 1.5, "3", True])
async def test_a_bad_bound_is_refused(value: Any, tls: ssl.SSLContext) -> None:
    client = AsyncConnectClient("key", "acme_hq", ssl_context=tls)
    with pytest.raises(InvalidRequestError, match="^max_concurrency: "):
        client.sms.send_each([], max_concurrency=value)
