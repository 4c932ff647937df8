"""Sends the rows for `send-each`: one POST per row, many at a time."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio
import attrs

from eightbyeight_async.cli.sending.file_run import FileRun
from eightbyeight_async.request_pacer import Pacer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

    from eightbyeight_async.bulk.run.group_rates import GroupRates
    from eightbyeight_async.fanout import SendEach, SendResult
    from eightbyeight_async.models.sms import SmsRequest, SmsResponse

__all__ = ["OneByOneRun"]


@attrs.define(kw_only=True)
class OneByOneRun(FileRun):
    """A run with one request per row.

    Attributes:
        on_result: called with every result before it is recorded.
        groups: the rates of groups of messages; None: there are no groups.
    """

    on_result: Callable[[SendResult], None] = lambda _: None
    groups: GroupRates | None = None
    _each: SendEach | None = attrs.field(default=None, init=False)

    async def _send(self) -> None:
        requests: Iterator[SmsRequest] | AsyncIterator[SmsRequest] = self._requests()
        if self.rate is not None:
            requests = self._paced(self.rate)
        elif self._has_gaps:
            requests = self._requests_to_send()
        self._each = self.client.sms.send_each(requests).through(self._deliver)
        async with self._each as results:
            async for result in results:
                await self._take(result)

    async def _deliver(self, request: SmsRequest, call: Callable[[], Awaitable[SmsResponse]]) -> SmsResponse:
        if self.groups is not None:
            await self.patience.wait(self.groups.reserve(request))
        return await self.patience.attempt(call)

    async def _take_leftover(self) -> None:
        for result in [] if self._each is None else self._each.leftover:
            await self._take(result)

    async def _take(self, result: SendResult) -> None:
        self.counts.requests += 1
        self.on_result(result)
        await self._record(result.index, result.request, result.response, result.error)

    async def _paced(self, rate: float) -> AsyncIterator[SmsRequest]:
        pacer = Pacer(rate, time.monotonic)
        async for request in self._requests_to_send():
            await anyio.sleep(pacer.reserve()[0])
            if self.why_stopped is not None:
                return
            yield request
