"""The processes that work on a ledger's campaign, and the chunks of its file.

PgQueuer stores the chunks. They are read without PgQueuer: a machine that only reads does not need the extra
`[workers]`.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from eightbyeight_async.ledger.ledger_queries import NOW, LedgerQueries

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["HEARTBEAT", "WORKING", "AtWork", "ChunkLeft", "LedgerAtWork", "Worker", "entrypoint"]

HEARTBEAT = 30.0  # Seconds; after that, a chunk of a silent process is given to another process.
WORKING = 15.0  # Seconds; a process is at work if it claimed or recorded something within this time.
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
    """A process that has claimed or recorded something recently, and has not ended.

    Attributes:
        host, pid: host name and id of the process.
        claims: number of its claims.
        seconds: time from its start to its last write.
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
        """Claims per second, over the whole time of the process."""
        return self.claims / self.seconds if self.seconds > 0 else 0.0


class ChunkLeft(NamedTuple):
    """A chunk that is not done.

    Attributes:
        first: index of its first message.
        messages: number of its messages.
        silent: seconds since the last heartbeat of its process; None: the chunk waits for a process.
    """

    first: int
    messages: int
    silent: float | None

    @property
    def waits(self) -> bool:
        """Whether any process may take the chunk: no process has it, or its process has been silent for too long."""
        return self.silent is None or self.silent >= HEARTBEAT


class AtWork(NamedTuple):
    """The processes and chunks of a campaign at this moment.

    Attributes:
        workers: the processes at work.
        chunks: the chunks that are not done, in the order of the file.
        stopped: why no claims are granted; None: claims are granted.
        within: seconds; a process is at work if it wrote something within this time.
    """

    workers: Sequence[Worker]
    chunks: Sequence[ChunkLeft]
    stopped: str | None
    within: float = WORKING

    @property
    def anybody(self) -> bool:
        """Whether a process is at work: it wrote lately, or sends heartbeats for its chunk while it waits for 8x8."""
        return bool(self.workers) or any(not chunk.waits for chunk in self.chunks)


class LedgerAtWork(LedgerQueries):
    """The methods about processes and chunks."""

    def at_work(self, within: float = WORKING) -> AtWork:
        """Returns the processes at work, and the chunks that are not done.

        `within`: seconds; a process is at work if it wrote something within this time.
        """
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
