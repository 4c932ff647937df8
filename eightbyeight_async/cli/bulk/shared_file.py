"""A file that several processes send: each process takes a chunk of rows, sends it, and takes the next chunk.

Rules:
- The file is read forward. Rows in chunks of other processes are read and skipped, which takes a hundredth of the time
  of sending them. For a chunk before the current place (its process died), reading starts again at the beginning.
- A chunk is sent as a part of one run, so the counts of the parts add up.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Self

import attrs

from eightbyeight_async.bulk import Progress, Report
from eightbyeight_async.cli.reading.row_to_request import Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from eightbyeight_async.bulk import Campaign
    from eightbyeight_async.cli.reading.row_to_request import Row
    from eightbyeight_async.ledger.workers import Chunk, Chunks
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["RowMessages", "SharedFile"]

_ADDED = (
    "taken", "in_flight", "accepted", "rejected", "failed", "unknown", "not_sent", "known", "duplicates",
    "same_number", "opted_out", "requests", "seconds",
)  # fmt: skip


class RowMessages:
    """The messages of some rows.

    Attributes:
        message_place: index in the file of the last message's row; rows that are set aside count.
        cut_off: whether the file has more rows than these.
    """

    def __init__(self, rows: Iterable[Row | Problem], *, cut_off: bool) -> None:
        self.cut_off = cut_off
        self._rows = iter(rows)
        self.message_place: int = -1

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> SmsRequest:
        row = next(self._rows)
        if isinstance(row, Problem):  # cannot happen: the same bytes passed the check
            raise AssertionError("a row that passed the check now fails it")  # noqa: TRY004 - a bug, not a wrong type
        self.message_place = row.number - 1
        return row.request


class SharedFile:
    """The file as one of several processes sends it.

    Args:
        read: reads the rows from the beginning.
        digest: digest of the file's bytes.
        messages: number of messages in the file.
        size: number of messages in a chunk.
        stopped: returns whether to take no more chunks.
    """

    def __init__(
        self,
        read: Callable[[], Iterable[Row | Problem]],
        digest: str,
        *,
        messages: int,
        size: int,
        stopped: Callable[[], bool],
    ) -> None:
        self._read = read
        self._digest = digest
        self._messages = messages
        self._size = size
        self._rows: Iterator[Row | Problem] = iter(())
        self._at = messages  # index of the next row of `_rows`
        self._stopped = stopped
        self._before = Progress()  # counts of the chunks that this process has sent
        self._sending = False
        self._ended = False  # whether all chunks are done

    async def send(self, campaign: Campaign, chunks: Chunks, *, fingerprint: str) -> None:
        """Sends chunks until all are done, or the campaign stops."""
        part_of = await chunks.begin(self._digest, self._messages, self._size)
        while (chunk := await chunks.take(self._stopped)) is not None:
            complete, self._sending = False, True
            try:
                async with chunks.working(chunk):
                    report = await campaign.send(
                        RowMessages(self._range(chunk), cut_off=True),
                        fingerprint=fingerprint, expected=self._messages, part_of=part_of,
                    )  # fmt: skip
                complete = report.stopped is None
            finally:
                if not complete:
                    await chunks.give_back(chunk)
            self._before, self._sending = self.progress(campaign), False
            if not complete:
                return
            await chunks.done(chunk)
        self._ended = not self._stopped()

    def _range(self, chunk: Chunk) -> Iterator[Row | Problem]:
        if chunk.first < self._at:
            self._rows, self._at = iter(self._read()), 0
        for _ in islice(self._rows, chunk.first - self._at):
            pass
        self._at = chunk.first + chunk.count
        return islice(self._rows, chunk.count)

    def progress(self, campaign: Campaign) -> Progress:
        """The counts of this process so far."""
        if not self._sending:
            return self._before
        now = campaign.progress()
        return attrs.evolve(now, **{name: getattr(self._before, name) + getattr(now, name) for name in _ADDED})

    def report(self, campaign: Campaign) -> Report | None:
        """The report of all chunks of this process; None: it has sent no chunk."""
        last = campaign.report
        if last is None:
            return None
        return attrs.evolve(last, **{name: getattr(self._before, name) for name in _ADDED}, complete=self._ended)
