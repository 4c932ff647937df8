"""The sandbox's clock: real time plus the time that a test has skipped.

No timer waits for a schedule: the message store compares schedules with this clock when it is read. So skipping a
day takes no time. Receipts do wait, so the clock calls `moved` after each step forward.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Real UTC time that can be moved forward.

    `base`: a function that returns the time as an aware datetime, instead of the real time.
    """

    def __init__(self, base: Callable[[], datetime] | None = None) -> None:
        self._base = base or (lambda: datetime.now(UTC))
        self._skipped = timedelta()
        self.moved: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        """The sandbox's time, with zone UTC."""
        return (self._base() + self._skipped).astimezone(UTC)

    def advance(self, by: timedelta | float) -> None:
        """Move the clock forward; messages whose scheduled time has passed are sent.

        `by`: a timedelta, or seconds. Raises ValueError if it is negative.
        """
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if step < timedelta():
            raise ValueError("the sandbox's clock only goes forward: advance by 0 or more")
        self._skipped += step
        self.moved()

    def reset(self) -> None:
        """Go back to real time."""
        self._skipped = timedelta()

    def __repr__(self) -> str:
        return f"<SandboxClock {self._skipped} ahead>"
