"""A request is written one turn of the loop after it is made. No event between the two turns loses a message."""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from patience import PATIENCE, seen, until
from transport.manual_clock import hold
from transport.raw_server import OK, Peer, RawServer, polite

from eightbyeight_async.transport.pool import Pool

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from eightbyeight_async.transport.connection import Connection
    from eightbyeight_async.transport.fast import FastTransport

    Make = Callable[..., FastTransport]

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("collected")]


@pytest.fixture(params=["plain", "tls"])
def server_side(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {} if request.param == "plain" else {"tls": request.getfixturevalue("server_tls")}


def end(peer: Peer) -> None:
    """Sends the server's FIN. It is in the client's socket when this function returns."""
    with socket.socket(fileno=os.dup(peer.writer.get_extra_info("socket").fileno())) as twin:
        twin.shutdown(socket.SHUT_WR)


def heard(peer: Peer, patience: float = 0) -> bool:
    """Returns whether the server's socket has bytes within `patience` seconds. The loop stands still in this time."""
    poll = select.poll()
    poll.register(peer.writer.get_extra_info("socket").fileno(), select.POLLIN)
    return bool(poll.poll(patience * 1000))


async def warm(fast: FastTransport, server: RawServer, connections: int) -> None:
    """Opens `connections` idle connections with nothing to read in their sockets: TLS's tickets are read, too."""
    await asyncio.gather(*[fast.handle_async_request(server.post()) for _ in range(connections)])
    assert len(server.peers) == connections
    (pool,) = fast.pools.values()
    await seen(lambda: pool.idle == connections and all(connection.quiet() for connection in pool._idle))


async def test_a_connection_that_ends_before_the_write_is_replaced(
    transport: Make, server_side: dict[str, Any]
) -> None:
    async with RawServer(polite, **server_side) as server, transport() as fast:
        await warm(fast, server, 1)
        task = asyncio.ensure_future(fast.handle_async_request(server.post()))
        await asyncio.sleep(0)  # the request has a connection, but is not written yet
        end(server.peers[0])
        response = await task
        assert await response.aread() == b"hi"
        assert [peer.requests for peer in server.peers] == [1, 1]
        (pool,) = fast.pools.values()
        assert (pool.slots, pool.idle, pool.sockets) == (1, 1, 1)


@pytest.mark.parametrize("size", [2, 200_000])
async def test_an_end_that_the_loop_has_not_seen_is_seen_before_the_write(
    transport: Make, server_side: dict[str, Any], size: int
) -> None:
    """A large body is not queued. It is written in the turn in which the request gets its connection."""
    async with RawServer(polite, **server_side) as server, transport() as fast:
        await warm(fast, server, 1)
        end(server.peers[0])
        response = await fast.handle_async_request(server.post(b"x" * size))
        assert await response.aread() == b"hi"
        assert [peer.requests for peer in server.peers] == [1, 1]


async def test_many_that_end_before_the_write_are_replaced_by_new_ones(
    transport: Make, server_side: dict[str, Any]
) -> None:
    async with RawServer(polite, **server_side) as server, transport(max_connections=4) as fast:
        await warm(fast, server, 4)
        tasks = [asyncio.ensure_future(fast.handle_async_request(server.post())) for _ in range(100)]
        await asyncio.sleep(0)
        for peer in server.peers:
            end(peer)
        assert [response.status_code for response in await asyncio.gather(*tasks)] == [200] * 100
        assert server.requests == 104
        assert all(peer.requests == 1 for peer in server.peers[:4])
        (pool,) = fast.pools.values()
        assert pool.slots == pool.idle <= 4


async def test_a_new_connection_that_ends_before_the_write_is_an_error(transport: Make) -> None:
    """If a server closes every connection, the client does not connect again without end."""

    async def rude(peer: Peer) -> None:
        del peer

    async with RawServer(rude) as server, transport() as fast:
        with pytest.raises((httpx.ConnectError, httpx.ReadError, httpx.RemoteProtocolError)):
            await fast.handle_async_request(server.post())
        assert len(server.peers) == 1


async def test_what_a_body_raises_is_never_taken_for_a_closed_connection(
    transport: Make, server_side: dict[str, Any]
) -> None:
    """A body can be the answer of another request, and raise the error of that request."""
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
        (pool,) = fast.pools.values()
        await seen(lambda: pool.slots == pool.sockets == server.open_now == 0)
        assert server.requests == 1
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
        await let.wait()  # after this the test looks into the socket
        await peer.request()
        await peer.send(OK)

    async with RawServer(script, **server_side) as server, transport() as fast:
        await warm(fast, server, 4)
        for peer in server.peers:
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        tasks = [asyncio.ensure_future(fast.handle_async_request(server.post())) for _ in range(4)]
        await asyncio.sleep(0)
        assert not any(heard(peer) for peer in server.peers)
        await asyncio.sleep(0)
        assert all(heard(peer, PATIENCE) for peer in server.peers)
        let.set()
        for peer in server.peers:
            peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await asyncio.gather(*tasks)


async def test_the_first_of_many_are_written_before_the_last_are_made(
    transport: Make, server_side: dict[str, Any]
) -> None:
    async with RawServer(polite, **server_side) as server, transport(max_connections=40) as fast:
        await warm(fast, server, 40)
        for peer in server.peers:
            peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        tasks = [asyncio.ensure_future(fast.handle_async_request(server.post())) for _ in range(40)]
        await asyncio.sleep(0)
        until(lambda: sum(heard(peer) for peer in server.peers) >= 36)
        assert sum(heard(peer) for peer in server.peers) == 36
        for peer in server.peers:
            peer.writer.transport.resume_reading()  # type: ignore[attr-defined]
        await asyncio.gather(*tasks)
        assert server.requests == 80


async def test_a_write_that_raises_keeps_no_other_waiting(transport: Make, server_side: dict[str, Any]) -> None:
    class Broken:
        def __init__(self, transport: Any) -> None:
            self._transport = transport

        def __getattr__(self, name: str) -> Any:
            return getattr(self._transport, name)

        def write(self, data: bytes) -> None:
            raise RuntimeError("no more")

    async with RawServer(polite, **server_side) as server, transport(max_connections=3) as fast:
        await warm(fast, server, 3)
        tasks = [asyncio.ensure_future(fast.handle_async_request(server.post())) for _ in range(3)]
        await asyncio.sleep(0)
        (pool,) = fast.pools.values()
        broken = pool._queued[0]
        broken._transport = Broken(broken._transport)  # type: ignore[assignment]
        answers = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(answer).__name__ for answer in answers] == ["ReadError", "Response", "Response"]
        assert (pool.slots, pool.idle) == (2, 2)


