"""The pace: never more than the rate, no burst for who comes late; with a clock of the test's own."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from eightbyeight_async.request_pacer import Pacer


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_calls_at_once_are_spread_evenly() -> None:
    pacer = Pacer(4.0, Clock())
    assert [pacer.reserve()[0] for _ in range(5)] == [0.0, 0.25, 0.5, 0.75, 1.0]


def test_who_comes_late_does_not_get_a_burst() -> None:
    clock = Clock()
    pacer = Pacer(4.0, clock)
    pacer.reserve()
    clock.now += 10.0
    assert [pacer.reserve()[0] for _ in range(3)] == [0.0, 0.25, 0.5]


@given(st.floats(0.1, 5000.0), st.lists(st.floats(0.0, 2.0), min_size=2, max_size=60))
def test_no_two_starts_are_closer_than_the_rate_allows(rate: float, gaps: list[float]) -> None:
    clock = Clock()
    pacer = Pacer(rate, clock)
    starts = []
    for gap in gaps:
        clock.now += gap
        starts.append(clock.now + pacer.reserve()[0])
    distances = [b - a for a, b in itertools.pairwise(starts)]
    assert all(distance >= 1 / rate - 1e-6 for distance in distances)


def test_a_moment_given_back_is_the_next_ones() -> None:
    clock = Clock()
    pacer = Pacer(4.0, clock)
    moments = [pacer.reserve()[1] for _ in range(4)]
    pacer.give_back(moments[2])
    pacer.give_back(moments[1])
    assert [pacer.reserve()[0] for _ in range(3)] == [0.25, 0.5, 1.0]
    pacer.give_back(moments[3])
    clock.now += 10  # its time has passed: it is worth nothing any more
    assert [pacer.reserve()[0] for _ in range(2)] == [0.0, 0.25]
