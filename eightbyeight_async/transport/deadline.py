"""A deadline that moves with every request, on one loop timer that hardly ever does.

Setting a loop timer for each request costs 1.7 us, and leaves its cancelled corpse in the loop's heap for as long
as the timeout was. So moving the deadline moves a number; the timer, when it fires, looks whether it is time yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["Deadline"]

_EARLY = 0.001  # uvloop's clock ticks in milliseconds: a timer may fire that much before its time


class Deadline:
    """Calls `passed` once when `seconds` have gone since the last `start` or `extend`.

    Args:
        loop: whose clock and timers.
        passed: what to do; it may find that nobody waits any more, for `start(None)` does not hurry to a timer.
    """

    __slots__ = ("_at", "_loop", "_passed", "_seconds", "_timer", "_timer_at")

    def __init__(self, loop: asyncio.AbstractEventLoop, passed: Callable[[], None]) -> None:
        self._loop = loop
        self._passed = passed
        self._seconds: float | None = None
        self._at = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0

    def start(self, seconds: float | None) -> None:
        """From now on so many seconds; None: no deadline."""
        self._seconds = seconds
        if seconds is not None:
            self._at = at = self._loop.time() + seconds
            if self._timer is None or self._timer_at > at:
                self._set_timer(at)

    def extend(self) -> None:
        """The same number of seconds again, from now."""
        if self._seconds is not None:
            self._at = self._loop.time() + self._seconds

    def stop(self) -> None:
        """No deadline, and no timer left behind."""
        self._seconds = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def forget(self) -> None:
        """`stop`, for a loop that is dead: its timers went with it."""
        self._seconds = self._timer = None

    def _set_timer(self, at: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_at = at
        self._timer = self._loop.call_at(at, self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self._seconds is None:
            return
        if self._at - self._loop.time() > _EARLY:
            self._set_timer(self._at)
        else:
            self._seconds = None
            self._passed()
