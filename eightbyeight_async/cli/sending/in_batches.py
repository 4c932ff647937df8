"""Sends the rows for `send-batch`: one POST per chunk of up to 10,000 rows, a few POSTs at a time.

Rules:
- If an answer is lost, all rows of its chunk are unknown.
- If an answer does not mention a row, that row is unknown.
- If the time of a row has passed since the check, only that row fails; the other rows of its batch are sent.
- An interrupted run waits for the answers without a time limit: each answer is about up to 10,000 messages.
"""

from __future__ import annotations

import itertools
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import anyio
import attrs

from eightbyeight_async.calls.times import check_times
from eightbyeight_async.cli.sending.file_run import FileRun
from eightbyeight_async.cli.terminal.loop_and_signals import now
from eightbyeight_async.errors import EightByEightError, InvalidRequestError, UnexpectedResponseError
from eightbyeight_async.models.sms_batch import MAX_BATCH, BatchSmsRequest
from eightbyeight_async.request_pacer import Pacer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from eightbyeight_async.models.sms import SmsRequest, SmsResponse
    from eightbyeight_async.models.sms_batch import BatchSmsResponse

__all__ = ["BatchRun"]


class _RowResult(NamedTuple):
    """Result of one row. If `response` and `error` are both None, the request was aborted."""

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
    most_failures: ClassVar[int] = 2
    _taken: int = attrs.field(default=0, init=False)
    _ended: deque[_RowResult] = attrs.field(factory=deque, init=False)  # results that are not recorded yet
    _blank: ClassVar[Mapping[str, object]] = {"batch_id": None}
    _halt: anyio.Event | None = attrs.field(default=None, init=False)

    async def _send(self) -> None:
        self._halt = anyio.Event()
        requests = aiter(self._requests_to_send()) if self._has_gaps else self._requests()
        filling = anyio.Lock()
        pacer = None if self.rate is None else Pacer(self.rate, time.monotonic)
        async with anyio.create_task_group() as tasks:
            for _ in range(self.width):
                tasks.start_soon(self._work, requests, filling, pacer)

    async def _work(
        self, requests: Iterator[SmsRequest] | AsyncIterator[SmsRequest], filling: anyio.Lock, pacer: Pacer | None
    ) -> None:
        while self.why_stopped is None:
            if pacer is not None and self._halt is not None:
                with anyio.move_on_after(pacer.reserve()[0]):
                    await self._halt.wait()
            first, chunk = await self._next_chunk(requests, filling)
            if not chunk:
                return
            await self._post(first, chunk)
            await self._take_leftover()

    async def _next_chunk(
        self, requests: Iterator[SmsRequest] | AsyncIterator[SmsRequest], filling: anyio.Lock
    ) -> tuple[int, list[SmsRequest]]:
        """Returns the next messages, and the number of messages taken before them."""
        async with filling:
            if isinstance(requests, Iterator):
                chunk = list(itertools.islice(requests, self.size))
            else:
                chunk = []
                while len(chunk) < self.size and (request := await anext(requests, None)) is not None:
                    chunk.append(request)
            first, self._taken = self._taken, self._taken + len(chunk)
        return first, chunk

    async def _post(self, first: int, chunk: Sequence[SmsRequest]) -> None:
        rows = list(self._in_time(first, chunk))
        if not rows:
            return
        try:
            batch = BatchSmsRequest(messages=[request for _, request in rows], include_messages_in_response=True)
            answer = await self.patience.attempt(lambda: self.client.sms.send_batch(batch))
        except EightByEightError as error:
            self._ended.extend(_RowResult(index, request, None, error) for index, request in rows)
        except BaseException:
            self._ended.extend(_RowResult(index, request) for index, request in rows)
            raise
        else:
            self.say(_batch_line(self._row_number(rows[0][0]), self._row_number(rows[-1][0]), answer))
            self._ended.extend(_results(rows, answer))
        finally:
            self.counts.requests += 1

    def _in_time(self, first: int, chunk: Sequence[SmsRequest]) -> Iterator[tuple[int, SmsRequest]]:
        """Yields the rows whose times have not passed, with their index. The other rows fail."""
        moment = now()
        for index, request in enumerate(chunk, first):
            try:
                check_times(request.scheduled, request.expiry, moment)
            except InvalidRequestError as late:
                self._ended.append(_RowResult(index, request, None, late))
            else:
                yield index, request

    async def _take_leftover(self) -> None:
        while self._ended:
            one = self._ended.popleft()
            await self._record(one.place, one.request, one.response, one.error, batch_id=one.batch_id)

    def _stop(self, why: str) -> None:
        super()._stop(why)
        if self._halt is not None:
            self._halt.set()


def _batch_line(first: int, last: int, answer: BatchSmsResponse) -> str:
    which = f"row {first:,}" if first == last else f"rows {first:,} to {last:,}"
    return f"batch {answer.batch_id}: {which}, {answer.accepted_count:,} accepted, {answer.rejected_count:,} rejected"


def _results(rows: Sequence[tuple[int, SmsRequest]], answer: BatchSmsResponse) -> Iterator[_RowResult]:
    found = [result.response for result in answer.results] or [None] * len(rows)
    for (index, request), response in zip(rows, found, strict=True):
        error = None if response is not None else UnexpectedResponseError("the answer does not mention this message")
        yield _RowResult(index, request, response, error, answer.batch_id)
