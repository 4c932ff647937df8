"""What 8x8 POSTs to a callback URL: delivery receipts, inbound messages, and what this version does not know.

Rule: only what makes an event useless when it is missing is required (its umid, a receipt's state). A receipt that
is refused comes four more times and then never again, so everything else may be missing, is None if it cannot be read
(wire.py), and unknown states and channels stay strings. Both products share a class; what the other has is None.

Source: 8x8's pages on webhooks (receipts and inbound messages of SMS and Messaging Apps, status object); the OpenAPI
files describe only how callbacks are configured.
"""

from __future__ import annotations

import enum
import re
from datetime import datetime
from typing import Any

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.message_details import Price
from eightbyeight_async.models.privacy import hidden, masked_digits, masked_number

__all__ = [
    "ChannelUser",
    "DeliveryReceipt",
    "DeliveryState",
    "DeliveryStatus",
    "InboundMessage",
    "Namespace",
    "Price",
    "Recipient",
    "UnknownEvent",
]


class Namespace(enum.StrEnum):
    """Whose event it is: the SMS API's or the Messaging Apps'."""

    SMS = "SMS"
    CHATAPPS = "ChatApps"


class DeliveryState(enum.StrEnum):
    """How far a message got.

    `QUEUED`: accepted by 8x8. `REJECTED`: refused by 8x8. `SENT`: handed to the operator, no word back yet.
    `DELIVERED`: confirmed by the operator. `UNDELIVERED`: the operator says it failed. `READ`: opened.
    `FAILED`: refused or not delivered: the word of some of 8x8's pages.
    """

    QUEUED = "queued"
    REJECTED = "rejected"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    READ = "read"

    @property
    def final(self) -> bool:
        """Whether it answers "did it arrive?". A delivered message may still be reported as read.

        The answer can be the operator's alone, and wrong: see `DeliveryStatus.operator_only`.
        """
        return self not in (DeliveryState.QUEUED, DeliveryState.SENT)


_INTEGER = re.compile(r"[0-9]{1,9}")


def _state(value: DeliveryState | str) -> DeliveryState | str:
    return rules.known_or_text(DeliveryState, value) or value


def _namespace(value: Namespace | str) -> Namespace | str:
    return rules.known_or_text(Namespace, value) or value


def _error_code(value: int | str | None) -> int | str | None:
    """Documented as an integer; digits in quotes are the same code, other strings stay as they came."""
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value


@attrs.frozen(kw_only=True)
class DeliveryStatus:
    """What a receipt says of its message.

    Attributes:
        state: `DeliveryState`, or the plain string of a state this version does not know.
        detail: more exactly, e.g. `delivered_to_operator`, `delivered_to_recipient`, `rejected_by_operator`.
        timestamp: when the state was observed, aware; None if the receipt does not say.
        error_code: the error of the delivery; an int, or a string that is not one; None (or 0) without an error.
        error_message: the error in words; they can quote a number, so the repr leaves them out.
    """

    state: DeliveryState | str = attrs.field(converter=_state, repr=masked_digits)
    detail: str | None = attrs.field(default=None, repr=masked_digits)
    timestamp: datetime | None = None
    error_code: int | str | None = attrs.field(default=None, converter=_error_code, repr=masked_digits)
    error_message: str | None = attrs.field(default=None, repr=hidden)

    @property
    def final(self) -> bool:
        """Whether the state is known to answer "did it arrive?"; False for a state this version does not know.

        With `operator_only` it answers as far as the operator knows: a later receipt may still correct it.
        """
        return isinstance(self.state, DeliveryState) and self.state.final

    @property
    def operator_only(self) -> bool:
        """Delivered to the operator (`delivered_to_operator`), of the handset no word.

        Many SMS routes never say more. On others `delivered_to_recipient` or `undelivered` follows.
        """
        return self.state is DeliveryState.DELIVERED and self.detail == "delivered_to_operator"


@attrs.frozen(kw_only=True)
class ChannelUser:
    """The person at the other end of a Messaging App.

    Attributes:
        msisdn: the phone number, where the channel has one.
        channel_user_id: the person's id in the channel.
        name: the name shown there.
        username: the name the person chose there, where the channel has such names.
    """

    msisdn: str | None = attrs.field(default=None, repr=masked_number)
    channel_user_id: str | None = attrs.field(default=None, repr=hidden)
    name: str | None = attrs.field(default=None, repr=hidden)
    username: str | None = attrs.field(default=None, repr=hidden)


