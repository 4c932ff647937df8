"""The JSON bodies of callbacks: delivery receipts and inbound messages, as 8x8's webhook pages show them.

Numbers and texts are not masked, because a callback goes to the customer's own service.
"""

import json
from datetime import datetime

from eightbyeight_async.sandbox.api.message_details import DEFAULT_CHANNEL, channel_id
from eightbyeight_async.sandbox.api.operation_results import JSONObject, new_id, status_timestamp
from eightbyeight_async.sandbox.messages.countries import international, place_of
from eightbyeight_async.sandbox.messages.delivery_status import LoggedStatus
from eightbyeight_async.sandbox.messages.message import Product, SandboxMessage
from eightbyeight_async.sandbox.messages.part_count import count_parts, parts_of, price_of
from eightbyeight_async.sandbox.messages.text_encoding import encoding_for

NAMESPACES: dict[Product, str] = {"sms": "SMS", "chatapps": "ChatApps"}
STATUS_CHANGED = "outbound_message_status_changed"
RECEIVED = "inbound_message_received"


def receipt(message: SandboxMessage, status: LoggedStatus) -> JSONObject:
    number = international(message.destination, message.country)
    payload: JSONObject = {
        "umid": message.umid,
        "batchId": message.batch_id,
        "clientMessageId": message.client_message_id,
        "clientBatchId": message.client_batch_id,
        "subAccountId": message.subaccount_id,
    }
    if message.product == "sms":
        parts = parts_of(message)
        payload |= {
            "source": message.source,
            "destination": number,
            "status": status.as_json(),
            "price": price_of(parts),
            "smsCount": parts,
        }
    else:
        channel = (message.channels or (DEFAULT_CHANNEL,))[0]
        payload |= {
            "channel": channel.lower(),
            "channelId": channel_id(channel),
            "user": {"msisdn": number, "channelUserId": number.lstrip("+")},
            "status": status.as_json(),
        }
    return _envelope(message.product, STATUS_CHANGED, "outbound message delivery receipt", payload)


def inbound(
    product: Product, subaccount_id: str, now: datetime, *, sender: str, recipient: str, text: str
) -> JSONObject:
    """The event of an inbound message; for ChatApps, `recipient` is the channel."""
    payload: JSONObject = {
        "umid": new_id(),
        "subAccountId": subaccount_id,
        "timestamp": status_timestamp(now),
    }
    if product == "sms":
        encoding = encoding_for(text, None)
        parts = count_parts(text, encoding)
        payload |= {
            "source": sender,
            "destination": recipient,
            "body": text,
            "encoding": encoding,
            "smsCount": parts,
            "price": price_of(parts),
            "country": place_of(international(sender, None), None).country or None,
        }
    else:
        payload |= {
            "user": {"msisdn": sender, "channelUserId": sender.lstrip("+")},
            "recipient": {"channel": recipient.lower(), "channelId": channel_id(recipient)},
            "type": "Text",
            "content": {"text": text},
        }
    return _envelope(product, RECEIVED, "inbound message", payload)


def as_bytes(envelope: JSONObject) -> bytes:
    return json.dumps(envelope, ensure_ascii=False, separators=(",", ":")).encode()


def _envelope(product: Product, event_type: str, description: str, payload: JSONObject) -> JSONObject:
    namespace = NAMESPACES[product]
    return {
        "namespace": namespace,
        "eventType": event_type,
        "description": f"{namespace} {description}",
        "payload": {name: value for name, value in payload.items() if value is not None},
    }
