"""Reads the rows of an exported log: waits for the job, downloads its files, reads their rows.

Rules:
- The API key is sent only to the API's own host, even if a link or a redirect points to another host.
- A file is downloaded completely before its first row is returned; a large one is kept on disk. So a slow reader does
  not keep a connection open, and an interrupted download is an error, not a shorter log.
- The size of a file is limited, and counted after decompression: gzip can compress 1,000 to 1, so that a download of
  300 KB becomes 300 MB, and a larger one could fill a disk.
- A file that is not a log is an error, not an empty log. A caller that reconciles with an empty log would send messages
  twice.
"""

from __future__ import annotations

import csv
import io
import tempfile
from typing import TYPE_CHECKING

from eightbyeight_async.errors import LogExportError
from eightbyeight_async.frame_privacy import empty_frames
from eightbyeight_async.models.log_export import LogExportJob, LogExportState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
    from typing import IO, TextIO

    from eightbyeight_async.exchange import Exchange
    from eightbyeight_async.models.log_export import LogExportStatus
    from eightbyeight_async.settings import CallOptions

__all__ = ["log_rows"]

_IN_MEMORY = 1024 * 1024  # the most bytes of a file that are kept in memory
_COLUMNS = frozenset({"umid", "clientmessageid"})  # every log has these columns, by which messages are looked up
_UNFINISHED = (LogExportState.QUEUED, LogExportState.RUNNING)


async def log_rows(
    job: LogExportJob | str,
    *,
    look: Callable[[str], Awaitable[LogExportStatus]],
    exchange: Exchange,
    options: CallOptions,
    poll_interval: float,
    patience: float,
    max_file_bytes: int,
) -> AsyncIterator[dict[str, str]]:
    """See `SmsOperations.iter_log_rows`."""
    job_id = job.job_id if isinstance(job, LogExportJob) else job
    links: tuple[str, ...] = ()
    link = ""
    row: dict[str, str] = {}
    try:
        links = await _links(job_id, look, exchange, poll_interval, patience)
        for link in links:
            with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
                bounded = _Bounded(file, max_file_bytes, job_id)
                await exchange.download(link, bounded, options)
                file.seek(0)
                with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
                    for row in _rows(text, job_id):
                        yield row
    except BaseException as error:
        del links, link, row
        empty_frames(error)
        raise


class _Bounded:
    """Writes to a file, up to a limit."""

    def __init__(self, file: IO[bytes], limit: int, job_id: str) -> None:
        self._file = file
        self._left = self._limit = limit
        self._job_id = job_id

    def __call__(self, piece: bytes) -> None:
        self._left -= len(piece)
        if self._left < 0:
            problem = f"gave a file of more than {self._limit} bytes: export a shorter time, or raise `max_file_bytes`"
            raise LogExportError(self._job_id, problem)
        self._file.write(piece)


def _rows(text: TextIO, job_id: str) -> Iterator[dict[str, str]]:
    """The rows of one file.

    Raises:
        LogExportError: a line is not valid in the CSV file of a log.
    """
    lines = csv.reader(text, strict=True)
    problem = ""
    try:
        names = next(lines, [])
        if not set(names) >= _COLUMNS:
            problem = f"gave a file that is not a log: its first line does not have {' and '.join(sorted(_COLUMNS))}"
        else:
            for cells in lines:
                if not cells:
                    continue  # an empty line
                if len(cells) != len(names):
                    problem = f"gave a broken file: line {lines.line_num} has {len(cells)} cells, not {len(names)}"
                    break
                yield dict(zip(names, cells, strict=True))
    except csv.Error:
        problem = f"gave a broken file: line {lines.line_num} is not CSV"
    except UnicodeDecodeError:
        problem = f"gave a broken file: after line {lines.line_num} it is not UTF-8"
    if problem:  # raised outside the except block, because those exceptions contain text of the file
        raise LogExportError(job_id, problem)


async def _links(
    job_id: str,
    look: Callable[[str], Awaitable[LogExportStatus]],
    exchange: Exchange,
    poll_interval: float,
    patience: float,
) -> tuple[str, ...]:
    waited = 0.0
    began = exchange.now()
    while True:
        found = await look(job_id)
        if found.status is LogExportState.SUCCEEDED:
            if not found.data:
                raise LogExportError(job_id, "succeeded without a link to its rows")
            return found.data
        if found.status is LogExportState.EMPTY:
            return ()
        if isinstance(found.status, LogExportState) and found.status not in _UNFINISHED:
            raise LogExportError(job_id, f"ended as {found.status}")
        if waited >= patience:
            raise LogExportError(job_id, f"is not finished after {waited:g} s; it continues at 8x8, so try again later")
        await exchange.sleep(poll_interval)
        # The clock also counts the time of the polls. The sum of the sleeps is used if the clock was set back.
        waited = max(waited + poll_interval, (exchange.now() - began).total_seconds())
