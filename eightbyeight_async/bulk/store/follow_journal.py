"""Follows a campaign that another process runs: reads the counts from its journal again and again, until it ends.

Rules:
- It writes nothing, keeps no lock, and each read is short.
- The file is verified once, when it is opened. Later reads only count.
- Reading takes at most a tenth of the time: one read of a journal with a million messages takes half a second.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from eightbyeight_async.bulk.report import Status
from eightbyeight_async.bulk.store.journal_file import real_path
from eightbyeight_async.bulk.store.journal_mark import is_running
from eightbyeight_async.bulk.store.journal_queries import opened_to_read
from eightbyeight_async.settings import checked_seconds

__all__ = ["follow"]

_SHARE = 10  # The pause after a read is at least this many times the duration of the read.


def follow(
    journal: str | os.PathLike[str],
    interval: float = 2.0,
    *,
    sleep: Callable[[float], object] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Status]:
    """Yields the counts of a journal now, then every `interval` seconds while a campaign is sending, and at its end.

    Blocks between two reads. In the program that sends, `Campaign.progress()` gives the same counts at no cost.

    Args:
        journal: its path.
        interval: seconds between two reads.
        sleep, clock: passed in for tests.

    Raises:
        InvalidRequestError: `interval` is not a number of seconds.
        JournalError: while iterating; as `status`.
    """
    checked_seconds(interval, "interval")
    path = Path(journal)
    with opened_to_read(path) as reader:
        real, head = real_path(path), reader.head()
        while True:
            began = clock()
            # Checked before the counts are read. In the other order, the campaign's last commit could be missed.
            reader.running, _ = is_running(real, head)
            yield reader.status(time.time())
            if not reader.running:
                return
            sleep(max(interval, _SHARE * (clock() - began)))
