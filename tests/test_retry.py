"""The decision to retry: only for codes of class 2000, with full jitter, and Retry-After up to a limit."""

from __future__ import annotations

import math
from types import NoneType
from typing import Any

import pytest

from eightbyeight_async import (
    APIError,
    EightByEightError,
    InvalidRequestError,
    RateLimitError,
    RetryPolicy,
    ServerError,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from eightbyeight_async.retry import Wait

POLICY = RetryPolicy()


def server_error(retry_after: float | None = None) -> ServerError:
    return ServerError(status_code=500, code=2000, retry_after=retry_after)


@pytest.mark.parametrize(
    "error",
    [
        TransportError("reset"),
        TransportTimeoutError("slow"),
        UnexpectedResponseError("a page", status_code=502),
        RateLimitError(status_code=429, retry_after=1.0),
        APIError(status_code=500, code=1999),
        InvalidRequestError("text", "missing"),
        EightByEightError(),
    ],
)
def test_nothing_else_is_ever_repeated(error: EightByEightError) -> None:
    assert POLICY.decide(error, 1) is None


def test_the_waits_grow_to_the_bound_and_end_with_the_attempts() -> None:
    policy = RetryPolicy(max_attempts=8)
    waits = [policy.decide(server_error(), attempt) for attempt in range(1, 9)]
    assert waits == [Wait(0.0, d) for d in (0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 8.0)] + [None]


def test_max_attempts_counts_the_first_try() -> None:
    assert [type(POLICY.decide(server_error(), n)) for n in (1, 2, 3, 4, 5)] == [Wait, Wait, Wait, NoneType, NoneType]
    assert RetryPolicy.none().decide(server_error(), 1) is None
    assert RetryPolicy.none().max_attempts == 1


@pytest.mark.parametrize(("jitter", "wait"), [(1.0, Wait(0.0, 1.0)), (0.5, Wait(0.5, 1.0)), (0.0, Wait(1.0, 1.0))])
def test_jitter_is_the_random_share(jitter: float, wait: Wait) -> None:
    assert RetryPolicy(initial_delay=1.0, jitter=jitter).decide(server_error(), 1) == wait


def test_retry_after_is_the_least_wait_up_to_the_bound() -> None:
    assert POLICY.decide(server_error(retry_after=3.0), 1) == Wait(3.0, 3.0)
    assert POLICY.decide(server_error(retry_after=0.1), 1) == Wait(0.1, 0.25)
    assert POLICY.decide(server_error(retry_after=3600.0), 1) == Wait(8.0, 8.0)
    assert POLICY.decide(server_error(retry_after=0.0), 1) == Wait(0.0, 0.25)


def test_a_wait_is_drawn_from_its_range() -> None:
    assert [Wait(1.0, 3.0).seconds(fraction) for fraction in (0.0, 0.5, 1.0)] == [1.0, 2.0, 3.0]


def test_many_attempts_do_not_overflow() -> None:
    assert RetryPolicy(max_attempts=10**6).decide(server_error(), 10**5) == Wait(0.0, 8.0)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_attempts", 0),
        ("max_attempts", -1),
        ("max_attempts", 2.0),
        ("max_attempts", True),
        ("max_attempts", "4"),
        ("initial_delay", -0.1),
        ("initial_delay", math.nan),
        ("initial_delay", math.inf),
        ("max_delay", -1),
        ("max_delay", "8"),
        ("multiplier", 0.5),
        ("multiplier", None),
        ("jitter", 1.1),
        ("jitter", -0.1),
        ("jitter", False),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(field: str, value: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        RetryPolicy(**{field: value})
    assert caught.value.field == field
