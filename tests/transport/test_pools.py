"""Which request gets which connection, how many connections there are, and that all of them come back."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from patience import seen, until
from transport.manual_clock import hold
from transport.raw_server import OK, Peer, RawServer, polite

from eightbyeight_async.transport.wire_errors import RequestRefusedError

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from eightbyeight_async.transport.fast import FastTransport
    from eightbyeight_async.transport.pool import Pool

    Make = Callable[..., FastTransport]

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("collected")]


def timeouts(**seconds: float) -> dict[str, float | None]:
    return {"connect": None, "read": None, "write": None, "pool": None, **seconds}


def only(fast: FastTransport) -> Pool:
    (pool,) = fast.pools.values()
    return pool


class Gate:
    """A server script that answers when the test permits it, and records the order of the requests."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.order: list[bytes] = []
        self.peers: list[int] = []

    async def __call__(self, peer: Peer) -> None:
        while True:
            _, body = await peer.request()
            self.order.append(body)
            self.peers.append(peer.number)
            await self.open.wait()
            await peer.send(OK)


async def test_the_last_one_returned_is_the_first_one_used(transport: Make) -> None:
    gate = Gate()
    async with RawServer(gate) as server, transport() as fast:
        tasks = [asyncio.ensure_future(fast.handle_async_request(server.post(b"%d" % n))) for n in range(3)]
        await seen(lambda: len(gate.order) == 3)
        gate.open.set()
        await asyncio.gather(*tasks)
        assert only(fast).idle == 3
        gate.peers.clear()
        for _ in range(6):
            await fast.handle_async_request(server.post())
        assert len(set(gate.peers)) == 1


async def test_who_waits_longest_is_served_first(transport: Make) -> None:
    gate = Gate()
    async with RawServer(gate) as server, transport(max_connections=1) as fast:
        tasks = []
        for number in range(20):
            tasks.append(asyncio.ensure_future(fast.handle_async_request(server.post(b"%02d" % number))))
            await asyncio.sleep(0)
        await seen(lambda: len(gate.order) == 1)
        assert only(fast).waiting == 19
        gate.open.set()
        await asyncio.gather(*tasks)
        assert gate.order == sorted(gate.order)
        assert len(server.peers) == 1


async def test_the_bound_holds_and_is_used(transport: Make) -> None:
    async with RawServer(polite) as server, transport(max_connections=7) as fast:
        await asyncio.gather(*[fast.handle_async_request(server.post()) for _ in range(300)])
        assert server.open_at_most == 7
        assert (only(fast).slots, only(fast).idle, only(fast).waiting) == (7, 7, 0)


async def test_the_bound_is_per_origin(transport: Make) -> None:
    gate = Gate()
    async with RawServer(gate) as one, RawServer(gate) as other, transport(max_connections=2) as fast:
        tasks = [asyncio.ensure_future(fast.handle_async_request(s.post())) for s in (one, other) for _ in range(3)]
        await seen(lambda: len(gate.order) == 4)
        assert one.open_now == other.open_now == 2
        gate.open.set()
        await asyncio.gather(*tasks)


async def test_ten_thousand_wait_for_five(transport: Make, server_tls: ssl.SSLContext) -> None:
    async with RawServer(polite, tls=server_tls) as server, transport(max_connections=5) as fast:
        responses = await asyncio.gather(*[fast.handle_async_request(server.post()) for _ in range(10_000)])
        assert sum(response.status_code == 200 for response in responses) == 10_000
        assert server.open_at_most == len(server.peers) == 5
        assert (only(fast).slots, only(fast).idle, only(fast).waiting) == (5, 5, 0)


async def test_who_gives_up_waiting_is_forgotten_at_once(transport: Make) -> None:
    gate = Gate()
    async with RawServer(gate) as server, transport(max_connections=1) as fast:
        first = asyncio.ensure_future(fast.handle_async_request(server.post()))
        waiting = [asyncio.ensure_future(fast.handle_async_request(server.post())) for _ in range(500)]
        await seen(lambda: len(gate.order) == 1)
        assert only(fast).waiting == 500
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)
        assert only(fast).waiting == 0
        gate.open.set()
        assert (await first).status_code == 200


async def test_a_failed_connect_lets_the_next_one_try(transport: Make) -> None:
    async with transport(max_connections=2) as fast:
        request = httpx.Request("GET", "http://127.0.0.1:9/")
        failures = await asyncio.gather(
            *[fast.handle_async_request(request) for _ in range(50)], return_exceptions=True
        )
        assert {type(failure) for failure in failures} == {httpx.ConnectError}
        assert (only(fast).slots, only(fast).waiting) == (0, 0)


