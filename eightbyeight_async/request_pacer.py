"""The pacer: at most a number of requests a second, evenly spaced. It is GCRA with a clock that is passed in.

Each request gets the earliest time that is 1/rate seconds after the request before it. Unused time is not made up in a
burst.

A request can start later than its time, e.g. because the event loop was busy. So the real starts are counted as well
(`turn`), and no second has more than `rate` + 1 of them.

Every method can be called from several threads.
"""

from __future__ import annotations

import heapq
import math
import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["Pacer", "RecentStarts"]

_LATE = 0.1
# Seconds. Timers of a busy loop are some milliseconds late; such a request starts at once. If the loop stalled, the
# late requests get new times, because all of them would start together.


class RecentStarts:
    """The real starts of the last second: no more than `rate` + 1."""

    def __init__(self, rate: float) -> None:
        self._most = math.floor(rate) + 1
        self._starts: deque[float] = deque()

    def start(self, now: float) -> float:
        """Count a start and return 0; or return the seconds until a start is possible."""
        starts = self._starts
        while starts and now - starts[0] >= 1.0:
            starts.popleft()
        if len(starts) >= self._most:
            return max(starts[0] + 1.0 - now, 1e-6)  # rounding could give 0
        starts.append(now)
        return 0.0


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
        self._returned: list[float] = []  # a heap of start times that were given back
        self._starts = RecentStarts(rate)
        self._lock = threading.RLock()  # reentrant: the garbage collector can close a coroutine that waits here

    async def turn(self, sleep: Callable[[float], Awaitable[object]]) -> None:
        """Wait until a request may start, and count it as started.

        Args:
            sleep: waits for seconds.
        """
        wait, moment = self.reserve()
        first = moment
        while True:
            if wait > 0:
                try:
                    await sleep(wait)
                except BaseException:
                    self.give_back(moment)
                    raise
            wait, moment = self._start(moment, again=moment == first)
            if wait <= 0:
                return

    def reserve(self) -> tuple[float, float]:
        """Reserve the next start time; return the seconds until it (0: now), and the time itself for `give_back`."""
        with self._lock:
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
        with self._lock:
            heapq.heappush(self._returned, moment)

    def forked(self) -> None:
        """Called in a forked process: replaces the lock, which another thread of the parent may have held."""
        self._lock = threading.RLock()

    def _start(self, moment: float, *, again: bool) -> tuple[float, float]:
        """Start the request whose time is `moment`: (0, `moment`); or the seconds until it may start, and when.

        `again`: whether a late request gets a new time. It gets one only once: otherwise a loop that is always late
        would start no request.
        """
        with self._lock:
            now = self._clock()
            if now < moment:
                return moment - now, moment  # the timer fired early
            if again and now - moment > _LATE:
                wait, moment = self.reserve()
                if wait > 0:
                    return wait, moment
            wait = self._starts.start(now)
            return wait, moment if wait <= 0 else now + wait
