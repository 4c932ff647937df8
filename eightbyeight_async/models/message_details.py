"""The details of one SMS.

8x8 masks texts and numbers, unless its support has switched masking off for the account.
Source: OpenAPI file of the SMS API, operation get-sms-message-details.
"""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.privacy import hidden, masked_digits, masked_number

__all__ = ["MessageDetails", "MessageState", "MessageStatus", "Price"]


class MessageState(enum.StrEnum):
    """The delivery state of a message in message details."""

    UNKNOWN = "unknown"
    QUEUED = "queued"
    FAILED = "failed"
    REJECTED = "rejected"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    READ = "read"
    OK = "ok"
    ERROR = "error"


def _state(value: MessageState | str) -> MessageState | str:
    return rules.known_or_text(MessageState, value) or value


@attrs.frozen(kw_only=True)
class MessageStatus(JsonModel):
    """The delivery status of a message.

    Attributes:
        state: `MessageState`, or the plain string of a state that this version does not know.
        detail: more about the state, e.g. `delivered_to_recipient`.
        timestamp: when the state was observed (aware).
        error_code: the error code of the delivery; None without an error.
        error_message: the error in 8x8's words. They can quote a phone number, so the repr hides them.
    """

    state: MessageState | str = attrs.field(converter=_state)
    detail: str | None = None
    timestamp: datetime | None = None
    error_code: int | None = None
    error_message: str | None = attrs.field(default=None, repr=hidden)


@attrs.frozen(kw_only=True)
class Price(JsonModel):
    """The price of a message. Amounts are Decimal, made from the digits in the JSON, so they are exact.

    Attributes:
        total: the price of all parts.
        per_sms: the price of one part.
        currency: ISO 4217 code.
    """

    total: Decimal | None = None
    per_sms: Decimal | None = None
    currency: str | None = None


@attrs.frozen(kw_only=True)
class MessageDetails(JsonModel):
    """The details of one SMS.

    Attributes:
        umid: 8x8's id of the message.
        status: its delivery status.
        sub_account_id: the sub-account that the message belongs to.
        direction: `outbound` or `inbound`.
        country: two-letter country code of the destination.
        msisdn: the phone number, masked by 8x8 by default.
        source: the sender id.
        body: the text, masked by 8x8 by default.
        encoding: GSM7, GSM8 or UCS2.
        created_at: when the API accepted it (aware).
        sms_count: its number of parts.
        price: its price.
        client_message_id: your reference of the message.
        client_batch_id: your reference of the batch.
        batch_id: 8x8's id of the batch that it was sent in.
    """

    umid: str
    status: MessageStatus
    sub_account_id: str | None = None
    direction: str | None = None
    country: str | None = None
    msisdn: str | None = attrs.field(default=None, repr=masked_number)
    source: str | None = attrs.field(default=None, repr=masked_digits)
    body: str | None = attrs.field(default=None, repr=hidden)
    encoding: str | None = None
    created_at: datetime | None = None
    sms_count: int | None = None
    price: Price | None = None
    client_message_id: str | None = attrs.field(default=None, repr=masked_digits)
    client_batch_id: str | None = attrs.field(default=None, repr=masked_digits)
    batch_id: str | None = None
