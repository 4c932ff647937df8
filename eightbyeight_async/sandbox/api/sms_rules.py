"""The field rules of an SMS, each with the error code that 8x8 documents for it.

Pure functions: they take a request body and the time, and return the fields or raise Refusal. A null counts as
absent. A text of more than ten parts is accepted, because the platform accepts and truncates it.
Source: 8x8's OpenAPI file of the SMS API (patterns, lengths, enums) and its table of error codes.
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
)  # RFC 3339 with a mandatory offset

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
)  # each of these fields is a string
_STRINGS = frozenset({str})
_USUAL = frozenset({"destination", "text", "source", "clientMessageId"})
ENCODINGS = ("AUTO", "GSM7", "UCS2")
TRACKS = ("None", "Outcome")
MAX_SOURCE = 16
MAX_CLIENT_MESSAGE_ID = 350
MAX_SCHEDULE = timedelta(days=7)
# A schedule at most this far in the past is accepted: the client's clock may be slow, or the request waited in a queue.
PAST_MARGIN = timedelta(minutes=1)


@dataclass(slots=True, kw_only=True)
class SmsFields:
    """The fields of one valid SMS.

    - `encoding`: "GSM7" or "UCS2", never "AUTO".
    - `scheduled`: when to send it (aware), or None to send it at once.
    """

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
    """Check every rule of SmsRequest; raise Refusal for the first that fails. JSON types are checked first."""
    given = _strings(body)
    if given.keys() <= _USUAL:
        return _check_usual(given)
    country = check_country(given.get("country"), 1009)
    destination = given.get("destination")
    if destination is None or not NUMBER.fullmatch(destination):
        raise Refusal(1002, "destination is missing or is not a valid MSISDN")
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
        source=check_source(given.get("source"), 1005, "source"),
        country=country,
        client_message_id=check_length(given.get("clientMessageId"), MAX_CLIENT_MESSAGE_ID, 1008, "clientMessageId"),
        scheduled=check_schedule(given.get("scheduled"), now),
        expiry=check_expiry(given.get("expiry"), now),
        dlr_callback_url=check_url(given.get("dlrCallbackUrl"), 1000, "dlrCallbackUrl"),
        track=track,
    )


def _check_usual(given: dict[str, str]) -> SmsFields:
    """The same for a message with only the usual fields; faster, because a batch has ten thousand messages."""
    destination = given.get("destination")
    if destination is None or not NUMBER.fullmatch(destination):
        raise Refusal(1002, "destination is missing or is not a valid MSISDN")
    text = check_text(given.get("text"))
    return SmsFields(
        destination=destination,
        text=text,
        encoding=encoding_for(text, None),
        source=check_source(given.get("source"), 1005, "source"),
        client_message_id=check_length(given.get("clientMessageId"), MAX_CLIENT_MESSAGE_ID, 1008, "clientMessageId"),
    )


def check_sms_template(template: JSONObject, now: datetime) -> None:
    """Check the same rules for a batch's template, in which the text is optional."""
    given = _strings(template)
    if "text" in given:
        check_text(given["text"])
    check_encoding(given.get("encoding"))
    check_source(given.get("source"), 1005, "template source")
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
            raise Refusal(1000, f"{name} is not a string")
    return given


def is_singapore(destination: str, country: str | None) -> bool:
    """Whether the number is in Singapore.

    With a plus, +65 decides. Without a plus, `country` decides; without a country, the leading digits 65 decide.
    """
    if destination.startswith("+"):
        return destination.startswith("+65")
    if country is not None:
        return country.upper() == "SG"
    return destination.startswith("65")


def string(body: JSONObject, name: str) -> str | None:
    """The field's string; None if absent or null; Refusal 1000 for any other JSON type."""
    value = body.get(name)
    if value is None or isinstance(value, str):
        return value
    raise Refusal(1000, f"{name} is not a string")


def flag(body: JSONObject, name: str) -> bool:
    value = body.get(name)
    if value is None or isinstance(value, bool):
        return bool(value)
    raise Refusal(1000, f"{name} is not a boolean")


def require_object(value: object, reason: str, code: int = 1000) -> JSONObject:
    if not isinstance(value, dict):
        raise Refusal(code, reason)
    return value


def check_text(text: str | None) -> str:
    if not text:
        raise Refusal(1004, "text is missing")
    return text


def check_encoding(encoding: str | None) -> str | None:
    if encoding is not None and encoding not in ENCODINGS:
        raise Refusal(1003, "encoding is not AUTO, GSM7 or UCS2")
    return encoding


def check_length(value: str | None, most: int, code: int, name: str) -> str | None:
    if value is not None and len(value) > most:
        raise Refusal(code, f"{name} is longer than {most} characters")
    return value


def check_source(value: str | None, code: int, name: str) -> str | None:
    """Check a sender id. 8x8 does not document which characters it refuses; here those that no phone shows."""
    if value is not None and (not value.isprintable() or not value or value.isspace()):
        raise Refusal(code, f"{name} is blank or has a character that does not print")
    return check_length(value, MAX_SOURCE, code, name)


def check_country(country: str | None, code: int) -> str | None:
    if country is not None and not (len(country) == 2 and country.isascii() and country.isalpha()):
        raise Refusal(code, "country is not an ISO 3166-1 alpha-2 code")
    return country


def check_ip(address: str | None) -> None:
    if address is None:
        return
    try:
        ipaddress.ip_address(address)
    except ValueError:
        raise Refusal(1012, "clientIp is not an IP address") from None


def check_url(url: str | None, code: int, name: str) -> str | None:
    if url is None:
        return None
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable:
        raise Refusal(code, f"{name} is not a http(s) URL")
    return url


def check_schedule(value: str | None, now: datetime) -> datetime | None:
    """The time to send at; None if there is no schedule, or if it has just passed."""
    if value is None:
        return None
    scheduled = parse_time(value, 1011, "scheduled")
    if scheduled > now + MAX_SCHEDULE:
        raise Refusal(1011, "scheduled is more than 7 days ahead")
    if scheduled < now - PAST_MARGIN:
        raise Refusal(1011, "scheduled is in the past")
    return scheduled if scheduled > now else None


def check_expiry(value: str | None, now: datetime) -> datetime | None:
    if value is None:
        return None
    expiry = parse_time(value, 1006, "expiry")
    if expiry <= now:
        raise Refusal(1006, "expiry has passed")
    return expiry


def parse_time(value: str, code: int, name: str) -> datetime:
    matched = _TIME.fullmatch(value)
    if matched is None:
        raise Refusal(code, f"{name} is not an ISO 8601 time with an offset")
    moment, fraction, zone = matched.groups()
    try:
        return datetime.fromisoformat(moment + (fraction or ".0")[:7].ljust(7, "0") + zone.replace("Z", "+00:00"))
    except ValueError:
        raise Refusal(code, f"{name} is not a time that exists") from None
