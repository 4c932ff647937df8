"""The rules of request fields, as attrs validators and converters.

Every one raises `InvalidRequestError(field, rule)` and none puts the offending value into the message: it can be
a phone number, a text or a key. Patterns are matched whole: `$` would let a trailing newline through.
The rules' source: 8x8's OpenAPI file of the SMS API, schemas SmsRequest and SmsTemplateFull.
"""

from __future__ import annotations

import enum
import functools
import ipaddress
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

from eightbyeight_async.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Callable

    import attrs

    Validator = Callable[[Any, attrs.Attribute[Any], Any], None]

__all__ = [
    "aware_datetime",
    "callback_url",
    "checked_country",
    "checked_destination",
    "country",
    "destination",
    "ip_address",
    "known_or_text",
    "member",
    "optional",
    "required",
    "segment",
    "subaccount",
    "text_up_to",
]

E_ = TypeVar("E_", bound=enum.StrEnum)

_SURROGATE = re.compile("[\ud800-\udfff]")  # cannot be written as UTF-8
_DESTINATION = re.compile(r"\+?[1-9][0-9]{6,14}")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_SUBACCOUNT = re.compile(r"[A-Za-z0-9\-._&]{3,50}")
# Ids are UUIDs in every example, but no page promises it; the unreserved characters of RFC 3986 (2.3) cannot
# leave a path segment, and the length keeps nonsense out of the URL.
_SEGMENT = re.compile(r"[A-Za-z0-9\-_~.]{1,200}")


def checked_text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidRequestError(field, f"must be a string, not {type(value).__name__}")
    if not value.isascii() and _SURROGATE.search(value):
        raise InvalidRequestError(field, "contains half of a surrogate pair; decode the text properly first")
    return value


def optional(validator: Validator) -> Validator:
    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is not None:
            validator(instance, attribute, value)

    return check


def required(field: str, value: object) -> None:
    if value is None:
        raise InvalidRequestError(field, "is required")


def destination(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    checked_destination(value, attribute.name)


def checked_destination(value: object, field: str) -> None:
    if not _DESTINATION.fullmatch(checked_text(field, value)):
        raise InvalidRequestError(
            field,
            "must be 7 to 15 digits, the first not 0, with or without a leading + and nothing else; "
            "a number in national format needs `country` too",
        )


def country(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    checked_country(value, attribute.name)


def checked_country(value: object, field: str) -> None:
    if not _COUNTRY.fullmatch(checked_text(field, value)):
        raise InvalidRequestError(field, "must be a two-letter country code (ISO 3166-1 alpha-2)")


def text_up_to(limit: int | None, *, least: int = 0) -> Validator:
    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        length = len(checked_text(attribute.name, value))
        if length < least:
            raise InvalidRequestError(attribute.name, "must not be empty")
        if limit is not None and length > limit:
            raise InvalidRequestError(attribute.name, f"must be at most {limit} characters long, not {length}")

    return check


def aware_datetime(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, datetime):
        raise InvalidRequestError(attribute.name, f"must be a datetime, not {type(value).__name__}")
    try:
        aware = value.utcoffset() is not None
        if aware:
            value.astimezone(UTC)
    except Exception:  # noqa: BLE001 - a tzinfo is anybody's code
        raise InvalidRequestError(attribute.name, "has a time zone that cannot tell its offset") from None
    if not aware:
        raise InvalidRequestError(
            attribute.name, "must know its time zone: use datetime(..., tzinfo=...) or .astimezone()"
        )


def callback_url(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    text = checked_text(attribute.name, value)
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it is what checks it
        good = parts.scheme in {"http", "https"} and bool(parts.hostname)
    except ValueError:
        good = False
    if not good or any(c.isspace() or not c.isprintable() for c in text):
        raise InvalidRequestError(attribute.name, "must be an absolute http:// or https:// URL")


def ip_address(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    text = checked_text(attribute.name, value)
    try:
        ipaddress.ip_address(text)
        good = "%" not in text
    except ValueError:
        good = False
    if not good:
        raise InvalidRequestError(attribute.name, "must be an IPv4 or IPv6 address")


def member(members: type[E_], value: E_ | str | None, field: str) -> E_ | None:
    """Requests: a member or its string; anything else is refused. None stays None (the field is left out)."""
    found = known_or_text(members, value)
    if found is None or isinstance(found, members):
        return found
    known = ", ".join(repr(known.value) for known in members)
    raise InvalidRequestError(field, f"must be one of {known}")


def known_or_text(members: type[E_], value: E_ | str | None) -> E_ | str | None:
    """Answers: the member if this version knows the string, else the string as it came."""
    return _by_value(members).get(value, value) if isinstance(value, str) else value


@functools.cache
def _by_value(members: type[E_]) -> dict[str, E_]:
    return {member.value: member for member in members}


def subaccount(value: object, field: str = "subaccount_id") -> str:
    """The id of a sub-account: 3 to 50 letters, digits and `-._&`."""
    text = checked_text(field, value)
    if not _SUBACCOUNT.fullmatch(text):
        raise InvalidRequestError(field, "must be 3 to 50 letters, digits or characters of -._&")
    return text


def segment(value: object, field: str) -> str:
    """A server-made id that becomes one segment of a path and must not be able to become anything else."""
    text = checked_text(field, value)
    if not _SEGMENT.fullmatch(text) or not text.strip("."):
        raise InvalidRequestError(field, "must be an id as the API gave it: letters, digits and -_~. only, not empty")
    return text
