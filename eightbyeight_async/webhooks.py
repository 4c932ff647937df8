"""What 8x8 POSTs to your callback URL: read it, fold it, await it. The public names in one place.

    event = parse(body, authorization=header, expected_authorization=secret)
    if isinstance(event, DeliveryReceipt):
        waiter.feed(event)

Each lives with its idea: models/webhooks.py, events.py, receipts.py, delivery.py.
"""

from eightbyeight_async.delivery_waiter import DeliveryWaiter
from eightbyeight_async.models.webhooks import (
    ChannelUser,
    DeliveryReceipt,
    DeliveryState,
    DeliveryStatus,
    InboundMessage,
    Namespace,
    Price,
    Recipient,
    UnknownEvent,
)
from eightbyeight_async.receipt_folding import MessageProgress, ReceiptFolder
from eightbyeight_async.webhook_events import MAX_BODY, WebhookAuthorizationError, WebhookError, parse

__all__ = [
    "MAX_BODY",
    "ChannelUser",
    "DeliveryReceipt",
    "DeliveryState",
    "DeliveryStatus",
    "DeliveryWaiter",
    "InboundMessage",
    "MessageProgress",
    "Namespace",
    "Price",
    "ReceiptFolder",
    "Recipient",
    "UnknownEvent",
    "WebhookAuthorizationError",
    "WebhookError",
    "parse",
]
