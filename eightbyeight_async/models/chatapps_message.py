"""One message of the Messaging Apps API: to whom, what, by which channels (OpenAPI: Send-Message).

The message checks all its parts when it is made, so an error names the whole way down to the field.
"""

from __future__ import annotations

import enum
import re
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar, get_args

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.chatapps_content import ChatAppsContent
from eightbyeight_async.models.chatapps_rules import (
    Rule,
    as_tuple,
    check,
    fail,
    held,
    many,
    one_of,
    part,
    ruled,
    string,
    whole,
)
from eightbyeight_async.models.privacy import hidden, masked_digits, masked_number

if TYPE_CHECKING:
    from collections.abc import Iterable

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

# The OpenAPI file gives no pattern for `msisdn`; 15 digits are all that E.164 allows.
_MSISDN = re.compile(r"\+?[0-9]{4,15}")
# Its description: the country in upper case, a dot, letters and digits.
_CHANNEL_USER = re.compile(r"[A-Z]{2}\.[A-Za-z0-9]+")


class Channel(enum.StrEnum):
    """A channel that a message can take."""

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
    """How far a message must get on a channel for the next one not to be tried."""

    ACCEPTED = "Accepted"
    SENT = "Sent"
    DELIVERED = "Delivered"
    READ = "Read"


def _msisdn(path: str, value: object) -> None:
    if not _MSISDN.fullmatch(rules.checked_text(path, value)):
        fail(path, "must be 4 to 15 digits with or without a leading + and nothing else")


def _country(path: str, value: object) -> None:
    rules.checked_country(value, path)


def _channel_user_id(path: str, value: object) -> None:
    if not _CHANNEL_USER.fullmatch(rules.checked_text(path, value)):
        fail(path, "must be a country code in upper case, a dot, and letters or digits")


def _somebody(path: str, user: ChatAppsUser) -> None:
    if user.msisdn is None:
        if user.line_user_id is None and user.channel_user_id is None:
            fail(f"{path}.msisdn", "is required, or line_user_id, or channel_user_id")
        return
    international = user.msisdn.startswith("+")
    if user.msisdn.lstrip("+").startswith("0") and (international or user.country is None):
        fail(f"{path}.msisdn", "must not start with 0; a number in national format needs `country` too")


@attrs.frozen(kw_only=True)
class ChatAppsUser:
    """The person a message goes to, by at least one of three identifications.

    Attributes:
        msisdn: the phone number, best in international format with `+`; in national format only with `country`.
            8x8 takes it before the other two.
        country: ISO 3166-1 alpha-2 code, for an `msisdn` in national format.
        line_user_id: LINE's id of the person.
        channel_user_id: WhatsApp's business-scoped id: a country code in upper case, a dot, letters or digits.
    """

    msisdn: str | None = attrs.field(default=None, repr=masked_number, metadata=ruled(_msisdn))
    country: str | None = attrs.field(default=None, metadata=ruled(_country))
    line_user_id: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string()))
    channel_user_id: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(_channel_user_id))
    RULES: ClassVar[tuple[Rule, ...]] = (_somebody,)


def _channel(value: Channel | str) -> Channel | str:
    return rules.known_or_text(Channel, value) or value


def _success_status(value: SuccessStatus | str | None) -> SuccessStatus | str | None:
    return rules.known_or_text(SuccessStatus, value)


@attrs.frozen(kw_only=True)
class ChannelFallback:
    """One step of the channels to try; the steps replace those that the sub-account is configured with.

    Attributes:
        channel: `Channel` or its string.
        fallback_after: seconds until the next step is tried, 10 to 86,400 (one day).
        success_status: `SuccessStatus` or its string: how far the message must get by then.
    """

    channel: Channel | str = attrs.field(converter=_channel, metadata=ruled(one_of(*Channel)))
    fallback_after: int | None = attrs.field(default=None, metadata=ruled(whole(10, 86_400)))
    success_status: SuccessStatus | str | None = attrs.field(
        default=None, converter=_success_status, metadata=ruled(one_of(*SuccessStatus))
    )


@attrs.frozen(kw_only=True)
class ReplyContext:
    """The message this one answers, at most 7 days old (WhatsApp): its `umid`, received or sent."""

    umid: str = attrs.field(metadata=ruled(string()))


def check_content(path: str, value: object) -> None:
    """Content of any class; the list of all the classes would help nobody."""
    if not isinstance(value, get_args(ChatAppsContent)):
        fail(path, f"must be a content such as TextContent or RawContent, not {type(value).__name__}")
    check(path, value)


check_channels = many(ChannelFallback)


def channel_steps(value: Iterable[ChannelFallback] | None) -> tuple[ChannelFallback, ...] | None:
    return as_tuple(value)


@attrs.frozen(kw_only=True)
class ChatAppsRequest:
    """One message through the Messaging Apps API.

    Attributes:
        user: whom it goes to.
        content: what it says; its class is the message's type. None only inside a batch whose template has one.
        client_message_id: your reference, at most 50 characters; echoed in answers and receipts. It does NOT make a
            send idempotent.
        scheduled: when to send it; aware, at most a minute ago; None: now. No limit ahead is documented.
        expiry: after when it must not be delivered any more; aware, ahead, and after `scheduled`.
        dlr_callback_url: where 8x8 POSTs the delivery receipts of this message, http(s).
        channels: the channels to try, in order; None: as the sub-account is configured.
        context: the message it answers.

    Raises:
        InvalidRequestError: a field of it or of its parts breaks its rule; the error names the whole path, e.g.
            `content.interactive.action.buttons[3].reply.title`, and the rule, not the value.
    """

    user: ChatAppsUser = attrs.field(validator=held(part(ChatAppsUser)))
    content: ChatAppsContent | None = attrs.field(default=None, validator=held(check_content), metadata={"tag": "type"})
    client_message_id: str | None = attrs.field(default=None, validator=held(string(50, least=0)), repr=masked_digits)
    scheduled: datetime | None = attrs.field(default=None, validator=rules.optional(rules.aware_datetime))
    expiry: datetime | None = attrs.field(default=None, validator=rules.optional(rules.aware_datetime))
    dlr_callback_url: str | None = attrs.field(default=None, validator=rules.optional(rules.callback_url), repr=hidden)
    channels: tuple[ChannelFallback, ...] | None = attrs.field(
        default=None, converter=channel_steps, validator=held(check_channels)
    )
    context: ReplyContext | None = attrs.field(default=None, validator=held(part(ReplyContext)))

    @property
    def type(self) -> str | None:
        """The content's type on the wire; None without content."""
        return None if self.content is None else self.content.type
