"""The field rules of an SMS, each with the code 8x8 documents for it. Pure: body and time in, fields or Refusal out.

Source: 8x8's OpenAPI file of the SMS API (patterns, lengths, enums) and its table of error codes. A null
counts as absent. Not refused, because the platform does not refuse it either: a text of more than ten parts.
"""

import ipaddress
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from eightbyeight_async.sandbox.api.operation_results import JSONObject, Refusal
from eightbyeight_async.sandbox.messages.text_encoding import encoding_for

SUBACCOUNT_ID = re.compile(r"[A-Za-z0-9\-._&]{3,50}", re.ASCII)
NUMBER = re.compile(r"\+?[1-9][0-9]{6,14}", re.ASCII)
SERVER_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII | re.IGNORECASE)
_TIME = re.compile(
    r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(\.\d{1,9})?(Z|[+-]\d\d:\d\d)", re.ASCII
)  # RFC 3339, the offset is not optional

SMS_FIELDS = frozenset(
    {
        "destination",
        "country",
        "source",
        "clientMessageId",
        "text",
        "encoding",
        "scheduled",
        "expiry",
        "dlrCallbackUrl",
        "clientIp",
        "track",
    }
)  # every one of them is a string
_STRINGS = frozenset({str})
_USUAL = frozenset({"destination", "text", "source", "clientMessageId"})
ENCODINGS = ("AUTO", "GSM7", "UCS2")
TRACKS = ("None", "Outcome")
MAX_SOURCE = 16
MAX_CLIENT_MESSAGE_ID = 350
MAX_SCHEDULE = timedelta(days=7)
# A schedule that is this little in the past was written by a clock slightly off, or waited in a queue.
PAST_MARGIN = timedelta(minutes=1)


@dataclass(slots=True, kw_only=True)
class SmsFields:
    """The fields of one valid SMS; `scheduled` is None when it may go out at once."""

    destination: str
    text: str
    encoding: str
    source: str | None
    client_message_id: str | None
    country: str | None = None
    scheduled: datetime | None = None
    expiry: datetime | None = None
    dlr_callback_url: str | None = None
    track: str | None = None


def check_sms(body: JSONObject, now: datetime) -> SmsFields:
    """Every rule of SmsRequest; the first that fails is told, a wrong JSON type before all others."""
    given = _strings(body)
    if given.keys() <= _USUAL:
        return _check_usual(given)
    country = check_country(given.get("country"), 1009)
    destination = given.get("destination")
    if destination is None or not NUMBER.fullmatch(destination):
        raise Refusal(1002, "destination is missing or no valid MSISDN")
    text = check_text(given.get("text"))
    encoding = check_encoding(given.get("encoding"))
    track = given.get("track")
    if track is not None and track not in TRACKS:
        raise Refusal(1000, "track is neither None nor Outcome")
    check_ip(given.get("clientIp"))
    return SmsFields(
        destination=destination,
        text=text,
        encoding=encoding_for(text, encoding),
        source=check_length(given.get("source"), MAX_SOURCE, 1005, "source"),
        country=country,
        client_message_id=check_length(given.get("clientMessageId"), MAX_CLIENT_MESSAGE_ID, 1008, "clientMessageId"),
        scheduled=check_schedule(given.get("scheduled"), now),
        expiry=check_expiry(given.get("expiry"), now),
        dlr_callback_url=check_url(given.get("dlrCallbackUrl"), 1000, "dlrCallbackUrl"),
        track=track,
    )


def _check_usual(given: dict[str, str]) -> SmsFields:
    """The same for a message without the rarer fields: a batch has ten thousand of them."""
    destination = given.get("destination")
    if destination is None or not NUMBER.fullmatch(destination):
        raise Refusal(1002, "destination is missing or no valid MSISDN")
    text = check_text(given.get("text"))
    return SmsFields(
        destination=destination,
        text=text,
        encoding=encoding_for(text, None),
        source=check_length(given.get("source"), MAX_SOURCE, 1005, "source"),
        client_message_id=check_length(given.get("clientMessageId"), MAX_CLIENT_MESSAGE_ID, 1008, "clientMessageId"),
    )


