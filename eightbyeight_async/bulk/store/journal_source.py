"""The journal of a campaign before it is opened: its path, and the options to open it with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import attrs

from eightbyeight_async.bulk.store.journal import Journal
from eightbyeight_async.bulk.store.journal_file import Durability
from eightbyeight_async.bulk.store.plan_store import PlanStore
from eightbyeight_async.bulk.store.records import Account, Policy

__all__ = ["JournalSource"]


@attrs.frozen(kw_only=True)
class JournalSource:
    """A journal that is not open yet; implements `StoreSource`. The attributes: see `Journal`."""

    path: Path
    durability: Durability
    now: Callable[[], float]
    account: Account
    policy: Policy
    allow_changed_account: bool
    accept_loss: bool

    @property
    def name(self) -> str:
        return self.path.name

    def __str__(self) -> str:
        return f"journal={self.name!r}"

    def pace(self, max_rate: float | None, clock: Callable[[], float]) -> None:
        """Returns None: only one process sends with a journal."""

    def open(self) -> Journal:
        return Journal(
            self.path,
            self.durability,
            self.now,
            account=self.account,
            policy=self.policy,
            allow_changed_account=self.allow_changed_account,
            accept_loss=self.accept_loss,
        )

    def plan(self, *, held: bool) -> PlanStore:
        return PlanStore(
            self.path,
            account=self.account,
            policy=self.policy,
            allow_changed_account=self.allow_changed_account,
            accept_loss=self.accept_loss,
            held=held,
        )
