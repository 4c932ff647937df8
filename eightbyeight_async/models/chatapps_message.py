"""One message of the Messaging Apps API: its user, its content, its channels.

Rule: the message checks all its parts when it is made, so an error names the full path of the field.
Source: OpenAPI file of the Messaging Apps API, Send-Message.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar, get_args

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.chatapps_content import ChatAppsContent
from eightbyeight_async.models.chatapps_rules import (
    Rule,
    as_tuple,
    as_validator,
    check,
    fail,
    integer,
    many,
    one_of,
    part,
    ruled,
    string,
)
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.privacy import hidden, masked_digits, masked_number

__all__ = [
    "Channel",
    "ChannelFallback",
    "ChatAppsRequest",
    "ChatAppsUser",
    "ReplyContext",
    "SuccessStatus",
    "channel_steps",
    "check_channels",
    "check_content",
]

# The OpenAPI file gives no pattern for `msisdn`. E.164 allows at most 15 digits.
_MSISDN = re.compile(r"\+?[0-9]{4,15}")
# Source: description of `channelUserId`: the country in upper case, a dot, letters and digits.
_CHANNEL_USER = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]+")


class Channel(enum.StrEnum):
    """A channel that can carry a message."""

    SMS = "SMS"
    WHATSAPP = "WhatsApp"
    FACEBOOK = "Facebook"
    RCS = "RCS"
    VIBER = "Viber"
    LINE = "Line"
    WECHAT = "WeChat"
    ZALO = "Zalo"
    INSTAGRAM = "Instagram"


class SuccessStatus(enum.StrEnum):
    """The state that a message must reach on a channel. If it does not, the next channel is tried."""

    ACCEPTED = "Accepted"
    SENT = "Sent"
    DELIVERED = "Delivered"
    READ = "Read"


def _msisdn(path: str, value: object) -> None:
    if not _MSISDN.fullmatch(rules.checked_text(path, value)):
        fail(path, "must be 4 to 15 digits, with or without a leading +, and nothing else")


def _country(path: str, value: object) -> None:
    rules.checked_country(value, path)


def _channel_user_id(path: str, value: object) -> None:
    if not _CHANNEL_USER.fullmatch(rules.checked_text(path, value)):
        fail(path, "must be a country code in upper case, a dot, and letters or digits")


def _is_identified(path: str, user: ChatAppsUser) -> None:
    if user.msisdn is None:
        if user.line_user_id is None and user.channel_user_id is None:
            fail(f"{path}.msisdn", "is required, unless line_user_id or channel_user_id is given")
        return
    international = user.msisdn.startswith("+")
    if user.msisdn.lstrip("+").startswith("0") and (international or user.country is None):
        fail(f"{path}.msisdn", "must not start with 0; a number in national format needs `country` too")


@attrs.frozen(kw_only=True)
class ChatAppsUser(JsonModel):
    """The person a message goes to. At least one of `msisdn`, `line_user_id` and `channel_user_id` is required.

    Attributes:
        msisdn: the phone number, best in international format with `+`; in national format only with `country`.
            If it is given, 8x8 uses it instead of the other two.
        country: ISO 3166-1 alpha-2 code, for an `msisdn` in national format.
        line_user_id: LINE's id of the person.
        channel_user_id: WhatsApp's business-scoped id of the person: a country code in upper case, a dot, letters or
            digits.
    """

    msisdn: str | None = attrs.field(default=None, repr=masked_number, metadata=ruled(_msisdn))
    country: str | None = attrs.field(default=None, metadata=ruled(_country))
    line_user_id: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string()))
    channel_user_id: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(_channel_user_id))
    RULES: ClassVar[tuple[Rule, ...]] = (_is_identified,)


def _channel(value: Channel | str) -> Channel | str:
    return rules.known_or_text(Channel, value) or value


def _success_status(value: SuccessStatus | str | None) -> SuccessStatus | str | None:
    return rules.known_or_text(SuccessStatus, value)


@attrs.frozen(kw_only=True)
class ChannelFallback(JsonModel):
    """One channel in the list of channels to try. The list replaces the one configured for the sub-account.

    Attributes:
        channel: `Channel` or its string.
        fallback_after: seconds until the next channel is tried, 10 to 86,400 (one day).
        success_status: `SuccessStatus` or its string: the state that the message must reach by then.
    """

    channel: Channel | str = attrs.field(converter=_channel, metadata=ruled(one_of(*Channel)))
    fallback_after: int | None = attrs.field(default=None, metadata=ruled(integer(10, 86_400)))
    success_status: SuccessStatus | str | None = attrs.field(
        default=None, converter=_success_status, metadata=ruled(one_of(*SuccessStatus))
    )


@attrs.frozen(kw_only=True)
class ReplyContext(JsonModel):
    """The message that this one replies to (WhatsApp).

    Attributes:
        umid: 8x8's id of a received or sent message that is at most 7 days old.
    """

    umid: str = attrs.field(metadata=ruled(string()))


def check_content(path: str, value: object) -> None:
    """The rule for content of any class. The error gives two examples instead of the long list of all classes."""
    if not isinstance(value, get_args(ChatAppsContent)):
        fail(path, f"must be a content such as TextContent or RawContent, not {type(value).__name__}")
    check(path, value)


check_channels: Rule = many(ChannelFallback)


def channel_steps(value: Iterable[ChannelFallback] | None) -> tuple[ChannelFallback, ...] | None:
    return as_tuple(value)


@attrs.frozen(kw_only=True)
class ChatAppsRequest(JsonModel):
    """One message through the Messaging Apps API.

    Attributes:
        user: the person it goes to.
        content: its content, whose class decides the message's type. None only in a batch whose template has content.
        client_message_id: your reference, at most 50 characters, echoed in responses and receipts. It does NOT make a
            send idempotent.
        scheduled: when to send it; aware, at most a minute in the past; None for now. 8x8 documents no limit for how
            far in the future.
        expiry: the time after which it must not be delivered any more; aware, in the future, and after `scheduled`.
        dlr_callback_url: the http(s) URL to which 8x8 POSTs the delivery receipts of this message.
        channels: the channels to try, in order; None for the channels that are configured for the sub-account.
        context: the message that it replies to.

    Raises:
        InvalidRequestError: a field of the message or of its parts breaks its rule. The error names the whole path,
            e.g. `content.interactive.action.buttons[3].reply.title`, and the rule, but not the value.
    """

    user: ChatAppsUser = attrs.field(validator=as_validator(part(ChatAppsUser)))
    content: ChatAppsContent | None = attrs.field(
        default=None, validator=as_validator(check_content), metadata={"tag": "type"}
    )
    client_message_id: str | None = attrs.field(
        default=None, validator=as_validator(string(50, least=0)), repr=masked_digits
    )
    scheduled: datetime | None = attrs.field(default=None, validator=rules.optional(rules.aware_datetime))
    expiry: datetime | None = attrs.field(default=None, validator=rules.optional(rules.aware_datetime))
    dlr_callback_url: str | None = attrs.field(default=None, validator=rules.optional(rules.callback_url), repr=hidden)
    channels: tuple[ChannelFallback, ...] | None = attrs.field(
        default=None, converter=channel_steps, validator=as_validator(check_channels)
    )
    context: ReplyContext | None = attrs.field(default=None, validator=as_validator(part(ReplyContext)))

    @property
    def type(self) -> str | None:
        """The JSON field `type`: the type of the content; None without content."""
        return None if self.content is None else self.content.type
