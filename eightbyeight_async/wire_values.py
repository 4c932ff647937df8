"""Single JSON values into Python's and back, each refused with a reason that does not show it. Pure, no cattrs."""

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
    """What a hook says of a value (or of the field `below` it); our own words, so they may be shown."""

    def __init__(self, problem: str, below: str = "") -> None:
        super().__init__(problem)
        self.below = below


def strictly(kind: type[T], name: str) -> Callable[[object, object], T]:
    def hook(value: object, _: object) -> T:
        # bool is an int to Python, not to JSON.
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise ValueProblemError(f"must be {name}, not {json_type(value)}")
        return value

    return hook


def json_type(value: object) -> str:
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
    """ISO 8601 with `Z` or an offset; the API writes 2 to 7 fraction digits, digits past the sixth are dropped."""
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
    """ISO 8601 with an offset of whole minutes: all that RFC 3339 knows."""
    offset = moment.utcoffset()
    if offset is not None and offset.total_seconds() % 60:
        moment = moment.astimezone(UTC)
    return datetime.isoformat(moment)  # a subclass's own may write anything


def read_decimal(value: object, _: object) -> Decimal:
    """From the digits as they were written, never by way of a binary float."""
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return Decimal(value)  # a price in quotes is as exact as one without
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueProblemError(f"must be a number, not {json_type(value)}")
    number = Decimal(str(value))
    # 1e999999999 is a Decimal too, and a gigabyte once somebody formats or rounds it.
    if not number.is_finite() or abs(number.adjusted()) > _MAX_EXPONENT:
        raise ValueProblemError("must be a number of a sensible size")
    return number


_MAX_EXPONENT = 30
_DIGITS = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?", re.ASCII)


def read_float(value: object, _: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ValueProblemError(f"must be a number, not {json_type(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ValueProblemError("must be a number of a sensible size") from None
