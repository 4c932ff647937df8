"""Requests to the thread that writes the store, and the calls of an event loop with which they are answered.

The callers run on asyncio or trio. The thread answers a request with a call into the caller's loop.
"""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, Protocol, TypeAlias, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from eightbyeight_async.bulk.store.interface import Store
    from eightbyeight_async.bulk.store.records import Claim, Claimed, Result

__all__ = [
    "ClaimsRequest",
    "Event",
    "Loop",
    "Request",
    "ResultsRequest",
    "StopRequest",
    "Ticket",
    "WorkRequest",
    "this_loop",
]

T = TypeVar("T")


class Event(Protocol):
    def set(self) -> None: ...
    def wait(self) -> Awaitable[Any]: ...


class _FutureEvent:
    """An event that one task of an asyncio loop waits for, once. anyio's event looks up the loop three times: 8 us."""

    __slots__ = ("_future",)

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._future: asyncio.Future[None] = loop.create_future()

    def set(self) -> None:
        if not self._future.done():  # cancelled: its task no longer waits
            self._future.set_result(None)

    def wait(self) -> Awaitable[None]:
        return self._future


class Ticket(Generic[T]):
    """A request to the thread and its answer. `abandoned`: the caller was cancelled, so nothing needs to be done."""

    __slots__ = ("abandoned", "done", "error", "value")

    def __init__(self, done: Event) -> None:
        self.done: Event = done
        self.value: T | None = None
        self.error: BaseException | None = None
        self.abandoned: bool = False

    async def answer(self) -> T:
        await self.done.wait()
        if self.error is not None:
            raise self.error
        return cast("T", self.value)


class ClaimsRequest:
    __slots__ = ("claims", "ticket")

    def __init__(self, claims: Sequence[Claim], done: Event) -> None:
        self.claims: Sequence[Claim] = claims
        self.ticket: Ticket[list[Claimed]] = Ticket(done)


class ResultsRequest:
    """Results to write. `ticket`: the caller that waits for the commit; None: no caller waits."""

    __slots__ = ("results", "ticket")

    def __init__(self, results: Sequence[Result], done: Event | None = None) -> None:
        self.results: Sequence[Result] = results
        self.ticket: Ticket[None] | None = None if done is None else Ticket(done)


class WorkRequest:
    """Any other request. `writes`: whether it runs inside the transaction; if not, it runs after the transaction."""

    __slots__ = ("ticket", "work", "writes")

    def __init__(self, work: Callable[[Store], Any], done: Event, *, writes: bool) -> None:
        self.work: Callable[[Store], Any] = work
        self.writes: bool = writes
        self.ticket: Ticket[Any] = Ticket(done)


class StopRequest:
    def __init__(self, done: Event) -> None:
        self.ticket: Ticket[None] = Ticket(done)


Request: TypeAlias = ClaimsRequest | ResultsRequest | WorkRequest | StopRequest


class Loop(NamedTuple):
    """A running loop, asyncio's or trio's.

    Attributes:
        soon: runs a function in the next turn of the loop.
        soon_from_thread: the same from any thread.
        event: makes an event.
    """

    soon: Callable[[Callable[[], object]], object]
    soon_from_thread: Callable[[Callable[[], object]], object]
    event: Callable[[], Event]


def this_loop() -> Loop:
    if "trio" in sys.modules:
        import trio  # noqa: PLC0415 - only where it runs already

        with suppress(RuntimeError):  # trio is imported, but this loop is asyncio's
            soon = trio.lowlevel.current_trio_token().run_sync_soon
            return Loop(soon, soon, trio.Event)
    loop = asyncio.get_running_loop()
    return Loop(loop.call_soon, loop.call_soon_threadsafe, partial(_FutureEvent, loop))
