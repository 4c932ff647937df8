"""What time it is for the sandbox: real time plus whatever a test has skipped.

Schedules do not wait on this clock: they are judged when somebody looks, so skipping a day costs nothing. What
does wait (receipts) is told when it is moved.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta


class SandboxClock:
    """Real UTC time that can be moved forward; `base` replaces real time (it returns aware datetimes)."""

    def __init__(self, base: Callable[[], datetime] | None = None) -> None:
        self._base = base or (lambda: datetime.now(UTC))
        self._skipped = timedelta()
        self.moved: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return (self._base() + self._skipped).astimezone(UTC)

    def advance(self, by: timedelta | float) -> None:
        """Move forward by a timedelta or by seconds; schedules that fall due are sent."""
        step = by if isinstance(by, timedelta) else timedelta(seconds=by)
        if step < timedelta():
            raise ValueError("the sandbox's clock goes forward only")
        self._skipped += step
        self.moved()

    def reset(self) -> None:
        """Back to real time."""
        self._skipped = timedelta()

    def __repr__(self) -> str:
        return f"<SandboxClock {self._skipped} ahead>"
