"""The field rules of a ChatApps message, each with its 30xx code.

Pure functions: they take a request body and the time, and return the fields or raise Refusal. They check the user,
the content by type, the fallback channels and the schedule. They do not check the inside of interactive, template
and RCS content. Source: 8x8's OpenAPI file of the Messaging Apps API and its table of error codes.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from eightbyeight_async.sandbox.api.operation_results import JSONObject, Refusal
from eightbyeight_async.sandbox.api.sms_rules import (
    NUMBER,
    check_country,
    check_encoding,
    check_expiry,
    check_length,
    check_schedule,
    check_source,
    check_url,
    require_object,
    string,
)

_BAD_VALUE = re.compile(r"[\n\r\t]| {5}")
TYPES = ["text", "audio", "video", "image", "location", "file", "interactive", "template", "carousel", "richCard"]
CHANNELS = ["SMS", "WhatsApp", "Facebook", "RCS", "Viber", "Line", "WeChat", "Zalo", "Instagram"]
SUCCESS_STATUSES = ("Accepted", "Sent", "Delivered", "Read")
MAX_TEXT = 35_000
MAX_CLIENT_MESSAGE_ID = 50
_MEDIA = ("audio", "video", "image", "file")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatAppsFields:
    """The fields of one valid message; `destination` is its phone number, or the user id of a channel."""

    destination: str
    country: str | None
    text: str | None
    source: str | None
    client_message_id: str | None
    scheduled: datetime | None
    expiry: datetime | None
    dlr_callback_url: str | None
    content_type: str
    channels: tuple[str, ...]


def check_chatapps(body: JSONObject, now: datetime) -> ChatAppsFields:
    """Check every rule of one message; raise Refusal for the first that fails."""
    client_message_id = string(body, "clientMessageId")
    user = require_object(body.get("user"), "user is missing", 3001)
    country = check_country(string(user, "country"), 3018)
    msisdn = string(user, "msisdn")
    destination = msisdn or string(user, "channelUserId") or string(user, "lineUserId")
    if not destination:
        raise Refusal(3002, "user has no MSISDN")
    if msisdn and not NUMBER.fullmatch(msisdn):
        raise Refusal(3003, "user has an invalid MSISDN")
    kind = string(body, "type")
    if kind not in TYPES:
        raise Refusal(3010, "type is missing or not one the platform has")
    content = require_object(body.get("content"), "content is missing", 3004)
    _check_content(kind, content)
    sms = require_object(content.get("sms") or {}, "sms is not an object")
    check_encoding(string(sms, "encoding"))
    _check_channels(body.get("channels"))
    string(require_object(body.get("context") or {}, "context is no object"), "umid")
    return ChatAppsFields(
        destination=destination,
        country=country,
        text=string(content, "text"),
        source=check_source(string(sms, "source"), 3011, "SMS source"),
        client_message_id=check_length(client_message_id, MAX_CLIENT_MESSAGE_ID, 3009, "clientMessageId"),
        scheduled=check_schedule(string(body, "scheduled"), now),
        expiry=check_expiry(string(body, "expiry"), now),
        dlr_callback_url=check_url(string(body, "dlrCallbackUrl"), 3020, "dlrCallbackUrl"),
        content_type=kind,
        channels=tuple(channel["channel"] for channel in body.get("channels") or ()),
    )


def _check_content(kind: str, content: JSONObject) -> None:
    check_length(string(content, "text"), MAX_TEXT, 3006, "text")
    check_length(string(content, "fallbackText"), MAX_TEXT, 3017, "fallbackText")
    if kind == "text" and not string(content, "text"):
        raise Refusal(3005, "text is missing")
    if kind in _MEDIA:
        if not string(content, "url"):
            raise Refusal(3007, "media URL is missing")
        check_url(string(content, "url"), 3008, "media URL")
    if kind == "location":
        location = require_object(content.get("location"), "location is missing", 3021)
        for name, most in (("latitude", 90), ("longitude", 180)):
            if not _is_number(location.get(name)) or abs(location[name]) > most:
                raise Refusal(3021, f"location has no valid {name}")
    if kind == "template":
        template = require_object(content.get("template"), "template is missing", 3030)
        if not string(template, "name"):
            raise Refusal(3032, "template has no name")
        if not string(template, "language"):
            raise Refusal(3036, "template has no language")
        _check_values(template.get("components"))
    if kind in ("interactive", "carousel", "richCard"):
        require_object(content.get(kind), f"{kind} is missing", 3004)


def _check_values(components: object) -> None:
    """WhatsApp's rule for the values of a template. Those of named placeholders (another channel's) are not checked."""
    for component in _objects(components):
        for parameter in _objects(component.get("parameters")):
            text = parameter.get("text")
            if isinstance(text, str) and "name" not in parameter and _BAD_VALUE.search(text):
                raise Refusal(3041, "a template value has a line break, a tab or more than four blanks in a row")
        for card in _objects(component.get("cards")):
            _check_values(card.get("components"))


def _objects(value: object) -> list[JSONObject]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _check_channels(channels: object) -> None:
    if channels is None:
        return
    if not isinstance(channels, list):
        raise Refusal(1000, "channels is not an array")
    for channel in channels:
        require_object(channel, "a channel is not an object")
        if string(channel, "channel") not in CHANNELS:
            raise Refusal(3022, "a fallback channel is not one the platform has")
        delay = channel.get("fallbackAfter")
        if delay is not None and not (isinstance(delay, int) and _is_number(delay) and 10 <= delay <= 86_400):
            raise Refusal(3023, "fallbackAfter is not within 10 to 86400 seconds")
        status = string(channel, "successStatus")
        if status is not None and status not in SUCCESS_STATUSES:
            raise Refusal(3024, "successStatus is not one the platform has")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
