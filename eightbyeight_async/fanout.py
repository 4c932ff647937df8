"""Sends many messages at once: several workers take messages from one iterable, and results come as they finish.

Rules:
- Memory is bounded: for each worker at most two messages are taken but not yet returned to the caller (one in flight,
  one finished result).
- A failed message is a result, and the run continues. A bug, a cancellation or an exception of the iterable ends the
  run.
- No task outlives the block. Messages that were taken but not returned to the caller are in `leftover`.
- One task reads an async iterable (see `source_feeder`). Any free worker reads a plain iterable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Callable, Iterable, Iterator
from types import TracebackType
from typing import Literal, Self, TypeAlias

import anyio
import attrs
from anyio.abc import TaskGroup

from eightbyeight_async.errors import EightByEightError, InvalidRequestError, Sent, TransportError
from eightbyeight_async.exchange import Flight
from eightbyeight_async.models.sms import SmsRequest, SmsResponse
from eightbyeight_async.quick_models import quick_maker
from eightbyeight_async.source_feeder import END, End, Feeder, foreign_cancellation, without_cancellation

__all__ = ["SendAccepted", "SendEach", "SendNotAccepted", "SendResult"]


@attrs.frozen(kw_only=True)
class _Result:
    index: int
    request: SmsRequest
    response: SmsResponse | None = None
    error: EightByEightError | None = None
    attempts: int = 1

    @property
    def sent(self) -> Sent | None:
        """For a message that was not accepted: whether it may have gone out nevertheless. None for an accepted message.

        It is `MAYBE` for a refusal if an earlier attempt may have reached the API, and for a status that this version
        does not know.
        """
        if self.response is None:
            return None if self.error is None else self.error.sent
        return self.response.sent


@attrs.frozen(kw_only=True)
class SendAccepted(_Result):
    """The result of a message that the platform accepted: a response with the status QUEUED.

    Attributes:
        index: its position in the iterable, from 0. Results come as they finish, not in this order.
        request: the message from the iterable.
        response: the API's response.
        error: None.
        attempts: how many times the request was tried.
    """

    response: SmsResponse = attrs.field()
    error: None = None

    @property
    def ok(self) -> Literal[True]:
        """True: the message was accepted."""
        return True


@attrs.frozen(kw_only=True)
class SendNotAccepted(_Result):
    """The result of a message that was not accepted. Exactly one of `response` and `error` is set.

    Attributes:
        index: its position in the iterable, from 0. Results come as they finish, not in this order.
        request: the message from the iterable.
        response: the API's response that refuses the message, or has a status that this version does not know.
        error: why there is no response; `error.sent` says whether the message may have been sent.
        attempts: how many times the request was tried; 0 if it was refused before the first attempt.
    """

    @property
    def ok(self) -> Literal[False]:
        """False: the message was not accepted."""
        return False


# Two classes, so that a type checker knows after `if result.ok` that `result.response` is not None. mypy narrows by the
# bare `result.ok`; pyright narrows by `result.ok is True` or isinstance, and not by a bare attribute.
SendResult: TypeAlias = SendAccepted | SendNotAccepted


def _result_of(response: SmsResponse, index: int, request: SmsRequest, attempts: int) -> SendResult:
    if response.ok:
        return _make_accepted(index=index, request=request, response=response, error=None, attempts=attempts)
    return SendNotAccepted(index=index, request=request, response=response, attempts=attempts)


_make_accepted = quick_maker(SendAccepted)


class SendEach:
    """A run of `send_each`: `async with client.sms.send_each(requests) as results: async for result in results: ...`

    Attributes:
        leftover: after the block, the results of messages that were taken from the iterable but not returned to the
            caller: finished results, and cancelled messages with an error. The error's `sent` is MAYBE if the message
            was passed to the transport, and NO if it still waited. Empty if every result was read.

    An async generator is closed when the block is left before its end.
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
        self._iterator: Iterator[SmsRequest] | None = None
        self._feeder: Feeder[SmsRequest] | None = None
        self._group: TaskGroup | None = None
        self._started = 0
        self._working = 0
        self._taken = 0
        self._ending = False  # whether no more messages are taken from the iterable
        self._failure: BaseException | None = None
        self._results: deque[SendResult] = deque()
        self._news = anyio.Event()
        self._room = anyio.Event()

    def through(
        self, around: Callable[[SmsRequest, Callable[[], Awaitable[SmsResponse]]], Awaitable[SmsResponse]]
    ) -> Self:
        """Wraps the sending of each message in a function. The function gets the call that sends, and awaits it once or
        several times.

        Call `through` before the block is entered.
        """
        send = self._send
        self._send = lambda request, flight: around(request, lambda: send(request, flight))
        return self

    async def __aenter__(self) -> Self:
        if self._group is not None:
            raise RuntimeError("send_each(...) can be entered once; call it again for another run")
        if isinstance(self._requests, AsyncIterable):
            self._feeder = Feeder(self._requests)
        else:
            self._iterator = iter(self._requests)
        self._group = anyio.create_task_group()
        await self._group.__aenter__()
        if self._feeder is not None:
            self._group.start_soon(self._feed, self._feeder)
        self._start_worker()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        group = self._entered()
        if self._feeder is not None:
            self._feeder.leave()
        group.cancel_scope.cancel()
        # The workers store their exceptions (`_failure`), so the group raises none of them. The block's own exception
        # is not passed to the group, because it would come out in an exception group.
        try:
            await group.__aexit__(None, None, None)
        finally:  # `leftover` is filled even if the wait for the workers is cancelled
            self._ending = True
            self._working = 0
            self.leftover.extend(self._results)
            self._results.clear()
            if self._feeder is not None:
                self.leftover += [_cut_off(*taken, Flight()) for taken in self._feeder.undelivered]
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
            while (taken := self._at_hand() or await self._take()) is not None:
                # Each worker starts the next one when needed: three messages do not start a hundred tasks.
                if self._started < self._width:
                    self._start_worker()
                index, request = taken
                flight = Flight()
                try:
                    response = await self._send(request, flight)
                    result = _result_of(response, index, request, flight.attempts)
                except EightByEightError as error:
                    # Removes this frame from the traceback: the request in it may not be an SmsRequest, and then its
                    # repr hides nothing.
                    error.__traceback__ = error.__traceback__ and error.__traceback__.tb_next
                    result = SendNotAccepted(index=index, request=request, error=error, attempts=error.attempts)
                except BaseException:
                    self.leftover.append(_cut_off(index, request, flight))
                    raise
                self._results.append(result)
                if len(self._results) == 1:  # otherwise it is already set
                    self._news.set()
        except BaseException as failure:
            if not self._kept(failure):
                raise
        finally:
            self._working -= 1
            self._news.set()

    async def _feed(self, feeder: Feeder[SmsRequest]) -> None:
        try:
            await feeder.run()
        except BaseException as failure:
            if not self._kept(failure):
                raise
        finally:
            self._ending = True
            self._news.set()

    def _kept(self, failure: BaseException) -> bool:
        """Keeps an exception of the iterable, or a bug's, for `__anext__`. False: it only ends this task."""
        if isinstance(failure, GeneratorExit):
            return False  # this coroutine is being closed, perhaps outside of the loop
        kept: BaseException | None = foreign_cancellation(failure)
        if kept is not None:
            kept.__cause__ = failure
        else:
            kept = without_cancellation(failure)
        if kept is None:
            return False
        self._failure = self._failure or kept
        self._ending = True
        return True

    def _at_hand(self) -> tuple[int, SmsRequest] | None:
        """Returns the next message without an await; None without room for its result, and after the last message.

        Always None for an async iterable.
        """
        if self._iterator is None or self._ending or len(self._results) >= self._width:
            return None
        request = next(self._iterator, END)
        if isinstance(request, End):
            self._ending = True
            return None
        index = self._taken
        self._taken += 1
        return index, request

    async def _take(self) -> tuple[int, SmsRequest] | None:
        while len(self._results) >= self._width:
            await self._room.wait()
        if self._ending:
            return None
        if self._feeder is None:
            return self._at_hand()
        taken = await self._feeder.next()
        return None if isinstance(taken, End) else taken


def _cut_off(index: int, request: SmsRequest, flight: Flight) -> SendResult:
    sent = Sent.MAYBE if flight.maybe_sent else Sent.NO
    error = TransportError("cancelled before the answer came", sent=sent)
    return SendNotAccepted(index=index, request=request, error=error, attempts=flight.attempts)
