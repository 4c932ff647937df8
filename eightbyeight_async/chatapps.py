"""`client.chatapps`: the operations of the Messaging Apps API (WhatsApp, Viber, LINE, ...).

Rule: each operation imports the models that it needs. Making the forty message classes takes 50 ms, and a cancellation
needs none of these classes.
"""

from __future__ import annotations

from eightbyeight_async import late_types
from eightbyeight_async.calls import cancel
from eightbyeight_async.exchange import Exchange
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.common import CancelResponse
from eightbyeight_async.operation_errors import operations
from eightbyeight_async.settings import CallOptions

__all__ = ["ChatAppsOperations"]


@operations
class ChatAppsOperations:
    """The operations of the Messaging Apps API. Use it as `client.chatapps`; the client makes it."""

    def __init__(self, exchange: Exchange, options: CallOptions) -> None:
        self._exchange = exchange
        self._options = options

    async def send(self, request: late_types.ChatAppsRequest) -> late_types.ChatAppsResponse:
        """Send one message (8x8's reference: Send-Message).

        Returns:
            The API's response. If `status.state` is `rejected` or `failed`, the API refused the message, although the
            request got HTTP 200.

        Raises:
            InvalidRequestError: no content, or a time that has passed; nothing was sent.
            EightByEightError: another error of `errors`; `error.sent` says whether the message may have been sent.
        """
        from eightbyeight_async.calls import chatapps

        call = chatapps.send_message(self._options.subaccount_id, request, self._exchange.now)
        return await self._exchange.run(call, self._options)

    async def send_batch(self, request: late_types.BatchChatAppsRequest) -> late_types.BatchChatAppsResponse:
        """Send up to 10,000 messages in one request (8x8's reference: send-message-many).

        Returns:
            The counts, and the `batch_id` for `cancel_batch`. With `include_messages_in_response` also each message
            with its response (`results`) and the refused messages (`rejected`).

        Raises:
            InvalidRequestError: not a BatchChatAppsRequest, or a time that has passed; nothing was sent.
            EightByEightError: another error of `errors`; `error.sent` is about the whole batch.
        """
        from eightbyeight_async.calls import chatapps
        from eightbyeight_async.models.chatapps_batch import paired

        call = chatapps.send_batch(self._options.subaccount_id, request, self._exchange.now)
        return paired(request, await self._exchange.run(call, self._options))

    async def get(self, umid: str) -> late_types.ChatAppsMessageDetails:
        """Get the details of one message, for each channel (8x8's reference: get-chatapps-message-details).

        8x8 allows 1 request a second for each sub-account.

        Raises:
            InvalidRequestError: `umid` is not an id.
            NotFoundError: no message of this sub-account has that id.
            RateLimitError: more than one request in a second.
            EightByEightError: another error of `errors`.
        """
        from eightbyeight_async.calls import chatapps

        call = chatapps.get_details(self._options.subaccount_id, umid)
        return await self._exchange.run(call, self._options)

    async def cancel(self, umid: str) -> CancelResponse:
        """Cancel one scheduled ChatApps message (8x8's reference: cancel-scheduled-message-1).

        Returns:
            The count: 1 if the message was cancelled, 0 if it was already sent or cancelled.

        Raises:
            InvalidRequestError: `umid` is not an id.
            NotFoundError: no message of this sub-account has that id.
            EightByEightError: another error of `errors`; `error.sent` MAYBE means that it may have been cancelled.
        """
        call = cancel.cancel_message(Product.CHATAPPS, self._options.subaccount_id, umid)
        return await self._exchange.run(call, self._options)

    async def cancel_batch(self, batch_id: str) -> CancelResponse:
        """Cancel the messages of a ChatApps batch that are still scheduled.

        8x8's reference: cancel-many-chat-apps-messages.

        Raises:
            InvalidRequestError: `batch_id` is not an id.
            EightByEightError: another error of `errors`; `error.sent` MAYBE means that some may have been cancelled.
        """
        call = cancel.cancel_batch(Product.CHATAPPS, self._options.subaccount_id, batch_id)
        return await self._exchange.run(call, self._options)
