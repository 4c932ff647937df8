"""The second reading of a file: its rows are sent (`fan` or `chunks` say how), each result is counted and recorded.

What stops it early, and how:
- the API key is not accepted, the records cannot be written any more, the file has changed: no more rows are taken,
  what is in flight is waited for;
- Ctrl-C or SIGTERM: the same, but it is waited for `grace` seconds at most; a second one ends the wait. What is cut
  off then is recorded as unknown: it may have gone out.
"""

from __future__ import annotations

import asyncio
import json
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import anyio
import attrs

from eightbyeight_async.cli.reading.row_to_request import Problem, Row
from eightbyeight_async.cli.reading.twice_read_lines import FileChangedError
from eightbyeight_async.cli.sending.result_record import record_of
from eightbyeight_async.cli.terminal.loop_and_signals import on_interrupt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts
    from eightbyeight_async.cli.sending.record_writer import RecordWriter
    from eightbyeight_async.client import AsyncConnectClient
    from eightbyeight_async.errors import EightByEightError
    from eightbyeight_async.models.sms import SmsRequest, SmsResponse

__all__ = ["FileRun"]


@attrs.define(kw_only=True)
class FileRun(ABC):
    """One run over the rows of a checked file.

    Attributes:
        client: what sends; its `max_concurrency` and `max_rate` hold.
        rows: the file, read again.
        counts: counts.
        lines: where the records go.
        private: records hold numbers and texts.
        rate: requests a second, None: as they come. Beside the client's `max_rate`, so that a row waits for its moment
            before it is taken, and not as one that is in flight when the run is interrupted.
        grace: seconds that an interrupted run waits for what is in flight; None: until the requests time out.
        changed: called after every result.
        say: tells a person something.
        why_stopped: after the run, None if every row was taken.
    """

    client: AsyncConnectClient
    rows: Iterable[Row | Problem]
    counts: OutcomeCounts
    lines: RecordWriter
    private: bool = False
    rate: float | None = None
    grace: float | None = 2.0
    changed: Callable[[], None] = lambda: None
    say: Callable[[str], None] = lambda _: None
    why_stopped: str | None = None

    async def run(self) -> None:
        scope = anyio.CancelScope()
        try:
            async with on_interrupt(lambda: self._interrupt(scope)):
                with scope:
                    await self._send()
        finally:
            # Also after Ctrl-C on Windows and after a bug: what was in flight is known here and nowhere else.
            with anyio.CancelScope(shield=True):
                await self._take_leftover()
                await self.lines.close(hurry=self.counts.interrupted)
            if self.lines.failure is not None:
                self.why_stopped = self.why_stopped or self.lines.failure

    @abstractmethod
    async def _send(self) -> None:
        """Sends `_requests()` and gives every result to `_record`."""

    @abstractmethod
    async def _take_leftover(self) -> None:
        """Gives `_record` what `_send` had taken when it was cut off."""

    def _stop(self, why: str) -> None:
        """No more rows are taken. The first reason counts."""
        self.why_stopped = self.why_stopped or why

    def _requests(self) -> Iterator[SmsRequest]:
        try:
            for row in self.rows:
                if self.why_stopped is not None:
                    return
                if isinstance(row, Problem):  # its bytes are those that were checked
                    raise AssertionError("a row that was fine is not any more")  # noqa: TRY004 - no matter of types
                yield row.request
        except FileChangedError:
            self._stop("the file has changed since it was checked")

    async def _record(
        self,
        index: int,
        request: SmsRequest,
        response: SmsResponse | None,
        error: EightByEightError | None,
        **more: object,
    ) -> None:
        """Counts and records a result. `more`: what its record holds besides."""
        row = index + 1
        self.counts.count(row, response, error)
        record = {"row": row, "index": index, **more, **record_of(request, response, error, private=self.private)}
        if self.counts.key_refused:
            self._stop("the API key is not accepted")
        await self.lines.write(json.dumps(record, ensure_ascii=False), patient=not self.counts.interrupted)
        if self.lines.failure is not None:
            self._stop(self.lines.failure)
        self.changed()

    def _interrupt(self, scope: anyio.CancelScope) -> None:
        if self.counts.interrupted:
            scope.cancel()
            return
        self.counts.interrupted = True
        self._stop("interrupted")
        if self.grace is not None:
            # Not anyio.current_time(): a signal's callback belongs to no task, and that asks the task for its loop.
            scope.deadline = asyncio.get_running_loop().time() + self.grace
        else:
            self.say("interrupted: waiting for the requests in flight; once more gives them up")
