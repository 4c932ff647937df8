"""The rate limit: the most requests in any one second, counted for each sub-account separately."""

import math
import time
from collections import deque
from collections.abc import Callable

from eightbyeight_async.sandbox.api.operation_results import Refusal

WINDOW = 1.0  # seconds


class RateLimit:
    """A sliding window of one second.

    `limit`: requests a second, None for no limit. It may be changed at any time. Raises ValueError unless positive.
    """

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
            raise ValueError("rate_limit and details_limit must be positive numbers of requests a second, or None")
        self._limit = limit

    def admit(self, subaccount_id: str) -> None:
        """Count a request, or raise a Refusal with HTTP 429 and `Retry-After` in whole seconds.

        A refused request is not counted. The code in the body is 429, as 8x8's OpenAPI file shows it; no 4-digit code
        is documented for this status.
        """
        if self.limit is None:
            return
        now = self._monotonic()
        seen = self._seen.setdefault(subaccount_id, deque())
        while seen and seen[0] <= now - WINDOW:
            seen.popleft()
        if len(seen) >= self.limit:
            wait = max(1, math.ceil(seen[0] + WINDOW - now))
            raise Refusal(429, f"quota exceeded, try again in {wait} s", status=429, headers={"Retry-After": str(wait)})
        seen.append(now)

    def reset(self) -> None:
        self._seen.clear()
