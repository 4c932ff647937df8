"""`client.chatapps`: the operations of the Messaging Apps API (WhatsApp, Viber, LINE, ...).

The forty classes of its messages take 50 ms to make: they are loaded where they are needed, not for a cancellation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.calls import cancel
from eightbyeight_async.hosts import Product

if TYPE_CHECKING:
    from eightbyeight_async.exchange import Exchange
    from eightbyeight_async.models.chatapps_batch import BatchChatAppsRequest, BatchChatAppsResponse
    from eightbyeight_async.models.chatapps_details import ChatAppsMessageDetails
    from eightbyeight_async.models.chatapps_message import ChatAppsRequest
    from eightbyeight_async.models.chatapps_response import ChatAppsResponse
    from eightbyeight_async.models.common import CancelResponse
    from eightbyeight_async.settings import CallOptions

__all__ = ["ChatAppsOperations"]


class ChatAppsOperations:
    """Made by the client; use it as `client.chatapps`."""

    def __init__(self, exchange: Exchange, options: CallOptions) -> None:
        self._exchange = exchange
        self._options = options

    async def send(self, request: ChatAppsRequest) -> ChatAppsResponse:
        """Sends one message (8x8's reference: Send-Message).

        Returns:
            The API's answer. `status.state` can be `rejected` or `failed`: the request was fine, the message refused.

        Raises:
            InvalidRequestError: no content, or a time that has passed; nothing was sent.
            EightByEightError: any other of the tree in `errors`; `error.sent` says whether it may have gone out.
        """
        from eightbyeight_async.calls import chatapps

        call = chatapps.send_message(self._options.subaccount_id, request, self._exchange.now)
        return await self._exchange.run(call, self._options)

    async def send_batch(self, request: BatchChatAppsRequest) -> BatchChatAppsResponse:
        """Sends up to 10,000 messages in one request (8x8's reference: send-message-many).

        Returns:
            The counts and the `batch_id` to cancel by. With `include_messages_in_response` each message beside its
            answer (`results`), and the refused ones (`rejected`).

        Raises:
            InvalidRequestError: not a BatchChatAppsRequest, or a time that has passed; nothing was sent.
            EightByEightError: any other of the tree in `errors`; `error.sent` speaks of the whole batch.
        """
        from eightbyeight_async.calls import chatapps
        from eightbyeight_async.models.chatapps_batch import paired

        call = chatapps.send_batch(self._options.subaccount_id, request, self._exchange.now)
        return paired(request, await self._exchange.run(call, self._options))

    async def get(self, umid: str) -> ChatAppsMessageDetails:
        """What 8x8 knows of one message, channel by channel (8x8's reference: get-chatapps-message-details).

        1 request a second is allowed.

        Raises:
            InvalidRequestError: `umid` is not an id.
            NotFoundError: no message of this sub-account has that id.
            RateLimitError: asked more than once in a second.
            EightByEightError: any other of the tree in `errors`.
        """
        from eightbyeight_async.calls import chatapps

        call = chatapps.get_details(self._options.subaccount_id, umid)
        return await self._exchange.run(call, self._options)

    async def cancel(self, umid: str) -> CancelResponse:
        """Cancels one scheduled ChatApps message (8x8's reference: cancel-scheduled-message-1).

        Raises:
            InvalidRequestError: `umid` is not an id.
            NotFoundError: no message of this sub-account has that id.
            EightByEightError: any other of the tree in `errors`.
        """
        call = cancel.cancel_message(Product.CHATAPPS, self._options.subaccount_id, umid)
        return await self._exchange.run(call, self._options)

    async def cancel_batch(self, batch_id: str) -> CancelResponse:
        """Cancels what is still scheduled of a ChatApps batch (8x8's reference: cancel-many-chat-apps-messages).

        Raises:
            InvalidRequestError: `batch_id` is not an id.
            EightByEightError: any other of the tree in `errors`.
        """
        call = cancel.cancel_batch(Product.CHATAPPS, self._options.subaccount_id, batch_id)
        return await self._exchange.run(call, self._options)
