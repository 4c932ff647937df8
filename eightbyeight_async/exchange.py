"""One call from start to end: limiter, pacer, HTTP request, response, retry.

A client and the clients of its `with_options` share one `Exchange`. Other modules make the decisions: `calls` reads
responses, `retry` decides about another attempt, `transport.failures` decides whether a request may have been sent.
"""

from __future__ import annotations

import logging
import random
from datetime import UTC, datetime
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlsplit

import anyio

from eightbyeight_async.calls.read_response import read_response
from eightbyeight_async.errors import (
    ClientClosedError,
    Effect,
    EightByEightError,
    Sent,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.common import after_doubt
from eightbyeight_async.transport.failures import WIRE_FAILURES, refused_answer, showable_cause, transport_error
from eightbyeight_async.transport.httpx_call import send_through
from eightbyeight_async.transport.httpx_failures import answer_in
from eightbyeight_async.transport.through_httpx import WriteTrace, mocked_shortcut
from eightbyeight_async.version import __version__

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Mapping

    import httpx

    from eightbyeight_async.call_hooks import Note, Watch
    from eightbyeight_async.calls.call import Call
    from eightbyeight_async.download import Downloader
    from eightbyeight_async.limiter import Limiter
    from eightbyeight_async.request_pacer import Pacer
    from eightbyeight_async.settings import CallOptions
    from eightbyeight_async.transport.choose import Sender
    from eightbyeight_async.transport.through_httpx import HttpxDoor

__all__ = ["Exchange", "Flight"]

T = TypeVar("T")

_log = logging.getLogger("eightbyeight_async")

_MAYBE = Sent.MAYBE  # read once: reading an enum's member takes 900 instructions
_NO_TRACE = WriteTrace()  # for our own transports: their exceptions show in which phase a call failed


class Flight:
    """The state of a call in progress. After a cancellation it shows whether the call may have been sent: there is no
    error that says so.

    Attributes:
        attempts: the number of attempts that were started.
        maybe_sent: True if an attempt was passed to the transport, and the API has not refused it since.
        scope: the cancel scope of the call's deadline; None for no deadline.
    """

    __slots__ = ("attempts", "maybe_sent", "scope")

    def __init__(self) -> None:
        self.attempts: int = 0
        self.maybe_sent: bool = False
        self.scope: anyio.CancelScope | None = None

    @property
    def out_of_time(self) -> bool:
        """True if the deadline has expired."""
        return self.scope is not None and self.scope.cancel_called


class Exchange:
    """Makes the calls of a client.

    Args:
        sender: makes the running loop's object that sends requests as bytes; None if every call goes through `door`.
        door: sends calls through httpx, for calls that application code can observe.
        key: the API key.
        bases: the base URL of each product.
        limiter: limits the calls in flight.
        pacer: spaces the starts of calls; None for no pacing.
        sleep: waits for seconds; passed in so that tests need no real time.
        random_fraction: returns a random number from 0 to 1, for the jitter of retries.
        now: returns the current time (aware).
        watch: receives the events of attempts and waits; None without hooks and tracer.
    """

    def __init__(
        self,
        *,
        sender: Callable[[], Sender] | None,
        door: HttpxDoor,
        key: str,
        bases: Mapping[Product, str],
        limiter: Limiter,
        pacer: Pacer | None,
        sleep: Callable[[float], Awaitable[None]] = anyio.sleep,
        random_fraction: Callable[[], float] = random.random,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        watch: Watch | None = None,
    ) -> None:
        # Imported here, because they import asyncio, and not every import of this package makes a client.
        from eightbyeight_async.loops import after_fork
        from eightbyeight_async.transport.loop_senders import Wires

        self.now = now
        self.watch = watch
        self.closed: bool = False
        self.bases = bases
        self.door = door
        self.limiter = limiter
        self._pacer = pacer
        self.sleep = sleep
        self._random_fraction = random_fraction
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Accept": "application/json",
            "User-Agent": f"eightbyeight-async/{__version__}",
        }
        self._wires = None if sender is None else Wires(sender, self._headers)
        self._body_headers = {**self._headers, "Content-Type": "application/json"}
        after_fork(self)

    @cached_property
    def downloader(self) -> Downloader:
        from eightbyeight_async.download import Downloader  # imported here: most clients export no log

        home = self.bases[Product.SMS]
        return Downloader(http=self._open_http, home=home, headers=self._headers, own=self.door.phases)

    async def download(self, link: str, write: Callable[[bytes], object], options: CallOptions) -> None:
        """Download a file: see `Downloader.fetch`."""
        if (watch := self.watch) is None:
            await self.downloader.fetch(link, write, patience=options.timeout)
        else:
            await watch.download(self.downloader, link, write, options)

    def _open_http(self) -> httpx.AsyncClient:
        if self.closed:
            raise ClientClosedError
        return self.door.http

    def run(self, call: Call[T], options: CallOptions, flight: Flight | None = None) -> Coroutine[Any, Any, T]:
        """Make the call; retry it if the retry policy says so. `flight` is updated during the call.

        Raises:
            EightByEightError: `attempts` and `sent` are about all attempts together. If the first attempt may have been
                sent and the second was refused, `sent` is MAYBE.

        Returns:
            The response. `maybe_done_before` is set if an earlier attempt may have been sent.
        """
        # Not `async def`: returning the coroutine saves one frame for each call.
        flight = Flight() if flight is None else flight
        if options.deadline is None:
            return self._run(call, options, flight)
        return self._run_within(options.deadline, call, options, flight)

    async def _run_within(self, seconds: float, call: Call[T], options: CallOptions, flight: Flight) -> T:
        with anyio.move_on_after(seconds) as flight.scope:
            return await self._run(call, options, flight)
        host = urlsplit(self.bases[call.product]).netloc
        sent = Sent.MAYBE if flight.maybe_sent else Sent.NO
        problem = f"the call to {host} did not end within its deadline of {seconds:g} s"
        error = TransportTimeoutError(problem, sent=sent)
        error.effect = Effect.LOOK_UP if call.unknown is Sent.NO else call.effect
        error.attempts = flight.attempts
        raise error

    async def _run(self, call: Call[T], options: CallOptions, flight: Flight) -> T:
        attempt = 0
        maybe_sent = False
        while True:
            attempt += 1
            flight.attempts = attempt
            try:
                if (watch := self.watch) is None:
                    found = await self._attempt(call, options, flight)
                else:
                    found = await watch.attempt(self._attempt, call, options, flight, self.bases[call.product])
                return after_doubt(found) if maybe_sent else found
            except EightByEightError as error:
                error.effect = Effect.LOOK_UP if call.unknown is Sent.NO else call.effect
                error.attempts = attempt - isinstance(error, ClientClosedError)
                maybe_sent = maybe_sent or error.sent is Sent.MAYBE
                if maybe_sent:
                    error.sent = Sent.MAYBE
                flight.maybe_sent = maybe_sent
                decision = options.retry.decide(error, attempt)
                if decision is None:
                    raise
                code = getattr(error, "code", None)
            delay = decision.seconds(self._random_fraction())
            _log.info(
                "code %s after attempt %d of %d, retry in %.2f s", code, attempt, options.retry.max_attempts, delay
            )
            if (watch := self.watch) is None:
                await self.sleep(delay)
            else:
                await watch.pause(self.sleep, delay, call, options, attempt + 1)

    async def aclose(self) -> None:
        self.closed = True
        try:
            await self.door.aclose()
        finally:
            if self._wires is not None:
                await self._wires.aclose()

    def forked(self) -> None:
        """Called in a forked process: frees all places, and stops using the parent's sockets."""
        self.limiter.forked()
        if self._pacer is not None:
            self._pacer.forked()
        if self._wires is not None:
            self._wires.forked()

    async def _attempt(self, call: Call[T], options: CallOptions, flight: Flight, note: Note | None = None) -> T:
        place = self.limiter.here()
        if queued := not place.take():
            await place.wait()
        try:
            if note is not None:
                note.placed(queued=queued)
            if self._pacer is not None:
                await self._pacer.turn(self.sleep if note is None else partial(note.pace, self.sleep))
            if self.closed:
                raise ClientClosedError
            further = None if note is None else note.start()
            flight.maybe_sent = call.unknown is _MAYBE
            status, headers, body = await self._send(call, options, further, place.loop.native())
            if note is not None:
                note.received(status, len(body))
        finally:
            place.release()
        return read_response(call, status, headers, body)

    async def _send(
        self, call: Call[Any], options: CallOptions, further: Mapping[str, str] | None, loop: object
    ) -> tuple[int, Mapping[str, str], bytes]:
        failure: Exception
        url = self.bases[call.product] + call.path
        wires = None if self._wires is None or self.door.wanted() else self._wires
        trace = _NO_TRACE if wires is not None else WriteTrace()
        try:
            if wires is not None:
                answer = await wires.here(loop).send(call.method, url, call.body, options.timeout, further)
                return answer.status, answer.headers, answer.body
            return await self._send_watched(call, url, options, trace, further)
        except WIRE_FAILURES as caught:
            failure = caught
        except Exception as caught:
            # Hooks, mocks, and transports of the application may raise any exception, before or after the send. An
            # AssertionError comes from a test, e.g. from a mock that does not expect this request.
            if wires is not None or isinstance(caught, EightByEightError | AssertionError):
                raise
            failure = caught
            if (answered := answer_in(caught)) is not None:
                return answered
        # Raised outside the except block: otherwise `__context__` would show the exception that `showable_cause` hides.
        if (refused := refused_answer(failure)) is not None:
            problem, status = refused
            raise UnexpectedResponseError(problem, status_code=status, sent=call.unknown)
        phases = wires is not None or self.door.unsent(trace)
        error = transport_error(failure, host=urlsplit(url).netloc, timeout=options.timeout, own=phases)
        if call.unknown is Sent.NO:
            error.sent = Sent.NO  # a look-up sends no message
        raise error from showable_cause(failure)

    async def _send_watched(
        self, call: Call[Any], url: str, options: CallOptions, trace: WriteTrace, further: Mapping[str, str] | None
    ) -> tuple[int, Mapping[str, str], bytes]:
        http = self.door.http
        headers = self._headers if call.body is None else self._body_headers
        if further is not None:
            headers = {**headers, **further}
        if (shortcut := mocked_shortcut(http, call.method)) is None:
            return await send_through(
                http,
                call.method,
                url,
                headers=headers,
                body=call.body,
                seconds=options.timeout,
                trace=trace if self.door.phases else None,
            )
        content = {} if call.body is None else {"content": call.body}
        response = await shortcut(url, headers=headers, timeout=options.timeout, follow_redirects=False, **content)
        return response.status_code, response.headers, response.content
