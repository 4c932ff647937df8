"""After many requests nothing has grown: connections, objects, waiting requests.

Half a million requests instead of a few thousand:
`EIGHTBYEIGHT_SOAK=500000 python -m pytest tests/transport/test_soak.py`.
"""

from __future__ import annotations

import asyncio
import gc
import os
import random
import tracemalloc
from typing import TYPE_CHECKING, Any

import pytest
from patience import PATIENCE, seen
from transport.raw_server import OK, Peer, RawServer

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    import httpx

    from eightbyeight_async.transport.fast import FastTransport

pytestmark = pytest.mark.anyio

REQUESTS = int(os.environ.get("EIGHTBYEIGHT_SOAK", "4000"))
AT_ONCE = 50


class Moody:
    """A server that usually answers. Sometimes it announces the end, cuts off an answer, sends surplus bytes or closes
    silently.
    """

    def __init__(self) -> None:
        self._random = random.Random(8)  # noqa: S311

    async def __call__(self, peer: Peer) -> None:
        while True:
            await peer.request()
            mood = self._random.random()
            if mood < 0.005:
                await peer.send(OK[:20])
                return
            if mood < 0.01:
                peer.cut()
                return
            await peer.send(OK.replace(b"\r\n", b"\r\nConnection: close\r\n", 1) if mood < 0.02 else OK)
            if mood > 0.99:
                await peer.send(b"surplus")
            elif mood > 0.98:
                return


async def load(client: httpx.AsyncBaseTransport, server: RawServer, requests: int) -> dict[str, int]:
    outcomes: dict[str, int] = {}
    numbers = iter(range(requests))

    async def worker() -> None:
        for number in numbers:
            task = asyncio.ensure_future(client.handle_async_request(server.post(timeout={"read": PATIENCE})))
            if number % 97 == 0:
                await asyncio.sleep(0)
                task.cancel()
            result = (await asyncio.gather(task, return_exceptions=True))[0]
            name = type(result).__name__
            outcomes[name] = outcomes.get(name, 0) + 1

    await asyncio.gather(*[worker() for _ in range(AT_ONCE)])
    return outcomes


@pytest.mark.long
async def test_nothing_grows(
    transport: Callable[..., FastTransport], server_tls: ssl.SSLContext, anyio_backend: Any
) -> None:
    del anyio_backend
    fast = transport(max_connections=20)
    async with RawServer(Moody(), tls=server_tls) as server, fast as client:
        await load(client, server, 1000)
        (pool,) = fast.pools.values()
        sizes, objects = [], []
        tracemalloc.start()
        for _ in range(3):
            outcomes = await load(client, server, REQUESTS // 3)
            await seen(lambda: len(server._tasks) == pool.sockets <= 20)
            server.peers.clear()
            gc.collect()
            sizes.append(tracemalloc.get_traced_memory()[0])
            objects.append(len(gc.get_objects()))
            assert pool.slots == pool.idle <= 20
            assert pool.waiting == 0
            known = {"Response", "RemoteProtocolError", "ReadError", "CancelledError"}
            assert set(outcomes) <= known, outcomes
        tracemalloc.stop()
        assert abs(objects[2] - objects[1]) < 2000, objects
        assert sizes[2] - sizes[1] < 300_000, sizes
