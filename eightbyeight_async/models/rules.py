"""The rules of request fields, as attrs validators and converters.

Rules:
- A broken rule raises `InvalidRequestError(field, rule)`. The message never has the value, which can be a phone
  number, a text or a key.
- Patterns are matched with `fullmatch`: `$` would accept a trailing newline.

Source: 8x8's OpenAPI file of the SMS API, schemas SmsRequest and SmsTemplateFull.
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
    "checked_sender",
    "country",
    "destination",
    "ip_address",
    "known_or_text",
    "member",
    "optional",
    "required",
    "segment",
    "sender",
    "subaccount",
    "text_up_to",
]

E_ = TypeVar("E_", bound=enum.StrEnum)

_SURROGATE = re.compile("[\ud800-\udfff]")  # a lone surrogate cannot be encoded as UTF-8
_DESTINATION = re.compile(r"\+?[1-9][0-9]{6,14}")
_COUNTRY = re.compile(r"[A-Za-z]{2}")
_ACCOUNT = re.compile(r"[0-9A-Fa-f]{8}-?(?:[0-9A-Fa-f]{4}-?){3}[0-9A-Fa-f]{12}")
_SUBACCOUNT = re.compile(r"[A-Za-z0-9\-._&]{3,50}")
# All examples of ids are UUIDs, but 8x8 does not document that. So an id may have any of RFC 3986's unreserved
# characters (section 2.3), which cannot end a path segment. Longer strings cannot be ids and are refused.
_SEGMENT = re.compile(r"[A-Za-z0-9\-_~.]{1,200}")


_MAX_SENDER = 16


def checked_text(field: str, value: object) -> str:
    if not isinstance(value, str):
        raise InvalidRequestError(field, f"must be a string, not {type(value).__name__}")
    if not value.isascii() and _SURROGATE.search(value):
        raise InvalidRequestError(field, "contains half of a surrogate pair; decode the text correctly first")
    return value


def optional(validator: Validator) -> Validator:
    def check(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
        if value is not None:
            validator(instance, attribute, value)

    return check


def required(field: str, value: object) -> None:
    if value is None:
        raise InvalidRequestError(field, "is required")


def destination(instance: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if type(value) is str and _DESTINATION.fullmatch(value):  # almost always
        return
    checked_destination(value, attribute.name, getattr(instance, "country", None))


def checked_destination(value: object, field: str, country: object = None) -> None:
    """Checks a phone number. `country`: the value given as the country with the number, for the error's advice."""
    number = checked_text(field, value)
    if not _DESTINATION.fullmatch(number):
        from eightbyeight_async.models.number_advice import number_advice  # noqa: PLC0415 - only for a wrong number

        raise InvalidRequestError(field, number_advice(number, country if isinstance(country, str) else None))


def sender(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    if type(value) is str and value.isalnum() and value.isascii() and len(value) <= _MAX_SENDER:
        return  # most senders have only ASCII letters and digits
    checked_sender(value, attribute.name)


def checked_sender(value: object, field: str) -> None:
    """Checks a sender id: at most 16 characters, all of them visible or blanks, but not only blanks."""
    text = checked_text(field, value)
    if len(text) > _MAX_SENDER:
        raise InvalidRequestError(field, f"must be at most {_MAX_SENDER} characters long, not {len(text)}")
    if not text.isprintable():
        index = next(index for index, character in enumerate(text) if not character.isprintable())
        code = f"U+{ord(text[index]):04X}"
        raise InvalidRequestError(field, f"has a character that does not print ({code}) at index {index}")
    if not text.strip():
        raise InvalidRequestError(field, "is blank; leave it out for the sub-account's default sender")


def country(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    checked_country(value, attribute.name)


def checked_country(value: object, field: str) -> None:
    if not _COUNTRY.fullmatch(checked_text(field, value)):
        raise InvalidRequestError(field, "must be a two-letter country code (ISO 3166-1 alpha-2)")


def text_up_to(limit: int | None, *, least: int = 0) -> Validator:
    def check(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
        text = value if type(value) is str and value.isascii() else checked_text(attribute.name, value)
        length = len(text)
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
    except Exception:  # noqa: BLE001 - a tzinfo may be any code
        raise InvalidRequestError(attribute.name, "has a time zone that cannot tell its offset") from None
    if not aware:
        raise InvalidRequestError(
            attribute.name, "must have a time zone: use datetime(..., tzinfo=...) or .astimezone()"
        )


def callback_url(_: object, attribute: attrs.Attribute[Any], value: object) -> None:
    text = checked_text(attribute.name, value)
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - reading it raises ValueError for a bad port
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
    """For requests: returns the member for a member or its string. None stays None (the JSON leaves the field out).

    Raises InvalidRequestError for any other value.
    """
    found = known_or_text(members, value)
    if found is None or isinstance(found, members):
        return found
    known = ", ".join(repr(known.value) for known in members)
    raise InvalidRequestError(field, f"must be one of {known}")


def known_or_text(members: type[E_], value: E_ | str | None) -> E_ | str | None:
    """For responses: the member if this version knows the string, else the string itself."""
    return _by_value(members).get(value, value) if isinstance(value, str) else value


@functools.cache
def _by_value(members: type[E_]) -> dict[str, E_]:
    return {member.value: member for member in members}


def subaccount(value: object, field: str = "subaccount_id") -> str:
    """Check the id of a sub-account: 3 to 50 letters, digits and characters of `-._&`."""
    text = checked_text(field, value)
    if not _SUBACCOUNT.fullmatch(text):
        raise InvalidRequestError(field, "must be 3 to 50 letters, digits or characters of -._&")
    return text


def account(value: object, field: str = "account_id") -> str:
    """Check the id of an account: 32 hexadecimal digits, with the dashes of a UUID or without."""
    text = checked_text(field, value)
    if not _ACCOUNT.fullmatch(text):
        raise InvalidRequestError(
            field, "must be 32 hexadecimal digits with or without dashes: the account's id, not a sub-account's name"
        )
    return text


def segment(value: object, field: str) -> str:
    """Check an id that 8x8 made: it must be safe as one segment of a path."""
    text = checked_text(field, value)
    if not _SEGMENT.fullmatch(text) or not text.strip("."):
        raise InvalidRequestError(field, "must be an id from the API: 1 to 200 letters, digits or characters of -_~.")
    return text
