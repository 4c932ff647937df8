"""Calls the hooks of a client with the events of its attempts and waits.

Rules:
- A client without hooks has no `Watch`, and does not import this file.
- Hooks are called in the task of the call. So they run in that event loop, in the order of the attempts.
- An exception of a hook is logged, with its class and line only, because its text and its locals could contain
  anything. The call continues. Only a BaseException that is not an `Exception`, e.g. KeyboardInterrupt, leaves the
  call.
- No hook runs if the event loop stopped during the call (GeneratorExit): the garbage collector may be the caller.
"""

from __future__ import annotations

import inspect
import logging
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast
from urllib.parse import urlsplit

import anyio

from eightbyeight_async.calls.call import BatchCall, Call
from eightbyeight_async.calls.operation_names import operation_of
from eightbyeight_async.errors import EightByEightError, Sent
from eightbyeight_async.events import AttemptEvent, WaitEvent, WaitReason
from eightbyeight_async.hosts import Product

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from eightbyeight_async.download import Downloader
    from eightbyeight_async.settings import CallOptions

__all__ = ["Note", "Span", "Tracer", "Watch"]

T = TypeVar("T")
R = TypeVar("R")
F = TypeVar("F", bound="Flight")

_log = logging.getLogger("eightbyeight_async")


class Flight(Protocol):
    """The attributes of a call in progress that are used here; see `exchange`."""

    @property
    def attempts(self) -> int: ...

    @property
    def out_of_time(self) -> bool: ...


class Span(Protocol):
    """The span that a `Tracer` makes for an attempt."""

    def headers(self) -> Mapping[str, str] | None:
        """Returns headers to add to the request; None for none."""

    def end(self, event: AttemptEvent) -> None: ...


class Tracer(Protocol):
    """The tracer that `telemetry` gives to a `Watch`."""

    def start(self, operation: str, subaccount_id: str, url: str, batch_size: int | None) -> Span:
        """Called when the transport gets an attempt, or when the attempt ends before that."""

    def waited(self, event: WaitEvent) -> None: ...


