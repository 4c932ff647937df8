"""A batch of ChatApps messages in one request: what is sent, what comes back, and which answer belongs to which.

Rules: OpenAPI, operation send-message-many. Its prose says up to 1,000 messages, its schema 10,000: the schema
holds, as for SMS.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models import rules
from eightbyeight_async.models.chatapps_content import ChatAppsContent
from eightbyeight_async.models.chatapps_message import (
    ChannelFallback,
    ChatAppsRequest,
    channel_steps,
    check_channels,
    check_content,
)
from eightbyeight_async.models.chatapps_response import ChatAppsResponse
from eightbyeight_async.models.chatapps_rules import as_tuple, held, string
from eightbyeight_async.models.message_details import MessageState
from eightbyeight_async.models.pairing import pair
from eightbyeight_async.models.privacy import counted, hidden, masked_digits

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["BatchChatAppsRequest", "BatchChatAppsResponse", "BatchChatAppsResult", "ChatAppsTemplate", "paired"]

# Source: OpenAPI, maxItems of `messages`.
_MAX_BATCH = 10_000


@attrs.frozen(kw_only=True)
class ChatAppsTemplate:
    """What the messages of a batch share; a message's own field goes before this one's.

    Attributes:
        content: what every message says that has no content of its own.
        dlr_callback_url, channels: as in `ChatAppsRequest`.

    Raises:
        InvalidRequestError: a field breaks its rule; the error names the whole path, as in `ChatAppsRequest`.
    """

    content: ChatAppsContent | None = attrs.field(default=None, validator=held(check_content), metadata={"tag": "type"})
    dlr_callback_url: str | None = attrs.field(default=None, validator=rules.optional(rules.callback_url), repr=hidden)
    channels: tuple[ChannelFallback, ...] | None = attrs.field(
        default=None, converter=channel_steps, validator=held(check_channels)
    )


def _messages(path: str, messages: object) -> None:
    if not isinstance(messages, tuple):
        raise InvalidRequestError(path, f"must be a sequence of ChatAppsRequest, not {type(messages).__name__}")
    if not 1 <= len(messages) <= _MAX_BATCH:
        raise InvalidRequestError(path, f"must be 1 to {_MAX_BATCH:,} items, not {len(messages):,}")
    for index, message in enumerate(messages):
        if not isinstance(message, ChatAppsRequest):
            raise InvalidRequestError(
                f"{path}[{index}]", f"must be of class ChatAppsRequest, not {type(message).__name__}"
            )


def _listed(value: Iterable[ChatAppsRequest] | None) -> tuple[ChatAppsRequest, ...] | None:
    return as_tuple(value)


@attrs.frozen(kw_only=True)
class BatchChatAppsRequest:
    """Up to 10,000 messages in one request.

    Attributes:
        messages: 1 to 10,000 messages; one may omit its content if the template has one.
        template: what the messages share.
        client_batch_id: your reference for the batch, at most 100 characters.
        include_messages_in_response: True: the answer tells of each message; None: it only counts.

    Raises:
        InvalidRequestError: a rule is broken; `field` names the place, e.g. `messages[3].content`.
    """

    messages: tuple[ChatAppsRequest, ...] = attrs.field(converter=_listed, validator=held(_messages), repr=counted)
    template: ChatAppsTemplate | None = None
    client_batch_id: str | None = attrs.field(default=None, validator=held(string(100, least=0)), repr=masked_digits)
    include_messages_in_response: bool | None = None

    def __attrs_post_init__(self) -> None:
        template: object = self.template
        if template is not None and not isinstance(template, ChatAppsTemplate):
            raise InvalidRequestError("template", f"must be of class ChatAppsTemplate, not {type(template).__name__}")
        flag: object = self.include_messages_in_response
        if flag is not None and not isinstance(flag, bool):
            raise InvalidRequestError("include_messages_in_response", "must be True, False or None")
        if self.template is None or self.template.content is None:
            for index, message in enumerate(self.messages):
                if message.content is None:
                    raise InvalidRequestError(
                        f"messages[{index}].content", "is required: the batch's template has none either"
                    )


@attrs.frozen(kw_only=True)
class BatchChatAppsResult:
    """One message of a batch and what became of it.

    Attributes:
        index: its place in the request, from 0.
        request: the message as it was given.
        response: the API's answer to it; None if the answer tells nothing of it.
    """

    index: int
    request: ChatAppsRequest
    response: ChatAppsResponse | None

    @property
    def ok(self) -> bool:
        """True only for an accepted message: an answer whose state is `queued`."""
        return self.response is not None and self.response.status.state is MessageState.QUEUED


@attrs.frozen(kw_only=True)
class BatchChatAppsResponse:
    """The answer to a batch.

    Attributes:
        batch_id: 8x8's id of the batch: cancel by it.
        accepted_count, rejected_count: how many messages were accepted and refused.
        client_batch_id: your reference, echoed.
        messages: the answers one by one, in the API's order; None unless `include_messages_in_response`.
        results: each message of the request with its answer, in the request's order; empty without `messages`.
        maybe_done_before: an earlier attempt of this call ended in an internal error of 8x8, and may have sent the
            whole batch; each of `messages` says so, too.
    """

    batch_id: str
    accepted_count: int
    rejected_count: int
    client_batch_id: str | None = attrs.field(default=None, repr=masked_digits)
    messages: tuple[ChatAppsResponse, ...] | None = attrs.field(
        default=None, repr=counted, metadata={"items": "readable"}
    )
    results: tuple[BatchChatAppsResult, ...] = attrs.field(default=(), repr=counted, metadata={"wire": None})
    maybe_done_before: bool = attrs.field(default=False, metadata={"wire": None})

    @property
    def rejected(self) -> tuple[BatchChatAppsResult, ...]:
        """The refused messages with their requests.

        Empty without `include_messages_in_response`; `rejected_count` counts them all the same.
        """
        return tuple(result for result in self.results if result.response and result.response.status.refused)


def paired(request: BatchChatAppsRequest, response: BatchChatAppsResponse) -> BatchChatAppsResponse:
    """The answer with `results`: each message of the request beside its answer; see `pairing`."""
    if response.messages is None:
        return response
    found = pair(request.messages, response.messages, _agree, (_reference,))
    results = tuple(
        BatchChatAppsResult(index=index, request=one, response=found[index])
        for index, one in enumerate(request.messages)
    )
    return attrs.evolve(response, results=results)


def _reference(message: ChatAppsRequest | ChatAppsResponse) -> str | None:
    return message.client_message_id


def _agree(request: ChatAppsRequest, answer: ChatAppsResponse) -> bool:
    if request.client_message_id is not None and answer.client_message_id is not None:
        return request.client_message_id == answer.client_message_id
    asked, told = request.user, answer.user
    if told is None:
        return True
    if asked.channel_user_id is not None and told.channel_user_id is not None:
        return asked.channel_user_id == told.channel_user_id
    if asked.msisdn is None or told.msisdn is None:
        return True
    # In national format the API may answer with the international number: its end is the same.
    number, answered = asked.msisdn.lstrip("+"), told.msisdn.lstrip("+")
    return number == answered or (asked.country is not None and answered.endswith(number.lstrip("0")[-6:]))
