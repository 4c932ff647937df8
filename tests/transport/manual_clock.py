"""A clock that stands still until the test moves it, for a transport's pool and connections on a real loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from eightbyeight_async.transport.fast import FastTransport

__all__ = ["ManualClock", "hold"]


class _Timer:
    def __init__(self, when: float, run: Callable[[], object]) -> None:
        self.when = when
        self.run = run
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class ManualClock:
    """Replaces the time and the timers of a loop. Everything else comes from the loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._now = loop.time()
        self._timers: list[_Timer] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loop, name)

    def time(self) -> float:
        return self._now

    def call_at(self, when: float, callback: Callable[..., object], *args: object) -> _Timer:
        timer = _Timer(when, lambda: callback(*args))
        self._timers.append(timer)
        return timer

    def call_later(self, delay: float, callback: Callable[..., object], *args: object) -> _Timer:
        return self.call_at(self._now + delay, callback, *args)

    def advance(self, seconds: float) -> None:
        """Moves the time forward. As on a loop, timers that are due run in a later turn, after earlier events."""
        self._now += seconds
        self._loop.call_soon(self._run_due)

    def _run_due(self) -> None:
        due = [timer for timer in self._timers if timer.when <= self._now]
        self._timers = [timer for timer in self._timers if timer.when > self._now]
        for timer in sorted(due, key=lambda timer: timer.when):
            if not timer.cancelled:
                timer.run()


def hold(fast: FastTransport) -> ManualClock:
    """Returns a clock that the only pool of `fast` and its open connections use from now on."""
    (pool,) = fast.pools.values()
    clock: Any = ManualClock(pool._loop)
    pool._loop = clock
    if pool._sweeper is not None:
        pool._sweeper.cancel()
        pool._sweep()
    for connection in pool._sockets:
        connection._deadline._loop = clock
    return clock  # type: ignore[no-any-return]