@attrs.frozen(kw_only=True)
class Recipient:
    """Your end of a Messaging App: which channel a message came in by.

    Attributes:
        channel: e.g. `whatsapp`; 8x8's own spelling varies in upper and lower case.
        channel_id: 8x8's id of your channel.
    """

    channel: str | None = attrs.field(default=None, repr=masked_digits)
    channel_id: str | None = attrs.field(default=None, repr=masked_digits)


@attrs.frozen(kw_only=True)
class DeliveryReceipt:
    """A message of yours changed its state. The same one can come late, twice or out of order: see ReceiptFolder.

    Attributes:
        namespace: `Namespace`: SMS or ChatApps.
        umid: 8x8's id of the message, as the send returned it.
        status: the state and its circumstances.
        batch_id: the batch it was sent in; None if in none.
        client_message_id, client_batch_id: your references.
        sub_account_id: the sub-account it was sent from.
        source, destination: SMS: the sender id and the number.
        channel, user: Messaging Apps: the channel it went by (with fallback not always the first) and the person.
        price: what it cost, decimal; None if the receipt does not say. Of Messaging Apps only some do.
        sms_count: SMS: its number of parts.
    """

    namespace: Namespace | str = attrs.field(converter=_namespace)
    umid: str
    status: DeliveryStatus
    batch_id: str | None = None
    client_message_id: str | None = attrs.field(default=None, repr=masked_digits)
    client_batch_id: str | None = attrs.field(default=None, repr=masked_digits)
    sub_account_id: str | None = None
    source: str | None = attrs.field(default=None, repr=masked_digits)
    destination: str | None = attrs.field(default=None, repr=masked_number)
    channel: str | None = attrs.field(default=None, repr=masked_digits)
    user: ChannelUser | None = None
    price: Price | None = None
    sms_count: int | None = None

    @property
    def state(self) -> DeliveryState | str:
        """`status.state`."""
        return self.status.state

    @property
    def final(self) -> bool:
        """`status.final`."""
        return self.status.final


@attrs.frozen(kw_only=True)
class InboundMessage:
    """Somebody wrote to you.

    Attributes:
        namespace: `Namespace`: SMS or ChatApps.
        umid: 8x8's id of this message.
        sub_account_id: the sub-account that owns the number or channel.
        timestamp: when it was received, aware.
        source, destination: SMS: the person's number and yours.
        body: SMS: the text.
        encoding: SMS: GSM7 or UCS2.
        sms_count: SMS: its number of parts.
        price: SMS: what receiving it cost, decimal.
        user, recipient: Messaging Apps: the person, and the channel it came in by.
        type: Messaging Apps: what `content` holds, e.g. `Text`, `Image`, `Location`, `Interactive` (case varies).
        content: Messaging Apps: as it came: `text`, `url`, `payload`, `location` or `interactive`; numbers with a
            fraction are Decimal.
        reply_to_umid: Messaging Apps: the message this one answers or quotes.
    """

    namespace: Namespace | str = attrs.field(converter=_namespace)
    umid: str
    sub_account_id: str | None = None
    timestamp: datetime | None = None
    source: str | None = attrs.field(default=None, repr=masked_digits)
    destination: str | None = attrs.field(default=None, repr=masked_digits)
    body: str | None = attrs.field(default=None, repr=hidden)
    encoding: str | None = attrs.field(default=None, repr=masked_digits)
    sms_count: int | None = None
    price: Price | None = None
    user: ChannelUser | None = None
    recipient: Recipient | None = None
    type: str | None = attrs.field(default=None, repr=masked_digits)
    content: dict[str, Any] | None = attrs.field(default=None, repr=hidden, hash=False)
    reply_to_umid: str | None = None

    @property
    def text(self) -> str | None:
        """The words: an SMS's body, or the text of a Messaging Apps message; None for an image and the like."""
        if self.body is not None:
            return self.body
        text = (self.content or {}).get("text")
        return text if isinstance(text, str) else None

    @property
    def sender(self) -> str | None:
        """Who wrote: the phone number where there is one, else the id in the channel."""
        if self.source is not None or self.user is None:
            return self.source
        return self.user.msisdn or self.user.channel_user_id


@attrs.frozen(kw_only=True)
class UnknownEvent:
    """An event of a kind this version does not know, kept as it came: answer 2xx and go on.

    Attributes:
        event_type: its `eventType`.
        namespace: its `namespace`; None if it has none (updates of templates and accounts have none).
        raw: the whole body, as JSON gave it; numbers with a fraction are Decimal.
    """

    event_type: str = attrs.field(repr=masked_digits)
    namespace: str | None = attrs.field(default=None, repr=masked_digits)
    raw: dict[str, Any] = attrs.field(repr=hidden, hash=False)
