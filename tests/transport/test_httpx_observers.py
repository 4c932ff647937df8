"""`somebody_watches` notices every replacement of a function of httpx or httpcore, and the end of the replacement."""

from __future__ import annotations

import functools
import socket
import subprocess
import sys
import timeit
import types
from operator import attrgetter
from typing import TYPE_CHECKING, Any
from unittest import mock

import httpcore
import httpx
import pytest
import wrapt

from eightbyeight_async.transport.httpx_observers import _HTTPCORE, _HTTPX, is_replaced, somebody_watches

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = [(httpx, name) for name in _HTTPX] + [(httpcore, name) for name in _HTTPCORE]
FUNCTIONS = [(library, name) for library, name in NAMES if "." in name and not name.endswith("__code__")]
CLASSES = [(library, name) for library, name in NAMES if "." not in name]


def plain(original: Any) -> Any:
    def function(*args: Any, **options: Any) -> Any:
        return original(*args, **options)

    return function


def borrowed_name(original: Any) -> Any:
    """A manual copy: all names that a function has about itself are the original's."""
    function = plain(original)
    function.__module__, function.__qualname__, function.__name__ = (
        original.__module__,
        original.__qualname__,
        original.__name__,
    )
    return function


def wrapped(original: Any) -> Any:
    return functools.wraps(original)(plain(original))


def wrapped_without_trace(original: Any) -> Any:
    function = wrapped(original)
    del function.__wrapped__
    return function


def by_wrapt(original: Any) -> Any:
    return wrapt.FunctionWrapper(original, lambda function, _, args, options: function(*args, **options))


def another_of_the_library(original: Any) -> Any:
    return httpx.AsyncClient.aclose


def stranger_of_the_same_name(original: Any) -> Any:
    """The synchronous client has methods with the same names in the same file."""
    found = getattr(httpx.Client, original.__name__, original)
    return httpx.Client.close if found is original else found


REPLACEMENTS: list[Callable[[Any], Any]] = [
    plain,
    borrowed_name,
    wrapped,
    wrapped_without_trace,
    by_wrapt,
    another_of_the_library,
    stranger_of_the_same_name,
    lambda _: mock.MagicMock(),
    mock.create_autospec,
    lambda _: mock.AsyncMock(),
    functools.partial,
    lambda _: None,
]


def test_nobody_watches_a_fresh_library() -> None:
    assert not somebody_watches()


@pytest.mark.parametrize(("library", "name"), FUNCTIONS)
def test_every_replacement_of_every_function_is_seen_from_begin_to_end(library: Any, name: str) -> None:
    kind, function = name.split(".")
    original = attrgetter(name)(library)
    for replacement in REPLACEMENTS:
        with mock.patch.object(getattr(library, kind), function, replacement(original)):
            assert somebody_watches(), replacement
        assert not somebody_watches(), replacement


@pytest.mark.parametrize(("library", "name"), [(one, n) for one, n in NAMES if n.endswith("__code__")])
def test_a_replaced_code_is_seen(library: Any, name: str) -> None:
    function = attrgetter(name.removesuffix(".__code__"))(library)
    code = function.__code__

    async def another(self: Any, *args: Any, **options: Any) -> Any: ...

    try:
        function.__code__ = another.__code__
        assert somebody_watches()
    finally:
        function.__code__ = code
    assert not somebody_watches()


@pytest.mark.parametrize(("library", "name"), CLASSES)
def test_a_replaced_class_is_seen(library: Any, name: str) -> None:
    original = getattr(library, name)
    same_name = type(name, (original,), {"__module__": original.__module__})
    for replacement in (same_name, type("Traced", (original,), {}), mock.MagicMock(), mock.create_autospec(original)):
        with mock.patch.object(library, name, replacement):
            assert somebody_watches(), replacement
        assert not somebody_watches(), replacement


def test_a_replaced_class_of_sockets_is_seen() -> None:
    original = socket.socket
    same_name = type("socket", (original,), {"__module__": "socket", "__init__": lambda *args: None})
    for replacement in (same_name, type("Guarded", (original,), {}), mock.MagicMock()):
        with mock.patch.object(socket, "socket", replacement):
            assert somebody_watches(), replacement
        assert not somebody_watches(), replacement


@pytest.mark.parametrize(("library", "name"), FUNCTIONS)
def test_a_missing_name_counts_as_replaced(library: Any, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, function = name.split(".")
    with monkeypatch.context() as patch:
        if function in vars(getattr(library, kind)):
            patch.delattr(getattr(library, kind), function)
        else:
            patch.setattr(library, kind, types.SimpleNamespace())
        assert somebody_watches()
    assert not somebody_watches()


def test_shortcuts_are_judged_one_by_one() -> None:
    assert not any(is_replaced(name) for name in ("get", "post", "delete", "request"))
    with mock.patch("httpx.AsyncClient.post"):
        assert is_replaced("post")
        assert not is_replaced("request")


@pytest.mark.parametrize("first", ["httpx", "eightbyeight_async.transport.httpx_observers"])
def test_who_comes_first_makes_no_difference(first: str) -> None:
    code = f"""
import {first}
import httpx
original = httpx.AsyncClient.send
httpx.AsyncClient.send = lambda *args, **options: original(*args, **options)
from eightbyeight_async.transport.httpx_observers import somebody_watches
import sys
assert "httpcore" not in sys.modules
assert somebody_watches()
httpx.AsyncClient.send = original
assert not somebody_watches()
import httpcore
assert not somebody_watches()
httpcore.AsyncConnectionPool.handle_async_request = original
assert somebody_watches()
"""
    subprocess.run([sys.executable, "-c", code], check=True)  # noqa: S603


def test_a_look_judges_only_what_has_changed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts calls: the second look at the same functions does not judge them again."""
    assert not somebody_watches()
    judged: list[object] = []
    monkeypatch.setattr("eightbyeight_async.transport.httpx_observers._is_own", lambda *args: judged.append(args))
    timeit.timeit(somebody_watches, number=100)
    assert judged == []
