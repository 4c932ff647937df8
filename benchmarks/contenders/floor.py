"""Ready-made bytes over `asyncio.Protocol`, without an HTTP client and without pipelining.

It shows how many messages the server can take. It is not a fair comparison, because it does not parse responses.
"""

from __future__ import annotations

import asyncio
import json
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from benchmarks.messages import API_KEY, PATH, payload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from benchmarks.contenders import Target


def _request(index: int) -> bytes:
    body = json.dumps(payload(index)).encode()
    head = f"POST {PATH} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {API_KEY}\r\n"
    return head.encode() + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body) + body


class _Line(asyncio.Protocol):
    """One connection, which sends the next request as soon as the response to the last one has come."""

    def __init__(self) -> None:
        self._received = b""
        self._done: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def start(self, indices: Iterator[int]) -> asyncio.Future[int]:
        self._indices, self._answered = indices, 0
        self._done = asyncio.get_running_loop().create_future()
        self._next()
        return self._done

    def _next(self) -> None:
        index = next(self._indices, None)
        if index is not None:
            self._transport.write(_request(index))
        elif self._done is not None:
            self._done.set_result(self._answered)

    def data_received(self, data: bytes) -> None:
        self._received += data
        if self._received.endswith(b"}}"):
            self._answered += b'"QUEUED"' in self._received
            self._received = b""
            self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._done is not None and not self._done.done():
            self._done.set_exception(exc or ConnectionResetError("closed by the server"))

    def close(self) -> None:
        self._transport.close()


class Floor:
    def __init__(self, lines: list[_Line]) -> None:
        self._lines = lines

    async def send_all(self, first: int, count: int) -> int:
        indices = iter(range(first, first + count))
        return sum(await asyncio.gather(*(line.start(indices) for line in self._lines)))

    async def send_one(self, index: int) -> bool:
        return await self._lines[0].start(iter([index])) == 1


@asynccontextmanager
async def opened(target: Target, concurrency: int) -> AsyncIterator[Floor]:
    loop = asyncio.get_running_loop()
    url = urlsplit(target.url)
    context = target.context()
    host, port = url.hostname or "", url.port or 443
    lines = [(await loop.create_connection(_Line, host, port, ssl=context))[1] for _ in range(concurrency)]
    try:
        yield Floor(lines)
    finally:
        for line in lines:
            line.close()
