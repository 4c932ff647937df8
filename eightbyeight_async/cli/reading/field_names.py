"""Names and values of an SmsRequest's fields as people write them in files and options. Pure.

A column is a field if it is spelled like one: `client_message_id`, `clientMessageId`, `Client Message ID`.
"""

from __future__ import annotations

import difflib
import re
from datetime import datetime

import attrs

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.sms import SmsRequest

__all__ = ["FIELDS", "field_named", "field_nearly_named", "value_of"]

FIELDS = tuple(field.name for field in attrs.fields(SmsRequest))

_BY_SPELLING = {name.replace("_", ""): name for name in FIELDS}
_MOMENTS = frozenset({"scheduled", "expiry"})
# One letter away from client_ip, and a column that half of all customer lists have.
_NO_TYPOS = frozenset({"clientid"})
# Of "sheduled", "soruce" or "destinaton" this says yes, of "country_name" no.
_CLOSE = 0.8


def _spelling(column: str) -> str:
    return re.sub(r"[\s_-]", "", column).lower()


def field_named(column: str) -> str | None:
    """The field a column name means, None for a column of the user's own."""
    return _BY_SPELLING.get(_spelling(column))


def field_nearly_named(column: str) -> str | None:
    """The field that a column name is one slip away from."""
    spelling = _spelling(column)
    if spelling in _NO_TYPOS or spelling in _BY_SPELLING:
        return None
    close = difflib.get_close_matches(spelling, _BY_SPELLING, n=1, cutoff=_CLOSE)
    return _BY_SPELLING[close[0]] if close else None


def value_of(field: str, text: str) -> object:
    """What the text of a cell or an option stands for.

    Raises:
        InvalidRequestError: it should be a date and time and is not.
    """
    if field not in _MOMENTS:
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() is None:
        raise InvalidRequestError(field, "must be ISO 8601 with an offset, such as 2026-11-07T19:20:30+08:00")
    return moment
