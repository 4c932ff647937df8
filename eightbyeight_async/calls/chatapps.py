"""Calls of the Messaging Apps API. 8x8 documents no limit for how far ahead its messages may be scheduled."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from eightbyeight_async import wire
from eightbyeight_async.calls.call import BatchCall, Call, check_kind, messages_path, segment
from eightbyeight_async.calls.times import check_batch_times, check_times
from eightbyeight_async.errors import InvalidRequestError, Sent
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.agreement import chatapps_contradiction
from eightbyeight_async.models.chatapps_batch import BatchChatAppsRequest, BatchChatAppsResponse
from eightbyeight_async.models.chatapps_details import ChatAppsMessageDetails
from eightbyeight_async.models.chatapps_message import ChatAppsRequest
from eightbyeight_async.models.chatapps_response import ChatAppsResponse

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = ["get_details", "send_batch", "send_message"]


def send_message(subaccount_id: str, request: ChatAppsRequest, now: Callable[[], datetime]) -> Call[ChatAppsResponse]:
    """Send a ChatApps message: `POST /api/v1/subaccounts/{subAccountId}/messages`."""
    check_kind(request, ChatAppsRequest)
    if request.content is None:
        raise InvalidRequestError(
            "content", "is required; only a message of a batch whose template has a content may omit it"
        )
    check_times(request.scheduled, request.expiry, now())
    return Call(
        product=Product.CHATAPPS,
        method="POST",
        path=messages_path(subaccount_id),
        body=wire.dump(request),
        response_class=ChatAppsResponse,
        contradiction=partial(chatapps_contradiction, request),
    )


def send_batch(
    subaccount_id: str, request: BatchChatAppsRequest, now: Callable[[], datetime]
) -> Call[BatchChatAppsResponse]:
    """Send a batch of ChatApps messages: `POST .../messages/batch`."""
    check_kind(request, BatchChatAppsRequest)
    check_batch_times(request.messages, None, now())  # a template of this API has no `scheduled` and no `expiry`
    return BatchCall(
        product=Product.CHATAPPS,
        method="POST",
        path=f"{messages_path(subaccount_id)}/batch",
        body=wire.dump(request),
        response_class=BatchChatAppsResponse,
        batch_size=len(request.messages),
    )


def get_details(subaccount_id: str, umid: str) -> Call[ChatAppsMessageDetails]:
    """Get the details of a ChatApps message: `GET .../messages/{umid}`."""
    return Call(
        product=Product.CHATAPPS,
        method="GET",
        path=f"{messages_path(subaccount_id)}/{segment(umid, 'umid')}",
        body=None,
        response_class=ChatAppsMessageDetails,
        unknown=Sent.NO,
    )
