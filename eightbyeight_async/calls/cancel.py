"""Calls that cancel scheduled messages; they are the same on both hosts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.calls.call import Call, messages_path, segment
from eightbyeight_async.errors import Effect
from eightbyeight_async.models.common import CancelResponse

if TYPE_CHECKING:
    from eightbyeight_async.hosts import Product

__all__ = ["cancel_batch", "cancel_message"]


def cancel_message(product: Product, subaccount_id: str, umid: str) -> Call[CancelResponse]:
    """Cancel one scheduled message: `DELETE .../messages/{umid}`."""
    return Call(
        product=product,
        method="DELETE",
        path=f"{messages_path(subaccount_id)}/{segment(umid, 'umid')}",
        body=None,
        response_class=CancelResponse,
        effect=Effect.CANCEL,
    )


def cancel_batch(product: Product, subaccount_id: str, batch_id: str) -> Call[CancelResponse]:
    """Cancel the scheduled messages of a batch: `DELETE .../messages/batch/{batchId}`."""
    return Call(
        product=product,
        method="DELETE",
        path=f"{messages_path(subaccount_id)}/batch/{segment(batch_id, 'batch_id')}",
        body=None,
        response_class=CancelResponse,
        effect=Effect.CANCEL,
    )
