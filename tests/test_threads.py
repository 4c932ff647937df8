"""One client in several event loops at once: every call gets its answer, and the limits hold over all loops."""

from __future__ import annotations

import asyncio
import gc
import importlib.util
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from patience import PATIENCE, until
from scripted import QUEUED, ScriptedServer

from eightbyeight_async import (
    AsyncConnectClient,
    ClientClosedError,
    EightByEightError,
    Sent,
    SmsRequest,
    SmsResponse,
    TransportError,
)
from eightbyeight_async.limiter import Limiter
from eightbyeight_async.request_pacer import Pacer

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

SMS = SmsRequest(destination="+6598765432", text="Hello", source="ACME")
THREADS = 8
SENDS = 20
LOOPS = ["asyncio", "trio"]
if importlib.util.find_spec("uvloop"):
    LOOPS.append("uvloop")


def run(loop: str, main: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    if loop == "uvloop":
        return anyio.run(main, backend="asyncio", backend_options={"use_uvloop": True})
    return anyio.run(main, backend=loop)


async def send_many(client: AsyncConnectClient, count: int) -> list[SmsResponse]:
    results: list[SmsResponse] = []

    async def send() -> None:
        results.append(await client.sms.send(SMS))

    async with anyio.create_task_group() as group:
        for _ in range(count):
            group.start_soon(send)
    return results


def in_threads(work: Callable[[int], Any], threads: int = THREADS) -> list[Any]:
    with ThreadPoolExecutor(threads) as pool:
        return [future.result(PATIENCE) for future in [pool.submit(work, number) for number in range(threads)]]


@pytest.mark.parametrize("kinds", [*([loop] for loop in LOOPS), LOOPS], ids=[*LOOPS, "mixed"])
def test_a_loop_in_each_of_eight_threads(serve: Serve, connect: Connect, kinds: list[str]) -> None:
    with serve() as server:
        client = connect(server, max_concurrency=5)

        def work(number: int) -> int:
            return len(run(kinds[number % len(kinds)], lambda: send_many(client, SENDS)))

        assert in_threads(work) == [SENDS] * THREADS
        assert len(server.received) == THREADS * SENDS
        assert server.peak <= 5
        until(lambda: not server._open)  # each loop closes its connections at its end
        anyio.run(client.aclose)


@pytest.mark.parametrize("kinds", [["asyncio"], LOOPS], ids=["asyncio", "mixed"])
def test_a_loop_for_each_send_in_eight_threads(serve: Serve, connect: Connect, kinds: list[str]) -> None:
    with serve() as server:
        client = connect(server, max_concurrency=5)

        def work(number: int) -> int:
            view = client.with_options(timeout=PATIENCE + number)
            return sum(
                run(kinds[(number + sent) % len(kinds)], lambda: view.sms.send(SMS)).status.code == "QUEUED"
                for sent in range(SENDS)
            )

        assert in_threads(work) == [SENDS] * THREADS
        assert len(server.received) == THREADS * SENDS
        assert server.peak <= 5
        until(lambda: not server._open)
        assert len(client._exchange.limiter._gates) <= THREADS + 1  # the state of ended loops is removed
        anyio.run(client.aclose)


def test_a_busy_loop_beside_a_single_send(serve: Serve, connect: Connect) -> None:
    """A loop that always has waiting calls does not keep another loop from its turn."""
    with serve() as server:
        client = connect(server, max_concurrency=2)
        enough = threading.Event()

        async def busy() -> int:
            sent = 0

            async def worker() -> None:
                nonlocal sent
                while not enough.is_set():
                    await client.sms.send(SMS)
                    sent += 1

            async with anyio.create_task_group() as group:
                for _ in range(10):
                    group.start_soon(worker)
            return sent

        with ThreadPoolExecutor(1) as pool:
            counted = pool.submit(anyio.run, busy)
            until(lambda: len(server.received) > 10)
            try:
                for _ in range(10):
                    assert asyncio.run(client.sms.send(SMS)).status.code == "QUEUED"
            finally:
                enough.set()
            assert counted.result(PATIENCE) + 10 == len(server.received)
        assert server.peak <= 2


def die_with_calls_in_flight(client: AsyncConnectClient, server: ScriptedServer, calls: int) -> None:
    """Closes a loop while calls are in flight; its tasks never end."""
    loop = asyncio.new_event_loop()
    before = len(server.received)
    tasks = [loop.create_task(client.sms.send(SMS)) for _ in range(calls)]

    async def all_received() -> None:
        while len(server.received) < before + calls:
            await asyncio.sleep(0.002)

    loop.run_until_complete(all_received())
    loop.close()
    for task in tasks:
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    kept.append(tasks)


kept: list[Any] = []  # the tasks of dead loops; kept, so that the garbage collector does not end them


# from asyncio, for sockets of a loop that was closed too early
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("next_loop", LOOPS)
def test_a_dead_loop_gives_its_places_back(serve: Serve, connect: Connect, next_loop: str) -> None:
    never = threading.Event()
    with serve(never, never, QUEUED) as server:
        client = connect(server, max_concurrency=2)
        die_with_calls_in_flight(client, server, 2)
        assert len(run(next_loop, lambda: send_many(client, 4))) == 4
        never.set()
        kept.clear()
        anyio.run(client.aclose)
        gc.collect()


@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("waiting_loop", LOOPS)
def test_a_call_that_already_waits_gets_the_place_of_a_loop_that_dies(
    serve: Serve, connect: Connect, waiting_loop: str
) -> None:
    never = threading.Event()
    with serve(never, never, QUEUED) as server, ThreadPoolExecutor(1) as pool:
        client = connect(server, max_concurrency=2)
        limiter = client._exchange.limiter
        loop = asyncio.new_event_loop()
        tasks = [loop.create_task(client.sms.send(SMS)) for _ in range(2)]

        async def until_one_waits() -> None:
            waits = None
            while not limiter.waiting:
                await asyncio.sleep(0.002)
                if waits is None and len(server.received) == 2:
                    waits = pool.submit(run, waiting_loop, lambda: send_many(client, 2))
            answers.append(waits)

        answers: list[Any] = []
        loop.run_until_complete(until_one_waits())
        loop.close()
        assert len(answers[0].result(PATIENCE)) == 2
        for task in tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        never.set()
        del tasks, task, loop
        anyio.run(client.aclose)
        gc.collect()


def test_a_place_returned_by_the_garbage_collector_is_not_counted_twice() -> None:
    limiter = Limiter(2)
    loop = asyncio.new_event_loop()

    async def hold() -> None:
        async with limiter.here():
            await asyncio.sleep(PATIENCE)

    coroutine = hold()
    task = loop.create_task(coroutine)
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    task._log_destroy_pending = False  # type: ignore[attr-defined]

    async def take(count: int) -> None:
        for _ in range(count):
            with anyio.fail_after(PATIENCE):
                await limiter.here().__aenter__()

    asyncio.run(take(2))
    coroutine.close()  # as the garbage collector would do
    assert limiter.free == 0


def test_closing_from_another_thread_ends_the_calls_in_flight(serve: Serve, connect: Connect) -> None:
    never = threading.Event()
    with serve(never) as server, ThreadPoolExecutor(len(LOOPS)) as pool:
        client = connect(server)

        async def send() -> EightByEightError | None:
            try:
                await client.sms.send(SMS)
            except EightByEightError as error:
                return error
            return None

        errors = [pool.submit(run, loop, send) for loop in LOOPS]
        until(lambda: len(server.received) == len(LOOPS))
        try:
            asyncio.run(client.aclose())
            for error in errors:
                ended = error.result(PATIENCE)
                assert isinstance(ended, TransportError)
                assert ended.sent is Sent.MAYBE
        finally:
            never.set()
        with pytest.raises(ClientClosedError):
            asyncio.run(client.sms.send(SMS))


def test_the_rate_is_counted_over_all_threads() -> None:
    pacer = Pacer(4.0, lambda: 100.0)
    moments = sorted(
        moment for part in in_threads(lambda _: [pacer.reserve()[1] for _ in range(50)]) for moment in part
    )
    assert moments == [100.0 + number / 4 for number in range(50 * THREADS)]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_has_its_own_connections_and_places(serve: Serve, connect: Connect) -> None:
    never = threading.Event()
    with serve(QUEUED, never, QUEUED) as server:
        client = connect(server, max_concurrency=2)
        loop = asyncio.new_event_loop()
        loop.run_until_complete(client.sms.send(SMS))
        stuck = loop.create_task(client.sms.send(SMS))

        async def received() -> None:
            while len(server.received) < 2:
                await asyncio.sleep(0.002)

        loop.run_until_complete(received())
        loop.run_until_complete(client.sms.send(SMS))  # opens a second connection, which is idle now
        assert server.connections == 2
        client._exchange.limiter.lock.acquire()  # as if another thread held the lock
        child = os.fork()
        if child == 0:
            try:
                os._exit(0 if len(asyncio.run(send_many(client, 4))) == 4 else 1)
            finally:
                os._exit(2)
        client._exchange.limiter.lock.release()
        assert os.waitpid(child, 0)[1] == 0
        connections = server.connections
        assert 2 < connections <= 4  # the child has opened its own connections
        loop.run_until_complete(client.sms.send(SMS))
        assert server.connections == connections  # the parent's connection still works
        never.set()
        with pytest.raises(TransportError):
            loop.run_until_complete(stuck)
        loop.run_until_complete(client.aclose())
        loop.close()
