"""`client.sms`: the operations of the SMS API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.calls import cancel, sms
from eightbyeight_async.fanout import SendEach
from eightbyeight_async.hosts import Product
from eightbyeight_async.settings import checked_count

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, Iterable

    from eightbyeight_async.exchange import Exchange
    from eightbyeight_async.models.common import CancelResponse
    from eightbyeight_async.models.sms import SmsRequest, SmsResponse
    from eightbyeight_async.settings import CallOptions

__all__ = ["SmsOperations"]


class SmsOperations:
    """Made by the client; use it as `client.sms`."""

    def __init__(self, exchange: Exchange, options: CallOptions) -> None:
        self._exchange = exchange
        self._options = options

    async def send(self, request: SmsRequest) -> SmsResponse:
        """Sends one SMS (8x8's reference: send-sms-single).

        Returns:
            The API's answer. `status.code` can be `REJECTED`: the request was fine, the message refused.

        Raises:
            InvalidRequestError: no text, or scheduled more than 7 days ahead; nothing was sent.
            EightByEightError: any other of the tree in `errors`; `error.sent` says whether it may have gone out.
        """
        return await self._exchange.run(
            sms.send_sms(self._options.subaccount_id, request, self._exchange.now), self._options
        )

    def send_each(
        self, requests: Iterable[SmsRequest] | AsyncIterable[SmsRequest], *, max_concurrency: int | None = None
    ) -> SendEach:
        """Sends every message with a POST of its own, many at a time, and gives each result as it comes.

            async with client.sms.send_each(requests, max_concurrency=50) as results:
                async for result in results:
                    print(result.index, result.ok)

        Args:
            requests: taken as fast as they are sent, never gathered; a plain iterable is advanced on the event
                loop, so one that blocks blocks the loop.
            max_concurrency: messages in flight in this run; None, or more than the client's: the client's.

        Raises (out of the block):
            whatever the iterable raises, after what was in flight has finished. A message that fails raises
            nothing: it is a `SendResult` with an `error`.
        """
        width = self._exchange.limiter.width
        if max_concurrency is not None:
            width = min(width, checked_count(max_concurrency, "max_concurrency"))
        return SendEach(self.send, requests, width)

    async def cancel(self, umid: str) -> CancelResponse:
        """Cancels one scheduled SMS (8x8's reference: cancel-scheduled-message).

        Raises:
            InvalidRequestError: `umid` is not an id.
            NotFoundError: no message of this sub-account has that id.
            EightByEightError: any other of the tree in `errors`.
        """
        call = cancel.cancel_message(Product.SMS, self._options.subaccount_id, umid)
        return await self._exchange.run(call, self._options)

    async def cancel_batch(self, batch_id: str) -> CancelResponse:
        """Cancels what is still scheduled of a batch (8x8's reference: cancel-many-sms-messages).

        Raises:
            InvalidRequestError: `batch_id` is not an id.
            EightByEightError: any other of the tree in `errors`.
        """
        call = cancel.cancel_batch(Product.SMS, self._options.subaccount_id, batch_id)
        return await self._exchange.run(call, self._options)