def check_sms_template(template: JSONObject, now: datetime) -> None:
    """The same rules for what every message of a batch shares; a text may be missing here."""
    given = _strings(template)
    if "text" in given:
        check_text(given["text"])
    check_encoding(given.get("encoding"))
    check_length(given.get("source"), MAX_SOURCE, 1005, "template source")
    check_schedule(given.get("scheduled"), now)
    check_expiry(given.get("expiry"), now)
    check_url(given.get("dlrCallbackUrl"), 1000, "template dlrCallbackUrl")


def _strings(body: JSONObject) -> dict[str, str]:
    if _STRINGS.issuperset(map(type, body.values())):
        return body
    given = {}
    for name, value in body.items():
        if isinstance(value, str):
            given[name] = value
        elif value is not None and name in SMS_FIELDS:
            raise Refusal(1000, f"{name} is no string")
    return given


def is_singapore(destination: str, country: str | None) -> bool:
    """+65, or a number without a plus that the country (or, without one, its first digits) puts there."""
    if destination.startswith("+"):
        return destination.startswith("+65")
    if country is not None:
        return country.upper() == "SG"
    return destination.startswith("65")


def string(body: JSONObject, name: str) -> str | None:
    """The field's string; None where it is absent or null; any other JSON type is a malformed request."""
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise Refusal(1000, f"{name} is no string")


def flag(body: JSONObject, name: str) -> bool:
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Refusal(1000, f"{name} is no boolean")


def an_object(value: object, reason: str, code: int = 1000) -> JSONObject:
    if not isinstance(value, dict):
        raise Refusal(code, reason)
    return value


def check_text(text: str | None) -> str:
    if not text:
        raise Refusal(1004, "text is missing")
    return text


def check_encoding(encoding: str | None) -> str | None:
    if encoding is not None and encoding not in ENCODINGS:
        raise Refusal(1003, "encoding is none of AUTO, GSM7, UCS2")
    return encoding


def check_length(value: str | None, most: int, code: int, name: str) -> str | None:
    if value is not None and len(value) > most:
        raise Refusal(code, f"{name} is longer than {most} characters")
    return value


def check_country(country: str | None, code: int) -> str | None:
    if country is not None and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise Refusal(code, "country is no ISO 3166-1 alpha-2 code")
    return country


def check_ip(address: str | None) -> None:
    if address is None:
        return
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise Refusal(1012, "clientIp is no IP address") from None


def check_url(url: str | None, code: int, name: str) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise Refusal(code, f"{name} is no http(s) URL")
    return url


def check_schedule(value: str | None, now: datetime) -> datetime | None:
    """The time to wait for; None for no schedule, or for one that has just passed."""
    if value is None:
        return None
    scheduled = a_time(value, 1011, "scheduled")
    if scheduled > now + MAX_SCHEDULE:
        raise Refusal(1011, "scheduled is more than 7 days ahead")
    if scheduled < now - PAST_MARGIN:
        raise Refusal(1011, "scheduled is in the past")
    return scheduled if scheduled > now else None


def check_expiry(value: str | None, now: datetime) -> datetime | None:
    if value is None:
        return None
    expiry = a_time(value, 1006, "expiry")
    if expiry <= now:
        raise Refusal(1006, "expiry has passed")
    return expiry


def a_time(value: str, code: int, name: str) -> datetime:
    matched = _TIME.fullmatch(value)
    if matched is None:
        raise Refusal(code, f"{name} is no ISO 8601 time with an offset")
    moment, fraction, zone = matched.groups()
    try:
        return datetime.fromisoformat(moment + (fraction or ".0")[:7].ljust(7, "0") + zone.replace("Z", "+00:00"))
    except ValueError:
        raise Refusal(code, f"{name} is no time that exists") from None
