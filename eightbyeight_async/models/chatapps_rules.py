"""The rules of a ChatApps message's parts, and the walk that checks them.

Rules:
- The message checks its parts (a button, a row, a template's parameter) when the message is made. A part is not checked
  when the part is made. Only the whole message knows the full path of a field: an error that names
  `content.interactive.action.buttons[3].reply.title` leads to the bad button, an error that names `title` does not.
- Each field of a part carries its rule in its metadata (`ruled`). A rule over several fields is in the class
  attribute `RULES`. `check` applies both.
- A rule takes the full path of the field and its value. It raises InvalidRequestError, which does not contain the
  value.
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
    "as_rule",
    "as_tuple",
    "as_validator",
    "check",
    "fail",
    "integer",
    "json_copy",
    "json_object",
    "many",
    "number",
    "one_of",
    "part",
    "required",
    "ruled",
    "string",
]

Rule = Callable[[str, Any], None]
T = TypeVar("T")

# Levels of JSON. Real messages have fewer levels, and the recursion of the JSON encoder allows more.
_MAX_DEPTH = 100
# The largest double: many JSON parsers keep numbers as doubles.
_LARGEST = 1.7976931348623157e308


def ruled(rule: Rule, *, wire: str | None = None) -> dict[str, object]:
    """A field's metadata: its rule, and its JSON name if that is not the camelCase form."""
    return {"rule": rule} if wire is None else {"rule": rule, "wire": wire}


def check(path: str, piece: object) -> None:
    """Apply every rule of a part and of the parts inside it."""
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


def as_validator(rule: Rule) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    """The attrs validator of a rule, for the fields of the message itself. It accepts None in an optional field."""

    def validator(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is not None or attribute.default is attrs.NOTHING:
            rule(attribute.name, value)

    return validator


def as_rule(validator: Callable[[Any, attrs.Attribute[Any], Any], None]) -> Rule:
    """The rule of an attrs validator from `models.rules`; the reverse of `as_validator`."""

    def rule(path: str, value: object) -> None:
        validator(None, attrs.fields(_AnyField)[0].evolve(name=path), value)

    return rule


@attrs.frozen
class _AnyField:
    """Holds an attrs.Attribute for `as_rule`, which replaces the attribute's name."""

    value: object


def fail(path: str, reason: str) -> None:
    raise InvalidRequestError(path, reason)


def required(path: str, piece: object, *names: str, why: str = "") -> None:
    """Refuse a part in which one of the named fields is None."""
    for name in names:
        if getattr(piece, name) is None:
            fail(f"{path}.{name}", f"is required{why}")


def part(*kinds: type) -> Rule:
    """The rule for one part: it has one of these classes and keeps its own rules."""
    known = " or ".join(kind.__name__ for kind in kinds)

    def rule(path: str, value: object) -> None:
        if not isinstance(value, kinds):
            fail(path, f"must be of class {known}, not {type(value).__name__}")
        check(path, value)

    return rule


def many(kind: type, *, least: int = 0, most: int | None = None) -> Rule:
    """The rule for a tuple of `least` to `most` parts of one class."""
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
    """The value as a tuple, for converters. A value that is not iterable stays unchanged, so that `many` refuses it.

    Each field wraps this function in a named converter with concrete types: mypy's attrs plugin cannot solve a type
    variable.
    """
    if value is None or isinstance(value, str | bytes | Mapping) or not isinstance(value, Iterable):
        return value  # type: ignore[return-value]
    return tuple(value)


def string(most: int | None = None, *, least: int = 1) -> Rule:
    """The rule for a string of `least` to `most` characters. JSON Schema and Python both count code points."""

    def rule(path: str, value: object) -> None:
        length = len(rules.checked_text(path, value))
        if length < least:
            fail(path, "must not be empty")
        if most is not None and length > most:
            fail(path, f"must be at most {most} characters long, not {length}")

    return rule


def integer(least: int, most: int) -> Rule:
    """The rule for an integer in a range."""

    def rule(path: str, value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            fail(path, f"must be an integer from {least} to {most}")

    return rule


def number(least: float = -_LARGEST, most: float = _LARGEST) -> Rule:
    """The rule for a finite number in a range."""
    span = "" if most == _LARGEST else f" from {least:g} to {most:g}"

    def rule(path: str, value: object) -> None:
        # The comparison also refuses nan (it compares as false) and inf (it is above the largest double).
        if not isinstance(value, int | float) or isinstance(value, bool) or not least <= value <= most:
            fail(path, f"must be a number{span}")

    return rule


def one_of(*known: str) -> Rule:
    """The rule for one of several strings."""
    names = ", ".join(repr(str(name)) for name in known)

    def rule(path: str, value: object) -> None:
        if not isinstance(value, str) or value not in known:
            fail(path, f"must be one of {names}")

    return rule


def json_object(path: str, value: object) -> None:
    """The rule for a non-empty JSON object. `json_copy` has already checked the values in it."""
    if not isinstance(value, dict):
        fail(path, f"must be a mapping, not {type(value).__name__}")
    elif not value:
        fail(path, "must not be empty")


def json_copy(path: str, value: object, depth: int = 0) -> Any:  # noqa: ANN401 - JSON can be anything
    """A deep copy that consists of JSON types only.

    Raises:
        InvalidRequestError: a value is not JSON, or the value is more than 100 levels deep (or contains itself).
    """
    if depth > _MAX_DEPTH:
        # Only the first name of the path: the whole path would have a hundred names.
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
                # A key that is not a valid identifier may be a phone number or a text, so the path leaves it out.
                copy[key] = json_copy(f"{path}.{key}" if key.isidentifier() else f"{path}[...]", item, depth + 1)
            return copy
        case list() | tuple():
            return [json_copy(f"{path}[{index}]", item, depth + 1) for index, item in enumerate(value)]
    raise InvalidRequestError(path, f"must be JSON: {type(value).__name__} is not a JSON type")
