"""The SDK from the attrs request through `send_each` to the attrs response."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from benchmarks.messages import API_KEY, SOURCE, SUBACCOUNT, TEXT, destination, message_id
from eightbyeight_async import AsyncConnectClient, SmsRequest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from benchmarks.contenders import Target


def _request(index: int) -> SmsRequest:
    return SmsRequest(destination=destination(index), source=SOURCE, text=TEXT, client_message_id=message_id(index))


class Sdk:
    def __init__(self, client: AsyncConnectClient, concurrency: int) -> None:
        self._client = client
        self._concurrency = concurrency

    async def send_all(self, first: int, count: int) -> int:
        accepted = 0
        requests = (_request(index) for index in range(first, first + count))
        async with self._client.sms.send_each(requests, max_concurrency=self._concurrency) as results:
            async for result in results:
                if result.ok:
                    accepted += 1
                elif result.error is not None:
                    raise result.error
        return accepted

    async def send_one(self, index: int) -> bool:
        response = await self._client.sms.send(_request(index))
        return response.status.code == "QUEUED"


@asynccontextmanager
async def opened(target: Target, concurrency: int) -> AsyncIterator[Sdk]:
    async with AsyncConnectClient(
        API_KEY,
        SUBACCOUNT,
        sms_base_url=target.url,
        chatapps_base_url=target.url,
        ssl_context=target.context(),
        max_concurrency=concurrency,
        timeout=60.0,
    ) as client:
        yield Sdk(client, concurrency)
