"""Opens the store of a campaign with a ledger; implements `StoreSource`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.bulk.store.plan_store import PlanStore
from eightbyeight_async.ledger.settings import PATIENCE, checked_name, checked_url
from eightbyeight_async.ledger.shared_pace import SharedPace
from eightbyeight_async.ledger.store import LedgerStore
from eightbyeight_async.ledger.without_client import LedgerReader

if TYPE_CHECKING:
    from collections.abc import Callable

    from eightbyeight_async.bulk.store.records import Account, Policy

__all__ = ["LedgerSource"]


class LedgerSource:
    """A campaign of a ledger that is not open yet. The arguments: see `LedgerStore`."""

    def __init__(
        self, url: str, name: str, *, account: Account, policy: Policy, allow_changed_account: bool = False
    ) -> None:
        self.name: str = checked_name(name)
        self._url = checked_url(url)
        self._account = account
        self._policy = policy
        self._allowed = allow_changed_account

    def __str__(self) -> str:
        return f"ledger campaign={self.name!r}"

    def open(self) -> LedgerStore:
        return LedgerStore(
            self._url,
            self.name,
            account=self._account,
            policy=self._policy,
            allow_changed_account=self._allowed,
        )

    def plan(self, *, held: bool) -> PlanStore:
        store = PlanStore(policy=self._policy)
        try:
            with LedgerReader(self._url, self.name, missing_ok=True) as reader:
                if reader.salt:
                    reader.check_account(self._account, allowed=self._allowed)
                    store.adopt(reader.salt, reader.meta("fingerprint"), reader.planned_rows())
        except BaseException:
            store.close()
            raise
        return store

    def pace(self, max_rate: float | None, clock: Callable[[], float]) -> SharedPace | None:
        if max_rate is None:
            return None
        return SharedPace(self._url, self._account, max_rate, patience=PATIENCE, clock=clock)
