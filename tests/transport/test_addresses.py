"""A host with several addresses: a dead address delays a connection but does not prevent it, and no socket leaks."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from patience import seen
from transport.raw_server import RawServer, polite

from eightbyeight_async.transport import addresses as module
from eightbyeight_async.transport.addresses import in_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eightbyeight_async.transport.fast import FastTransport

    Make = Callable[..., FastTransport]

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("collected")]

IPV4, IPV6 = socket.AF_INET, socket.AF_INET6


@pytest.fixture
def dead() -> Iterator[tuple[str, int]]:
    """Yields an address that never answers: a listener whose queue is full."""
    with closing(socket.create_server(("", 0), backlog=0)) as listener:
        address = "127.0.0.1", listener.getsockname()[1]
        waiting = []
        try:
            for _ in range(500):
                one = socket.socket()
                waiting.append(one)
                one.setblocking(False)
                if one.connect_ex(address) and not _writable(one):
                    break
            else:
                pytest.skip("this system's queue of connections has no end")
            yield address
        finally:
            for one in waiting:
                one.close()


def _writable(one: socket.socket) -> bool:
    import select

    return bool(select.select([], [one], [], 0.2)[1])


@pytest.fixture
def refusing() -> Iterator[tuple[str, int]]:
    """Yields an address that refuses connections: the port is bound, but nobody listens."""
    with closing(socket.socket()) as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The sockets that the race of connections makes."""
    found: list[socket.socket] = []

    def make(*arguments: Any) -> socket.socket:
        found.append(socket.socket(*arguments))
        return found[-1]

    monkeypatch.setattr(module, "socket", SimpleNamespace(socket=make, SOCK_STREAM=socket.SOCK_STREAM))
    return found


def resolves_to(*found: tuple[str, int]) -> None:
    """The running loop's name lookup returns these addresses for localhost."""
    loop = asyncio.get_running_loop()
    look_up = type(loop).getaddrinfo

    async def getaddrinfo(host: str, *more: Any, **options: Any) -> list[Any]:
        if host != "localhost":  # uvloop looks up addresses, too
            return list(await look_up(loop, host, *more, **options))
        return [(IPV4, socket.SOCK_STREAM, 6, "", address) for address in found]

    loop.getaddrinfo = getaddrinfo  # type: ignore[method-assign]


def get(connect: float | None = 30.0) -> httpx.Request:
    timeout = {"connect": connect, "read": None, "write": None, "pool": None}
    return httpx.Request("GET", "https://localhost/", extensions={"timeout": timeout})


def left_open(made: list[socket.socket]) -> int:
    return sum(one.fileno() != -1 for one in made)


@pytest.mark.parametrize("number", [1, 3])
async def test_a_dead_address_is_passed_by_within_a_short_timeout(
    transport: Make, server_tls: Any, dead: Any, made: list[socket.socket], number: int
) -> None:
    async with RawServer(polite, tls=server_tls) as server, transport() as fast:
        resolves_to(*[(f"127.0.0.{last}", dead[1]) for last in range(1, 1 + number)], ("127.0.0.1", server.port))
        response = await fast.handle_async_request(get())
        assert response.status_code == 200
        assert len(server.peers) == 1
        assert left_open(made) <= 1


async def test_a_refusing_address_is_passed_by_at_once(
    transport: Make, server_tls: Any, refusing: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NEXT_AFTER", 3_600.0)
    async with RawServer(polite, tls=server_tls) as server, transport() as fast:
        resolves_to(refusing, refusing, ("127.0.0.1", server.port))
        assert (await fast.handle_async_request(get())).status_code == 200


async def test_without_a_live_address_nothing_was_sent_and_no_socket_stays(
    transport: Make, dead: Any, refusing: Any, made: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NEXT_AFTER", 0.0)  # both addresses are tried before the timeout
    async with transport() as fast:
        resolves_to(dead, refusing)
        with pytest.raises(httpx.ConnectTimeout):
            await fast.handle_async_request(get(connect=0.6))
        resolves_to(refusing, ("127.0.0.2", refusing[1]))
        with pytest.raises(httpx.ConnectError):
            await fast.handle_async_request(get())
    assert len(made) == 4
    assert left_open(made) == 0


async def test_the_slower_of_two_that_accept_is_closed(
    transport: Make, server_tls: Any, made: list[socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_NEXT_AFTER", 0.0)
    async with (
        RawServer(polite, tls=server_tls) as one,
        RawServer(polite, tls=server_tls) as other,
        transport() as fast,
    ):
        resolves_to(("127.0.0.1", one.port), ("127.0.0.1", other.port))
        for _ in range(20):
            assert (await fast.handle_async_request(get())).status_code == 200
            assert left_open(made) <= 1
            (pool,) = fast.pools.values()
            pool.discard(pool.take())
        assert len(made) > 20  # both addresses were tried


async def test_a_cancelled_race_leaves_no_socket(transport: Make, dead: Any, made: list[socket.socket]) -> None:
    async with transport() as fast:
        resolves_to(dead, ("127.0.0.2", dead[1]))
        task = asyncio.ensure_future(fast.handle_async_request(get(connect=None)))
        await seen(lambda: len(made) == 2)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert left_open(made) == 0
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        assert not [one for one in tasks if "_connect" in repr(one)]


def test_the_families_take_turns() -> None:
    found = [(IPV6, "a"), (IPV6, "b"), (IPV6, "c"), (IPV4, "d")]
    assert in_turn(found) == [(IPV6, "a"), (IPV4, "d"), (IPV6, "b"), (IPV6, "c")]
    assert in_turn(found[:1]) == found[:1]
    assert in_turn([(IPV4, "a"), (IPV6, "b"), (IPV4, "c"), (IPV6, "d")]) == [
        (IPV4, "a"), (IPV6, "b"), (IPV4, "c"), (IPV6, "d"),
    ]  # fmt: skip
