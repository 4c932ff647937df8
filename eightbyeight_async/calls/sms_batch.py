"""What a batch of SMS sends."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from eightbyeight_async import wire
from eightbyeight_async.calls.call import Call, check_kind, messages_path
from eightbyeight_async.calls.times import MAX_AHEAD, check_batch_times
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.sms_batch import BatchSmsRequest, BatchSmsResponse, SmsTemplate
from eightbyeight_async.text import MAX_PARTS, TextPolicy, check_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from eightbyeight_async.models.sms import Encoding

__all__ = ["long_texts", "send_batch"]


def send_batch(subaccount_id: str, request: BatchSmsRequest, now: Callable[[], datetime]) -> Call[BatchSmsResponse]:
    """Send SMS batch: `POST .../messages/batch`."""
    check_kind(request, BatchSmsRequest)
    # Of destinations every message is the template's.
    messages = (SmsTemplate(),) if request.messages is None else request.messages
    check_batch_times(messages, request.template, now(), ahead=MAX_AHEAD)
    return Call(
        product=Product.SMS,
        method="POST",
        path=f"{messages_path(subaccount_id)}/batch",
        body=wire.dump(request),
        answer=BatchSmsResponse,
    )


def long_texts(request: BatchSmsRequest, policy: TextPolicy | str) -> str | None:
    """What `policy` says of all texts of a batch: None, or one warning to give, which shows none of them.

    Raises:
        InvalidRequestError: the policy is REFUSE and a text takes more than 10 parts; names the first place.
    """
    if policy == TextPolicy.ALLOW:
        return None
    # Most often it is one text, the template's, as many times as there are messages.
    measured = lru_cache(maxsize=8)(partial(check_length, policy=policy))
    total = count = 0
    first = ""
    for index, text, encoding in _texts(request):
        total += 1
        try:
            long = measured(text, encoding) is not None
        except InvalidRequestError as error:
            raise InvalidRequestError(_place(index), error.reason) from None
        if long:
            first = first or _place(index)
            count += 1
    if not count:
        return None
    return (
        f"messages of more than {MAX_PARTS} parts: {count:,} of {total:,}, the first by {first}; "
        "the platform truncates their texts and sends"
    )


def _texts(request: BatchSmsRequest) -> Iterator[tuple[int | None, str | None, Encoding | None]]:
    """Each message's text and encoding as they will be sent; first the message whose text it is, None: the template."""
    template = SmsTemplate() if request.template is None else request.template
    for _ in request.destinations or ():
        yield None, template.text, template.encoding
    for index, message in enumerate(request.messages or ()):
        encoding = message.encoding or template.encoding
        yield (None, template.text, encoding) if message.text is None else (index, message.text, encoding)


def _place(index: int | None) -> str:
    return "template.text" if index is None else f"messages[{index}].text"
