"""The pacer: never more calls than the rate, and no burst after a delay. The tests use a clock of their own."""

from __future__ import annotations

import heapq
import itertools
import types
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from eightbyeight_async.request_pacer import Pacer

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator


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
    clock.now += 10  # this reserved turn is in the past and can no longer be used
    assert [pacer.reserve()[0] for _ in range(2)] == [0.0, 0.25]


@types.coroutine
def sleep(seconds: float) -> Generator[float, None, None]:
    yield seconds


def started(pacer: Pacer, clock: Clock, calls: int, lateness: list[float]) -> list[float]:
    """Returns the times when `calls` simultaneous calls start on a loop with late timers. `lateness`: seconds for each
    timer, in turn.

    The loop does one thing at a time. So an event that is due during a late timer is late, too.
    """
    starts = []
    late = itertools.cycle(lateness)
    begun = clock.now
    queue: list[tuple[float, int, Coroutine[Any, Any, None]]] = [(begun, n, pacer.turn(sleep)) for n in range(calls)]
    while queue:
        due, number, call = heapq.heappop(queue)
        clock.now = max(clock.now, due + (next(late) if due > begun else 0.0))
        try:
            seconds = call.send(None)
        except StopIteration:
            starts.append(clock.now)
        else:
            assert seconds > 0
            heapq.heappush(queue, (clock.now + seconds, number, call))
    return starts


def most_in_a_second(starts: list[float]) -> int:
    return max(sum(first <= start < first + 1.0 - 1e-6 for start in starts) for first in starts)


@given(
    st.sampled_from([0.5, 1.0, 2.5, 7.0, 50.0]),
    st.lists(st.one_of(st.floats(0.0, 0.02), st.floats(0.0, 0.5), st.floats(0.5, 3.0)), min_size=1, max_size=30),
)
def test_no_second_has_more_than_the_rate_and_one_however_late_timers_are(rate: float, lateness: list[float]) -> None:
    clock = Clock()
    starts = started(Pacer(rate, clock), clock, 60, lateness)
    assert len(starts) == 60  # a loop that is always late still starts all calls
    assert most_in_a_second(starts) <= rate + 1


def test_a_stall_of_the_loop_makes_no_burst() -> None:
    """The loop does nothing for two seconds, while 50 calls a second are waiting. They start one after another."""
    clock = Clock()
    starts = started(Pacer(50.0, clock), clock, 300, [0.0] * 50 + [2.0] + [0.0] * 249)
    assert most_in_a_second(starts) <= 51
    after = [start for start in starts if start >= 103.0]
    assert sum(start < 103.02 + 1e-6 for start in after) <= 7  # the calls that were up to 0.1 s late, and the next one


def test_timers_that_are_always_a_little_late_do_not_slow_the_pace() -> None:
    clock = Clock()
    starts = started(Pacer(50.0, clock), clock, 500, [0.003, 0.011, 0.0, 0.019])
    assert starts[-1] - starts[0] < 499 / 50 + 0.1


def test_a_cancelled_turn_gives_its_moment_back() -> None:
    clock = Clock()
    pacer = Pacer(4.0, clock)
    turns = [pacer.turn(sleep) for _ in range(3)]
    for turn, wait in zip(turns[1:], (0.0, 0.25), strict=True):
        try:
            assert turn.send(None) == wait
        except StopIteration:
            assert wait == 0.0
    turns[2].close()
    assert turns[0].send(None) == 0.25
    turns[0].close()
