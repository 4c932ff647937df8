"""The second reading of a file: its rows are sent, many at a time, each result is counted and recorded.

What stops it early, and how:
- the API key is not accepted, the records cannot be written any more, the file has changed: no more rows are taken,
  what is in flight is waited for;
- Ctrl-C or SIGTERM: the same, but it is waited for `GRACE` seconds at most; a second one ends the wait. What is cut
  off then is recorded as unknown: it may have gone out.
"""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import anyio
import attrs

from eightbyeight_async.cli.lines import FileChangedError
from eightbyeight_async.cli.record import record_of
from eightbyeight_async.cli.rows import Complaint, Row
from eightbyeight_async.cli.run import on_interrupt
from eightbyeight_async.pacing import Pacer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from eightbyeight_async.cli.output import Lines
    from eightbyeight_async.cli.tally import Tally
    from eightbyeight_async.client import AsyncConnectClient
    from eightbyeight_async.fanout import SendResult
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["GRACE", "Fan"]

GRACE = 2.0


@attrs.define(kw_only=True)
class Fan:
    """One run over the rows of a checked file.

    Attributes:
        client: what sends; its `max_concurrency` and `max_rate` hold.
        rows: the file, read again.
        tally: counts.
        lines: where the records go.
        private: records hold numbers and texts.
        rate: rows a second, None: as they come. Beside the client's `max_rate`, so that a row waits for its moment
            before it is taken, and not as one that is in flight when the run is interrupted.
        changed: called after every result.
        on_result: sees every result.
        why_stopped: after the run, None if every row was taken.
    """

    client: AsyncConnectClient
    rows: Iterable[Row | Complaint]
    tally: Tally
    lines: Lines
    private: bool = False
    rate: float | None = None
    changed: Callable[[], None] = lambda: None
    on_result: Callable[[SendResult], None] = lambda _: None
    why_stopped: str | None = None

    async def run(self) -> None:
        requests = self._requests() if self.rate is None else self._paced(self.rate)
        scope = anyio.CancelScope()
        each = self.client.sms.send_each(requests)
        try:
            async with on_interrupt(lambda: self._interrupt(scope)):
                with scope:
                    async with each as results:
                        async for result in results:
                            await self._take(result)
        except FileChangedError:
            self.why_stopped = "the file has changed since it was checked"
        finally:
            # Also after Ctrl-C on Windows and after a bug: what was in flight is known here and nowhere else.
            with anyio.CancelScope(shield=True):
                for result in each.leftover:
                    await self._take(result)
                await self.lines.close(hurry=self.tally.interrupted)
            if self.lines.failure is not None:
                self.why_stopped = self.why_stopped or self.lines.failure

    def _requests(self) -> Iterator[SmsRequest]:
        for row in self.rows:
            if self.why_stopped is not None:
                return
            if isinstance(row, Complaint):  # its bytes are those that were checked
                raise AssertionError("a row that was fine is not any more")  # noqa: TRY004 - no matter of types
            yield row.request

    async def _paced(self, rate: float) -> AsyncIterator[SmsRequest]:
        pacer = Pacer(rate, time.monotonic)
        for request in self._requests():
            await anyio.sleep(pacer.reserve())
            if self.why_stopped is not None:
                return
            yield request

    async def _take(self, result: SendResult) -> None:
        row = result.index + 1
        self.tally.count(row, result.response, result.error)
        self.on_result(result)
        record: dict[str, Any] = {"row": row, "index": result.index}
        record |= record_of(result.request, result.response, result.error, private=self.private)
        if self.tally.key_refused and self.why_stopped is None:
            self.why_stopped = "the API key is not accepted"
        await self.lines.write(json.dumps(record, ensure_ascii=False))
        if self.lines.failure is not None and self.why_stopped is None:
            self.why_stopped = self.lines.failure
        self.changed()

    def _interrupt(self, scope: anyio.CancelScope) -> None:
        if self.tally.interrupted:
            scope.cancel()
            return
        self.tally.interrupted = True
        self.why_stopped = "interrupted"
        # Not anyio.current_time(): a signal's callback belongs to no task, and that asks the task for its loop.
        scope.deadline = asyncio.get_running_loop().time() + GRACE
