"""Decides whether a run continues while the API cannot be reached. Pure; the clock is passed in.

Rules:
- A message whose connection failed certainly did not go out. With `keep_trying` it is tried again after a pause that
  doubles from 1 to 30 seconds; all workers wait for the same pause.
- Without `keep_trying`, or after its time, the run stops when connections failed in a row: 20 of single messages, 2 of
  batches. If the run continued, it would read its whole input and send nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Network"]

_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 30.0


class Network:
    """What a run knows about the network from its connections.

    Args:
        clock: monotonic, in seconds.
        keep_trying: seconds for which a run waits for the network.

    Attributes:
        most: failures in a row after which the run stops, if it does not wait (any more).
    """

    def __init__(self, clock: Callable[[], float], keep_trying: float) -> None:
        self.most = 20
        self._clock = clock
        self._keep_trying = keep_trying
        self._failures = 0
        self._since: float | None = None
        self._pause = _FIRST_PAUSE
        self._until = 0.0

    @property
    def left(self) -> float | None:
        """Seconds for which the run still waits for the network; None: the network is there, as far as is known."""
        return None if self._since is None else max(0.0, self._since + self._keep_trying - self._clock())

    def answered(self) -> None:
        """Notes that the API answered."""
        self._failures, self._since, self._pause, self._until = 0, None, _FIRST_PAUSE, 0.0

    def failed(self, sent_at: float) -> float | None:
        """Notes that a connection failed. Returns the seconds to wait before the next try; None: do not try again.

        Args:
            sent_at: when the request began. A request that began before the present pause causes no new pause.
        """
        now = self._clock()
        if self._since is None:
            self._since = now
        if not self._keep_trying or now - self._since >= self._keep_trying:
            self._failures += 1
            return None
        if sent_at >= self._until:
            self._until = now + self._pause
            self._pause = min(self._pause * 2, _LONGEST_PAUSE)
        return max(0.0, self._until - now)

    @property
    def given_up(self) -> bool:
        """Whether the run stops."""
        return self._failures >= (1 if self._keep_trying else self.most)
