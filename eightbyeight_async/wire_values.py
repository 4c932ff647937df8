"""Converts single JSON values to Python values and back. Pure, without cattrs.

Rule: the reason for a refusal does not show the value.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ValueProblemError",
    "json_type",
    "read_datetime",
    "read_decimal",
    "read_float",
    "strictly",
    "write_datetime",
]

T = TypeVar("T")


class ValueProblemError(Exception):
    """Why a value was refused, in our own words, so that it may be shown.

    `below`: the JSON name of the bad field inside the value; "" if the value itself is bad.
    """

    def __init__(self, problem: str, below: str = "") -> None:
        super().__init__(problem)
        self.below = below


def strictly(kind: type[T], name: str) -> Callable[[object, object], T]:
    """A hook that accepts only values of one type; `name` is the type's name in the error, e.g. "a string"."""

    def hook(value: object, _: object) -> T:
        # bool is a subclass of int in Python, but not a number in JSON.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueProblemError(f"must be {name}, not {json_type(value)}")
        return value

    return hook


def json_type(value: object) -> str:
    """The name of a value's JSON type, with its article."""
    names: dict[type, str] = {
        dict: "an object",
        list: "an array",
        str: "a string",
        bool: "a boolean",
        int: "a number",
        float: "a number",
        Decimal: "a number",
        type(None): "null",
    }
    return names.get(type(value), "something else")


def read_datetime(value: object, _: object) -> datetime:
    """Read ISO 8601 with `Z` or an offset. The API writes 2 to 7 fraction digits; the seventh is dropped."""
    if not isinstance(value, str):
        raise ValueProblemError(f"must be a string, not {json_type(value)}")
    try:
        moment = datetime.fromisoformat(value)
        aware = moment.utcoffset() is not None
    except ValueError:
        aware = False
    if not aware:
        raise ValueProblemError("must be a date and time with an offset")
    return moment


def write_datetime(moment: datetime) -> str:
    """Write ISO 8601 with an offset of whole minutes, because RFC 3339 has no seconds in offsets."""
    offset = moment.utcoffset()
    if offset is not None and offset.total_seconds() % 60:
        moment = moment.astimezone(UTC)
    return datetime.isoformat(moment)  # not moment.isoformat(): a subclass may override it


def read_decimal(value: object, _: object) -> Decimal:
    """Read a number as Decimal from its digits, never through a binary float."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return Decimal(value)  # a price in quotes is accepted too
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueProblemError(f"must be a number, not {json_type(value)}")
    number = Decimal(str(value))
    # 1e999999999 is a valid Decimal, but formatting or rounding it takes a gigabyte.
    if not number.is_finite() or abs(number.adjusted()) > _MAX_EXPONENT:
        raise ValueProblemError("must be a number of a reasonable size")
    return number


_MAX_EXPONENT = 30
_DIGITS = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


def read_float(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueProblemError(f"must be a number, not {json_type(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueProblemError("must be a number of a reasonable size") from None
