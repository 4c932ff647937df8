"""Sending many messages at once: a number of workers take messages from one iterable, results come as they finish.

Rules:
- Memory is bounded: for each worker at most two messages are taken but not yet returned to the caller (one in flight,
  one finished result).
- A failed message is a result. A bug, a cancellation or an exception of the iterable ends the run.
- No task outlives the block. Messages that were taken but not returned to the caller are in `leftover`.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Iterable
from typing import TYPE_CHECKING

import anyio
import attrs

from eightbyeight_async.errors import EightByEightError, InvalidRequestError, Sent, TransportError
from eightbyeight_async.exchange import Flight
from eightbyeight_async.models.sms import SmsRequest, SmsResponse, SmsStatusCode

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from types import TracebackType
    from typing import Self

    from anyio.abc import TaskGroup

__all__ = ["SendEach", "SendResult"]


@attrs.frozen(kw_only=True)
class SendResult:
    """The result of one message. Exactly one of `response` and `error` is set.

    Attributes:
        index: its position in the iterable, from 0. Results come as they finish, not in this order.
        request: the message from the iterable.
        response: the API's response, which can be a refusal: see `ok`.
        error: why there is no response; `error.sent` says whether the message may have been sent.
        attempts: how many times the request was tried; 0 if it was refused before the first attempt.
    """

    index: int
    request: SmsRequest
    response: SmsResponse | None = None
    error: EightByEightError | None = None
    attempts: int = 1

    @property
    def ok(self) -> bool:
        """True only for an accepted message: a response with the status QUEUED."""
        return self.response is not None and self.response.status.code is SmsStatusCode.QUEUED


class SendEach:
    """A run of `send_each`: `async with client.sms.send_each(requests) as results: async for result in results: ...`

    Attributes:
        leftover: after the block, the results of messages that were taken from the iterable but not returned to the
            caller: finished results, and cancelled messages with an error. The error's `sent` is MAYBE if the message
            was passed to the transport, and NO if it still waited. Empty if every result was read.
    """

    def __init__(
        self,
        send: Callable[[SmsRequest, Flight], Awaitable[SmsResponse]],
        requests: Iterable[SmsRequest] | AsyncIterable[SmsRequest],
        width: int,
    ) -> None:
        given: object = requests
        if not isinstance(given, Iterable | AsyncIterable):
            kind = type(given).__name__
            raise InvalidRequestError("requests", f"must be an iterable or async iterable of SmsRequest, not {kind}")
        self.leftover: list[SendResult] = []
        self._send = send
        self._requests = requests
        self._width = width
        self._source: _Source | _AsyncSource | None = None
        self._group: TaskGroup | None = None
        self._started = 0
        self._working = 0
        self._taken = 0
        self._ending = False  # nothing more is taken from the iterable
        self._failure: BaseException | None = None
        self._results: deque[SendResult] = deque()
        self._news = anyio.Event()
        self._room = anyio.Event()

    async def __aenter__(self) -> Self:
        if self._group is not None:
            raise RuntimeError("send_each(...) can be entered once; call it again for another run")
        self._source = (
            _AsyncSource(self._requests) if isinstance(self._requests, AsyncIterable) else _Source(self._requests)
        )
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        self._start_worker()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        group = self._entered()
        group.cancel_scope.cancel()
        # The workers store their exceptions (`_failure`), so the group raises none of them. The block's own exception
        # is not passed to the group, because it would come out in an exception group.
        try:
            await group.__aexit__(None, None, None)
        finally:  # also if the wait for the workers is cancelled: `leftover` is filled in any case
            self._ending = True
            self._working = 0
            self.leftover.extend(self._results)
            self._results.clear()
        if error is None and self._failure is not None:
            raise self._failure

    def __aiter__(self) -> AsyncIterator[SendResult]:
        return self

    async def __anext__(self) -> SendResult:
        self._entered()
        while not self._results:
            if self._ending and not self._working:
                if self._failure is not None:
                    failure, self._failure = self._failure, None
                    raise failure
                raise StopAsyncIteration
            await self._news.wait()
            if self._news.is_set():
                self._news = anyio.Event()
        if len(self._results) == self._width:
            self._room.set()
            self._room = anyio.Event()
        return self._results.popleft()

    def _entered(self) -> TaskGroup:
        if self._group is None:
            raise RuntimeError("enter it first: async with client.sms.send_each(...) as results")
        return self._group

    def _start_worker(self) -> None:
        self._started += 1
        self._working += 1
        self._entered().start_soon(self._work)

    async def _work(self) -> None:
        try:
            while (taken := await self._take()) is not None:
                # Each worker starts the next one when needed: three messages do not start a hundred tasks.
                if self._started < self._width:
                    self._start_worker()
                self._results.append(await self._one(*taken))
                self._news.set()
        except GeneratorExit:
            raise  # this coroutine is being closed
        except BaseException as failure:  # the iterable's or a bug's: raised to the caller, see __anext__
            if isinstance(failure, anyio.get_cancelled_exc_class()):
                if anyio.current_effective_deadline() == -math.inf:
                    raise
                cancelled = RuntimeError("the iterable awaited something that was cancelled")
                cancelled.__cause__ = failure
                failure = cancelled
            self._failure = self._failure or failure
            self._ending = True
        finally:
            self._working -= 1
            self._news.set()

    async def _take(self) -> tuple[int, SmsRequest] | None:
        while len(self._results) >= self._width:
            await self._room.wait()
        request = _END if self._ending else await self._next()
        if isinstance(request, _End):
            self._ending = True
            return None
        index = self._taken
        self._taken += 1
        return index, request

    async def _next(self) -> SmsRequest | _End:
        source = self._source
        if isinstance(source, _AsyncSource):
            async with source.turn:
                # Another worker may have reached the end of the iterable while this one waited for its turn.
                return _END if self._ending else await anext(source.iterator, _END)
        return _END if source is None else next(source.iterator, _END)

    async def _one(self, index: int, request: SmsRequest) -> SendResult:
        flight = Flight()
        try:
            response = await self._send(request, flight)
            return SendResult(index=index, request=request, response=response, attempts=flight.attempts)
        except EightByEightError as error:
            return SendResult(index=index, request=request, error=error, attempts=error.attempts)
        except BaseException:
            sent = Sent.MAYBE if flight.maybe_sent else Sent.NO
            cut_off = TransportError("cancelled before the answer came", sent=sent)
            self.leftover.append(SendResult(index=index, request=request, error=cut_off, attempts=flight.attempts))
            raise


class _End:
    """The end of the iterable. Not None: an iterable that yields None by mistake must not look finished."""


_END = _End()


class _Source:
    def __init__(self, requests: Iterable[SmsRequest]) -> None:
        self.iterator = iter(requests)


class _AsyncSource:
    """An async iterable and its lock: an async iterator allows one caller at a time."""

    def __init__(self, requests: AsyncIterable[SmsRequest]) -> None:
        self.iterator = aiter(requests)
        self.turn = anyio.Lock()
