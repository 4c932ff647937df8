"""The retry policy: it decides whether a call is retried and how long to wait. It does not wait itself.

Rule: a call is retried only if the API itself responded with an error code of the 2000 class (2000 to 2999), with any
HTTP status. 8x8 has no idempotency key. After a timeout, a reset or a gateway's page the message may already have been
sent, and after a 429 the caller must slow down. So none of these is retried.
"""

from __future__ import annotations

import math

import attrs

from eightbyeight_async.errors import EightByEightError, InvalidRequestError, ServerError

__all__ = ["RetryPolicy", "Wait"]


@attrs.frozen
class Wait:
    """The decision to retry after a random time between `least` and `most` seconds."""

    least: float
    most: float

    def seconds(self, fraction: float) -> float:
        """The seconds to wait, for a random `fraction` from 0 to 1."""
        return self.least + (self.most - self.least) * fraction


@attrs.frozen
class RetryPolicy:
    """How often a 2000-class error is retried, and how long each wait is: exponential back-off with full jitter.

    The wait before attempt n+1 is a random number between `(1 - jitter) * d` and `d` seconds, with
    `d = min(max_delay, initial_delay * multiplier ** (n - 1))`. It is at least the API's `Retry-After`, but at most
    `max_delay`.

    Attributes:
        max_attempts: the number of attempts, the first one included; 1 for no retry.
        initial_delay: the upper bound of the first wait, in seconds.
        max_delay: the upper bound of every wait, in seconds.
        multiplier: the factor by which the upper bound grows from wait to wait.
        jitter: the random share of the wait, 0 to 1; 1 for full jitter, 0 for none.

    Raises:
        InvalidRequestError: a value is out of its range.
    """

    max_attempts: int = 4
    initial_delay: float = 0.25
    max_delay: float = 8.0
    multiplier: float = 2.0
    jitter: float = 1.0

    def __attrs_post_init__(self) -> None:
        attempts: object = self.max_attempts
        if isinstance(attempts, bool) or not isinstance(attempts, int) or attempts < 1:
            raise InvalidRequestError("max_attempts", "must be a whole number of at least 1")
        for name, least, most in (
            ("initial_delay", 0.0, math.inf),
            ("max_delay", 0.0, math.inf),
            ("multiplier", 1.0, math.inf),
            ("jitter", 0.0, 1.0),
        ):
            value = getattr(self, name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or not least <= value <= most:
                upper = "" if most == math.inf else f" and at most {most:g}"
                raise InvalidRequestError(name, f"must be a number of at least {least:g}{upper}")

    @classmethod
    def none(cls) -> RetryPolicy:
        """A policy that never retries."""
        return cls(max_attempts=1)

    def decide(self, error: EightByEightError, attempt: int) -> Wait | None:
        """Decide what follows after attempt number `attempt` (from 1) ended in `error`: a wait, or None for no retry.

        Pure: it uses no clock and no random numbers.
        """
        if not isinstance(error, ServerError) or attempt >= self.max_attempts:
            return None
        try:
            most = min(self.max_delay, self.initial_delay * self.multiplier ** (attempt - 1))
        except OverflowError:
            most = self.max_delay
        asked = min(error.retry_after or 0.0, self.max_delay)
        return Wait(least=max(asked, most * (1 - self.jitter)), most=max(asked, most))
