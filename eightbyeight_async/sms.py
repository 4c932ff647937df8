"""`client.sms`: the operations of the SMS API.

Rule: this file imports only what a send needs. Each other operation imports what it needs itself. Making the attrs
classes of all operations takes as long as importing httpx.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from datetime import datetime
from types import FrameType

from eightbyeight_async import late_types
from eightbyeight_async.calls import cancel, sms
from eightbyeight_async.calls.call import Call
from eightbyeight_async.exchange import Exchange, Flight
from eightbyeight_async.frame_privacy import empty_frames, private_coroutine
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.common import CancelResponse
from eightbyeight_async.models.sms import Outcome, SmsRequest, SmsResponse
from eightbyeight_async.operation_errors import operations
from eightbyeight_async.settings import CallOptions, checked_count, checked_seconds
from eightbyeight_async.text import LONG_TEXT, LongTextWarning, check_length

__all__ = ["SmsOperations"]


@operations
class SmsOperations:
    """The operations of the SMS API. Use it as `client.sms`; the client makes it."""

    def __init__(self, exchange: Exchange, options: CallOptions) -> None:
        self._exchange = exchange
        self._options = options

    async def send(self, request: SmsRequest) -> SmsResponse:
        """Send one SMS (8x8's reference: send-sms-single).

        Returns:
            The API's response. If `status.code` is `REJECTED`, the API refused the message, although the request got
            HTTP 200.

        Raises:
            InvalidRequestError: the request has no text, a text too long for `long_text="refuse"`, or impossible times:
                `scheduled` more than 7 days in the future or more than a minute in the past, `expiry` in the past or
                not after `scheduled`. Nothing was sent.
            EightByEightError: another error of `errors`; `error.sent` says whether the message may have been sent.

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
            # The fourth frame is the code that awaits `send`: awaiting coroutines are on the stack like callers. If
            # `send` itself is a task, the fourth frame is the event loop's.
            warnings.warn(LONG_TEXT, LongTextWarning, stacklevel=4)
        return call

    def send_each(
        self, requests: Iterable[SmsRequest] | AsyncIterable[SmsRequest], *, max_concurrency: int | None = None
    ) -> late_types.SendEach:
        """Send each message with its own POST, many at a time; return each result when it finishes::

            async with client.sms.send_each(requests, max_concurrency=50) as results:
                async for result in results:
                    print(result.index, result.ok)

        Args:
            requests: an iterable or async iterable. Messages are taken from it as fast as they are sent, never all at
                once. A plain iterable runs in the event loop, so it must not block. One task reads an async iterable,
                so the iterable may keep a timeout open over its yields. An async generator is closed if the block is
                left early.
            max_concurrency: the most messages in flight in this run. The client's `max_concurrency` is the default and
                the upper limit.

        Raises:
            InvalidRequestError: `requests` is not an iterable, or `max_concurrency` is not a whole number above 0.
            Exception: an exception of the iterable is raised from the block, after the messages in flight have
                finished. A failed message raises no exception: its `SendResult` has an `error`.

        Warns:
            LongTextWarning: as for `send`; the warning names the line that called `send_each`.
        """
        from eightbyeight_async.fanout import SendEach

        width = self._exchange.limiter.width
        if max_concurrency is not None:
            width = min(width, checked_count(max_concurrency, "max_concurrency"))
        warn = _warner_at_caller_of(sys._getframe(1))  # noqa: SLF001 - documented, and cheaper than inspect

        async def send(request: SmsRequest, flight: Flight) -> SmsResponse:
            try:
                return await self._exchange.run(self._call(request, warn), self._options, flight)
            except BaseException as error:
                del request
                empty_frames(error)
                raise

        return SendEach(send, requests, width)

    async def send_batch(self, request: late_types.BatchSmsRequest) -> late_types.BatchSmsResponse:
        """Send up to 10,000 SMS in one request (8x8's reference: send-many-sms).

        Returns:
            The counts, and the `batch_id` for `cancel_batch`. With `include_messages_in_response` also each message
            with its response (`results`) and the refused messages (`rejected`).

        Raises:
            InvalidRequestError: a text is too long for `long_text="refuse"`, or a message or the template has
                impossible times (as for `send`). The error names the place; nothing was sent.
            EightByEightError: another error of `errors`; `error.sent` is about the whole batch.

        Warns:
            LongTextWarning: once for the batch, with the number of texts that the platform will truncate and the
                position of the first one.
        """
        from eightbyeight_async.calls import sms_batch
        from eightbyeight_async.models.sms_batch import paired

        call = sms_batch.send_batch(self._options.subaccount_id, request, self._exchange.now)
        warning = sms_batch.long_texts(request, self._options.long_text)
        if warning is not None:
            warnings.warn(warning, LongTextWarning, stacklevel=3)  # the second frame is the decorator's
        return paired(request, await self._exchange.run(call, self._options))

    @private_coroutine
    async def _send_plain_batch(
        self, messages: Sequence[SmsRequest], references: Sequence[str]
    ) -> late_types.AllAccepted | late_types.BatchSmsResponse | None:
        """`send_batch` for a campaign: see `calls.plain_batch`. A response with models has no `results`.

        Returns None, and sends nothing, if the messages can only be sent with models.
        """
        from eightbyeight_async.calls import plain_batch
        from eightbyeight_async.calls.sms_batch import long_texts_of

        call = plain_batch.send_plain_batch(self._options.subaccount_id, messages, references, self._exchange.now)
        if call is None:
            return None
        texts = ((index, message.text, message.encoding) for index, message in enumerate(messages))
        warning = long_texts_of(texts, self._options.long_text)
        if warning is not None:
            warnings.warn(warning, LongTextWarning, stacklevel=3)  # the second frame is the decorator's
        return await self._exchange.run(call, self._options)

    async def get(self, umid: str) -> late_types.MessageDetails:
        """Get the details of one SMS (8x8's reference: get-sms-message-details).

        8x8 allows 1 request a second for each sub-account.

        Raises:
            InvalidRequestError: `umid` is not an id.
            NotFoundError: no message of this sub-account has that id.
            RateLimitError: more than one request in a second.
            EightByEightError: another error of `errors`.
        """
        from eightbyeight_async.calls import sms_follow_up

        return await self._exchange.run(sms_follow_up.get_details(self._options.subaccount_id, umid), self._options)

    async def send_feedback(self, umid: str, outcome: Outcome | str, timestamp: datetime | None = None) -> None:
        """Report the outcome of a message that was sent with `Track.OUTCOME` (8x8's reference: api-sms-feedback).

        Args:
            umid: 8x8's id of the message.
            outcome: `Outcome` or its string.
            timestamp: when the outcome happened (aware); None for the time of the call.

        Raises:
            InvalidRequestError: an argument breaks its rule.
            EightByEightError: another error of `errors`.
        """
        from eightbyeight_async.calls import sms_follow_up
        from eightbyeight_async.models.sms_feedback import SmsFeedback

        feedback = SmsFeedback(outcome=outcome, timestamp=timestamp)
        await self._exchange.run(
            sms_follow_up.send_feedback(self._options.subaccount_id, umid, feedback), self._options
        )

    async def start_log_export(self, request: late_types.LogExportRequest | None = None) -> late_types.LogExportJob:
        """Start an export of the log (8x8's reference: start-log-export-job).

        `request`: the filter; None for all messages of the last seven days.

        Raises:
            EightByEightError: an error of `errors`.
        """
        from eightbyeight_async.calls import sms_follow_up
        from eightbyeight_async.models.log_export import LogExportRequest

        wanted = LogExportRequest() if request is None else request
        call = sms_follow_up.start_log_export(self._options.subaccount_id, wanted)
        return await self._exchange.run(call, self._options)

    async def get_log_export(self, job_id: str) -> late_types.LogExportStatus:
        """Get the status of an export (8x8's reference: get-log-export-job-result).

        Raises:
            InvalidRequestError: `job_id` is not an id.
            NotFoundError: there is no such job.
            EightByEightError: another error of `errors`.
        """
        from eightbyeight_async.calls import sms_follow_up

        return await self._exchange.run(
            sms_follow_up.get_log_export(self._options.subaccount_id, job_id), self._options
        )

    async def cancel_log_export(self, job_id: str) -> None:
        """Cancel an export (8x8's reference: cancel-log-export-job).

        Raises:
            InvalidRequestError: `job_id` is not an id.
            NotFoundError: there is no such job.
            EightByEightError: another error of `errors`.
        """
        from eightbyeight_async.calls import sms_follow_up

        await self._exchange.run(sms_follow_up.cancel_log_export(self._options.subaccount_id, job_id), self._options)

    def iter_log_rows(
        self,
        job: late_types.LogExportJob | str,
        *,
        poll_interval: float = 2.0,
        patience: float = 900.0,
        max_file_bytes: int = 1024**3,
    ) -> AsyncIterator[dict[str, str]]:
        """Wait until an export is ready, download its files, and return one row after the other::

            async for row in client.sms.iter_log_rows(await client.sms.start_log_export()):
                print(row["umid"], row["clientmessageid"], row["status_value"])

        Args:
            job: a started export, or its id.
            poll_interval: seconds between two polls of its status.
            patience: seconds to wait for the end of the export.
            max_file_bytes: the most bytes of one file of the export, after decompression. A file is kept on disk while
                its rows are read. The default is 1 GiB.

        Returns:
            An async iterator of rows. A row has the column names of 8x8's CSV as keys and text as values. By default
            8x8 masks phone numbers and texts.

        Raises:
            InvalidRequestError: an argument breaks its rule.
            LogExportError: while iterating: the export failed, was cancelled, or took longer than `patience`; or a file
                is missing, broken or too large.
            UnexpectedResponseError: while iterating: a link is not https or has expired, or the response is not a
                complete file.
            EightByEightError: while iterating: another error of `errors`.
        """
        from eightbyeight_async.log_export import log_rows

        return log_rows(
            job,
            look=self.get_log_export,
            exchange=self._exchange,
            options=self._options,
            poll_interval=checked_seconds(poll_interval, "poll_interval"),
            patience=checked_seconds(patience, "patience"),
            max_file_bytes=checked_count(max_file_bytes, "max_file_bytes"),
        )

    async def cancel(self, umid: str) -> CancelResponse:
        """Cancel one scheduled SMS (8x8's reference: cancel-scheduled-message).

        Returns:
            The count: 1 if the message was cancelled, 0 if it was already sent or cancelled.

        Raises:
            InvalidRequestError: `umid` is not an id.
            NotFoundError: no message of this sub-account has that id.
            EightByEightError: another error of `errors`; `error.sent` MAYBE means that it may have been cancelled.
        """
        call = cancel.cancel_message(Product.SMS, self._options.subaccount_id, umid)
        return await self._exchange.run(call, self._options)

    async def cancel_batch(self, batch_id: str) -> CancelResponse:
        """Cancel the messages of a batch that are still scheduled (8x8's reference: cancel-many-sms-messages).

        Raises:
            InvalidRequestError: `batch_id` is not an id.
            EightByEightError: another error of `errors`; `error.sent` MAYBE means that some may have been cancelled.
        """
        call = cancel.cancel_batch(Product.SMS, self._options.subaccount_id, batch_id)
        return await self._exchange.run(call, self._options)


def _warner_at_caller_of(frame: FrameType) -> Callable[[], None]:
    """Returns a function that warns about a long text at the line of code that called `frame`.

    It works after that line has left the stack, because the messages are sent in tasks. Like `warnings.warn`, the
    warning is shown once for the line and recorded in its module. The frame is not kept, because it would keep its
    locals.
    """
    caller = frame.f_back or frame
    file, number, names = caller.f_code.co_filename, caller.f_lineno, caller.f_globals

    def warn() -> None:
        registry = names.setdefault("__warningregistry__", {})
        warnings.warn_explicit(LONG_TEXT, LongTextWarning, file, number, names.get("__name__"), registry)

    return warn
