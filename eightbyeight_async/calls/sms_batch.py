"""The call that sends a batch of SMS, and the check for long texts in it."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import TYPE_CHECKING

from eightbyeight_async import wire
from eightbyeight_async.calls.call import BatchCall, Call, check_kind, messages_path
from eightbyeight_async.calls.times import MAX_AHEAD, check_batch_times
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.sms_batch import BatchSmsRequest, BatchSmsResponse, SmsTemplate
from eightbyeight_async.text import MAX_PARTS, TextPolicy, check_length

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime

    from eightbyeight_async.models.sms import Encoding

    _Text = tuple[int | None, str | None, Encoding | None]

__all__ = ["long_texts", "long_texts_of", "send_batch"]


def send_batch(subaccount_id: str, request: BatchSmsRequest, now: Callable[[], datetime]) -> Call[BatchSmsResponse]:
    """Send a batch of SMS: `POST .../messages/batch`.

    `now`: returns the time (aware), to check the schedules.
    """
    check_kind(request, BatchSmsRequest)
    # With `destinations`, every message is made from the template, and has no times of its own.
    messages = (SmsTemplate(),) if request.messages is None else request.messages
    check_batch_times(messages, request.template, now(), ahead=MAX_AHEAD)
    return BatchCall(
        product=Product.SMS,
        method="POST",
        path=f"{messages_path(subaccount_id)}/batch",
        body=wire.dump(request),
        response_class=BatchSmsResponse,
        batch_size=len(request.destinations or request.messages or ()),
    )


def long_texts(request: BatchSmsRequest, policy: TextPolicy | str) -> str | None:
    """Apply `policy` to every text of a batch.

    Returns one warning for all long texts, which shows none of them; None if no warning is needed.

    Raises:
        InvalidRequestError: the policy is REFUSE and a text takes more than 10 parts; the error names the first one.
    """
    return long_texts_of(_texts(request), policy)


def long_texts_of(texts: Iterable[_Text], policy: TextPolicy | str) -> str | None:
    """As `long_texts`, for given texts: index of the message (None: the template), text, encoding."""
    if policy == TextPolicy.ALLOW:
        return None
    # Usually every message has the template's text, so the last results are cached.
    measured = lru_cache(maxsize=8)(partial(check_length, policy=policy))
    total = count = 0
    first = ""
    for index, text, encoding in texts:
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
        f"messages of more than {MAX_PARTS} parts: {count:,} of {total:,}, the first is {first}; "
        "the platform truncates their texts and sends them"
    )


def _texts(request: BatchSmsRequest) -> Iterator[_Text]:
    template = SmsTemplate() if request.template is None else request.template
    for _ in request.destinations or ():
        yield None, template.text, template.encoding
    for index, message in enumerate(request.messages or ()):
        encoding = message.encoding or template.encoding
        yield (None, template.text, encoding) if message.text is None else (index, message.text, encoding)


def _place(index: int | None) -> str:
    return "template.text" if index is None else f"messages[{index}].text"
