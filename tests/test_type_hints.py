"""`typing.get_type_hints` works on every public object: dependency injectors and web frameworks call it."""

from __future__ import annotations

import functools
import importlib
import inspect
import typing
from collections.abc import Iterator
from typing import Any

import pytest

import eightbyeight_async
from eightbyeight_async import bulk, ledger, prices, sandbox, webhooks

MODULES = (eightbyeight_async, bulk, ledger, prices, webhooks, sandbox)
OPERATIONS = (
    "eightbyeight_async.sms.SmsOperations",
    "eightbyeight_async.chatapps.ChatAppsOperations",
    "eightbyeight_async.account.AccountOperations",
)


def public() -> Iterator[tuple[str, Any]]:
    """Returns every public class and function, and the functions of each class."""
    places = [(f"{module.__name__}.{name}", getattr(module, name)) for module in MODULES for name in module.__all__]
    for path in OPERATIONS:
        module, _, name = path.rpartition(".")
        places.append((path, getattr(importlib.import_module(module), name)))
    for place, found in places:
        if inspect.isfunction(found):
            yield place, found
        if not inspect.isclass(found):
            continue
        yield place, found
        for name, member in inspect.getmembers_static(found):
            if name.startswith("_") and name not in ("__init__", "__aenter__", "__aiter__", "__anext__", "__aexit__"):
                continue
            function = unwrapped(member)
            if inspect.isfunction(function):
                yield f"{place}.{name}", function


def unwrapped(member: Any) -> Any:
    if isinstance(member, functools.cached_property):
        return member.func
    if isinstance(member, property):
        return member.fget
    return member.__func__ if isinstance(member, classmethod | staticmethod) else member


PUBLIC = dict(public())


@pytest.mark.parametrize("place", PUBLIC)
def test_the_hints_of_what_is_public_resolve(place: str) -> None:
    hints = typing.get_type_hints(PUBLIC[place])
    assert not [name for name, hint in hints.items() if isinstance(hint, str)]


def test_the_hints_are_the_classes_themselves() -> None:
    hints = typing.get_type_hints(PUBLIC["eightbyeight_async.sms.SmsOperations.send_batch"])
    assert hints == {"request": eightbyeight_async.BatchSmsRequest, "return": eightbyeight_async.BatchSmsResponse}
    hints = typing.get_type_hints(PUBLIC["eightbyeight_async.SmsRequest.__init__"])
    assert hints["track"] == eightbyeight_async.Track | str | None
