"""TLS 1.3 changes its keys during a connection, and requests a change of ours.

Python's own servers cannot do that, but `openssl s_server` can.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from typing import TYPE_CHECKING, Self

import httpx
import pytest
from patience import PATIENCE, seen
from transport.raw_server import OK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import trustme

    from eightbyeight_async.transport.fast import FastTransport

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.skipif(shutil.which("openssl") is None, reason="needs the openssl command"),
]


class OpensslServer:
    """A process `openssl s_server`. Its stdout has the bytes that it received; its stdin takes the bytes to send."""

    def __init__(self, pem: Path) -> None:
        self._pem = str(pem)
        self._heard = b""

    async def __aenter__(self) -> Self:
        arguments = ["s_server", "-accept", "127.0.0.1:0", "-tls1_3", "-msg", "-cert", self._pem, "-key", self._pem]
        self._process = await asyncio.create_subprocess_exec(
            "openssl", *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        accepts = await self.hears(b"\n", after=b"ACCEPT ")
        self.url = f"https://127.0.0.1:{int(accepts.rpartition(b':')[2])}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.kill()
        await self._process.wait()

    def says(self, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)

    async def hears(self, end: bytes, *, after: bytes = b"") -> bytes:
        """Returns the bytes between `after` and `end`, and removes everything up to `end`."""
        assert self._process.stdout is not None
        while not (found := re.search(re.escape(after) + b"(.*?)" + re.escape(end), self._heard, re.DOTALL)):
            more = await asyncio.wait_for(self._process.stdout.read(4096), PATIENCE)
            assert more, "openssl has ended"
            self._heard += more
        self._heard = self._heard[found.end() :]
        return found[1]


HERS = b">>> TLS 1.3, Handshake [length 0005], KeyUpdate"
OURS = b"<<< TLS 1.3, Handshake [length 0005], KeyUpdate"


@pytest.mark.parametrize(("command", "ours"), [(b"K\n", 1), (b"k\n", 0)], ids=["both keys", "its own key"])
async def test_keys_change_under_a_connection_and_nobody_notices(
    transport: Callable[..., FastTransport],
    authority: trustme.CA,
    tmp_path: Path,
    command: bytes,
    ours: int,
    reads: list[int],
) -> None:
    pem = tmp_path / "server.pem"
    authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(str(pem))
    async with OpensslServer(pem) as server, transport() as fast:

        async def ask(number: int) -> tuple[asyncio.Task[httpx.Response], int]:
            """Sends a request. Returns the task of its answer, and the number of our key changes before the request."""
            body = b"<%d>" % number
            request = httpx.Request("POST", server.url, content=body, extensions={"timeout": {"read": PATIENCE}})
            task = asyncio.ensure_future(fast.handle_async_request(request))
            return task, (await server.hears(body)).count(OURS)

        async def check(task: asyncio.Task[httpx.Response]) -> None:
            assert await (await task).aread() == b"hi"
            (pool,) = fast.pools.values()
            assert (pool.slots, pool.idle, pool.sockets) == (1, 1, 1)

        answer, _ = await ask(1)
        server.says(OK)
        await check(answer)
        before = len(reads)
        server.says(command)  # while the connection is idle
        await server.hears(HERS)
        await seen(lambda: len(reads) > before)
        answer, changed = await ask(2)
        assert changed == ours  # OpenSSL answers with the next record that it writes
        server.says(command)  # while the client waits for the answer
        await server.hears(HERS)
        server.says(OK)
        await check(answer)
        answer, changed = await ask(3)
        assert changed == ours
        server.says(OK)
        await check(answer)