async def test_the_time_to_answer_begins_with_the_write(transport: Make, threaded_server: RawServer) -> None:
    """If the loop is blocked in the turn between, it must not write a request and immediately time it out."""
    async with transport() as fast:
        await fast.handle_async_request(threaded_server.post())
        clock = hold(fast)
        task = asyncio.ensure_future(fast.handle_async_request(threaded_server.post(timeout={"read": 0.2})))
        await asyncio.sleep(0)
        clock.advance(0.3)  # the request has a connection, but is not written yet
        assert (await task).status_code == 200


async def test_who_had_a_connection_keeps_the_place_when_it_is_replaced(
    transport: Make, server_side: dict[str, Any]
) -> None:
    order: list[bytes] = []

    async def script(peer: Peer) -> None:
        while True:
            _, body = await peer.request()
            order.append(body)
            await asyncio.sleep(0.01)
            await peer.send(OK)

    async with RawServer(script, **server_side) as server, transport(max_connections=1) as fast:
        await warm(fast, server, 1)
        order.clear()
        first = asyncio.ensure_future(fast.handle_async_request(server.post(b"first")))
        later = [asyncio.ensure_future(fast.handle_async_request(server.post(b"%d" % number))) for number in range(3)]
        await asyncio.sleep(0)
        end(server.peers[0])
        await asyncio.gather(first, *later)
    assert order == [b"first", b"0", b"1", b"2"]


@pytest.mark.parametrize("what", ["answer", "end"])
async def test_a_server_that_does_not_wait_for_the_first_request_is_not_answered(
    transport: Make,
    server_tls: ssl.SSLContext,
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    """The server sends bytes, or closes, in the turn between. The test extends that turn until this has happened; the
    server runs in a thread.
    """
    queued = Pool.queued
    may, has = threading.Event(), threading.Event()

    def slowly(self: Pool, connection: Connection) -> None:
        queued(self, connection)
        may.set()
        assert has.wait(PATIENCE)

    monkeypatch.setattr(Pool, "queued", slowly)

    async def script(peer: Peer) -> None:
        await seen(may.is_set)
        if what == "answer":
            await peer.send(OK)
        else:
            peer.writer.close()
            for _ in range(3):  # the loop closes the socket in one of these turns
                await asyncio.sleep(0)
        has.set()
        await peer.gone()

    for tls in (None, server_tls):
        may.clear()
        has.clear()
        with (
            start_blocking_portal() as portal,
            portal.wrap_async_context_manager(RawServer(script, tls=tls)) as server,
        ):
            async with transport() as fast:
                with pytest.raises(httpx.ConnectError):
                    await fast.handle_async_request(server.post(timeout={"read": PATIENCE}))


@pytest.mark.parametrize("cut", [1, 4, 5, 6, 20])
async def test_half_a_tls_record_after_the_answer_is_surplus(
    transport: Make, server_tls: ssl.SSLContext, cut: int
) -> None:
    """OpenSSL reports no bytes for half a record. The other half would be read as the answer to the next request."""
    heard: list[bytes] = []

    def serve(connection: socket.socket) -> None:
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = server_tls.wrap_bio(incoming, outgoing, server_side=True)

        def step(act: Callable[[], Any]) -> Any:
            while True:
                try:
                    result = act()
                except ssl.SSLWantReadError:
                    connection.sendall(outgoing.read())
                    data = connection.recv(65536)
                    if not data:
                        raise ConnectionResetError from None
                    incoming.write(data)
                else:
                    connection.sendall(outgoing.read())
                    return result

        with connection, contextlib.suppress(OSError):
            connection.settimeout(PATIENCE)
            step(session.do_handshake)
            heard.append(step(lambda: session.read(65536)))
            session.write(OK)
            answer = outgoing.read()
            session.write(OK.replace(b"hi", b"NO"))
            surplus = outgoing.read()
            connection.sendall(answer + surplus[:cut])
            heard.append(step(lambda: session.read(65536)))
            connection.sendall(surplus[cut:])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = []

        def accept() -> None:
            for _ in range(2):
                thread = threading.Thread(target=serve, args=(listener.accept()[0],))
                thread.start()
                threads.append(thread)

        accepting = threading.Thread(target=accept)
        accepting.start()
        async with transport(max_connections=1) as fast:
            url = f"https://127.0.0.1:{listener.getsockname()[1]}/"
            for _ in range(2):
                response = await fast.handle_async_request(httpx.Request("GET", url))
                assert await response.aread() == b"hi"
                await asyncio.sleep(0.05)
        for thread in (accepting, *threads):
            await asyncio.to_thread(thread.join)
    assert len([one for one in heard if one]) == 2  # the empty ones are close_notify
