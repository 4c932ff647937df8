"""The rate limit: at most so many requests in any one second, counted for each sub-account by itself."""

import math
import time
from collections import deque
from collections.abc import Callable

from eightbyeight_async.sandbox.api.operation_results import Refusal

WINDOW = 1.0


class RateLimit:
    """A sliding window. `limit` is requests a second, None for no limit; it may be changed at any time."""

    def __init__(self, limit: float | None, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._monotonic = monotonic
        self._seen: dict[str, deque[float]] = {}

    @property
    def limit(self) -> float | None:
        return self._limit

    @limit.setter
    def limit(self, limit: float | None) -> None:
        if limit is not None and limit <= 0:
            raise ValueError("rate_limit and details_limit are positive numbers of requests a second, or None")
        self._limit = limit

    def admit(self, subaccount_id: str) -> None:
        """Count a request, or refuse it with 429 and the whole seconds to wait. A refused one does not count.

        The body's code 429 is the one 8x8's OpenAPI shows for this status; no 4-digit code is documented.
        """
        if self.limit is None:
            return
        now = self._monotonic()
        seen = self._seen.setdefault(subaccount_id, deque())
        while seen and seen[0] <= now - WINDOW:
            seen.popleft()
        if len(seen) >= self.limit:
            wait = max(1, math.ceil(seen[0] + WINDOW - now))
            raise Refusal(429, f"quota exceeded, again in {wait} s", status=429, headers={"Retry-After": str(wait)})
        seen.append(now)

    def reset(self) -> None:
        self._seen.clear()
