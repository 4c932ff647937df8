"""Recognises the names and values of SmsRequest fields as people write them in files and options. Pure.

Case, spaces, `_` and `-` do not count in a name: `client_message_id`, `clientMessageId` and `Client Message ID` are
the same field.
"""

from __future__ import annotations

import difflib
import functools
import re
from datetime import datetime

import attrs

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.sms import SmsRequest

__all__ = [
    "FIELDS",
    "OPT_OUT",
    "TIME_ZONE",
    "field_named",
    "field_nearly_named",
    "says_opt_out",
    "spelling",
    "value_of",
]

# Columns that are not fields of a message: whether the person has opted out, and the person's time zone.
OPT_OUT, TIME_ZONE = "opt_out", "time_zone"
FIELDS = tuple(field.name for field in attrs.fields(SmsRequest))

_BY_SPELLING = {name.replace("_", ""): name for name in (*FIELDS, OPT_OUT, TIME_ZONE)}
_YES = frozenset({
    "yes", "y", "true", "t", "1", "x", "optedout", "optout", "out", "stop", "unsubscribed", "unsubscribe", "ja", "oui",
    "si", "sí",
})  # fmt: skip
_NO = frozenset({"no", "n", "false", "f", "0", "in", "optedin", "optin", "nein", "non"})
_TIMES = frozenset({"scheduled", "expiry"})
# "client_id" is one letter away from client_ip, but it is a common column of customer lists, not a typing error.
_NOT_MISSPELT = frozenset({"clientid"})
# Similarity (0 to 1) from which a name counts as misspelt: "sheduled", "soruce" and "destinaton" are above it,
# "country_name" is below it.
_CLOSE = 0.8
# Number of cached answers: each line of a JSONL file has the same names, and `difflib` takes 50 us.
_REMEMBERED = 1024


def spelling(column: str) -> str:
    """Returns the name without case, spaces, `_` and `-`."""
    return re.sub(r"[\s_-]", "", column).lower()


@functools.lru_cache(_REMEMBERED)
def field_named(column: str) -> str | None:
    """The field that a column name means. None: the column is not a field."""
    return _BY_SPELLING.get(spelling(column))


@functools.lru_cache(_REMEMBERED)
def field_nearly_named(column: str) -> str | None:
    """The field that a column name probably misspells. None: it is a field, or resembles none."""
    spelt = spelling(column)
    if spelt in _NOT_MISSPELT or spelt in _BY_SPELLING:
        return None
    close = difflib.get_close_matches(spelt, _BY_SPELLING, n=1, cutoff=_CLOSE)
    return _BY_SPELLING[close[0]] if close else None


def value_of(field: str, text: str) -> object:
    """Converts the text of a cell or an option to the value of a field: an aware datetime, or the text itself.

    Raises:
        InvalidRequestError: the field is a time, and the text is not ISO 8601 with an offset.
    """
    if field not in _TIMES:
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() is None:
        raise InvalidRequestError(field, "must be ISO 8601 with an offset, such as 2026-11-07T19:20:30+08:00")
    return moment


def says_opt_out(text: str) -> bool:
    """Whether a cell of the column `opt_out` says yes. An empty cell says no.

    Raises:
        InvalidRequestError: the cell says neither yes nor no.
    """
    word = spelling(text)
    if word in _YES:
        return True
    if word and word not in _NO:
        raise InvalidRequestError(OPT_OUT, "must be yes or no")
    return False
