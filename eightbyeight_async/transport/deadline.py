"""A deadline that each request moves, with one loop timer that is rarely set.

Setting a loop timer for each request takes 1.7 us, and each cancelled timer stays in the loop's heap until its time
would have come. So moving the deadline only changes a number. When the timer fires before the deadline, it is set
again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

__all__ = ["Deadline"]

_EARLY = 0.001  # seconds; uvloop's clock has milliseconds, so a timer may fire this much too early


class Deadline:
    """Calls `passed` once when `seconds` have passed since the last `start` or `extend`.

    Args:
        loop: the event loop whose clock and timers are used.
        passed: the callback. It must check that a task still waits, because the deadline of a request that has ended is
            not stopped.
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
        """Set the deadline to `seconds` from now; None clears it, but leaves the timer running."""
        self._seconds = seconds
        if seconds is not None:
            self._at = at = self._loop.time() + seconds
            if self._timer is None or self._timer_at > at:
                self._set_timer(at)

    def extend(self) -> None:
        """Set the deadline to the same number of seconds from now."""
        if self._seconds is not None:
            self._at = self._loop.time() + self._seconds

    def stop(self) -> None:
        """Clear the deadline and cancel the timer."""
        self._seconds = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def forget(self) -> None:
        """`stop` for a closed loop, whose timers no longer exist."""
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
