"""Cancelling at any await: the slot is free again, the next request is served, and nothing leaks.

Client and server share the loop. So a test can stop a request at each of its awaits by counting the loop's turns.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from transport.raw_server import OK, Peer, RawServer, polite

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from eightbyeight_async.transport.fast import FastTransport

    Make = Callable[..., FastTransport]

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("collected")]

# A request takes about 30 turns. If it waits for another thread (which looks up names) or for a slow kernel, turns
# alone run out. So later turns last 0.01 s each: 20 s on such a slow machine.
MORE_TURNS_THAN_ANY_REQUEST_TAKES = 2_000
QUICK_TURNS = 100


async def cancel_after(turns: int, task: asyncio.Future[Any]) -> bool:
    """Cancels the task after `turns` turns. Returns True if the task was not finished."""
    for turn in range(turns):
        if task.done():
            break
        await asyncio.sleep(0 if turn < QUICK_TURNS else 0.01)
    under_way = task.cancel()
    results = await asyncio.gather(task, return_exceptions=True)
    if under_way:
        assert isinstance(results[0], asyncio.CancelledError)
    return under_way


def at_rest(fast: FastTransport) -> bool:
    return all(pool.slots == pool.idle and pool.waiting == 0 for pool in fast.pools.values())


@pytest.fixture(params=["tls", "plain"])
def server_side(request: pytest.FixtureRequest, server_tls: ssl.SSLContext) -> dict[str, Any]:
    return {"tls": server_tls if request.param == "tls" else None}


@pytest.mark.parametrize("size", [2, 300_000], ids=["small", "large"])
@pytest.mark.parametrize("connection", ["new", "used"])
async def test_anywhere_in_a_request(transport: Make, server_side: dict[str, Any], size: int, connection: str) -> None:
    cancelled = 0
    body = random.Random(size).randbytes(size)  # noqa: S311
    async with RawServer(polite, **server_side) as server:
        for turns in range(MORE_TURNS_THAN_ANY_REQUEST_TAKES):
            async with transport(max_connections=1) as fast:
                if connection == "used":
                    await fast.handle_async_request(server.post())
                task = asyncio.ensure_future(fast.handle_async_request(server.post(body)))
                under_way = await cancel_after(turns, task)
                assert at_rest(fast)
                response = await fast.handle_async_request(server.post())
                assert await response.aread() == b"hi"
                assert at_rest(fast)
                pools = list(fast.pools.values())
            assert all(pool.sockets == pool.slots == 0 for pool in pools)
            if not under_way:
                break
            cancelled += 1
        else:
            pytest.fail("the request never came to its end")
    assert cancelled > 2


async def test_a_name_being_looked_up(transport: Make) -> None:
    async with RawServer(polite) as server, transport(max_connections=1) as fast:
        for turns in (0, 1, 2, 5):
            request = httpx.Request("GET", f"http://localhost:{server.port}/")
            await cancel_after(turns, asyncio.ensure_future(fast.handle_async_request(request)))
            assert at_rest(fast)
        assert (await fast.handle_async_request(request)).status_code == 200


async def test_in_the_queue(transport: Make, server_side: dict[str, Any]) -> None:
    """One request has the connection, several wait, and one of these is cancelled at any time, even at the moment of
    its turn.
    """
    for turns in range(MORE_TURNS_THAN_ANY_REQUEST_TAKES):
        async with RawServer(polite, **server_side) as server, transport(max_connections=1) as fast:
            await fast.handle_async_request(server.post())
            first, second, third = [asyncio.ensure_future(fast.handle_async_request(server.post())) for _ in range(3)]
            under_way = await cancel_after(turns, second)
            responses = await asyncio.gather(first, third)
            assert [response.status_code for response in responses] == [200, 200]
            assert at_rest(fast)
            # the cancelled request's connection may still be closing when the next one opens
            assert server.open_at_most <= 2
        if not under_way:
            break
    else:
        pytest.fail("the request never came to its end")
    assert turns > 2


@pytest.mark.parametrize("dies", [False, True], ids=["lives", "dies"])
async def test_in_the_very_moment_of_its_turn(transport: Make, dies: bool) -> None:
    """The request gets a connection (or the slot of a dead one) and is cancelled before it runs. The next request gets
    it.
    """
    let = asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await let.wait()
            if dies and peer.number == 0:
                return
            await peer.send(OK)

    async with RawServer(script) as server, transport(max_connections=1) as fast:
        first, second, third = [asyncio.ensure_future(fast.handle_async_request(server.post())) for _ in range(3)]
        while server.open_now == 0 or next(iter(fast.pools.values())).waiting < 2:
            await asyncio.sleep(0)
        first.add_done_callback(lambda _: second.cancel())  # at this moment `second` has got the connection of `first`
        let.set()
        results = await asyncio.gather(first, second, third, return_exceptions=True)
        kinds = [type(result) for result in results]
        assert isinstance(results[1], asyncio.CancelledError)
        assert kinds[0] is httpx.RemoteProtocolError if dies else results[0].status_code == 200  # type: ignore[union-attr]
        assert isinstance(results[2], httpx.Response)
        assert at_rest(fast)


async def test_a_whole_crowd(transport: Make, server_side: dict[str, Any]) -> None:
    """Hundreds of requests, all cancelled at the same time in all phases."""
    async with RawServer(polite, **server_side) as server, transport(max_connections=10) as fast:
        for turns in (0, 1, 3, 10, 30, 60):
            tasks = [asyncio.ensure_future(fast.handle_async_request(server.post())) for _ in range(300)]
            for _ in range(turns):
                await asyncio.sleep(0)
            for task in tasks[::2]:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            assert all(isinstance(result, httpx.Response) for result in results[1::2])
            assert at_rest(fast)


async def test_a_timeout_around_a_request(transport: Make) -> None:
    """The timeout expires while the answer is awaited; the server signals that moment."""
    limit: asyncio.Timeout

    async def silent(peer: Peer) -> None:
        await peer.request()
        limit.reschedule(asyncio.get_running_loop().time())
        await peer.gone()

    async with RawServer(silent) as server, transport(max_connections=1) as fast:
        for _ in range(3):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(None) as limit:
                    await fast.handle_async_request(server.post())
            assert at_rest(fast)
        assert len(server.peers) == 3
