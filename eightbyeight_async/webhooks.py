"""What 8x8 POSTs to your callback URL: read it, fold it, await it. The public names in one place.

    event = parse(body, authorization=header, expected_authorization=secret)
    if isinstance(event, DeliveryReceipt):
        waiter.feed(event)

Each lives with its idea: models/webhooks.py, events.py, receipts.py, delivery.py.
"""

from eightbyeight_async.delivery import DeliveryWaiter
from eightbyeight_async.events import MAX_BODY, WebhookAuthorizationError, WebhookError, parse
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
from eightbyeight_async.receipts import MessageProgress, ReceiptFolder

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
