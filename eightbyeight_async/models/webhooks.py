"""Webhook events that 8x8 POSTs to a callback URL: delivery receipts, inbound messages, unknown events.

Rules:
- Only fields without which an event is useless are required: its umid, and the state of a receipt. 8x8 sends a refused
  receipt four more times and then never again. So an event must not be refused because of another field.
- Any other field may be missing, and is None if it cannot be read (see `wire.py`).
- Unknown states and channels stay strings. Upper and lower case of a state or namespace do not matter.
- Both products share the classes; the fields of the other product are None.

Source: 8x8's pages on webhooks (receipts and inbound messages of SMS and Messaging Apps, status object). The OpenAPI
files describe only how callbacks are configured.
"""

from __future__ import annotations

import enum
import re
from datetime import datetime
from typing import Any

import attrs

from eightbyeight_async.models.json_model import JsonModel
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
    """The product of an event: the SMS API or the Messaging Apps API."""

    SMS = "SMS"
    CHATAPPS = "ChatApps"


class DeliveryState(enum.StrEnum):
    """The delivery state of a message.

    - `QUEUED`: accepted by 8x8.
    - `REJECTED`: refused by 8x8.
    - `SENT`: passed to the operator, which has not reported yet.
    - `DELIVERED`: the operator reports delivery.
    - `UNDELIVERED`: the operator reports that delivery failed.
    - `FAILED`: refused or not delivered; some of 8x8's pages use this state.
    - `READ`: opened by the person.
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
        """True if the state says whether the message arrived: every state except QUEUED and SENT.

        READ may still follow DELIVERED. The operator's report can be wrong: see `DeliveryStatus.operator_only`.
        """
        return self not in (DeliveryState.QUEUED, DeliveryState.SENT)


_INTEGER = re.compile(r"[0-9]{1,9}")


_STATES = {state.value.casefold(): state for state in DeliveryState}
_NAMESPACES = {namespace.value.casefold(): namespace for namespace in Namespace}


def _state(value: DeliveryState | str) -> DeliveryState | str:
    return _STATES.get(value.casefold(), value)


def _namespace(value: Namespace | str) -> Namespace | str:
    return _NAMESPACES.get(value.casefold(), value)


def _error_code(value: int | str | None) -> int | str | None:
    """A string of digits becomes an integer, as 8x8 documents the code. Any other string stays unchanged."""
    return int(value) if isinstance(value, str) and _INTEGER.fullmatch(value) else value


@attrs.frozen(kw_only=True)
class DeliveryStatus(JsonModel):
    """The status in a delivery receipt.

    Attributes:
        state: `DeliveryState`, or the plain string of a state that this version does not know.
        detail: more about the state: `delivered_to_operator`, `delivered_to_recipient`, `rejected_by_operator`, ...
        timestamp: when the state was observed (aware); None if the receipt has no time.
        error_code: the error code of the delivery: an int, or a string that is not a number; None or 0 without error.
        error_message: the error in 8x8's words. They can quote a phone number, so the repr hides them.
    """

    state: DeliveryState | str = attrs.field(converter=_state, repr=masked_digits)
    detail: str | None = attrs.field(default=None, repr=masked_digits)
    timestamp: datetime | None = None
    error_code: int | str | None = attrs.field(default=None, converter=_error_code, repr=masked_digits)
    error_message: str | None = attrs.field(default=None, repr=hidden)

    @property
    def final(self) -> bool:
        """True if the state says whether the message arrived; False for a state that this version does not know.

        If `operator_only` is True too, only the operator has confirmed: a later receipt may still correct the state.
        """
        return isinstance(self.state, DeliveryState) and self.state.final

    @property
    def operator_only(self) -> bool:
        """True if the operator has the message (`delivered_to_operator`) and nothing is known about the phone.

        Many SMS routes never report more. On other routes `delivered_to_recipient` or `undelivered` follows.
        """
        return self.state is DeliveryState.DELIVERED and self.detail == "delivered_to_operator"


@attrs.frozen(kw_only=True)
class ChannelUser(JsonModel):
    """The person on the other side of a Messaging App.

    Attributes:
        msisdn: the phone number, if the channel has one.
        channel_user_id: the person's id in the channel.
        name: the person's displayed name.
        username: the user name that the person chose, if the channel has user names.
    """

    msisdn: str | None = attrs.field(default=None, repr=masked_number)
    channel_user_id: str | None = attrs.field(default=None, repr=hidden)
    name: str | None = attrs.field(default=None, repr=hidden)
    username: str | None = attrs.field(default=None, repr=hidden)


@attrs.frozen(kw_only=True)
class Recipient(JsonModel):
    """Your side of a Messaging App: the channel that an inbound message arrived on.

    Attributes:
        channel: e.g. `whatsapp`; 8x8 does not always use the same upper and lower case.
        channel_id: 8x8's id of your channel.
    """

    channel: str | None = attrs.field(default=None, repr=masked_digits)
    channel_id: str | None = attrs.field(default=None, repr=masked_digits)


@attrs.frozen(kw_only=True)
class DeliveryReceipt(JsonModel):
    """The state of one of your messages changed. Receipts can be late, repeated or out of order: see `ReceiptFolder`.

    Attributes:
        namespace: `Namespace`: SMS or ChatApps.
        umid: 8x8's id of the message, as in the response to the send.
        status: the state and its details.
        batch_id: 8x8's id of the batch that the message was sent in; None for a single message.
        client_message_id: your reference of the message.
        client_batch_id: your reference of the batch.
        sub_account_id: the sub-account that the message was sent from.
        source: SMS: the sender id.
        destination: SMS: the phone number.
        channel: Messaging Apps: the channel that carried it; with fallback it is not always the first one.
        user: Messaging Apps: the person.
        price: its price, as Decimal; None if the receipt has none. Only some receipts of Messaging Apps have one.
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
class InboundMessage(JsonModel):
    """A message that somebody sent to you.

    Attributes:
        namespace: `Namespace`: SMS or ChatApps.
        umid: 8x8's id of this message.
        sub_account_id: the sub-account that owns the number or channel.
        timestamp: when it was received (aware).
        source: SMS: the person's number.
        destination: SMS: your number.
        body: SMS: the text.
        encoding: SMS: GSM7 or UCS2.
        sms_count: SMS: its number of parts.
        price: SMS: the price of receiving it, as Decimal.
        user: Messaging Apps: the person.
        recipient: Messaging Apps: the channel that delivered the message.
        type: Messaging Apps: the type of `content`, e.g. `Text`, `Image`, `Location`, `Interactive`; upper and lower
            case vary.
        content: Messaging Apps: the unchanged JSON object, with `text`, `url`, `payload`, `location` or `interactive`.
            Numbers with a fraction are Decimal.
        reply_to_umid: Messaging Apps: 8x8's id of the message that this one replies to or quotes.
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
        """The text: the body of an SMS, or the text of a Messaging Apps message; None for e.g. an image."""
        if self.body is not None:
            return self.body
        text = (self.content or {}).get("text")
        return text if isinstance(text, str) else None

    @property
    def sender(self) -> str | None:
        """The person who wrote: the phone number if there is one, else the id in the channel."""
        if self.source is not None or self.user is None:
            return self.source
        return self.user.msisdn or self.user.channel_user_id


@attrs.frozen(kw_only=True)
class UnknownEvent(JsonModel):
    """An event of a type that this version does not know. Respond with a 2xx, else 8x8 sends it again.

    Attributes:
        event_type: its `eventType`; None if the event has no type, as in answers of SMS Engage and in older flat
            receipts.
        namespace: its `namespace`; None if the event has no namespace, as in updates of templates and accounts.
        raw: the whole JSON body. Numbers with a fraction are Decimal.
    """

    event_type: str | None = attrs.field(repr=masked_digits)
    namespace: str | None = attrs.field(default=None, repr=masked_digits)
    raw: dict[str, Any] = attrs.field(repr=hidden, hash=False)
