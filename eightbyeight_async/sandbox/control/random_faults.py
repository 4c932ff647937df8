"""Random faults by rate: one random number for each request, in the order of arrival, from a seeded generator.

With the same seed and rates, the n-th request that draws a number always gets the same fault.
"""

import random
from collections import Counter
from collections.abc import Iterable

from eightbyeight_async.sandbox.control.faults import Fault


class RandomFaults:
    """Draws a fault for each request.

    - `rates`: (name, fault, share of the requests that get it); the shares add up to at most 1, else ValueError.
    - `operations`: only requests of these operations draw; None for every operation.
    - `drawn`: the counter of faults by name, which this class increases.
    """

    def __init__(
        self,
        seed: int,
        rates: Iterable[tuple[str, Fault, float]],
        operations: Iterable[str] | None,
        drawn: Counter[str],
    ) -> None:
        self._random = random.Random(seed)  # noqa: S311 - must be repeatable
        self._rates = [(name, fault, rate) for name, fault, rate in rates if rate]
        self._operations = None if operations is None else frozenset(operations)
        self._drawn = drawn
        if any(rate < 0 for _, _, rate in self._rates) or sum(rate for _, _, rate in self._rates) > 1:
            raise ValueError("rates are shares of the requests: none may be negative, their sum may be at most 1")

    def draw(self, operation: str) -> Fault | None:
        if self._operations is not None and operation not in self._operations:
            return None
        point = self._random.random()
        for name, fault, rate in self._rates:
            if point < rate:
                self._drawn[name] += 1
                return fault
            point -= rate
        return None
