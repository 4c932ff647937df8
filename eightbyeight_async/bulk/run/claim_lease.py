"""The lease of a claim, as its holder counts it. The clock is passed in.

Rules:
- The holder counts from before the claim was sent to the database, so its lease never ends later than the database's.
- A send begins only in the first half of the lease, and is cut off at its end. What is cut off may have gone out.
- The clock goes on while the machine is suspended, where there is such a clock (Linux: CLOCK_BOOTTIME). The loop's own
  clock stands still then, so the ends are compared with this one four times a second: what the suspend outlasted is cut
  off a quarter of a second after it.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import anyio

from eightbyeight_async.errors import Sent, TransportTimeoutError
from eightbyeight_async.loops import Loop, running

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["ClaimLease", "boottime"]

T = TypeVar("T")

_LOOK = 0.25  # seconds between two looks at the ends of leases
_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def boottime() -> float:
    """Seconds of a clock that never goes back and, where the system has one, counts the time of a suspend."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)


class ClaimLease:
    """How long claims are held.

    Args:
        seconds: of the lease.
        clock: `boottime`, or a test's.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = boottime) -> None:
        self._seconds = seconds
        self.clock = clock
        self._ends: dict[int, tuple[anyio.CancelScope, float]] = {}  # of the calls in flight, by the scope's id
        self._loop: Loop | None = None  # looks at the ends in this loop; None: no call is in flight

    def may_begin(self, claimed: float) -> bool:
        """Whether a send may begin under a claim that was asked for at `claimed`."""
        return self.clock() - claimed < self._seconds / 2

    async def within(self, claimed: float, call: Callable[[], Awaitable[T]]) -> T:
        """Makes a call that ends with the lease.

        Raises:
            TransportTimeoutError: the lease ended first; the message may have been sent.
        """
        end = claimed + self._seconds
        with anyio.move_on_after(max(0.0, end - self.clock())) as scope:
            self._ends[id(scope)] = scope, end
            if self._loop is None:
                self._loop = Loop(running())
                self._loop.later(_LOOK, self._look)
            try:
                return await call()
            finally:
                del self._ends[id(scope)]
        raise TransportTimeoutError("no answer before the claim's lease ended", sent=Sent.MAYBE)

    def _look(self) -> None:
        if not self._ends or self._loop is None:
            self._loop = None
            return
        now = self.clock()
        for scope, end in self._ends.values():
            if end <= now:
                scope.cancel()
        self._loop.later(_LOOK, self._look)
