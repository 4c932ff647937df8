"""How fast a campaign sends: evenly paced, slower after a 429, then faster again. Pure but for the clock passed in.

Rules (AIMD, additive increase and multiplicative decrease, as TCP finds its share of a line):
- a 429 stops everybody for its `Retry-After`, then the pace is half of what it was, but no less than a twentieth of the
  full pace: below that the pauses do the work, and a gateway that says 429 at random must not starve the campaign;
- many requests refused at once are one 429: only one sent after the last decrease decreases again;
- no second has more than `max_rate` + 1 real starts, also after the event loop stalled;
- every second without a 429 adds a fifth of the full pace, up to it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.request_pacer import RecentStarts

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["DEFAULT_PAUSE", "AdaptiveRate"]

DEFAULT_PAUSE = 1.0  # seconds, for a 429 that does not say how long
_DECREASE = 0.5
_INCREASE = 1 / 5  # of the full pace, a second
_LEAST = 1 / 20  # of the full pace
_USUAL = 1_800.0  # requests a second that 8x8 allows a sub-account: the full pace where none is set


class AdaptiveRate:
    """`max_rate`: requests a second at most; None: as fast as they go, until the first 429, and never capped."""

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
        self._second = (clock(), 0)  # start of the second that is counted, requests in it
        self._observed = 0.0

    @property
    def rate(self) -> float | None:
        """Requests a second at the moment; None: not limited."""
        return self._rate

    def paused_for(self) -> float:
        """Seconds until the pause ends; 0 when there is none."""
        return max(0.0, self._paused_until - self._clock())

    def reserve(self) -> float:
        """Takes the next moment to send at; the seconds until it."""
        now = self._clock()
        self._raise(now)
        moment = max(now, self._next, self._paused_until)
        if self._rate is not None:
            self._next = moment + 1.0 / self._rate
        self._count(now)
        return moment - now

    def start(self) -> float:
        """Starts a request whose moment has come: 0; or the seconds until it may start."""
        return 0.0 if self._starts is None else self._starts.start(self._clock())

    def give_back(self) -> None:
        """A moment that was taken and not used: the message was settled before."""
        if self._rate is not None:
            self._next -= 1.0 / self._rate

    def refused(self, sent_at: float, retry_after: float | None) -> None:
        """A request that was sent at `sent_at` met a 429."""
        now = self._clock()
        wait = DEFAULT_PAUSE if retry_after is None else retry_after
        self._paused_until = max(self._paused_until, now + wait)
        if sent_at < self._decreased_at:
            return
        self._decreased_at = self._raised_at = now
        before = self._rate if self._rate is not None else max(self._observed, float(self._second[1]))
        self._rate = max(self._full * _LEAST, before * _DECREASE)
        self._next = self._paused_until

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
