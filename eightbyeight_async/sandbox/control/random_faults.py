"""Faults by rate: one draw a request, in the order they arrive, from a seeded source.

The same seed gives the same faults to the same number of requests, whoever makes them.
"""

import random
from collections import Counter
from collections.abc import Iterable

from eightbyeight_async.sandbox.control.faults import Fault


class Chance:
    """`rates`: (name, the fault, the share of requests that get it); the shares add up to 1 at most."""

    def __init__(
        self,
        seed: int,
        rates: Iterable[tuple[str, Fault, float]],
        operations: Iterable[str] | None,
        drawn: Counter[str],
    ) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable is the point
        self._rates = [(name, fault, rate) for name, fault, rate in rates if rate]
        self._operations = None if operations is None else frozenset(operations)
        self._drawn = drawn
        if any(rate < 0 for _, _, rate in self._rates) or sum(rate for _, _, rate in self._rates) > 1:
            raise ValueError("rates are shares of the requests: none below 0, all together at most 1")

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
