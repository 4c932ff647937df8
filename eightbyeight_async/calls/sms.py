"""The call that sends one SMS, and the limit of schedules."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eightbyeight_async import wire
from eightbyeight_async.calls.call import NO_MEANINGS, Call, check_kind, messages_path
from eightbyeight_async.calls.times import MAX_AHEAD, check_times
from eightbyeight_async.errors import Effect, InvalidRequestError, Sent
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.agreement import sms_contradiction
from eightbyeight_async.models.sms import SmsRequest, SmsResponse
from eightbyeight_async.quick_models import quick_maker

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["check_sms", "send_sms"]

# Looked up once: looking up an enum's member takes 900 instructions. Making a call with `Call(...)` takes 4,000 more
# than with `_make_call`.
_SMS, _MAYBE, _SEND = Product.SMS, Sent.MAYBE, Effect.SEND
_make_call: Callable[..., Call[SmsResponse]] = quick_maker(Call)


def check_sms(request: SmsRequest, now: Callable[[], datetime]) -> None:
    """Checks, without sending, the rules that `send_sms` adds to those of the model.

    Raises:
        InvalidRequestError: a rule is broken.
    """
    if request.text is None:
        raise InvalidRequestError(
            "text", "is required; only a message of a batch whose template has a text may omit it"
        )
    if request.scheduled is not None or request.expiry is not None:
        check_times(request.scheduled, request.expiry, now(), ahead=MAX_AHEAD)


def send_sms(subaccount_id: str, request: SmsRequest, now: Callable[[], datetime]) -> Call[SmsResponse]:
    """Send one SMS: `POST /api/v1/subaccounts/{subAccountId}/messages`.

    `now`: returns the time (aware), to check the schedule.
    """
    if type(request) is not SmsRequest:
        check_kind(request, SmsRequest)
    check_sms(request, now)
    return _make_call(
        product=_SMS,
        method="POST",
        path=messages_path(subaccount_id),
        body=wire.dump(request),
        response_class=SmsResponse,
        unknown=_MAYBE,
        effect=_SEND,
        meanings=NO_MEANINGS,
        contradiction=partial(sms_contradiction, request),
    )
