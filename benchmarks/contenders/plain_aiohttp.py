"""Plain aiohttp, as applications use it: one session, a dict for each message, gather + semaphore, no models."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from benchmarks.messages import API_KEY, PATH, payload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.contenders import Target


class Aiohttp:
    def __init__(self, session: aiohttp.ClientSession, url: str, concurrency: int) -> None:
        self._session = session
        self._url = url
        self._semaphore = asyncio.Semaphore(concurrency)

    async def send_all(self, first: int, count: int) -> int:
        return sum(await asyncio.gather(*(self._bounded(index) for index in range(first, first + count))))

    async def _bounded(self, index: int) -> bool:
        async with self._semaphore:
            return await self.send_one(index)

    async def send_one(self, index: int) -> bool:
        async with self._session.post(self._url, json=payload(index)) as response:
            response.raise_for_status()
            answer = await response.json()
            return bool(answer["status"]["code"] == "QUEUED")


@asynccontextmanager
async def opened(target: Target, concurrency: int) -> AsyncIterator[Aiohttp]:
    connector = aiohttp.TCPConnector(limit=concurrency, ssl=target.context() or True)
    headers = {"Authorization": f"Bearer {API_KEY}"}
    async with aiohttp.ClientSession(connector=connector, headers=headers) as session:
        yield Aiohttp(session, target.url + PATH, concurrency)
