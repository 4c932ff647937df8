"""Webhooks: the public names to read events, to fold receipts, to find opt-outs and to wait for a final state.

    event = parse(body, authorization=header, expected_authorization=secret)
    if isinstance(event, DeliveryReceipt):
        waiter.feed(event)

The code is in models/webhooks.py, webhook_events.py, receipt_folding.py, opt_out.py and
delivery_waiter.py.
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
from eightbyeight_async.opt_out import OPT_OUT_WORDS, is_opt_out
from eightbyeight_async.receipt_folding import MessageProgress, ReceiptFolder
from eightbyeight_async.webhook_events import MAX_BODY, WebhookAuthorizationError, WebhookError, parse

__all__ = [
    "MAX_BODY",
    "OPT_OUT_WORDS",
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
    "is_opt_out",
    "parse",
]
