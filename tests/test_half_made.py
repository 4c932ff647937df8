"""An object whose constructor raised has a repr: debuggers, `pytest -l` and error trackers show the frame's `self`."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from eightbyeight_async import AsyncConnectClient
from eightbyeight_async.bulk import Campaign
from eightbyeight_async.sandbox import Sandbox

REFUSED: dict[str, Callable[[], object]] = {
    "no key": AsyncConnectClient,
    "a wrong timeout": lambda: AsyncConnectClient("key", "account", timeout=-1),
    "a campaign of no client": lambda: Campaign(object(), "run.db"),  # type: ignore[arg-type]
    "a campaign with a wrong mode": lambda: Campaign(AsyncConnectClient("key", "account"), "run.db", mode="x"),  # type: ignore[arg-type]
    "a sandbox with a wrong rate": lambda: Sandbox(rate_limit=-1),
}


@pytest.mark.parametrize("make", REFUSED.values(), ids=REFUSED)
def test_what_was_refused_has_a_repr(make: Callable[[], object]) -> None:
    with pytest.raises(Exception) as caught:  # noqa: PT011 - each has its own test
        make()
    seen: list[Any] = []
    for frame in inspect.getinnerframes(caught.tb):
        found = frame.frame.f_locals.get("self")
        if isinstance(found, AsyncConnectClient | Campaign | Sandbox):
            seen.append(repr(found))
    assert seen


@pytest.mark.parametrize("cls", [AsyncConnectClient, Campaign, Sandbox])
def test_an_object_without_any_attribute_has_a_repr(cls: type) -> None:
    assert repr(cls.__new__(cls)) == f"<{cls.__name__} not made: its settings were refused>"