class Watch:
    """The hooks of a client.

    Args:
        on_attempt: called with the event of each attempt; None for no hook.
        on_wait: called with the event of each wait; None for no hook.
        clock: returns monotonic seconds.

    Attributes:
        tracer: the tracer of `telemetry`; None for no tracer.
    """

    def __init__(
        self,
        on_attempt: Callable[[AttemptEvent], object] | None = None,
        on_wait: Callable[[WaitEvent], object] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_attempt = on_attempt
        self._on_wait = on_wait
        self.clock = clock
        self.tracer: Tracer | None = None

    @property
    def idle(self) -> bool:
        """True if there is no hook and no tracer."""
        return self._on_attempt is None and self._on_wait is None and self.tracer is None

    async def attempt(
        self,
        make: Callable[[Call[T], CallOptions, F, Note], Awaitable[T]],
        call: Call[T],
        options: CallOptions,
        flight: F,
        url: str,
    ) -> T:
        """Make an attempt and report how it ended. `url`: the base URL that it goes to."""
        operation, umid = operation_of(call)
        note = Note(self, operation, umid, call, options, flight.attempts, url)
        found, error = await _outcome(make(call, options, flight, note))
        if error is not None:
            note.failed(error, out_of_time=flight.out_of_time)
            raise error
        note.succeeded(found)
        return cast("T", found)

    async def pause(
        self,
        sleep: Callable[[float], Awaitable[None]],
        seconds: float,
        call: Call[Any],
        options: CallOptions,
        attempt: int,
    ) -> None:
        """Wait before attempt number `attempt`, and report the wait."""
        operation, _ = operation_of(call)
        began = self.clock()
        _, error = await _outcome(sleep(seconds))
        if seconds > 0:
            self.waited(operation, options, attempt, "retry", self.clock() - began)
        if error is not None:
            raise error

    async def download(
        self, downloader: Downloader, link: str, write: Callable[[bytes], object], options: CallOptions
    ) -> None:
        """Download a file and report it. The link may lead to another company's host, so no header is added."""
        call: Call[None] = Call(
            product=Product.SMS, method="GET", path="", body=None, response_class=None, unknown=Sent.NO
        )
        note = Note(self, "sms.download_log_file", None, call, options, 1, _origin(link))

        def count(piece: bytes) -> None:
            note.received(200, len(piece))
            write(piece)

        note.start()
        _, error = await _outcome(downloader.fetch(link, count, patience=options.timeout))
        if error is not None:
            note.failed(error, out_of_time=False)
            raise error
        note.received(200, 0)
        note.succeeded(None)

    def ended(self, event: AttemptEvent, span: Span | None) -> None:
        """Report the end of an attempt. The hook runs inside its span, so that its log lines can name the trace."""
        try:
            self.guard("on_attempt", self._on_attempt, event)
        finally:
            if span is not None:
                self.guard("telemetry", span.end, event)

    def waited(self, operation: str, options: CallOptions, attempt: int, reason: WaitReason, seconds: float) -> None:
        """Report a wait."""
        event = WaitEvent(
            operation=operation,
            subaccount_id=options.subaccount_id,
            attempt=attempt,
            reason=reason,
            seconds=seconds,
        )
        self.guard("on_wait", self._on_wait, event)
        if (tracer := self.tracer) is not None:  # another thread may end the instrumentation meanwhile
            self.guard("telemetry", tracer.waited, event)

    def guard(self, name: str, hook: Callable[..., R] | None, *args: object) -> R | None:
        """Call a hook. None if it raises."""
        if hook is None:
            return None
        try:
            found = hook(*args)
        except Exception as error:  # noqa: BLE001 - it is the application's code
            _log.error("%s raised %s; the call is not affected", name, _shown(error))
            return None
        if inspect.iscoroutine(found):
            found.close()
            _log.error("%s returned a coroutine, which is not run: it must be a plain function", name)
        return found


class Note:
    """Collects what is known about an attempt until it ends.

    Args:
        watch: gets the event.
        operation, umid: the operation, and the message that it is about.
        call, options: those of the attempt.
        attempt: number of the attempt.
        url: scheme and host that it goes to, perhaps with port and path.
    """

    def __init__(
        self,
        watch: Watch,
        operation: str,
        umid: str | None,
        call: Call[Any],
        options: CallOptions,
        attempt: int,
        url: str,
    ) -> None:
        self._watch = watch
        self._operation = operation
        self._umid = umid
        self._batch_size = call.batch_size if isinstance(call, BatchCall) else None
        self._call = call
        self._options = options
        self._attempt = attempt
        self._url = url
        self._began = watch.clock()
        self._placed = False
        self._queued = 0.0
        self._paced = 0.0
        self._started: float | None = None
        self._span: Span | None = None
        self._status: int | None = None
        self._received = 0

    def placed(self, *, queued: bool) -> None:
        """Notes that the attempt has its place under `max_concurrency`. `queued`: whether it had to wait for it."""
        self._placed = True
        if queued:
            self._tell_queued()

    async def pace(self, sleep: Callable[[float], Awaitable[object]], seconds: float) -> None:
        """Wait for its turn under `max_rate`; a turn can take several waits."""
        began = self._watch.clock()
        try:
            await sleep(seconds)
        finally:
            self._paced += self._watch.clock() - began

    def start(self) -> Mapping[str, str] | None:
        """Notes that the transport gets the request. Returns further headers."""
        self._tell_paced()
        self._trace()
        headers = None if self._span is None else self._watch.guard("telemetry", self._span.headers)
        self._started = self._watch.clock()
        return headers

    def received(self, status: int, size: int) -> None:
        """Notes that `size` more bytes of the answer arrived."""
        self._status = status
        self._received += size

    def succeeded(self, found: object) -> None:
        self._end(None, None, None, getattr(found, "umid", None))

    def failed(self, error: BaseException, *, out_of_time: bool) -> None:
        cancelled = isinstance(error, anyio.get_cancelled_exc_class())
        if self._started is None:
            if cancelled and not self._placed:
                self._tell_queued()
            self._tell_paced()
            self._trace()
        name = type(error).__name__
        if cancelled:
            name = "TransportTimeoutError" if out_of_time else "CancelledError"
        if not isinstance(error, EightByEightError):
            self._end(name, Sent.NO if self._started is None else self._call.unknown, None, None)
            return
        self._status = getattr(error, "status_code", self._status)
        self._end(name, error.sent, getattr(error, "code", None), None)

    def _end(self, error: str | None, sent: Sent | None, code: int | None, umid: str | None) -> None:
        started = self._started
        seconds = 0.0 if started is None else self._watch.clock() - started
        event = AttemptEvent(
            operation=self._operation,
            subaccount_id=self._options.subaccount_id,
            attempt=self._attempt,
            status=self._status,
            code=code,
            error=error,
            sent=sent,
            waited=self._queued + self._paced,
            on_wire=seconds,
            request_bytes=0 if started is None else len(self._call.body or b""),
            response_bytes=self._received,
            umid=_shown_id(umid or self._umid),
            batch_size=self._batch_size,
        )
        self._watch.ended(event, self._span)

    def _trace(self) -> None:
        if (tracer := self._watch.tracer) is not None:
            about = self._operation, self._options.subaccount_id, self._url, self._batch_size
            self._span = self._watch.guard("telemetry", tracer.start, *about)

    def _tell_queued(self) -> None:
        self._queued = self._watch.clock() - self._began
        self._watch.waited(self._operation, self._options, self._attempt, "limiter", self._queued)

    def _tell_paced(self) -> None:
        if self._paced > 0:
            self._watch.waited(self._operation, self._options, self._attempt, "pace", self._paced)


async def _outcome(work: Awaitable[T]) -> tuple[T | None, BaseException | None]:
    """Returns the result or the exception. So no hook runs in an except block: there it could log its frames."""
    try:
        return await work, None
    except GeneratorExit:
        raise
    except BaseException as error:  # noqa: BLE001 - raised again after the hooks
        return None, error


def _origin(link: str) -> str:
    """Scheme and host of a link, without the token in its path; empty if it is not a link."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def _shown_id(umid: str | None) -> str | None:
    """Returns the id; None if it has only digits: then it may be a phone number that was passed by mistake."""
    return None if umid is None or umid.isdigit() else umid


def _shown(error: Exception) -> str:
    """Class of an exception, and the line of the hook that raised it."""
    place = error.__traceback__ and error.__traceback__.tb_next
    if place is None:
        return type(error).__name__
    return f"{type(error).__name__} (line {place.tb_lineno} of {place.tb_frame.f_code.co_filename})"
