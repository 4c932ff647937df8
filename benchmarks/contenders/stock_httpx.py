"""Plain httpx, as applications use it: one AsyncClient with raised limits, gather + semaphore, no models."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import httpx

from benchmarks.messages import API_KEY, PATH, payload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.contenders import Target


class Httpx:
    def __init__(self, client: httpx.AsyncClient, url: str, concurrency: int) -> None:
        self._client = client
        self._url = url
        self._semaphore = asyncio.Semaphore(concurrency)

    async def send_all(self, first: int, count: int) -> int:
        return sum(await asyncio.gather(*(self._bounded(index) for index in range(first, first + count))))

    async def _bounded(self, index: int) -> bool:
        async with self._semaphore:
            return await self.send_one(index)

    async def send_one(self, index: int) -> bool:
        response = await self._client.post(self._url, json=payload(index))
        response.raise_for_status()
        return bool(response.json()["status"]["code"] == "QUEUED")


@asynccontextmanager
async def opened(target: Target, concurrency: int) -> AsyncIterator[Httpx]:
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency, keepalive_expiry=60)
    async with httpx.AsyncClient(
        verify=target.context() or True,
        limits=limits,
        timeout=httpx.Timeout(60, pool=None),
        headers={"Authorization": f"Bearer {API_KEY}"},
    ) as client:
        yield Httpx(client, target.url + PATH, concurrency)
