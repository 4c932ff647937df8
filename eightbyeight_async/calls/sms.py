"""What the operations of the SMS API send."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async import wire
from eightbyeight_async.calls.call import Call, messages_path
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.sms import SmsRequest, SmsResponse

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["send_sms"]

# Source: SMS API, field `scheduled`: up to 7 days ahead.
_MAX_SCHEDULE_SECONDS = 7 * 24 * 3600


def send_sms(subaccount_id: str, request: SmsRequest, now: Callable[[], datetime]) -> Call[SmsResponse]:
    """Send SMS: `POST /api/v1/subaccounts/{subAccountId}/messages`."""
    if not isinstance(request, SmsRequest):
        raise InvalidRequestError("request", f"must be an SmsRequest, not {type(request).__name__}")
    if request.text is None:
        raise InvalidRequestError("text", "is required; only a message of a batch with a template may omit it")
    if request.scheduled is not None and (request.scheduled - now()).total_seconds() > _MAX_SCHEDULE_SECONDS:
        raise InvalidRequestError("scheduled", "must be at most 7 days ahead")
    return Call(
        product=Product.SMS,
        method="POST",
        path=messages_path(subaccount_id),
        body=wire.dump(request),
        answer=SmsResponse,
    )
