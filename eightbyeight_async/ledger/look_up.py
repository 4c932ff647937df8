"""Asks the ledger for what other calls wait for, too: one statement for all that ask at once in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

__all__ = ["LookUp"]

T = TypeVar("T")

_FIRST, _LONGEST = 0.02, 1.0  # seconds between two looks; they double


class _Round(Generic[T]):
    """One look: the keys that are asked for together, and what was found; None: it failed."""

    def __init__(self, key: str) -> None:
        self.keys = {key}
        self.found: Mapping[str, T] | None = None
        self.done = anyio.Event()


class LookUp(Generic[T]):
    """Asks by key.

    Args:
        ask: asks the ledger for several keys at once.
    """

    def __init__(self, ask: Callable[[Sequence[str]], Awaitable[Mapping[str, T]]]) -> None:
        self._ask = ask
        self._gathering: _Round[T] | None = None

    async def until(self, key: str, enough: Callable[[T | None], bool]) -> T | None:
        """Looks again and again until what is found is enough. None: there is nothing of that key."""
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
                    continue  # the task that asked was cancelled or failed: ask again, to get the error itself
                return mine.found.get(key)
            mine = self._gathering = _Round(key)
            try:
                await anyio.lowlevel.checkpoint()  # who asks in the same turn of the loop joins
                self._gathering = None
                mine.found = await self._ask(sorted(mine.keys))
                return mine.found.get(key)
            finally:
                if self._gathering is mine:
                    self._gathering = None
                mine.done.set()
