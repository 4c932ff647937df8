"""The second reading of an input file: sends its rows, counts and records every result.

`one_by_one` and `in_batches` implement how the rows are sent.

What stops a run early:
- The API refuses the key, the records cannot be written, or the file has changed. The run takes no more rows and waits
  for the requests in flight.
- Ctrl-C, SIGTERM or SIGHUP. The run takes no more rows and waits at most `grace` seconds for the requests in flight. A
  second Ctrl-C or SIGTERM ends the wait. Messages whose requests got no answer by then are recorded as unknown: they
  may have been sent.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

import anyio
import attrs

from eightbyeight_async.cli.reading.row_planner import OPTED_OUT, LeftOutRow, LeftOutRows
from eightbyeight_async.cli.reading.row_to_request import Problem, Row
from eightbyeight_async.cli.reading.send_window import WindowClosingError
from eightbyeight_async.cli.reading.twice_read_lines import FileChangedError
from eightbyeight_async.cli.sending.patience import Patience
from eightbyeight_async.cli.sending.result_record import RecordOutcome, record_of, record_of_left_out
from eightbyeight_async.cli.terminal.loop_and_signals import on_interrupt
from eightbyeight_async.cli.terminal.safe_text import json_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence

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
        client: sends the requests; its `max_concurrency` and `max_rate` apply.
        rows: the rows of the file, read again.
        left_out: the rows that are not sent because of another row.
        aside: numbers of the rows that are set aside; `rows` does not have them.
        counts: the outcomes so far.
        lines: receives the records, one JSON line each.
        private: whether records contain numbers and texts.
        rate: maximum number of requests per second; None: no limit. With this limit a row waits before it is taken.
            With the client's `max_rate` the row would wait as a request in flight, and after an interrupt it would be
            recorded as unknown.
        grace: seconds that an interrupted run waits for the requests in flight; None: until they time out.
        changed: called after every result.
        say: prints a line for the user.
        keep_trying: seconds for which the run waits for the network, or for a pause that the API asks for; 0: it does
            not wait.
        patience: the pauses of the run.
        why_stopped: why the run took no more rows; None: it took all rows.
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
    keep_trying: float = 0.0
    patience: Patience = attrs.field(init=False)
    most_failures: ClassVar[int] = 20  # failed connections in a row after which the run stops
    why_stopped: str | None = None
    left_out: LeftOutRows = attrs.field(factory=LeftOutRows)
    aside: Sequence[int] = ()
    # By index among the sent messages: row numbers of messages in flight. Used only if row number != index + 1.
    _numbers: dict[int, int] = attrs.field(factory=dict, init=False)
    _blank: ClassVar[Mapping[str, object]] = {}  # additional members of the record of a row that is left out

    @patience.default
    def _make_patience(self) -> Patience:
        return Patience(self.keep_trying, self.most_failures, self._stop)

    async def run(self) -> None:
        scope = anyio.CancelScope()
        async with on_interrupt(lambda: self._interrupt(scope), scope.cancel):
            try:
                with scope:
                    await self._send()
            finally:
                # Needed after Ctrl-C on Windows and after a bug, too: only this object knows which messages were in
                # flight.
                with anyio.CancelScope(shield=True):
                    await self._take_leftover()
                    await self.lines.close()
                if self.lines.failure is not None:
                    self.why_stopped = self.why_stopped or self.lines.failure

    @abstractmethod
    async def _send(self) -> None:
        """Sends `_requests()` and passes every result to `_record`."""

    @abstractmethod
    async def _take_leftover(self) -> None:
        """Passes to `_record` the messages that `_send` has taken and not recorded."""

    def _stop(self, why: str) -> None:
        """Takes no more rows. `why_stopped` keeps the first reason."""
        self.why_stopped = self.why_stopped or why
        self.patience.halt()

    def _requests(self) -> Iterator[SmsRequest]:
        return (row.request for row in self._good_rows())

    def _good_rows(self) -> Iterator[Row]:
        try:
            for row in self.rows:
                if self.why_stopped is not None:
                    return
                if isinstance(row, Problem):  # impossible: the same bytes passed the check
                    raise AssertionError("a row that passed the check now fails it")  # noqa: TRY004 - a bug, not a wrong type
                yield row
        except WindowClosingError as closing:
            self._stop(str(closing))
        except FileChangedError:
            self._stop("the file has changed since it was checked")

    async def _requests_to_send(self) -> AsyncIterator[SmsRequest]:
        """Yields `_requests()` without the rows that are left out, and records those rows."""
        left_out, taken = iter(self.left_out), 0
        skipped = next(left_out, None)
        for row in self._good_rows():
            if skipped is not None and skipped.number == row.number:
                await self._record_left_out(row.request, skipped)
                skipped = next(left_out, None)
                continue
            if row.number - 1 != taken:
                self._numbers[taken] = row.number
            taken += 1
            yield row.request

    @property
    def _has_gaps(self) -> bool:
        """Whether the numbers of the rows to send differ from their places among the messages."""
        return bool(self.left_out) or bool(self.aside)

    def _row_number(self, index: int) -> int:
        """Returns the row number of the message at `index`. Works until the message is recorded."""
        return self._numbers.get(index, index + 1)

    async def _record_left_out(self, request: SmsRequest, row: LeftOutRow) -> None:
        if row.twin == OPTED_OUT:
            outcome, why = RecordOutcome.OPTED_OUT, "the person has opted out"
            told = why
        elif row.twin:
            outcome, why = RecordOutcome.DUPLICATE, "an earlier row has the same message"
            told = f"the same message as row {row.twin}"
        else:
            outcome, why = RecordOutcome.SAME_NUMBER, "an earlier row has a message to this number"
            told = why
        self.counts.count_left_out(row.number, outcome, why)
        record = record_of_left_out(request, outcome, told, private=self.private)
        await self._write({"row": row.number, "index": row.number - 1, **self._blank, **record})

    async def _record(
        self,
        index: int,
        request: SmsRequest,
        response: SmsResponse | None,
        error: EightByEightError | None,
        **more: object,
    ) -> None:
        """Counts and records the result of one message.

        Args:
            index: position of the message among those that are sent, from 0.
            request: the message.
            response: the API's answer; None: there is none.
            error: why there is no answer. If `response` and `error` are None, the request was aborted.
            more: additional members of the record.
        """
        row = self._row_number(index)
        self._numbers.pop(index, None)
        self.counts.count(row, response, error)
        record = {"row": row, "index": row - 1, **more, **record_of(request, response, error, private=self.private)}
        if self.counts.key_refused:
            self._stop("the API key is not accepted")
        await self._write(record)

    async def _write(self, record: Mapping[str, object]) -> None:
        await self.lines.write(json_text(record))
        if self.lines.failure is not None:
            self._stop(self.lines.failure)
        self.changed()

    def _interrupt(self, scope: anyio.CancelScope) -> None:
        self.counts.interrupted = True
        self.lines.hurry()
        self._stop("interrupted")
        if self.grace is not None:
            # anyio.current_time() fails here: it asks the current task for its loop, and a signal handler has no task.
            scope.deadline = asyncio.get_running_loop().time() + self.grace
        else:
            self.say("interrupted: waiting for the requests in flight; a second Ctrl-C stops waiting")
