"""Writes receipts to a journal without a client: for a service that receives callbacks and sends nothing."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from eightbyeight_async.bulk.errors import JournalError, named
from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.bulk.settling.deliveries import as_receipts, note_receipts
from eightbyeight_async.bulk.store.journal import Journal
from eightbyeight_async.bulk.store.journal_file import NONE_HERE, is_blank, real_path
from eightbyeight_async.bulk.store.records import Policy
from eightbyeight_async.models.webhooks import DeliveryReceipt

__all__ = ["feed_receipts"]


def feed_receipts(journal: str | os.PathLike[str], receipts: DeliveryReceipt | Iterable[DeliveryReceipt]) -> int:
    """Writes delivery receipts to a journal, in one commit.

    Returns the number of the journal's messages that the receipts are about. While a campaign is open, only its own
    process can write receipts, with `Campaign.feed`. Keep the receipts until it ends: late receipts are allowed.

    Args:
        journal: its path.
        receipts: one receipt or several. They may be late, repeated or out of order.

    Raises:
        InvalidRequestError: an item is not a DeliveryReceipt.
        JournalInUseError: a campaign is open.
        JournalError: the journal is missing, or cannot be written.
    """
    given, path = as_receipts(receipts), Path(journal)
    with named(path.name):
        if is_blank(real_path(path)):
            raise JournalError(NONE_HERE)
        book = Journal(path, "power", time.time, account=None, policy=Policy())
        try:
            keys = Keys(book.salt)
            return book.transact(lambda: note_receipts(book, keys, given))
        finally:
            book.close()
