"""The half of `Campaign` that sends nothing: status and rows of the journal, settling, cancelling."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from eightbyeight_async.bulk.judging.deliveries import Deliveries
from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.bulk.report import Status
from eightbyeight_async.bulk.settling.cancel_scheduled import Cancelled, cancel_scheduled
from eightbyeight_async.bulk.settling.deliveries import as_receipts, ask_for_deliveries, note_receipts
from eightbyeight_async.bulk.settling.messages import Messages
from eightbyeight_async.bulk.settling.reconcile import Reconciled, reconcile
from eightbyeight_async.bulk.store.records import Account
from eightbyeight_async.bulk.store.writer_thread import Writer
from eightbyeight_async.client import AsyncConnectClient
from eightbyeight_async.frame_privacy import private_coroutine
from eightbyeight_async.models.webhooks import DeliveryReceipt
from eightbyeight_async.settings import checked_count, checked_seconds

__all__ = ["Book"]


class Book(Messages):
    """The part of `Campaign` that reads and settles messages."""

    _client: AsyncConnectClient
    _writer: Writer
    _keys: Keys | None
    _account: Account
    _sending: bool
    _now: Callable[[], float]

    @private_coroutine
    async def status(self) -> Status:
        """Returns the counts over all runs."""
        return await self._writer.do(lambda store: store.status(self._now()))

    @private_coroutine
    async def reconcile(
        self,
        *,
        lag: float = 600.0,
        wait: bool = False,
        patience: float = 900.0,
        on_wait: Callable[[float], object] = lambda _: None,
    ) -> Reconciled:
        """Looks the UNKNOWN messages up in 8x8's log; see `judging.log_verdict`.

        Args:
            lag: seconds after which a message that was sent is certainly in the log.
            wait: whether to wait until the lag has passed for the last of them. If False, messages that are too young
                stay UNKNOWN, unless the log has them.
            patience: seconds to wait for the export.
            on_wait: called before the wait, with its seconds.

        Raises:
            JournalError: the journal cannot be written.
            EightByEightError: the export failed; the UNKNOWN messages stay UNKNOWN.
        """
        return await reconcile(
            self._client,
            self._writer,
            self._opened(),
            subaccount_id=self._account.subaccount_id,
            now=self._now,
            lag=checked_seconds(lag, "lag"),
            wait=wait,
            patience=checked_seconds(patience, "patience"),
            on_wait=on_wait,
        )

    @private_coroutine
    async def deliveries(
        self, *, patience: float = 900.0, on_export: Callable[[int], object] = lambda _: None
    ) -> Deliveries:
        """Asks 8x8's log what became of the accepted messages, and writes the answer to the journal or ledger.

        Asks only for messages whose arrival is not known yet. So call it again later, and after an interruption.
        `MessageRow.delivery` has what is known about one message.

        Args:
            patience: seconds to wait for each export. Each day on which such messages were sent needs one export.
            on_export: called before each export, with the number of messages that this export and the later ones are
                about.

        Raises:
            JournalError: the journal cannot be written.
            EightByEightError: an export failed; what was found before is kept.
        """
        return await ask_for_deliveries(
            self._client,
            self._writer,
            self._opened(),
            now=self._now,
            patience=checked_seconds(patience, "patience"),
            on_export=on_export,
        )

    @private_coroutine
    async def feed(self, receipts: DeliveryReceipt | Iterable[DeliveryReceipt]) -> int:
        """Writes delivery receipts to the journal or ledger: one receipt, or several in one commit.

        Receipts may be late, repeated or out of order (`webhooks.ReceiptFolder`). Receipts of other messages are
        ignored. Returns the number of this journal's messages that the receipts are about.

        Raises:
            InvalidRequestError: an item is not a DeliveryReceipt.
            JournalError: the journal cannot be written.
        """
        keys, given = self._opened(), as_receipts(receipts)
        return await self._writer.do(lambda store: note_receipts(store, keys, given), writes=True)

    @private_coroutine
    async def cancel(self, *, max_concurrency: int = 8) -> Cancelled:
        """Cancels every message that is still scheduled: batches by batch id, other messages by umid.

        If the process dies meanwhile, call it again.

        Raises:
            JournalError: the journal cannot be written.
            AuthenticationError and other errors that every call would get.
        """
        if self._sending:
            raise RuntimeError("this campaign is sending: stop it first")
        return await cancel_scheduled(self._client, self._writer, checked_count(max_concurrency, "max_concurrency"))

    @private_coroutine
    async def keep(self, name: str, value: bytes) -> None:
        """Stores a value of the caller in the journal, e.g. the options of a command."""
        await self._writer.do(lambda store: store.set_meta(name, value), writes=True)

    def _opened(self) -> Keys:
        if self._keys is None:
            raise RuntimeError("the campaign is not open: use it in an async with block")
        return self._keys
