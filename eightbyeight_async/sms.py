"""`client.sms`: the operations of the SMS API.

What a send needs is imported with this file, the rest by the operation that needs it: making the attrs classes of
everything takes as long as importing httpx.
"""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING

from eightbyeight_async.calls import cancel, sms
from eightbyeight_async.fanout import SendEach
from eightbyeight_async.hosts import Product
from eightbyeight_async.settings import checked_count, checked_seconds
from eightbyeight_async.text import LONG_TEXT, LongTextWarning, check_length

if TYPE_CHECKING:
    from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable
    from datetime import datetime
    from types import FrameType

    from eightbyeight_async.calls.call import Call
    from eightbyeight_async.exchange import Exchange, Flight
    from eightbyeight_async.models.common import CancelResponse
    from eightbyeight_async.models.log_export import LogExportJob, LogExportRequest, LogExportStatus
    from eightbyeight_async.models.message_details import MessageDetails
    from eightbyeight_async.models.sms import Outcome, SmsRequest, SmsResponse
    from eightbyeight_async.models.sms_batch import BatchSmsRequest, BatchSmsResponse
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
            InvalidRequestError: no text, one too long for `long_text="refuse"`, or times that cannot be: scheduled
                more than 7 days ahead or more than a minute ago, an expiry that has passed or is not after it;
                nothing was sent.
            EightByEightError: any other of the tree in `errors`; `error.sent` says whether it may have gone out.

        Warns:
            LongTextWarning: the platform will truncate the text (`long_text="warn"`, the default).
        """
        return await self._exchange.run(self._call(request, None), self._options)

    def _call(self, request: SmsRequest, warn: Callable[[], None] | None) -> Call[SmsResponse]:
        call = sms.send_sms(self._options.subaccount_id, request, self._exchange.now)
        if check_length(request.text, request.encoding, self._options.long_text) is None:
            return call
        if warn is not None:
            warn()
        else:
            # The third frame is whoever awaits `send`: awaiting coroutines stand on the stack like callers. A task made
            # of `send` itself is run by the event loop, whose line it is then.
            warnings.warn(LONG_TEXT, LongTextWarning, stacklevel=3)
        return call

    def send_each(
        self, requests: Iterable[SmsRequest] | AsyncIterable[SmsRequest], *, max_concurrency: int | None = None
    ) -> SendEach:
        """Sends every message with a POST of its own, many at a time, and gives each result as it comes.

            async with client.sms.send_each(requests, max_concurrency=50) as results:
                async for result in results:
                    print(result.index, result.ok)

        Args:
            requests: taken as fast as they are sent, never gathered; a plain iterable is advanced on the event
                loop, so one that blocks blocks the loop. An async one is read by one task, so it may hold a timeout
                open over its yields; an async generator is closed when the block is left early.
            max_concurrency: messages in flight in this run; None, or more than the client's: the client's.

        Raises (out of the block):
            whatever the iterable raises, after what was in flight has finished. A message that fails raises
            nothing: it is a `SendResult` with an `error`.

        Warns:
            LongTextWarning: as `send`, at the line that called this.
        """
        width = self._exchange.limiter.width
        if max_concurrency is not None:
            width = min(width, checked_count(max_concurrency, "max_concurrency"))
        warn = _warner_at_caller_of(sys._getframe())  # noqa: SLF001 - documented, and cheaper than inspect

        async def send(request: SmsRequest, flight: Flight) -> SmsResponse:
            return await self._exchange.run(self._call(request, warn), self._options, flight)

        return SendEach(send, requests, width)

    async def send_batch(self, request: BatchSmsRequest) -> BatchSmsResponse:
        """Sends up to 10,000 SMS in one request (8x8's reference: send-many-sms).

        Returns:
            The counts and the `batch_id` to cancel by. With `include_messages_in_response` each message beside its
            answer (`results`), and the refused ones (`rejected`).

        Raises:
            InvalidRequestError: a text too long for `long_text="refuse"`, or times that cannot be, as for `send`, of
                a message's own or else the template's; names the place; nothing was sent.
            EightByEightError: any other of the tree in `errors`; `error.sent` speaks of the whole batch.

        Warns:
            LongTextWarning: once for the batch: how many texts the platform will truncate, and the first of them.
        """
        from eightbyeight_async.calls import sms_batch
        from eightbyeight_async.models.sms_batch import paired

        call = sms_batch.send_batch(self._options.subaccount_id, request, self._exchange.now)
        warning = sms_batch.long_texts(request, self._options.long_text)
        if warning is not None:
            warnings.warn(warning, LongTextWarning, stacklevel=2)
        return paired(request, await self._exchange.run(call, self._options))

    async def get(self, umid: str) -> MessageDetails:
        """What 8x8 knows of one SMS (8x8's reference: get-sms-message-details). 1 request a second is allowed.

        Raises:
            InvalidRequestError: `umid` is not an id.
            NotFoundError: no message of this sub-account has that id.
            RateLimitError: asked more than once in a second.
            EightByEightError: any other of the tree in `errors`.
        """
        from eightbyeight_async.calls import sms_follow_up

        return await self._exchange.run(sms_follow_up.get_details(self._options.subaccount_id, umid), self._options)

    async def send_feedback(self, umid: str, outcome: Outcome | str, timestamp: datetime | None = None) -> None:
        """Tells 8x8 what became of a message sent with `Track.OUTCOME` (8x8's reference: api-sms-feedback).

        Args:
            umid: the message.
            outcome: `Outcome` or its string.
            timestamp: when the person did it, aware; None: 8x8 takes the time of the call.

        Raises:
            InvalidRequestError: an argument breaks its rule.
            EightByEightError: any other of the tree in `errors`.
        """
        from eightbyeight_async.calls import sms_follow_up
        from eightbyeight_async.models.sms_feedback import SmsFeedback

        feedback = SmsFeedback(outcome=outcome, timestamp=timestamp)
        await self._exchange.run(
            sms_follow_up.send_feedback(self._options.subaccount_id, umid, feedback), self._options
        )

    async def start_log_export(self, request: LogExportRequest | None = None) -> LogExportJob:
        """Starts an export of the log (8x8's reference: start-log-export-job); None: the last seven days.

        Raises:
            EightByEightError: any of the tree in `errors`.
        """
        from eightbyeight_async.calls import sms_follow_up
        from eightbyeight_async.models.log_export import LogExportRequest

        wanted = LogExportRequest() if request is None else request
        call = sms_follow_up.start_log_export(self._options.subaccount_id, wanted)
        return await self._exchange.run(call, self._options)

    async def get_log_export(self, job_id: str) -> LogExportStatus:
        """How far an export got (8x8's reference: get-log-export-job-result).

        Raises:
            InvalidRequestError: `job_id` is not an id.
            NotFoundError: no such job.
            EightByEightError: any other of the tree in `errors`.
        """
        from eightbyeight_async.calls import sms_follow_up

        return await self._exchange.run(
            sms_follow_up.get_log_export(self._options.subaccount_id, job_id), self._options
        )

    async def cancel_log_export(self, job_id: str) -> None:
        """Cancels an export (8x8's reference: cancel-log-export-job).

        Raises:
            InvalidRequestError: `job_id` is not an id.
            NotFoundError: no such job.
            EightByEightError: any other of the tree in `errors`.
        """
        from eightbyeight_async.calls import sms_follow_up

        await self._exchange.run(sms_follow_up.cancel_log_export(self._options.subaccount_id, job_id), self._options)

    def iter_log_rows(
        self, job: LogExportJob | str, *, poll_interval: float = 2.0, patience: float = 900.0
    ) -> AsyncIterator[dict[str, str]]:
        """The rows of an export: waits until it is ready, fetches its files, gives row after row.

            async for row in client.sms.iter_log_rows(await client.sms.start_log_export()):
                print(row["umid"], row["clientmessageid"], row["status_value"])

        Args:
            job: a started export, or its id.
            poll_interval: seconds between two looks at its state.
            patience: seconds to wait for it, all in all.

        Returns:
            Rows as 8x8's CSV has them: column name to text. Numbers and texts come masked by 8x8 by default.

        Raises (while iterating):
            InvalidRequestError: an argument breaks its rule.
            LogExportError: the export failed, was cancelled, gave no file or a broken one, or took longer than
                `patience`.
            EightByEightError: any other of the tree in `errors`.
        """
        from eightbyeight_async.log_export import log_rows

        return log_rows(
            job,
            look=self.get_log_export,
            exchange=self._exchange,
            options=self._options,
            poll_interval=checked_seconds(poll_interval, "poll_interval"),
            patience=checked_seconds(patience, "patience"),
        )

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


def _warner_at_caller_of(frame: FrameType) -> Callable[[], None]:
    """Warns of a long text at the line that called `frame`, also when that is off the stack: work goes on in tasks.

    As `warnings.warn` does it for a frame on the stack: shown once for the line, remembered by its module. The frame
    itself is not kept, for it holds its locals.
    """
    caller = frame.f_back or frame
    file, number, names = caller.f_code.co_filename, caller.f_lineno, caller.f_globals

    def warn() -> None:
        registry = names.setdefault("__warningregistry__", {})
        warnings.warn_explicit(LONG_TEXT, LongTextWarning, file, number, names.get("__name__"), registry)

    return warn
