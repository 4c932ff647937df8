"""The lease of a claim, as the process with the claim measures it. The clock is passed in.

Rules:
- The process measures from before it sent the claim to the database. So its lease never ends later than the database's.
- A send begins only in the first half of the lease, and is cancelled when the lease ends. A cancelled send may have
  gone out.
- The clock also counts the time while the machine is suspended, if the system has such a clock (Linux: CLOCK_BOOTTIME).
  The event loop's own clock does not count that time. So the ends of the leases are compared with this clock four times
  a second: a send whose lease ended during the suspend is cancelled at most a quarter of a second after it.
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

_LOOK = 0.25  # seconds between two checks whether a lease has ended
_BOOTTIME: int | None = getattr(time, "CLOCK_BOOTTIME", None)


def boottime() -> float:
    """Seconds of a clock that never goes back, and that counts the time of a suspend if the system has such a clock."""
    return time.monotonic() if _BOOTTIME is None else time.clock_gettime(_BOOTTIME)


class ClaimLease:
    """How long claims are held.

    Args:
        seconds: duration of the lease.
        clock: `boottime`, or the clock of a test.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = boottime) -> None:
        self._seconds = seconds
        self.clock = clock
        # By the scope's id: the calls in flight and the ends of their leases.
        self._ends: dict[int, tuple[anyio.CancelScope, float]] = {}
        self._loop: Loop | None = None  # the event loop in which leases are checked; None: no call is in flight

    def may_begin(self, claimed: float) -> bool:
        """Whether a send may begin under a claim that was requested at `claimed`."""
        return self.clock() - claimed < self._seconds / 2

    async def within(self, claimed: float, call: Callable[[], Awaitable[T]]) -> T:
        """Makes a call, and cancels it when the lease ends.

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
