"""Looks up messages in the ledger. All calls of this process that ask at the same time share one statement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

__all__ = ["LookUp"]

T = TypeVar("T")

# seconds of the first and of the longest pause between two reads; each pause is twice the one before
_FIRST, _LONGEST = 0.02, 1.0


class _Round(Generic[T]):
    """One read: the keys that are looked up together, and the result; None: the read failed."""

    def __init__(self, key: str) -> None:
        self.keys = {key}
        self.found: Mapping[str, T] | None = None
        self.done = anyio.Event()


class LookUp(Generic[T]):
    """Looks up values by key.

    Args:
        ask: looks up several keys in the ledger at once.
    """

    def __init__(self, ask: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]) -> None:
        self._ask = ask
        self._gathering: _Round[T] | None = None

    async def until(self, key: str, enough: Callable[[T | None], bool]) -> T | None:
        """Reads the ledger again and again until `enough` accepts what it has for the key; None: it has nothing."""
        pause = _FIRST
        while True:
            found = await self._look(key)
            if enough(found):
                return found
            await anyio.sleep(pause)
            pause = min(pause * 2, _LONGEST)

    async def _look(self, key: str) -> T | None:
        while True:
            mine = self._gathering
            if mine is not None:
                mine.keys.add(key)
                await mine.done.wait()
                if mine.found is None:
                    continue  # The task that ran the query was cancelled or failed. Ask again, to get the error itself.
                return mine.found.get(key)
            mine = self._gathering = _Round(key)
            try:
                await anyio.lowlevel.checkpoint()  # other tasks that ask in the same turn of the loop join this round
                self._gathering = None
                mine.found = await self._ask(sorted(mine.keys))
                return mine.found.get(key)
            finally:
                if self._gathering is mine:
                    self._gathering = None
                mine.done.set()
