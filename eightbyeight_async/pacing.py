"""At most so many requests a second, evenly paced: GCRA with a clock that is passed in.

Each request is given the earliest moment that keeps the distance 1/rate to the one before it. A caller that comes
late does not get the time back in a burst, so no second ever holds more than `rate` requests (plus the first).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pacer"]


class Pacer:
    def __init__(self, rate: float, clock: Callable[[], float]) -> None:
        self._interval = 1.0 / rate
        self._clock = clock
        self._next = 0.0

    def reserve(self) -> float:
        """Takes the next moment; the seconds until it (0 when it is now)."""
        now = self._clock()
        moment = max(now, self._next)
        self._next = moment + self._interval
        return moment - now
