"""An object whose constructor raised still has a repr: debuggers, `pytest -l` and error trackers show `self` of the
frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from eightbyeight_async import AsyncConnectClient
from eightbyeight_async.bulk import Campaign
from eightbyeight_async.sandbox import Sandbox

REFUSED: dict[str, tuple[type, Callable[[Any], object]]] = {
    "no key": (AsyncConnectClient, lambda half: half.__init__()),
    "a wrong timeout": (AsyncConnectClient, lambda half: half.__init__("key", "account", timeout=-1)),
    "a campaign of no client": (Campaign, lambda half: half.__init__(object(), "run.db")),
    "a campaign with a wrong mode": (
        Campaign,
        lambda half: half.__init__(AsyncConnectClient("key", "account"), "run.db", mode="x"),
    ),
    "a sandbox with a wrong rate": (Sandbox, lambda half: half.__init__(rate_limit=-1)),
}


@pytest.mark.parametrize(("cls", "make"), REFUSED.values(), ids=REFUSED)
def test_what_was_refused_has_a_repr(cls: type, make: Callable[[Any], object]) -> None:
    half = cls.__new__(cls)
    with pytest.raises(Exception):  # noqa: B017, PT011 - each has its own test
        make(half)
    assert repr(half)


@pytest.mark.parametrize("cls", [AsyncConnectClient, Campaign, Sandbox])
def test_an_object_without_any_attribute_has_a_repr(cls: type) -> None:
    assert repr(cls.__new__(cls)) == f"<{cls.__name__} not made: its settings were refused>"
