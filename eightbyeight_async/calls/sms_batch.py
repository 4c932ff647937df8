"""What a batch of SMS sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async import wire
from eightbyeight_async.calls.call import Call, check_kind, messages_path
from eightbyeight_async.calls.sms import check_schedule
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.sms_batch import BatchSmsRequest, BatchSmsResponse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from eightbyeight_async.models.sms import Encoding

__all__ = ["send_batch", "texts"]


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


def texts(request: BatchSmsRequest) -> Iterator[tuple[str, str | None, Encoding | None]]:
    """Every text of a batch once, with its place and the encoding it will have."""
    shared = None if request.template is None else request.template.encoding
    if request.template is not None:
        yield "template.text", request.template.text, shared
    for index, message in enumerate(request.messages or ()):
        if message.text is not None:
            yield f"messages[{index}].text", message.text, message.encoding or shared
