"""What an open campaign knows, and how its doubts are settled: the half of `Campaign` that sends nothing new."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.settling.cancel_scheduled import Cancelled, cancel_scheduled
from eightbyeight_async.bulk.settling.reconcile import Reconciled, reconcile
from eightbyeight_async.bulk.store.read_journal import page_of, status_of
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.settings import checked_count, checked_seconds

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from eightbyeight_async.bulk.judging.message_keys import Keys
    from eightbyeight_async.bulk.report import Status
    from eightbyeight_async.bulk.store.journal import Journal
    from eightbyeight_async.bulk.store.records import MessageRow
    from eightbyeight_async.bulk.store.writer_thread import Writer
    from eightbyeight_async.client import AsyncConnectClient

__all__ = ["Book"]


class Book:
    _client: AsyncConnectClient
    _writer: Writer
    _keys: Keys | None
    _sending: bool
    _now: Callable[[], float]

    async def status(self) -> Status:
        """Counts over all runs."""
        return await self._writer.do(lambda journal: status_of(journal.sql))

    async def rows(self, state: State | None = None) -> AsyncIterator[MessageRow]:
        """What the journal knows, in the order of the claims; only those of `state` if it is given."""
        last = 0
        while True:
            after = last
            page = await self._writer.do(lambda journal: page_of(journal.sql, after, state))  # noqa: B023 - awaited here
            for _, row in page:
                yield row
            if not page:
                return
            last = page[-1][0]

    def unknown(self) -> AsyncIterator[MessageRow]:
        """The messages that may have gone out: `async for row in campaign.unknown()`."""
        return self.rows(State.UNKNOWN)

    async def resolve(self, key: str, *, sent: bool) -> None:
        """Settles a message that is UNKNOWN. `sent=False`: the next run sends it.

        Raises:
            InvalidRequestError: no UNKNOWN message has this key.
        """
        state = State.SENT if sent else State.NOT_SENT
        values = (state, self._now(), key, State.UNKNOWN)

        def resolve(journal: Journal) -> int:
            return journal.sql.execute("UPDATE message SET state=?, at=? WHERE key=? AND state=?", values).rowcount

        if not await self._writer.do(resolve, writes=True):
            raise InvalidRequestError("key", "no message whose outcome is unknown has it")

    async def reconcile(self, *, lag: float = 600.0, wait: bool = False, patience: float = 900.0) -> Reconciled:
        """Looks the UNKNOWN messages up in 8x8's log; see `reconciling`.

        Args:
            lag: seconds after which a message that was sent is certainly in the log.
            wait: until the lag has passed since the last of them; False: those too young stay UNKNOWN if not found.
            patience: seconds to wait for the export.

        Raises:
            JournalError: the journal cannot be written.
            EightByEightError: the export failed; what was UNKNOWN still is.
        """
        return await reconcile(
            self._client,
            self._writer,
            self._opened(),
            now=self._now,
            lag=checked_seconds(lag, "lag"),
            wait=wait,
            patience=checked_seconds(patience, "patience"),
        )

    async def cancel(self, *, max_concurrency: int = 8) -> Cancelled:
        """Cancels what is still scheduled, by batch id or umid; see `cancelling`. Again after a crash is fine.

        Raises:
            JournalError: the journal cannot be written.
            AuthenticationError and what else is wrong with every call alike.
        """
        if self._sending:
            raise RuntimeError("this campaign is sending: stop it first")
        return await cancel_scheduled(self._client, self._writer, checked_count(max_concurrency, "max_concurrency"))

    def _opened(self) -> Keys:
        if self._keys is None:
            raise RuntimeError("the campaign is not open: use it in an async with block")
        return self._keys
