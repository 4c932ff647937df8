"""A server that sends exactly the given bytes, over TLS 1.3 or plain, on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Self

import httpx

if TYPE_CHECKING:
    import ssl
    from collections.abc import Awaitable, Callable
    from types import TracebackType

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"


class Peer:
    """One accepted connection, as the script sees it."""

    def __init__(self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.number = number  # 0 for the first accepted connection
        self.reader = reader
        self.writer = writer
        self.requests = 0

    async def request(self) -> tuple[bytes, bytes]:
        """Returns the head and body of the next request. Raises IncompleteReadError if the client has closed the
        connection.
        """
        head = await self.reader.readuntil(b"\r\n\r\n")
        body = b""
        length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
        if length:
            body = await self.reader.readexactly(int(length[1]))
        elif re.search(rb"\r\ntransfer-encoding: *chunked", head, re.IGNORECASE):
            while True:
                size = int(await self.reader.readuntil(b"\n"), 16)
                body += await self.reader.readexactly(size)
                await self.reader.readexactly(2)
                if not size:
                    break
        self.requests += 1
        return head, body

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    def cut(self) -> None:
        """Closes the socket immediately, without close_notify."""
        self.writer.transport.abort()

    async def gone(self) -> None:
        """Waits until the client closes the connection."""
        with contextlib.suppress(OSError):
            await self.reader.read()


Script = "Callable[[Peer], Awaitable[None]]"


class RawServer:
    """`async with RawServer(script, tls=context) as server`. The script runs once for each connection, which ends with
    it.
    """

    def __init__(self, script: Callable[[Peer], Awaitable[None]], *, tls: ssl.SSLContext | None = None) -> None:
        self._script = script
        self._tls = tls
        self.peers: list[Peer] = []
        self.open_now = 0
        self.open_at_most = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=self._tls, backlog=2000)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in range(10):  # A connection that was made just now gets its task. asyncio's close() would lose it.
            await asyncio.sleep(0)
        self._server.close()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def requests(self) -> int:
        return sum(peer.requests for peer in self.peers)

    @property
    def url(self) -> str:
        return f"{'http' if self._tls is None else 'https'}://127.0.0.1:{self.port}"

    def post(self, body: bytes = b"{}", path: str = "/", **extensions: object) -> httpx.Request:
        """Returns a request in the form that the SDK makes."""
        return httpx.Request(
            "POST",
            self.url + path,
            headers=[(b"Host", b"127.0.0.1"), (b"Content-Length", b"%d" % len(body))],
            stream=httpx.ByteStream(body),
            extensions=extensions,
        )

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        peer = Peer(len(self.peers), reader, writer)
        self.peers.append(peer)
        self.open_now += 1
        self.open_at_most = max(self.open_at_most, self.open_now)
        try:
            with contextlib.suppress(asyncio.IncompleteReadError, OSError, asyncio.CancelledError):
                await self._script(peer)
        finally:
            self.open_now -= 1
            writer.close()
            with contextlib.suppress(Exception, asyncio.CancelledError):
                await asyncio.wait_for(writer.wait_closed(), 0.5)
            writer.transport.abort()
            self._tasks.discard(task)


async def polite(peer: Peer) -> None:
    """Answers every request with OK."""
    while True:
        await peer.request()
        await peer.send(OK)


def answering(answer: bytes) -> Callable[[Peer], Awaitable[None]]:
    """Returns a script that answers every request with these bytes and keeps the connection open."""

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await peer.send(answer)

    return script
