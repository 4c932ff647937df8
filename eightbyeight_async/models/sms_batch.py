"""A batch of SMS in one request: the request, its response, and the result of each message.

Source: OpenAPI file of the SMS API, schemas BatchSmsRequest, SmsTemplateFull, BatchSmsResponse.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Literal, TypeAlias

import attrs

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models import rules
from eightbyeight_async.models.agreement import sms_contradiction
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.pairing import pair
from eightbyeight_async.models.privacy import counted, hidden, masked_digits
from eightbyeight_async.models.sms import Encoding, SmsRequest, SmsResponse, SmsStatusCode

__all__ = [
    "MAX_BATCH",
    "BatchSmsAccepted",
    "BatchSmsNotAccepted",
    "BatchSmsRequest",
    "BatchSmsResponse",
    "BatchSmsResult",
    "SmsTemplate",
    "paired",
    "paired_with",
]

# Source: BatchSmsRequest, maxItems of `messages` and `destinations`.
MAX_BATCH = 10_000


def _encoding(value: Encoding | str | None) -> Encoding | None:
    return rules.member(Encoding, value, "encoding")


@attrs.frozen(kw_only=True)
class SmsTemplate(JsonModel):
    """Values that the messages of a batch share. A message's own field overrides the template's.

    Attributes:
        text: the text of every message without its own text.
        source: as in `SmsRequest`.
        encoding: as in `SmsRequest`.
        scheduled: as in `SmsRequest`.
        expiry: as in `SmsRequest`.
        dlr_callback_url: as in `SmsRequest`.

    Raises:
        InvalidRequestError: a field breaks its rule.
    """

    text: str | None = attrs.field(default=None, validator=rules.optional(rules.text_up_to(None, least=1)), repr=hidden)
    source: str | None = attrs.field(default=None, validator=rules.optional(rules.sender), repr=masked_digits)
    encoding: Encoding | None = attrs.field(default=None, converter=_encoding)
    scheduled: datetime | None = attrs.field(default=None, validator=rules.optional(rules.aware_datetime))
    expiry: datetime | None = attrs.field(default=None, validator=rules.optional(rules.aware_datetime))
    dlr_callback_url: str | None = attrs.field(default=None, validator=rules.optional(rules.callback_url), repr=hidden)


def _messages(value: Iterable[SmsRequest] | None) -> tuple[SmsRequest, ...] | None:
    return None if value is None else _tuple(value, "messages")


def _destinations(value: Iterable[str] | None) -> tuple[str, ...] | None:
    return None if value is None else _tuple(value, "destinations")


def _tuple(value: Any, field: str) -> tuple[Any, ...]:  # noqa: ANN401 - the items are checked later
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise InvalidRequestError(field, f"must be a sequence, not {type(value).__name__}")
    return tuple(value)


@attrs.frozen(kw_only=True)
class BatchSmsRequest(JsonModel):
    """Up to 10,000 SMS in one request: either `messages`, or `destinations` and a template that has a text.

    Attributes:
        messages: 1 to 10,000 messages. A message may omit its text if the template has one.
        destinations: 1 to 10,000 phone numbers that all get the template's text.
        template: values that the messages share.
        client_batch_id: your reference for the batch, at most 20 characters.
        include_messages_in_response: True for a response with the result of each message; False or None for a
            response with counts only.
        client_ip: the end user's IP address, for 8x8's rate limit per address.

    Raises:
        InvalidRequestError: a field breaks its rule; `field` is its path, e.g. `messages[3].text`.
    """

    messages: tuple[SmsRequest, ...] | None = attrs.field(default=None, converter=_messages, repr=counted)
    destinations: tuple[str, ...] | None = attrs.field(default=None, converter=_destinations, repr=counted)
    template: SmsTemplate | None = None
    client_batch_id: str | None = attrs.field(
        default=None, validator=rules.optional(rules.text_up_to(20)), repr=masked_digits
    )
    include_messages_in_response: bool | None = None
    client_ip: str | None = attrs.field(default=None, validator=rules.optional(rules.ip_address), repr=hidden)

    def __attrs_post_init__(self) -> None:
        template: object = self.template
        if template is not None and not isinstance(template, SmsTemplate):
            raise InvalidRequestError("template", f"must be an SmsTemplate, not {type(template).__name__}")
        flag: object = self.include_messages_in_response
        if flag is not None and not isinstance(flag, bool):
            raise InvalidRequestError("include_messages_in_response", "must be True, False or None")
        if self.messages is not None and self.destinations is not None:
            raise InvalidRequestError(
                "destinations", "cannot be combined with messages, because 8x8 ignores it then; give one of the two"
            )
        if self.messages is not None:
            self._check_messages(self.messages)
        elif self.destinations is not None:
            self._check_destinations(self.destinations)
        else:
            raise InvalidRequestError("messages", "is required, unless destinations and a template are given")

    def _check_messages(self, messages: tuple[SmsRequest, ...]) -> None:
        _check_count("messages", messages)
        shared_text = self.template is not None and self.template.text is not None
        for index, message in enumerate(messages):
            item: object = message
            if not isinstance(item, SmsRequest):
                raise InvalidRequestError(f"messages[{index}]", f"must be an SmsRequest, not {type(item).__name__}")
            if item.text is None and not shared_text:
                raise InvalidRequestError(f"messages[{index}].text", "is required: the template has no text either")

    def _check_destinations(self, destinations: tuple[str, ...]) -> None:
        _check_count("destinations", destinations)
        if self.template is None or self.template.text is None:
            raise InvalidRequestError("template.text", "is required for destinations: they have no text of their own")
        for index, number in enumerate(destinations):
            rules.checked_destination(number, f"destinations[{index}]")


def _check_count(field: str, items: tuple[object, ...]) -> None:
    if not 1 <= len(items) <= MAX_BATCH:
        raise InvalidRequestError(field, f"must be 1 to {MAX_BATCH:,} items, not {len(items):,}")


@attrs.frozen(kw_only=True)
class _Result(JsonModel):
    index: int
    request: SmsRequest
    response: SmsResponse | None


@attrs.frozen(kw_only=True)
class BatchSmsAccepted(_Result):
    """An accepted message of a batch: its response has the status QUEUED.

    Attributes:
        index: its position in the request, from 0.
        request: the message of the request. For `destinations` it is made from the number and the template's fields.
        response: the API's response to this message.
    """

    response: SmsResponse

    @property
    def ok(self) -> Literal[True]:
        """True: the message was accepted."""
        return True


@attrs.frozen(kw_only=True)
class BatchSmsNotAccepted(_Result):
    """A message of a batch that was refused, or whose result is not known.

    Attributes:
        index: its position in the request, from 0.
        request: the message of the request. For `destinations` it is made from the number and the template's fields.
        response: the API's response to this message; None if the batch's response has none for this message.
    """

    @property
    def ok(self) -> Literal[False]:
        """False: the response does not say that the message was accepted."""
        return False


# Two classes for the type checkers: see `SendResult` in fanout.py.
BatchSmsResult: TypeAlias = BatchSmsAccepted | BatchSmsNotAccepted


def _result(index: int, request: SmsRequest, response: SmsResponse | None) -> BatchSmsResult:
    if response is not None and response.ok:
        return BatchSmsAccepted(index=index, request=request, response=response)
    return BatchSmsNotAccepted(index=index, request=request, response=response)


@attrs.frozen(kw_only=True)
class BatchSmsResponse(JsonModel):
    """The response to a batch.

    Attributes:
        batch_id: 8x8's id of the batch, for `cancel_batch`.
        accepted_count: how many messages were accepted.
        rejected_count: how many messages were refused.
        client_batch_id: your reference, echoed.
        messages: the response to each message, in the API's order. Unreadable responses are left out. None unless
            `include_messages_in_response`.
        results: each message of the request with its response, in the request's order; empty if `messages` is None.
        maybe_done_before: an earlier attempt of this call ended in an internal error of 8x8, and may have sent the
            whole batch; each of `messages` says so, too.
    """

    batch_id: str
    accepted_count: int
    rejected_count: int
    client_batch_id: str | None = attrs.field(default=None, repr=masked_digits)
    messages: tuple[SmsResponse, ...] | None = attrs.field(default=None, repr=counted, metadata={"items": "readable"})
    results: tuple[BatchSmsResult, ...] = attrs.field(default=(), repr=counted, metadata={"wire": None})
    maybe_done_before: bool = attrs.field(default=False, metadata={"wire": None, "kept": True})

    @property
    def rejected(self) -> tuple[BatchSmsResult, ...]:
        """The results of the refused messages.

        Empty without `include_messages_in_response`, although `rejected_count` counts the refused messages then too.
        """
        return tuple(
            result
            for result in self.results
            if result.response is not None and result.response.status.code is SmsStatusCode.REJECTED
        )


def paired(request: BatchSmsRequest, response: BatchSmsResponse) -> BatchSmsResponse:
    """The response with `results` filled: each message of the request with its own response; see `pairing`."""
    return response if response.messages is None else paired_with(_messages_of(request), response)


def paired_with(messages: Sequence[SmsRequest], response: BatchSmsResponse) -> BatchSmsResponse:
    """`paired` with the messages of the request."""
    if response.messages is None:
        return response
    found = pair(messages, response.messages, _agree, (_reference, _digits))
    results = tuple(_result(index, one, found[index]) for index, one in enumerate(messages))
    return attrs.evolve(response, results=results)


def _messages_of(request: BatchSmsRequest) -> tuple[SmsRequest, ...]:
    if request.messages is not None:
        return request.messages
    # Each field of a template is also a field of a message.
    shared = {} if request.template is None else attrs.asdict(request.template, recurse=False)
    return tuple(SmsRequest(destination=number, **shared) for number in request.destinations or ())


def _agree(request: SmsRequest, response: SmsResponse) -> bool:
    return sms_contradiction(request, response) is None


def _reference(message: SmsRequest | SmsResponse) -> str | None:
    return message.client_message_id


def _digits(message: SmsRequest | SmsResponse) -> str | None:
    return None if message.destination is None else message.destination.lstrip("+")
