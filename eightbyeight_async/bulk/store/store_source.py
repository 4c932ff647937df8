"""`StoreSource`: the store of a campaign before it is opened. `journal_source` implements it for a journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from eightbyeight_async.bulk.run.rate_across_processes import SharedTurns
    from eightbyeight_async.bulk.store.interface import Store
    from eightbyeight_async.bulk.store.plan_store import PlanStore

__all__ = ["StoreSource"]


class StoreSource(Protocol):
    """The store of a campaign before it is opened. `str()` shows it in the campaign's repr.

    Attributes:
        name: name of the store, for errors.
    """

    @property
    def name(self) -> str: ...

    def pace(self, max_rate: float | None, clock: Callable[[], float]) -> SharedTurns | None:
        """Makes the pace that all processes of the store share; None: each process has its own."""
        ...

    def open(self) -> Store:
        """Opens the store; called in the writer's thread.

        Raises:
            JournalError: the store cannot be used.
        """
        ...

    def plan(self, *, held: bool) -> PlanStore:
        """Makes the store of a plan from the present content of this store.

        `held`: whether the campaign that plans has this store open.

        Raises:
            JournalError: the store cannot be read.
        """
        ...
