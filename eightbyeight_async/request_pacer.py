"""At most so many requests a second, evenly paced: GCRA with a clock that is passed in.

Each request is given the earliest moment that keeps the distance 1/rate to the one before it. A caller that comes
late does not get the time back in a burst, so no second ever holds more than `rate` requests (plus the first).
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pacer"]


class Pacer:
    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._interval = 1.0 / rate
        self._clock = clock
        self._next = 0.0
        self._returned: list[float] = []  # a heap

    def reserve(self) -> tuple[float, float]:
        """Takes the next moment: the seconds until it (0 when it is now), and the moment itself, to give back."""
        now = self._clock()
        while self._returned:
            moment = heapq.heappop(self._returned)
            if moment >= now:
                return moment - now, moment
        moment = max(now, self._next)
        self._next = moment + self._interval
        return moment - now, moment

    def give_back(self, moment: float) -> None:
        """For who was cancelled before it came: the next one takes it."""
        heapq.heappush(self._returned, moment)
