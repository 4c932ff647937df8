"""Waits for messages that other calls have on their way: one statement for all that wait in this process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import attrs

from eightbyeight_async.bulk.judging.outcomes import State

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from eightbyeight_async.ledger.read_ledger import Found

__all__ = ["LookUp"]

_FIRST, _LONGEST = 0.02, 1.0  # seconds between two looks; they double


@attrs.define
class _Round:
    """One look: the keys that are asked for together, and what was found; None: it failed."""

    keys: set[str] = attrs.field(factory=set)
    found: dict[str, Found] | None = None
    done: anyio.Event = attrs.field(factory=anyio.Event)


class LookUp:
    """Asks for messages by key.

    Args:
        ask: asks the ledger for several keys at once.
    """

    def __init__(self, ask: Callable[[Sequence[str]], Awaitable[dict[str, Found]]]) -> None:
        self._ask = ask
        self._gathering: _Round | None = None

    async def decided(self, key: str, *, wait: bool) -> Found | None:
        """What the ledger has of the message; with `wait` not before it is more than INTENT. None: it has nothing."""
        pause = _FIRST
        while True:
            found = await self._look(key)
            if found is None or found.state is not State.INTENT or not wait:
                return found
            await anyio.sleep(pause)
            pause = min(pause * 2, _LONGEST)

    async def _look(self, key: str) -> Found | None:
        while True:
            mine = self._gathering
            if mine is not None:
                mine.keys.add(key)
                await mine.done.wait()
                if mine.found is None:
                    continue  # the task that asked was cancelled or failed: ask again, to get the error itself
                return mine.found.get(key)
            mine = self._gathering = _Round({key})
            try:
                await anyio.lowlevel.checkpoint()  # who asks in the same turn of the loop joins
                self._gathering = None
                mine.found = await self._ask(sorted(mine.keys))
                return mine.found.get(key)
            finally:
                if self._gathering is mine:
                    self._gathering = None
                mine.done.set()
