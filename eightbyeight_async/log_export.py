"""The rows of an exported log: wait for the job, fetch its files, read them.

Rules:
- the API key goes to the API's own host and to no other, whatever a link or a redirect points to;
- a file is fetched whole before its first row is given (on disk when it is large), so that a slow reader holds no
  connection, and a download that breaks is an error, never a shorter log.
"""

from __future__ import annotations

import csv
import io
import tempfile
from typing import TYPE_CHECKING

from eightbyeight_async.errors import LogExportError
from eightbyeight_async.models.log_export import LogExportJob, LogExportState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from eightbyeight_async.exchange import Exchange
    from eightbyeight_async.models.log_export import LogExportStatus
    from eightbyeight_async.settings import CallOptions

__all__ = ["log_rows"]

_IN_MEMORY = 1024 * 1024
_UNFINISHED = (LogExportState.QUEUED, LogExportState.RUNNING)


async def log_rows(
    job: LogExportJob | str,
    *,
    look: Callable[[str], Awaitable[LogExportStatus]],
    exchange: Exchange,
    options: CallOptions,
    poll_interval: float,
    patience: float,
) -> AsyncIterator[dict[str, str]]:
    """See `SmsOperations.iter_log_rows`."""
    job_id = job.job_id if isinstance(job, LogExportJob) else job
    links = await _links(job_id, look, exchange, poll_interval, patience)
    for link in links:
        with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY) as file:
            await exchange.downloader.fetch(link, file.write, patience=options.timeout)
            file.seek(0)
            with io.TextIOWrapper(file, encoding="utf-8-sig", newline="") as text:
                for row in csv.DictReader(text, restval=""):
                    yield {name: value for name, value in row.items() if name is not None}


async def _links(
    job_id: str,
    look: Callable[[str], Awaitable[LogExportStatus]],
    exchange: Exchange,
    poll_interval: float,
    patience: float,
) -> tuple[str, ...]:
    waited = 0.0
    while True:
        found = await look(job_id)
        if found.status is LogExportState.SUCCEEDED:
            return found.data or ()
        if found.status is LogExportState.EMPTY:
            return ()
        if isinstance(found.status, LogExportState) and found.status not in _UNFINISHED:
            raise LogExportError(job_id, f"ended as {found.status}")
        if waited >= patience:
            raise LogExportError(job_id, f"is not finished after {waited:g} s; it goes on, look again later")
        await exchange.sleep(poll_interval)
        waited += poll_interval
