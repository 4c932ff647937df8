"""Sends the rows for `send-batch`: one POST per chunk of up to 10,000 rows, a few POSTs at a time.

Rules:
- If an answer is lost, all rows of its chunk are unknown.
- If an answer does not mention a row, that row is unknown.
- An interrupted run waits for the answers without a time limit: each answer is about up to 10,000 messages.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

import anyio
import attrs

from eightbyeight_async.cli.sending.file_run import FileRun
from eightbyeight_async.errors import EightByEightError, UnexpectedResponseError
from eightbyeight_async.models.sms_batch import MAX_BATCH, BatchSmsRequest
from eightbyeight_async.request_pacer import Pacer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from eightbyeight_async.models.sms import SmsRequest, SmsResponse
    from eightbyeight_async.models.sms_batch import BatchSmsResponse

__all__ = ["BatchRun"]


class _RowResult(NamedTuple):
    """Result of one row. If `response` and `error` are both None, the request was cut off."""

    place: int
    request: SmsRequest
    response: SmsResponse | None = None
    error: EightByEightError | None = None
    batch_id: str | None = None


@attrs.define(kw_only=True)
class BatchRun(FileRun):
    """A run in batches.

    Attributes:
        size: rows per request.
        width: maximum number of requests in flight.
    """

    size: int = MAX_BATCH
    width: int = 2
    _taken: int = attrs.field(default=0, init=False)
    _ended: deque[_RowResult] = attrs.field(factory=deque, init=False)  # results that are not recorded yet
    _halt: anyio.Event | None = attrs.field(default=None, init=False)

    async def _send(self) -> None:
        self._halt = anyio.Event()
        requests = self._requests()
        pacer = None if self.rate is None else Pacer(self.rate, time.monotonic)
        async with anyio.create_task_group() as tasks:
            for _ in range(self.width):
                tasks.start_soon(self._work, requests, pacer)

    async def _work(self, requests: Iterator[SmsRequest], pacer: Pacer | None) -> None:
        while self.why_stopped is None:
            if pacer is not None and self._halt is not None:
                with anyio.move_on_after(pacer.reserve()[0]):
                    await self._halt.wait()
            chunk = list(itertools.islice(requests, self.size))
            if not chunk:
                return
            first, self._taken = self._taken, self._taken + len(chunk)
            await self._post(first, chunk)
            await self._take_leftover()

    async def _post(self, first: int, chunk: Sequence[SmsRequest]) -> None:
        rows = range(first, first + len(chunk))
        try:
            answer = await self.client.sms.send_batch(
                BatchSmsRequest(messages=chunk, include_messages_in_response=True)
            )
        except EightByEightError as error:
            self._ended.extend(
                _RowResult(index, request, None, error) for index, request in zip(rows, chunk, strict=True)
            )
        except BaseException:
            self._ended.extend(_RowResult(index, request) for index, request in zip(rows, chunk, strict=True))
            raise
        else:
            self.say(_batch_line(rows, answer))
            self._ended.extend(_results(first, chunk, answer))

    async def _take_leftover(self) -> None:
        while self._ended:
            one = self._ended.popleft()
            await self._record(one.place, one.request, one.response, one.error, batch_id=one.batch_id)

    def _stop(self, why: str) -> None:
        super()._stop(why)
        if self._halt is not None:
            self._halt.set()


def _batch_line(rows: range, answer: BatchSmsResponse) -> str:
    which = f"row {rows[0] + 1:,}" if len(rows) == 1 else f"rows {rows[0] + 1:,} to {rows[-1] + 1:,}"
    return f"batch {answer.batch_id}: {which}, {answer.accepted_count:,} accepted, {answer.rejected_count:,} rejected"


def _results(first: int, chunk: Sequence[SmsRequest], answer: BatchSmsResponse) -> Iterator[_RowResult]:
    found = [result.response for result in answer.results] or [None] * len(chunk)
    for index, (request, response) in enumerate(zip(chunk, found, strict=True), first):
        error = None if response is not None else UnexpectedResponseError("the answer does not mention this message")
        yield _RowResult(index, request, response, error, answer.batch_id)
