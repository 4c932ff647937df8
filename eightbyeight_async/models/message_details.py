"""What 8x8 knows of one SMS: the answer of SMS details (OpenAPI: operation get-sms-message-details).

Texts and numbers come masked by 8x8 itself, unless its support has switched that off for the account.
"""

from __future__ import annotations

import enum
from datetime import datetime
from decimal import Decimal

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.privacy import hidden, masked_digits, masked_number

__all__ = ["MessageDetails", "MessageState", "MessageStatus", "Price"]


class MessageState(enum.StrEnum):
    """How far a message got, as look-ups tell it."""

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
class MessageStatus:
    """The delivery status of a message.

    Attributes:
        state: `MessageState`, or the plain string of a state this version does not know.
        detail: more exactly, e.g. `delivered_to_recipient`.
        timestamp: when it was observed, aware.
        error_code: the error code of the delivery, None without an error.
        error_message: the error in words; they can quote a number, so the repr leaves them out.
    """

    state: MessageState | str = attrs.field(converter=_state)
    detail: str | None = None
    timestamp: datetime | None = None
    error_code: int | None = None
    error_message: str | None = attrs.field(default=None, repr=hidden)


@attrs.frozen(kw_only=True)
class Price:
    """What a message cost: decimal, from the digits as 8x8 wrote them.

    Attributes:
        total: for all parts.
        per_sms: for one part.
        currency: ISO 4217 code.
    """

    total: Decimal | None = None
    per_sms: Decimal | None = None
    currency: str | None = None


@attrs.frozen(kw_only=True)
class MessageDetails:
    """What 8x8 knows of one SMS.

    Attributes:
        umid: 8x8's id of the message.
        status: how far it got.
        sub_account_id: the sub-account it belongs to.
        direction: `outbound` or `inbound`.
        country: two-letter code of the destination.
        msisdn: the phone number, masked by 8x8 by default.
        source: the sender id.
        body: the text, masked by 8x8 by default.
        encoding: GSM7, GSM8 or UCS2.
        created_at: when the API took it, aware.
        sms_count: its number of parts.
        price: what it cost.
        client_message_id, client_batch_id: your references.
        batch_id: the batch it was sent in.
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
