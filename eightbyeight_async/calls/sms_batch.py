"""What a batch of SMS sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async import wire
from eightbyeight_async.calls.call import Call, check_kind, messages_path
from eightbyeight_async.calls.sms import check_schedule
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.sms_batch import BatchSmsRequest, BatchSmsResponse

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["send_batch"]


def send_batch(subaccount_id: str, request: BatchSmsRequest, now: Callable[[], datetime]) -> Call[BatchSmsResponse]:
    """Send SMS batch: `POST .../messages/batch`."""
    check_kind(request, BatchSmsRequest)
    if request.template is not None:
        check_schedule(request.template.scheduled, "template.scheduled", now)
    for index, message in enumerate(request.messages or ()):
        if message.scheduled is not None:
            check_schedule(message.scheduled, f"messages[{index}].scheduled", now)
    return Call(
        product=Product.SMS,
        method="POST",
        path=f"{messages_path(subaccount_id)}/batch",
        body=wire.dump(request),
        answer=BatchSmsResponse,
    )
