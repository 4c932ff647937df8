"""The lease of a claim, as its holder counts it. The clock is passed in.

Rules:
- The holder counts from before the claim was sent to the database, so its lease never ends later than the database's.
- A send begins only in the first half of the lease, and is cut off at its end. What is cut off may have gone out.
- The clock goes on while the machine is suspended, where there is such a clock (Linux: CLOCK_BOOTTIME).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

import anyio

from eightbyeight_async.errors import Sent, TransportTimeoutError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["ClaimLease", "boottime"]

T = TypeVar("T")

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

    def may_begin(self, claimed: float) -> bool:
        """Whether a send may begin under a claim that was asked for at `claimed`."""
        return self.clock() - claimed < self._seconds / 2

    async def within(self, claimed: float, call: Callable[[], Awaitable[T]]) -> T:
        """Makes a call that ends with the lease.

        Raises:
            TransportTimeoutError: the lease ended first; the message may have been sent.
        """
        with anyio.move_on_after(max(0.0, claimed + self._seconds - self.clock())):
            return await call()
        raise TransportTimeoutError("no answer before the claim's lease ended", sent=Sent.MAYBE)
