"""The pacer: at most a number of requests a second, evenly spaced. It is GCRA with a clock that is passed in.

Each request gets the earliest time that is 1/rate seconds after the request before it. Unused time is not made up in a
burst. So no second has more than `rate` requests (plus the first).
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pacer"]


class Pacer:
    """Gives each request its start time.

    Args:
        rate: requests a second.
        clock: returns monotonic seconds.
    """

    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._interval = 1.0 / rate
        self._clock = clock
        self._next = 0.0
        self._returned: list[float] = []  # a heap

    def reserve(self) -> tuple[float, float]:
        """Reserve the next start time; return the seconds until it (0: now), and the time itself for `give_back`."""
        now = self._clock()
        while self._returned:
            moment = heapq.heappop(self._returned)
            if moment >= now:
                return moment - now, moment
        moment = max(now, self._next)
        self._next = moment + self._interval
        return moment - now, moment

    def give_back(self, moment: float) -> None:
        """Return a reserved start time whose request was cancelled; the next request takes it."""
        heapq.heappush(self._returned, moment)
