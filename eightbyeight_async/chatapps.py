"""`client.chatapps`: the operations of the Messaging Apps API (WhatsApp, Viber, LINE, ...)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.calls import cancel
from eightbyeight_async.hosts import Product

if TYPE_CHECKING:
    from eightbyeight_async.exchange import Exchange
    from eightbyeight_async.models.common import CancelResponse
    from eightbyeight_async.settings import CallOptions

__all__ = ["ChatAppsOperations"]


class ChatAppsOperations:
    """Made by the client; use it as `client.chatapps`."""

    def __init__(self, exchange: Exchange, options: CallOptions) -> None:
        self._exchange = exchange
        self._options = options

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
