"""The chunks of one file. PgQueuer gives them to any number of processes. Extra `[workers]`; asyncio only.

Rules:
- A job contains the range of a chunk, and no number or text.
- If a process finds no job of the campaign, it makes all jobs and begins a new run. If it finds jobs, it joins their
  run. Both happen under the campaign's row lock, so a file is put into the queue only once.
- A process sends a heartbeat for its chunk every few seconds. If it dies, PgQueuer gives the chunk to another process
  after the heartbeat's time. Two processes may work on one chunk without harm: the claims decide which of them sends a
  message.
- A chunk is done when its last message is settled. A process that stops earlier gives its chunk back.
- The queue needs its own direct connection to the database, not a pooler in transaction mode: PgQueuer may listen on
  the connection.
"""

from __future__ import annotations

import json
import time
import uuid
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, TypeVar

import anyio
import attrs
import psycopg

try:
    from pgqueuer import Queries
    from pgqueuer.adapters.drivers.psycopg import PsycopgDriver
    from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder
    from pgqueuer.domain.settings import DBSettings
    from pgqueuer.ports.repository import EntrypointExecutionParameter
except ModuleNotFoundError as _missing:
    raise ModuleNotFoundError(
        f'workers need {_missing.name}: pip install "eightbyeight-async[workers]"', name=_missing.name
    ) from None

from eightbyeight_async.ledger.at_work import HEARTBEAT, entrypoint
from eightbyeight_async.ledger.connection import problem
from eightbyeight_async.ledger.errors import LedgerError
from eightbyeight_async.ledger.schema import LOCK
from eightbyeight_async.ledger.settings import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

__all__ = ["Chunk", "Chunks"]

T = TypeVar("T")

_BEATS = 6  # heartbeats within the heartbeat's time
_LOOK = 0.5  # seconds between two checks for a free chunk while other processes work on the last chunks
_SETTINGS = DBSettings(db_schema="eightbyeight", prefix="")
_LOCK = "SELECT id, runs FROM eightbyeight.campaign WHERE name=%s FOR UPDATE"
_LEFT = "SELECT count(*) FROM eightbyeight.pgqueuer WHERE entrypoint=%s"


@attrs.frozen
class Chunk:
    """A range of the file's messages.

    Attributes:
        first: index of its first message.
        count: number of its messages.
        job: PgQueuer's job.
    """

    first: int
    count: int
    job: Any