async def test_a_failed_exchange_lets_the_next_one_try(transport: Make) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        if peer.number % 2:
            await peer.send(OK)

    async with RawServer(script) as server, transport(max_connections=2) as fast:
        results = await asyncio.gather(
            *[fast.handle_async_request(server.post()) for _ in range(40)], return_exceptions=True
        )
        assert {type(result) for result in results} <= {
            httpx.RemoteProtocolError,
            *{type(r) for r in results if isinstance(r, httpx.Response)},
        }
        await seen(lambda: only(fast).slots == 0)
        assert only(fast).waiting == 0


async def test_idle_connections_are_closed_in_time(transport: Make, server_tls: ssl.SSLContext) -> None:
    async with RawServer(polite, tls=server_tls) as server, transport(keepalive_expiry=60) as fast:
        await fast.handle_async_request(server.post())
        clock = hold(fast)
        await asyncio.gather(*[fast.handle_async_request(server.post()) for _ in range(3)])
        clock.advance(59)
        await asyncio.sleep(0)
        assert (only(fast).idle, only(fast).sockets) == (3, 3)
        clock.advance(1)
        await seen(lambda: only(fast).sockets == 0)
        assert only(fast).slots == only(fast).idle == 0
        await seen(lambda: server.open_now == 0)
        await fast.handle_async_request(server.post())
        assert len(server.peers) == 4


async def test_an_expired_connection_is_not_used_even_if_nobody_swept(transport: Make) -> None:
    async with RawServer(polite) as server, transport(keepalive_expiry=60) as fast:
        await fast.handle_async_request(server.post())
        hold(fast).advance(60)  # the timer fires one turn later, too late for this request
        await fast.handle_async_request(server.post())
        assert len(server.peers) == 2


async def test_closing_fails_what_is_under_way_and_leaves_nothing(transport: Make, server_tls: ssl.SSLContext) -> None:
    gate = Gate()
    async with RawServer(gate, tls=server_tls) as server:
        fast = transport(max_connections=2)
        tasks = [asyncio.ensure_future(fast.handle_async_request(server.post())) for _ in range(4)]
        await seen(lambda: len(gate.order) == 2)
        pool = only(fast)
        await fast.aclose()
        assert (pool.sockets, pool.idle, pool.waiting) == (0, 0, 0)
        results = await asyncio.gather(*tasks, return_exceptions=True)
        # Two requests were written and wait for an answer. Two were never written.
        kinds = [type(result) for result in results]
        assert kinds == [httpx.ReadError] * 2 + [httpx.ConnectError] * 2
        assert all("closed" in str(result) for result in results)
        assert pool.slots == 0
        await fast.aclose()
        with pytest.raises(httpx.ConnectError, match="closed"):
            await fast.handle_async_request(server.post())


async def test_closing_ends_a_connect_under_way(transport: Make) -> None:
    async def silent(peer: Peer) -> None:
        await peer.gone()

    async with RawServer(silent) as server:
        fast = transport()
        request = httpx.Request("GET", f"https://127.0.0.1:{server.port}/")
        task = asyncio.ensure_future(fast.handle_async_request(request))
        await seen(lambda: len(server.peers) == 1)
        pool = only(fast)
        await fast.aclose()
        assert pool.sockets == 0
        with pytest.raises(httpx.ConnectError, match="closed"):
            await task
        assert pool.slots == 0


async def test_other_schemes_are_refused(transport: Make) -> None:
    async with transport() as fast:
        for url in ("ftp://127.0.0.1/", "ws://127.0.0.1/", "/relative"):
            with pytest.raises(RequestRefusedError):
                await fast.handle_async_request(httpx.Request("GET", url, headers={"Host": "x"}))


# Several loops. These tests run loops of their own.


def runs(loop: str) -> Callable[[Any], Any]:
    if loop == "asyncio":
        return asyncio.run
    return pytest.importorskip("uvloop").run  # type: ignore[no-any-return]


# A loop that ends with open connections: asyncio warns when it collects them. uvloop warns in `loop.close()`; if the
# warning is an error, the loop never finishes closing while any socket is open.
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
@pytest.mark.parametrize("anyio_backend", ["none"])
def test_the_connections_of_a_closed_loop_are_let_go(
    transport: Make, threaded_server: RawServer, loop: str, anyio_backend: str
) -> None:
    """The server sees the end of the connections, although the loop that could close them is closed."""
    del anyio_backend
    fast = transport()

    async def main() -> None:
        await asyncio.gather(*[fast.handle_async_request(threaded_server.post()) for _ in range(3)])
        assert only(fast).sockets == 3

    runs(loop)(main())
    fast.abandon()
    until(lambda: threaded_server.open_now == 0)
    assert not fast.pools
    gc.collect()
