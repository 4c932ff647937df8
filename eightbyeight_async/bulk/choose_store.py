"""Chooses where a campaign keeps its claims: in a journal, a file of this machine, or in a ledger in PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eightbyeight_async.bulk.store.journal_source import JournalSource
from eightbyeight_async.errors import InvalidRequestError

if TYPE_CHECKING:
    import os
    from collections.abc import Callable

    from eightbyeight_async.bulk.store.journal_file import Durability
    from eightbyeight_async.bulk.store.records import Account, Policy
    from eightbyeight_async.bulk.store.store_source import StoreSource

__all__ = ["store_source"]


def store_source(
    journal: str | os.PathLike[str] | None,
    ledger: str | None,
    name: str | None,
    *,
    account: Account,
    policy: Policy,
    durability: Durability,
    now: Callable[[], float],
    allow_changed_account: bool,
    accept_loss: bool,
    store_private: bool,
    send_copies: bool,
) -> StoreSource:
    """Returns the source of a campaign's store. The arguments: see `Campaign`.

    Raises:
        InvalidRequestError: both or neither of `journal` and `ledger` are given, or a setting is only for the other
            one.
    """
    if (journal is None) is (ledger is None):
        raise InvalidRequestError("journal", "must be the path of a journal; or give ledger and name, and no journal")
    if journal is not None:
        if name is not None:
            raise InvalidRequestError("name", "belongs to a ledger; a journal has its path")
        return JournalSource(
            path=Path(journal),
            durability=durability,
            now=now,
            account=account,
            policy=policy,
            allow_changed_account=allow_changed_account,
            accept_loss=accept_loss,
        )
    if name is None:
        raise InvalidRequestError("name", "must name the campaign: a ledger holds several")
    if store_private:
        raise InvalidRequestError("store_private", "is for journals: a ledger keeps no number and no text")
    if accept_loss:
        raise InvalidRequestError("accept_loss", "is for journals")
    if durability != "power":
        raise InvalidRequestError("durability", 'is for journals: every commit of a ledger is "power"')
    if send_copies:
        # One process cannot know that another process has already seen a message with the same content.
        raise InvalidRequestError(
            "duplicates", 'must be "skip" with a ledger: give each copy a client_message_id of its own'
        )
    from eightbyeight_async.ledger.campaign_source import LedgerSource  # noqa: PLC0415 - needs psycopg

    return LedgerSource(ledger or "", name, account=account, policy=policy, allow_changed_account=allow_changed_account)
