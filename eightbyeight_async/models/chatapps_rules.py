"""How the parts of a ChatApps message are checked: as plain data first, by the message that holds them after.

Rule of this file: a part (a button, a row, a template's parameter) is checked when the message it belongs to is
made, not when it is made itself: only there has its place a name, and `content.interactive.action.buttons[3]
.reply.title` finds the bad row of a list that `title` does not. So every field of a part carries its rule in its
metadata (`ruled`), a rule over several fields stands in the class's `RULES`, and `check` walks both.

A rule takes the full name of the field and its value, and raises InvalidRequestError, without the value.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any, TypeVar

import attrs

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models import rules

__all__ = [
    "Rule",
    "as_tuple",
    "at",
    "check",
    "fail",
    "held",
    "json_copy",
    "json_object",
    "many",
    "number",
    "one_of",
    "part",
    "required",
    "ruled",
    "string",
    "whole",
]

Rule = Callable[[str, Any], None]
T = TypeVar("T")

# Deeper than any message, shallower than what the JSON encoder's recursion bears.
_MAX_DEPTH = 100
# The largest that a double holds: what JSON readers keep numbers in.
_LARGEST = 1.7976931348623157e308


def ruled(rule: Rule, *, wire: str | None = None) -> dict[str, object]:
    """A field's metadata: its rule, and its JSON name where that is not camelCase."""
    return {"rule": rule} if wire is None else {"rule": rule, "wire": wire}


def check(path: str, piece: object) -> None:
    """Every rule of a part and of the parts in it."""
    cls: Any = type(piece)
    for name, optional, rule in _field_rules(cls):
        value = getattr(piece, name)
        if value is not None or not optional:
            rule(f"{path}.{name}", value)
    for rule in getattr(cls, "RULES", ()):
        rule(path, piece)


@functools.cache
def _field_rules(cls: Any) -> tuple[tuple[str, bool, Rule], ...]:  # noqa: ANN401 - any attrs class
    return tuple((f.name, f.default is not attrs.NOTHING, f.metadata["rule"]) for f in attrs.fields(cls))


def held(rule: Rule) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    """A rule as attrs' validator, for the message itself; None is left to the type."""

    def validator(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is not None or attribute.default is attrs.NOTHING:
            rule(attribute.name, value)

    return validator


def at(validator: Callable[[Any, attrs.Attribute[Any], Any], None]) -> Rule:
    """The other way round: a validator of `models.rules` as a rule."""

    def rule(path: str, value: object) -> None:
        validator(None, attrs.fields(_Anything)[0].evolve(name=path), value)

    return rule


@attrs.frozen
class _Anything:
    value: object


def fail(path: str, reason: str) -> None:
    raise InvalidRequestError(path, reason)


def required(path: str, piece: object, *names: str, why: str = "") -> None:
    """The fields of those names are there."""
    for name in names:
        if getattr(piece, name) is None:
            fail(f"{path}.{name}", f"is required{why}")


def part(*kinds: type) -> Rule:
    """One part of one of these classes, checked in its turn."""
    known = " or ".join(kind.__name__ for kind in kinds)

    def rule(path: str, value: object) -> None:
        if not isinstance(value, kinds):
            fail(path, f"must be of class {known}, not {type(value).__name__}")
        check(path, value)

    return rule


def many(kind: type, *, least: int = 0, most: int | None = None) -> Rule:
    """Several parts of a class."""
    one = part(kind)

    def rule(path: str, value: object) -> None:
        if not isinstance(value, tuple):
            fail(path, f"must be a sequence of {kind.__name__}, not {type(value).__name__}")
            return
        if len(value) < least:
            fail(path, f"must have at least {least} item{'s' * (least > 1)}")
        if most is not None and len(value) > most:
            fail(path, f"must have at most {most} items, not {len(value)}")
        for index, item in enumerate(value):
            one(f"{path}[{index}]", item)

    return rule


def as_tuple(value: Iterable[T] | None) -> tuple[T, ...] | None:
    """For converters: any list becomes a tuple; what is no list is kept for `many` to refuse.

    Each field has a named converter of its own type around it: mypy's attrs plugin cannot solve a type variable.
    """
    if value is None or isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return value  # type: ignore[return-value]
    return tuple(value)


def string(most: int | None = None, *, least: int = 1) -> Rule:
    """A string; JSON Schema counts as Python does, in code points."""

    def rule(path: str, value: object) -> None:
        length = len(rules.checked_text(path, value))
        if length < least:
            fail(path, "must not be empty")
        if most is not None and length > most:
            fail(path, f"must be at most {most} characters long, not {length}")

    return rule


def whole(least: int, most: int) -> Rule:
    def rule(path: str, value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            fail(path, f"must be an integer from {least} to {most}")

    return rule


def number(least: float = -_LARGEST, most: float = _LARGEST) -> Rule:
    span = "" if most == _LARGEST else f" from {least:g} to {most:g}"

    def rule(path: str, value: object) -> None:
        # Not a number (nan) compares as false, an endless one is past the largest.
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            fail(path, f"must be a number{span}")

    return rule


def one_of(*known: str) -> Rule:
    names = ", ".join(repr(str(name)) for name in known)

    def rule(path: str, value: object) -> None:
        if not isinstance(value, str) or value not in known:
            fail(path, f"must be one of {names}")

    return rule


def json_object(path: str, value: object) -> None:
    """An object with something in it; `json_copy` has looked at what that is."""
    if not isinstance(value, dict):
        fail(path, f"must be a mapping, not {type(value).__name__}")
    elif not value:
        fail(path, "must not be empty")


def json_copy(path: str, value: object, depth: int = 0) -> Any:  # noqa: ANN401 - JSON can be anything
    """A copy that shares nothing with the original, of JSON's types alone.

    Raises:
        InvalidRequestError: something in it is not JSON, or it is more than 100 levels deep (or endless).
    """
    if depth > _MAX_DEPTH:
        # Not the whole path: it would be as long as it is deep.
        raise InvalidRequestError(path.partition("[")[0].partition(".")[0], f"is more than {_MAX_DEPTH} levels deep")
    match value:
        case None | bool():
            return value
        case str():
            return rules.checked_text(path, value)
        case int() | float() | Decimal():
            found = float(value) if isinstance(value, Decimal) else value
            number()(path, found)
            return found
        case Mapping():
            copy = {}
            for key, item in value.items():
                if not isinstance(key, str):
                    fail(path, f"must have strings as keys, not {type(key).__name__}")
                rules.checked_text(path, key)
                # A key that cannot be a field's name may be somebody's number or text: it stays out of the path.
                copy[key] = json_copy(f"{path}.{key}" if key.isidentifier() else f"{path}[...]", item, depth + 1)
            return copy
        case list() | tuple():
            return [json_copy(f"{path}[{index}]", item, depth + 1) for index, item in enumerate(value)]
    raise InvalidRequestError(path, f"must be JSON: no place for {type(value).__name__}")
