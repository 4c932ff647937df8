"""The limiter: the most calls in flight over the whole client, in order of arrival.

A call waits here before its request reaches the connection pool. So it cannot time out in the pool, and the pool never
has more requests than connections.

Rule: all state changes are synchronous, only waiting awaits.
Why not anyio.CapacityLimiter: it identifies borrowers by task, and takes several times as long for each call.
"""

from __future__ import annotations

from collections import deque

import anyio

__all__ = ["Limiter"]


class Limiter:
    """A limiter with `width` places: `async with limiter:` takes one of them."""

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
            # Cancelled. If this waiter was just given a place, pass it on. Else only mark the waiter as gone: removing
            # it from the middle of the queue is O(n).
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
