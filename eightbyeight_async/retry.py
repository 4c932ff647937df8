"""When a call is made again: the decision, not the waiting.

The rule: only an answer of the API itself with an error code of the 2000 class (2000..2999) is worth another try,
whatever its HTTP status. 8x8 has no idempotency key, so a timeout, a reset, a gateway's page or a 429 is never
repeated here: the message may be out already, or the caller has to slow down.
"""

from __future__ import annotations

import math

import attrs

from eightbyeight_async.errors import EightByEightError, InvalidRequestError, ServerError

__all__ = ["GiveUp", "RetryPolicy", "Wait"]


@attrs.frozen
class Wait:
    """Try again after some time between `least` and `most` seconds; the caller draws where in between."""

    least: float
    most: float

    def seconds(self, fraction: float) -> float:
        """The wait for a random `fraction` in 0..1."""
        return self.least + (self.most - self.least) * fraction


@attrs.frozen
class GiveUp:
    """The error is the caller's now."""


@attrs.frozen
class RetryPolicy:
    """How often and how patiently a 2000-class error is retried: exponential back-off with full jitter.

    Before attempt n+1 the wait is drawn evenly from `[(1 - jitter) * d, d]` with
    `d = min(max_delay, initial_delay * multiplier ** (n - 1))`; a `Retry-After` of the API is the least that is
    waited, up to `max_delay`.

    Attributes:
        max_attempts: tries in total, the first one included; 1: never retried.
        initial_delay: seconds, the upper bound of the first wait.
        max_delay: seconds, the upper bound of every wait.
        multiplier: growth of the bound from wait to wait.
        jitter: 0..1, the share of the wait that is random; 1: full jitter, 0: none.

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
        """Never retry."""
        return cls(max_attempts=1)

    def decide(self, error: EightByEightError, attempt: int) -> Wait | GiveUp:
        """What to do after attempt number `attempt` (from 1) ended in `error`. Pure: no clock, no dice."""
        if not isinstance(error, ServerError) or attempt >= self.max_attempts:
            return GiveUp()
        try:
            most = min(self.max_delay, self.initial_delay * self.multiplier ** (attempt - 1))
        except OverflowError:
            most = self.max_delay
        asked = min(error.retry_after or 0.0, self.max_delay)
        return Wait(least=max(asked, most * (1 - self.jitter)), most=max(asked, most))
