"""The batch of a campaign: the same call as `sms_batch.send_batch`, without a model for each message. Pure.

The JSON of the request is written from the caller's messages, with their `client_message_id` replaced. A response that
accepts every message as expected is read without models. The models are used for all other requests (with a message of
a derived class, or without text) and responses (a message is not accepted, is at another position, or has another
number).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from eightbyeight_async.calls.call import BatchCall, Call, messages_path
from eightbyeight_async.calls.times import MAX_AHEAD, check_batch_times
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.agreement import other_number
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.models.sms_batch import BatchSmsResponse
from eightbyeight_async.quick_models import quick_writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

__all__ = ["AllAccepted", "send_plain_batch"]

_write = cast("Callable[..., str]", quick_writer(SmsRequest, replaced=("client_message_id",)))


class AllAccepted(NamedTuple):
    """A response that accepts every message. `umids`: one for each message, in the order of the request."""

    batch_id: str
    umids: list[str]


def send_plain_batch(
    subaccount_id: str, messages: Sequence[SmsRequest], references: Sequence[str], now: Callable[[], datetime]
) -> Call[AllAccepted | BatchSmsResponse] | None:
    """Send messages with these `client_message_id`s: `POST .../messages/batch`. Asks for the response of each message.

    Returns None, before any check, if a message can only be sent with the models.

    Raises:
        InvalidRequestError: as `send_batch`, for a schedule.
    """
    if any(type(message) is not SmsRequest or message.text is None for message in messages):
        return None
    try:
        written = ",".join(map(_write, messages, references))
    except TypeError:
        return None
    check_batch_times(messages, None, now(), ahead=MAX_AHEAD)
    return BatchCall(
        product=Product.SMS,
        method="POST",
        path=f"{messages_path(subaccount_id)}/batch",
        body=f'{{"messages":[{written}],"includeMessagesInResponse":true}}'.encode(),
        response_class=BatchSmsResponse,
        batch_size=len(messages),
        quick=partial(_all_accepted, messages, references),
    )


def _all_accepted(messages: Sequence[SmsRequest], references: Sequence[str], data: Any) -> AllAccepted | None:  # noqa: ANN401 - JSON can be anything
    """Returns the response if it accepts every message, and passes what a reading with models requires; else None.

    It checks no more than that.
    """
    umids = []
    try:
        batch_id, answers = data["batchId"], data["messages"]
        counts = data["acceptedCount"], data["rejectedCount"]
        if type(batch_id) is not str or [*map(type, counts)] != [int, int] or len(answers) != len(messages):
            return None
        for message, reference, answer in zip(messages, references, answers, strict=True):
            umid, asked, echoed = answer["umid"], message.destination, answer["destination"]
            if (
                answer["status"]["code"] != "QUEUED"
                or answer["clientMessageId"] != reference
                or type(umid) is not str
                or (asked != echoed and (type(echoed) is not str or other_number(asked, echoed)))
            ):
                return None
            umids.append(umid)
    except (KeyError, TypeError):
        return None
    return AllAccepted(batch_id, umids)