class Chunks:
    """The queue of one campaign. Use it in an `async with` block.

    Args:
        url: URL of the database.
        name: name of the campaign, which must exist.
        heartbeat: seconds after which a chunk of a silent process is given to another process.
        patience: seconds for which it tries to reconnect.
    """

    def __init__(self, url: str, name: str, *, heartbeat: float = HEARTBEAT, patience: float = PATIENCE) -> None:
        self._url = url
        self._name = name
        self._heartbeat = heartbeat
        self._patience = patience
        self._me = uuid.uuid4()
        self._entry = ""

    async def __aenter__(self) -> Self:
        try:
            await self._connect()
        except psycopg.Error as error:
            raise problem(error) from error
        try:
            async with self._connection.transaction():
                self._campaign, _ = await self._lock()
                self._entry = entrypoint(self._campaign)
            async with self._connection.transaction():
                await self._execute(f"SELECT pg_advisory_xact_lock({LOCK})")
                if not await self._queries.schema_is_installed():
                    await self._queries.install(create_schema=False)
        except BaseException as error:
            await self._connection.close()
            if isinstance(error, psycopg.Error):
                raise problem(error) from error
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._connection.close()

    async def _connect(self) -> None:
        self._connection = await psycopg.AsyncConnection.connect(self._url, autocommit=True, prepare_threshold=None)
        self._queries = Queries(
            PsycopgDriver(self._connection), QueryBuilderEnvironment(_SETTINGS), QueryQueueBuilder(_SETTINGS)
        )

    async def begin(self, digest: str, messages: int, size: int) -> int:
        """Puts the chunks of a file into the queue, or joins a run whose chunks are there.

        Args:
            digest: digest of the file's bytes. Processes with another file are refused, because a range is only valid
                for one file.
            messages: number of messages in the file.
            size: number of messages in a chunk.

        Returns:
            The number of the run, for `Campaign.send`.

        Raises:
            LedgerError: a run with another file is in progress.
        """

        async def begin() -> int:
            async with self._connection.transaction():
                _, run = await self._lock()
                if await self._count():
                    await self._check_file(digest)
                    return run
                await self._execute("UPDATE eightbyeight.campaign SET runs=runs+1 WHERE id=%s", self._campaign)
                await self._execute(
                    "INSERT INTO eightbyeight.meta VALUES (%s, 'chunks', %s) "
                    "ON CONFLICT (campaign, name) DO UPDATE SET value=excluded.value",
                    self._campaign,
                    json.dumps(digest),
                )
                ranges = [(first, min(size, messages - first)) for first in range(0, messages, size)]
                if ranges:
                    await self._queries.enqueue(
                        [self._entry] * len(ranges),
                        [json.dumps(one).encode() for one in ranges],
                        [-number for number in range(len(ranges))],  # negative priorities give the order of the file
                        dedupe_key=[f"{self._entry} {first}" for first, _ in ranges],
                        on_conflict="skip",
                    )
                return run + 1

        return await self._patiently(begin)

    async def _check_file(self, digest: str) -> None:
        cursor = await self._execute(
            "SELECT value FROM eightbyeight.meta WHERE campaign=%s AND name='chunks'", self._campaign
        )
        found = await cursor.fetchone()
        if found is None or json.loads(found[0]) != digest:
            raise LedgerError("another process sends another file under this name; each machine needs the same file")

    async def take(self, stopped: Callable[[], bool]) -> Chunk | None:
        """Waits for the next chunk. None: all chunks are done, or `stopped()` is true."""
        limit = {self._entry: EntrypointExecutionParameter(concurrency_limit=0)}
        while not stopped():
            heartbeat = timedelta(seconds=self._heartbeat)
            jobs = await self._patiently(
                lambda: self._queries.dequeue(1, limit, self._me, None, heartbeat)  # type: ignore[arg-type]  # noqa: B023
            )
            if jobs:
                first, count = json.loads(jobs[0].payload or b"")
                return Chunk(first, count, jobs[0])
            if not await self._patiently(self._count):
                return None
            # Other processes work on the last chunks. If one of them dies, its chunk becomes free.
            await anyio.sleep(_LOOK)
        return None

    @asynccontextmanager
    async def working(self, chunk: Chunk) -> AsyncIterator[None]:
        """Sends heartbeats for the chunk while the block runs."""
        async with anyio.create_task_group() as group:
            group.start_soon(self._beat, chunk)
            try:
                yield
            finally:
                group.cancel_scope.cancel()

    async def _beat(self, chunk: Chunk) -> None:
        while True:
            await anyio.sleep(self._heartbeat / _BEATS)
            await self._patiently(lambda: self._queries.update_heartbeat([chunk.job.id]))

    async def done(self, chunk: Chunk) -> None:
        """Marks the chunk as done."""
        await self._patiently(lambda: self._queries.log_jobs([(chunk.job, "successful", None)]))

    async def give_back(self, chunk: Chunk) -> None:
        """Gives the chunk back: another process may take it at once."""
        await self._patiently(lambda: self._queries.retry_job(chunk.job, timedelta(0), None))

    async def left(self) -> int:
        """Returns how many chunks are not done."""
        return await self._patiently(self._count)

    async def _count(self) -> int:
        found = await (await self._execute(_LEFT, self._entry)).fetchone()
        return 0 if found is None else int(found[0])

    async def _lock(self) -> tuple[int, int]:
        there = await (await self._execute("SELECT to_regclass('eightbyeight.campaign') IS NOT NULL")).fetchone()
        found = await (await self._execute(_LOCK, self._name)).fetchone() if there == (True,) else None
        if found is None:
            raise LedgerError("there is no campaign of this name: check the name; a run makes one")
        return found[0], found[1]

    async def _execute(self, statement: str, *values: object) -> psycopg.AsyncCursor[tuple[Any, ...]]:
        return await self._connection.execute(statement.encode(), values)

    async def _patiently(self, attempt: Callable[[], Awaitable[T]]) -> T:
        """Reconnects if the connection is lost. Only for statements that may run twice."""
        until: float | None = None
        while True:
            try:
                if self._connection.closed:
                    await self._connect()
                return await attempt()
            except psycopg.OperationalError as error:
                now = time.monotonic()
                until = now + self._patience if until is None else until
                if now >= until:
                    raise problem(error, passing=True) from error
                if not self._connection.broken and not self._connection.closed:
                    raise problem(error) from error
            except psycopg.Error as error:
                raise problem(error) from error
            await anyio.sleep(_LOOK)
