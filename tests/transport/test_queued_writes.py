"""Between the turn of the loop that makes a request and the one that writes it: what happens there costs no message."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from transport.raw_server import OK, Peer, RawServer, polite

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from eightbyeight_async.transport.fast import FastTransport

    Make = Callable[..., FastTransport]

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("collected")]


@pytest.fixture(params=["plain", "tls"])
def server_side(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {} if request.param == "plain" else {"tls": request.getfixturevalue("server_tls")}


def end(peer: Peer) -> None:
    """The server's FIN, in the client's socket when this returns."""
    with socket.socket(fileno=os.dup(peer.writer.get_extra_info("socket").fileno())) as twin:
        twin.shutdown(socket.SHUT_WR)


def heard(peer: Peer) -> bool:
    """Whether bytes lie in the server's socket."""
    poll = select.poll()
    poll.register(peer.writer.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(0))


async def warm(fast: FastTransport, server: RawServer, connections: int) -> None:
    await asyncio.gather(*[fast.handle_async_request(server.post()) for _ in range(connections)])
    assert len(server.peers) == connections


async def test_a_connection_that_ends_before_the_write_is_replaced(
    transport: Make, server_side: dict[str, Any]
) -> None:
    async with RawServer(polite, **server_side) as server, transport() as fast:
        await warm(fast, server, 1)
        task = asyncio.ensure_future(fast.handle_async_request(server.post()))
        await asyncio.sleep(0)  # it has its connection, and has not written
        end(server.peers[0])
        response = await task
        assert await response.aread() == b"hi"
        assert [peer.requests for peer in server.peers] == [1, 1]
        (pool,) = fast.pools.values()
        assert (pool.slots, pool.idle, pool.sockets) == (1, 1, 1)


async def test_a_hundred_that_end_before_the_write_are_replaced_by_new_ones(
    transport: Make, server_side: dict[str, Any]
) -> None:
    async with RawServer(polite, **server_side) as server, transport(max_connections=20) as fast:
        await warm(fast, server, 20)
        tasks = [asyncio.ensure_future(fast.handle_async_request(server.post())) for _ in range(100)]
        await asyncio.sleep(0)
        for peer in server.peers:
            end(peer)
        assert [response.status_code for response in await asyncio.gather(*tasks)] == [200] * 100
        assert server.requests == 120
        assert all(peer.requests == 1 for peer in server.peers[:20])
        (pool,) = fast.pools.values()
        assert pool.slots == pool.idle <= 20


async def test_a_new_connection_that_ends_before_the_write_is_an_error(transport: Make) -> None:
    """Who hangs up on everyone is not dialled for ever."""

    async def rude(peer: Peer) -> None:
        del peer

    async with RawServer(rude) as server, transport() as fast:
        with pytest.raises((httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)):
            await fast.handle_async_request(server.post())
        assert len(server.peers) == 1


async def test_what_a_body_raises_is_never_taken_for_a_closed_connection(
    transport: Make, server_side: dict[str, Any]
) -> None:
    """A body can come out of another request, and raise what that one raised."""
    begun = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal begun
        begun += 1
        yield b"half"
        raise httpx.ConnectError("of somebody else")

    async with RawServer(polite, **server_side) as server, transport() as fast:
        await warm(fast, server, 1)
        with pytest.raises(httpx.ConnectError, match="somebody else"):
            await fast.handle_async_request(httpx.Request("POST", server.url, content=body()))
        assert (begun, len(server.peers), server.requests) == (1, 1, 1)


async def test_a_request_cancelled_before_the_write_is_never_written(
    transport: Make, server_side: dict[str, Any]
) -> None:
    async with RawServer(polite, **server_side) as server, transport() as fast:
        await warm(fast, server, 1)
        task = asyncio.ensure_future(fast.handle_async_request(server.post()))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.sleep(0.02)
        assert server.requests == 1
        (pool,) = fast.pools.values()
        assert pool.slots == pool.sockets == 0
        await fast.handle_async_request(server.post())
        assert server.requests == 2


async def test_closing_before_the_write_leaves_nothing(transport: Make, server_side: dict[str, Any]) -> None:
    async with RawServer(polite, **server_side) as server, transport() as fast:
        await warm(fast, server, 1)
        task = asyncio.ensure_future(fast.handle_async_request(server.post()))
        await asyncio.sleep(0)
        await fast.aclose()
        with pytest.raises(httpx.TransportError):
            await task
        assert server.requests == 1


async def test_the_requests_of_a_turn_are_written_together(transport: Make, server_side: dict[str, Any]) -> None:
    let = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await let.wait()  # from here on the test looks into the socket
        await peer.request()
        await peer.send(OK)

    async with RawServer(script, **server_side) as server, transport() as fast:
        await warm(fast, server, 10)
        await asyncio.sleep(0.02)
        for peer in server.peers:
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        tasks = [asyncio.ensure_future(fast.handle_async_request(server.post())) for _ in range(10)]
        await asyncio.sleep(0)
        assert not any(heard(peer) for peer in server.peers)
        await asyncio.sleep(0)
        assert all(heard(peer) for peer in server.peers)
        let.set()
        for peer in server.peers:
            peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await asyncio.gather(*tasks)
