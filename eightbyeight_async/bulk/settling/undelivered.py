"""Finds the undelivered messages of an earlier campaign, for a campaign that sends them again."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterable
from pathlib import Path

from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.bulk.store.journal_queries import opened_to_read
from eightbyeight_async.models.sms import SmsRequest

__all__ = ["Undelivered", "undelivered"]


class Undelivered:
    """Call it with a message: True if the journal has it, 8x8 accepted it, and it was not delivered.

    Messages are compared by `client_message_id`; without one, by number, country, sender and text.
    """

    def __init__(self, salt: bytes, hashes: Iterable[int]) -> None:
        self._keys = Keys(salt)
        self._hashes = frozenset(hashes)

    def __len__(self) -> int:
        return len(self._hashes)

    def __call__(self, request: SmsRequest) -> bool:
        return self._keys.of(request).hash in self._hashes


def undelivered(journal: str | os.PathLike[str]) -> Undelivered:
    """Reads which messages of a journal were not delivered, as far as `Campaign.deliveries` or receipts reported it::

        again = undelivered("run.db")
        async with Campaign(client, "again.db") as campaign:  # another journal: people may get a second message
            await campaign.send(filter(again, messages))

    Raises:
        JournalError: as `status`.
    """
    with opened_to_read(Path(journal)) as reader:
        return Undelivered(reader.salt, array("q", reader.undelivered()))
