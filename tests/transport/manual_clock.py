"""A clock that stands still until the test moves it, for the pool and the connections of a transport on a real loop."""

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
    """The time and the timers of a loop; everything else is the loop's own."""

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
        """Move the time now; as on a loop, what falls due runs in its turn, after what was there before."""
        self._now += seconds
        self._loop.call_soon(self._run_due)

    def _run_due(self) -> None:
        due = [timer for timer in self._timers if timer.when <= self._now]
        self._timers = [timer for timer in self._timers if timer.when > self._now]
        for timer in sorted(due, key=lambda timer: timer.when):
            if not timer.cancelled:
                timer.run()


def hold(fast: FastTransport) -> ManualClock:
    """From now on the one pool of `fast` and its open connections go by the clock that is returned."""
    (pool,) = fast.pools.values()
    clock: Any = ManualClock(pool._loop)
    pool._loop = clock
    if pool._sweeper is not None:
        pool._sweeper.cancel()
        pool._sweep()
    for connection in pool._sockets:
        connection._deadline._loop = clock
    return clock  # type: ignore[no-any-return]
