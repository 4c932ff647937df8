"""The send rate of a campaign: evenly paced, lower after a 429, then higher again. Pure but for the clock passed in.

Rules (AIMD: additive increase, multiplicative decrease, as in TCP's congestion control):
- After a 429 no worker sends for as long as its `Retry-After` says. Then the rate is half of the rate before, but at
  least a twentieth of the full rate. A lower rate is not needed, because the pauses slow the run, and it would almost
  stop a campaign whose gateway answers 429 at random.
- Many requests that are refused at the same time lower the rate only once: a request that was sent before the last
  decrease does not cause another decrease.
- At most `max_rate` + 1 requests start in any second, even after the event loop was blocked.
- Each second without a 429 adds a fifth of the full rate, up to `max_rate`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.request_pacer import RecentStarts

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEFAULT_PAUSE", "AdaptiveRate"]

DEFAULT_PAUSE = 1.0  # seconds; the pause after a 429 without `Retry-After`
_DECREASE = 0.5
_INCREASE = 1 / 5  # added each second, as a share of the full rate
_LEAST = 1 / 20  # the lowest rate, as a share of the full rate
_USUAL = 1_800.0  # requests a second that 8x8 allows a sub-account: the full rate where none is set


class AdaptiveRate:
    """The rate of one run.

    Args:
        max_rate: requests a second at most. None: no limit until the first 429, and no upper bound after it.
        clock: monotonic, in seconds.
    """

    def __init__(self, max_rate: float | None, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._cap = max_rate
        self._full = max_rate or _USUAL
        self._rate = max_rate
        self._starts = None if max_rate is None else RecentStarts(max_rate)
        self._next = 0.0
        self._paused_until = 0.0
        self._decreased_at = float("-inf")
        self._raised_at = clock()
        self._second = (clock(), 0)  # start of the second that is being counted, and its requests so far
        self._observed = 0.0

    @property
    def rate(self) -> float | None:
        """The present limit in requests a second; None: not limited."""
        return self._rate

    def paused_for(self) -> float:
        """Seconds until the pause ends; 0 when there is none."""
        return max(0.0, self._paused_until - self._clock())

    def reserve(self) -> float:
        """Reserves the next moment to send at. Returns the seconds until that moment."""
        now = self._clock()
        self._raise(now)
        moment = max(now, self._next, self._paused_until)
        if self._rate is not None:
            self._next = moment + 1.0 / self._rate
        self._count(now)
        return moment - now

    def start(self) -> float:
        """Starts a request and returns 0 if its moment has come. Otherwise returns the seconds until it may start."""
        return 0.0 if self._starts is None else self._starts.start(self._clock())

    def give_back(self) -> None:
        """Returns the last reservation unused: its message is not sent after all."""
        if self._rate is not None:
            self._next -= 1.0 / self._rate

    def refused(self, sent_at: float, retry_after: float | None) -> None:
        """Pauses and lowers the rate after a 429. `sent_at`: when the refused request was sent."""
        now = self._clock()
        wait = DEFAULT_PAUSE if retry_after is None else retry_after
        self._paused_until = max(self._paused_until, now + wait)
        if sent_at < self._decreased_at:
            return
        self._decreased_at = self._raised_at = now
        before = self._rate if self._rate is not None else max(self._observed, float(self._second[1]))
        self._rate = max(self._full * _LEAST, before * _DECREASE)
        self._next = self._paused_until

    def pause(self, seconds: float) -> None:
        """Pauses without lowering the rate."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)
        self._next = max(self._next, self._paused_until)

    def _raise(self, now: float) -> None:
        since = now - max(self._raised_at, self._paused_until)
        if self._rate is None or since <= 0:
            return
        self._raised_at = now
        self._rate += self._full * _INCREASE * since
        if self._cap is not None:
            self._rate = min(self._cap, self._rate)

    def _count(self, now: float) -> None:
        start, count = self._second
        if now - start >= 1.0:
            self._observed = count / (now - start)
            start, count = now, 0
        self._second = (start, count + 1)
