"""Progress where there is no bar (a log file, CI): one plain line every 15 seconds.

`PlainProgress` decides when to print; the functions make the text and are pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from eightbyeight_async.bulk.report import Progress
    from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts

__all__ = [
    "INTERVAL",
    "PlainProgress",
    "campaign_line",
    "checking_line",
    "duration",
    "file_run_line",
    "reconcile_line",
    "requests_words",
    "time_left",
]

INTERVAL = 15.0  # seconds between two lines: four a minute, so that an hour is 240 lines of a log


class PlainProgress:
    """Prints a line once an interval has passed since the last line. The first line comes an interval after the start.

    Args:
        print_line: prints a line.
        clock: a monotonic clock.
        interval: seconds between two lines.

    Attributes:
        began: time of the start, by that clock.
    """

    def __init__(self, print_line: Callable[[str], None], clock: Callable[[], float], interval: float) -> None:
        self.began: float = clock()
        self._print_line = print_line
        self._clock = clock
        self._interval = interval
        self._printed = self.began

    def now(self) -> float:
        """The current time of the clock."""
        return self._clock()

    def show(self, line: Callable[[float], str]) -> None:
        """Prints a line if it is due. `line`: makes its text from the present time."""
        now = self._clock()
        if now - self._printed >= self._interval:
            self._printed = now
            self._print_line(line(now))


def campaign_line(so_far: Progress) -> str:
    """The line for a `bulk run`: people, requests, rate, time left, a pause."""
    counts = {
        "accepted": so_far.accepted,
        "rejected": so_far.rejected,
        "failed": so_far.failed,
        "unknown": so_far.unknown,
        "already settled": so_far.known,
        "left out as duplicates": so_far.duplicates,
    }
    done = so_far.taken - so_far.in_flight - so_far.not_sent
    line = _line(done, so_far.expected, counts, so_far.requests, so_far.rate, so_far.seconds_left)
    return line + _pause_words(so_far.paused, so_far.unreachable)


def file_run_line(counts: OutcomeCounts, rate: float) -> str:
    """The line for a `send-each` or `send-batch`. `rate`: messages a second."""
    left = counts.not_tried / rate if rate > 0 else None
    outcomes = {outcome.value: number for outcome, number in counts.outcomes.items()}
    line = _line(counts.tried, counts.rows, {"accepted": 0, **outcomes}, counts.requests, rate, left)
    return line if counts.pauses is None else line + _pause_words(counts.pauses.paused, counts.pauses.unreachable)


def _pause_words(paused: float, unreachable: float | None) -> str:
    if unreachable:
        return f"; 8x8 cannot be reached: next try in {paused:,.0f} s, trying for {duration(unreachable)} more"
    return f"; paused for {paused:,.0f} s, as 8x8 asks (too many requests)" if paused else ""


def requests_words(requests: int, messages: int) -> str:
    """Returns the number of requests, for a bar that counts messages; empty if each message is a request of its own."""
    return f"{requests:,} {'request' if requests == 1 else 'requests'}" if 0 < requests * 2 <= messages else ""


def time_left(left: float | None, paused: float, unreachable: float | None) -> str:
    """The end of a bar: the time left, and a pause."""
    if unreachable:
        return f"no network, {duration(unreachable)} left"
    words = [f"paused {paused:.0f} s (429)"] if paused else []
    return ", ".join(words + ([] if left is None else [duration(left)]))


def checking_line(name: str, read: int, size: int, seconds: float) -> str:
    """The line for the check of a file. `read`, `size`: bytes."""
    share = f"{100 * read / size:.0f} % of {size / 1e6:,.1f} MB" if size else f"{read / 1e6:,.1f} MB"
    left = f", {duration(seconds * (size - read) / read)} left" if 0 < read <= size else ""
    return f"checking {name}: {share}{left}; nothing is sent yet"


def reconcile_line(waiting: float, seconds: float) -> str:
    """The line for a `bulk reconcile`. `waiting`: seconds that it still waits before it asks for the log."""
    if waiting > 0:
        return f"waiting until every sent message is in 8x8's log: {duration(waiting)} left"
    return f"looking up messages in 8x8's log: {duration(seconds)} so far"


def duration(seconds: float) -> str:
    """`03:05`, `2:03:05`."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def _line(
    done: int, expected: int | None, counts: dict[str, int], requests: int, rate: float, left: float | None
) -> str:
    """Makes a line of counts. Counts of 0 are left out, except `accepted`."""
    of = "" if expected is None else f" of {expected:,}"
    words = [f"{number:,} {name}" for name, number in counts.items() if number or name == "accepted"]
    words += [f"{requests:,} {'request' if requests == 1 else 'requests'}", f"{rate:,.0f} messages/s"]
    words += [] if left is None else [f"{duration(left)} left"]
    return f"{done:,}{of} messages done: {', '.join(words)}"
