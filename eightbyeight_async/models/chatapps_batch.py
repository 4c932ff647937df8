"""A batch of ChatApps messages in one request: the request, its response, and the result of each message.

Source: OpenAPI file of the Messaging Apps API, operation send-message-many. Its prose allows 1,000 messages, its
schema 10,000. The schema's limit is used, as for SMS.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models import rules
from eightbyeight_async.models.agreement import chatapps_contradiction
from eightbyeight_async.models.chatapps_content import ChatAppsContent
from eightbyeight_async.models.chatapps_message import (
    ChannelFallback,
    ChatAppsRequest,
    channel_steps,
    check_channels,
    check_content,
)
from eightbyeight_async.models.chatapps_response import ChatAppsResponse
from eightbyeight_async.models.chatapps_rules import as_tuple, as_validator, string
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.message_details import MessageState
from eightbyeight_async.models.pairing import pair
from eightbyeight_async.models.privacy import counted, hidden, masked_digits

__all__ = ["BatchChatAppsRequest", "BatchChatAppsResponse", "BatchChatAppsResult", "ChatAppsTemplate", "paired"]

# Source: OpenAPI, maxItems of `messages`.
_MAX_BATCH = 10_000


@attrs.frozen(kw_only=True)
class ChatAppsTemplate(JsonModel):
    """Values that the messages of a batch share. A message's own field overrides the template's.

    Attributes:
        content: the content of every message without its own content.
        dlr_callback_url: as in `ChatAppsRequest`.
        channels: as in `ChatAppsRequest`.

    Raises:
        InvalidRequestError: a field breaks its rule; the error names the whole path, as in `ChatAppsRequest`.
    """

    content: ChatAppsContent | None = attrs.field(
        default=None, validator=as_validator(check_content), metadata={"tag": "type"}
    )
    dlr_callback_url: str | None = attrs.field(default=None, validator=rules.optional(rules.callback_url), repr=hidden)
    channels: tuple[ChannelFallback, ...] | None = attrs.field(
        default=None, converter=channel_steps, validator=as_validator(check_channels)
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
class BatchChatAppsRequest(JsonModel):
    """Up to 10,000 messages in one request.

    Attributes:
        messages: 1 to 10,000 messages. A message may omit its content if the template has one.
        template: values that the messages share.
        client_batch_id: your reference for the batch, at most 100 characters.
        include_messages_in_response: True for a response with the result of each message; False or None for a
            response with counts only.

    Raises:
        InvalidRequestError: a field breaks its rule; `field` is its path, e.g. `messages[3].content`.
    """

    messages: tuple[ChatAppsRequest, ...] = attrs.field(
        converter=_listed, validator=as_validator(_messages), repr=counted
    )
    template: ChatAppsTemplate | None = None
    client_batch_id: str | None = attrs.field(
        default=None, validator=as_validator(string(100, least=0)), repr=masked_digits
    )
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
class BatchChatAppsResult(JsonModel):
    """One message of a batch and its result.

    Attributes:
        index: its position in the request, from 0.
        request: the message of the request.
        response: the API's response to this message; None if the batch's response has none for this message.
    """

    index: int
    request: ChatAppsRequest
    response: ChatAppsResponse | None

    @property
    def ok(self) -> bool:
        """True only for an accepted message: a response with the state `queued`."""
        return self.response is not None and self.response.status.state is MessageState.QUEUED


@attrs.frozen(kw_only=True)
class BatchChatAppsResponse(JsonModel):
    """The response to a batch.

    Attributes:
        batch_id: 8x8's id of the batch, for `cancel_batch`.
        accepted_count: how many messages were accepted.
        rejected_count: how many messages were refused.
        client_batch_id: your reference, echoed.
        messages: the response to each message, in the API's order; None unless `include_messages_in_response`.
        results: each message of the request with its response, in the request's order; empty if `messages` is None.
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
    maybe_done_before: bool = attrs.field(default=False, metadata={"wire": None, "kept": True})

    @property
    def rejected(self) -> tuple[BatchChatAppsResult, ...]:
        """The results of the refused messages.

        Empty without `include_messages_in_response`, although `rejected_count` counts the refused messages then too.
        """
        return tuple(result for result in self.results if result.response and result.response.status.refused)


def paired(request: BatchChatAppsRequest, response: BatchChatAppsResponse) -> BatchChatAppsResponse:
    """The response with `results` filled: each message of the request with its own response; see `pairing`."""
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


def _agree(request: ChatAppsRequest, response: ChatAppsResponse) -> bool:
    return chatapps_contradiction(request, response) is None
