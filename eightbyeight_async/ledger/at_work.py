"""Who works on a campaign of a ledger, and on what: its processes, and the chunks of its file.

The chunks are PgQueuer's. They are read without it: a machine that only looks does not need the extra `[workers]`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from eightbyeight_async.ledger.read_ledger import NOW, LedgerQueries

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HEARTBEAT", "WORKING", "AtWork", "ChunkLeft", "LedgerAtWork", "Worker", "entrypoint"]

HEARTBEAT = 30.0  # seconds after which a chunk of a silent process is given to another one
WORKING = 15.0  # seconds; a process that claimed or recorded something within them is at work
_WORKERS = f"""
SELECT host, pid, last & 4294967295, at - began, at, {NOW} - at FROM eightbyeight.session
WHERE campaign=%(campaign)s AND at > {NOW} - %(within)s AND ended IS NULL ORDER BY id
"""
_HAS_QUEUE = "SELECT to_regclass('eightbyeight.pgqueuer') IS NOT NULL"
_CHUNKS = """
SELECT payload, status='picked', extract(epoch FROM now() - heartbeat)::float8 FROM eightbyeight.pgqueuer
WHERE entrypoint=%(entrypoint)s AND status IN ('queued', 'picked') ORDER BY priority DESC, id
"""


class Worker(NamedTuple):
    """A process that claimed or recorded something not long ago, and has not ended.

    Attributes:
        host, pid: which process.
        claims: how many it made.
        seconds: from its begin to its last write.
        at: time of that write, seconds since 1970.
        idle: seconds since that write.
    """

    host: str
    pid: int
    claims: int
    seconds: float
    at: float
    idle: float

    @property
    def rate(self) -> float:
        """Claims a second, over its whole time."""
        return self.claims / self.seconds if self.seconds > 0 else 0.0


class ChunkLeft(NamedTuple):
    """A chunk that is not done.

    Attributes:
        first: index of its first message.
        messages: how many it has.
        silent: seconds since its process said that it works on it; None: it waits for a process.
    """

    first: int
    messages: int
    silent: float | None

    @property
    def waits(self) -> bool:
        """Whether any process may have it: nobody took it, or whoever did says nothing any more."""
        return self.silent is None or self.silent >= HEARTBEAT


class AtWork(NamedTuple):
    """What happens to a campaign at this moment.

    Attributes:
        workers: the processes at work.
        chunks: those that are not done, in the order of the file.
        stopped: why nothing is claimed; None: claims are granted.
        within: seconds in which a process at work has written something.
    """

    workers: Sequence[Worker]
    chunks: Sequence[ChunkLeft]
    stopped: str | None
    within: float = WORKING

    @property
    def anybody(self) -> bool:
        """Whether a process is at work. One that waits for 8x8 writes nothing, but says that it works on its chunk."""
        return bool(self.workers) or any(not chunk.waits for chunk in self.chunks)


class LedgerAtWork(LedgerQueries):
    """The questions about processes and chunks."""

    def at_work(self, within: float = WORKING) -> AtWork:
        """Who works, and on what. `within`: seconds in which a process at work has written something."""
        workers = [Worker(*row) for row in self._rows(_WORKERS, within=within)]
        chunks = []
        if self._rows(_HAS_QUEUE)[0][0]:
            for payload, taken, silent in self._rows(_CHUNKS, entrypoint=entrypoint(self._campaign)):
                first, count = json.loads(payload)
                chunks.append(ChunkLeft(first, count, silent if taken else None))
        return AtWork(workers, chunks, self.stopped(), within)


def entrypoint(campaign: int) -> str:
    """PgQueuer's name for the chunks of a campaign, by its number."""
    return f"eightbyeight {campaign}"
