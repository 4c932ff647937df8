"""How many calls are in flight at once, over the whole client, first come first served.

It stands before httpx's pool, so a task that waits for its turn is not a request yet: it cannot time out in the
pool, and the pool never holds more than it has connections. State changes are synchronous; only waiting awaits.
Not anyio.CapacityLimiter: that one knows its borrowers by task and costs several times as much per call.
"""

from __future__ import annotations

from collections import deque

import anyio

__all__ = ["Limiter"]


class Limiter:
    """`async with limiter:` holds one of `width` places."""

    def __init__(self, width: int) -> None:
        self.width = width
        self._free = width
        self._waiting: deque[tuple[anyio.Event, list[bool]]] = deque()

    async def __aenter__(self) -> None:
        if self._free > 0:
            self._free -= 1
            return
        turn = anyio.Event()
        given = [False]
        self._waiting.append((turn, given))
        try:
            await turn.wait()
        except BaseException:
            # Cancelled. A place handed over in the same moment goes on to the next; one that was not is only
            # marked, because taking it out of the middle of a long queue would cost a walk along it.
            if given[0]:
                self._release()
            given[0] = True
            raise

    async def __aexit__(self, *_: object) -> None:
        self._release()

    def _release(self) -> None:
        while self._waiting:
            turn, given = self._waiting.popleft()
            if not given[0]:
                given[0] = True
                turn.set()
                return
        self._free += 1
