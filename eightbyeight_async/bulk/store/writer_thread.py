"""The one thread that touches the journal, and how the event loop talks to it.

Rules:
- group commit without a timer: whatever queued up while one transaction was committed is the next one;
- the loop owns the state, the thread only writes; an answer reaches the loop after its commit, never before;
- within a group results go before claims, because a message that a 429 sent back is released and claimed again; only
  a result of one of the group's own claims goes after them;
- the first failure is the last word: from then on every question is answered with it, and nothing is written;
- the thread ends with the block, whatever happened.
"""

from __future__ import annotations

import asyncio
import queue
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import anyio

from eightbyeight_async.bulk.errors import JournalError
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.journal_file import problem
from eightbyeight_async.bulk.store.records import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eightbyeight_async.bulk.store.journal import Journal
    from eightbyeight_async.bulk.store.records import Claim, Claimed

__all__ = ["Writer"]

T = TypeVar("T")


class _Ticket(Generic[T]):
    """A question on its way. `abandoned`: who asked was cancelled and wants nothing done any more."""

    __slots__ = ("abandoned", "done", "error", "value")

    def __init__(self) -> None:
        self.done = anyio.Event()
        self.value: T | None = None
        self.error: BaseException | None = None
        self.abandoned = False

    async def answer(self) -> T:
        await self.done.wait()
        if self.error is not None:
            raise self.error
        return cast("T", self.value)


class _Claims:
    __slots__ = ("claims", "ticket")

    def __init__(self, claims: Sequence[Claim]) -> None:
        self.claims = claims
        self.ticket: _Ticket[list[Claimed]] = _Ticket()


class _Results:
    __slots__ = ("results",)

    def __init__(self, results: Sequence[Result]) -> None:
        self.results = results


class _Work:
    """Anything else. `writes`: inside the group's transaction; else after it."""

    __slots__ = ("ticket", "work", "writes")

    def __init__(self, work: Callable[[Journal], Any], *, writes: bool) -> None:
        self.work = work
        self.writes = writes
        self.ticket: _Ticket[Any] = _Ticket()


class _Stop:
    def __init__(self) -> None:
        self.ticket: _Ticket[None] = _Ticket()


class Writer:
    """`open` runs in the thread and gives the journal.

    Attributes:
        failure: why nothing is written any more; None while all is well.
        unwritten: results that came too late for it.
        pending: results not yet committed.
        commits: groups committed.
    """

    def __init__(self, open_journal: Callable[[], Journal], *, most_pending: int) -> None:
        self.failure: JournalError | None = None
        self.unwritten: list[Result] = []
        self.pending = 0
        self.commits = 0
        self._open_journal = open_journal
        self._most_pending = most_pending
        self._queue: queue.SimpleQueue[_Claims | _Results | _Work | _Stop] = queue.SimpleQueue()
        self._room = anyio.Event()
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Raises JournalError: it cannot be opened."""
        self._call_soon = _call_soon()
        opened: _Ticket[None] = _Ticket()
        self._thread = threading.Thread(target=self._run, args=(opened,), name="eightbyeight-journal", daemon=True)
        self._thread.start()
        with anyio.CancelScope(shield=True):  # else the thread would outlive a cancelled start
            await opened.done.wait()
            if opened.error is not None:
                self._thread.join()
                self._thread = None
                raise opened.error

    async def close(self) -> None:
        """Writes what is queued, closes the journal, ends the thread. Twice is fine."""
        if self._thread is None:
            return
        stop = _Stop()
        self._queue.put(stop)
        with anyio.CancelScope(shield=True):
            await stop.ticket.done.wait()
        self._thread.join()
        self._thread = None

    async def claim(self, claims: Sequence[Claim]) -> list[Claimed]:
        """Returns when the claims are committed. Cancelled: they are released, or were never made."""
        self._check()
        order = _Claims(claims)
        self._queue.put(order)
        try:
            return await order.ticket.answer()
        except anyio.get_cancelled_exc_class():
            order.ticket.abandoned = True
            self.record([Result(claim.id, claim.key, claim.place, State.NOT_SENT) for claim in claims])
            raise

    def record(self, results: Sequence[Result]) -> None:
        """Queues results; never waits, so that it works in a cancelled task, too. `room` keeps the bound."""
        if self.failure is not None or self._thread is None:
            self.unwritten.extend(results)
            return
        self.pending += len(results)
        self._queue.put(_Results(results))

    async def room(self) -> None:
        """Waits while more results than allowed are not yet committed."""
        while self.pending >= self._most_pending and self.failure is None:
            await self._room.wait()

    async def do(self, work: Callable[[Journal], T], *, writes: bool = False) -> T:
        """Runs `work` in the thread; one that writes returns after its commit."""
        self._check()
        order = _Work(work, writes=writes)
        self._queue.put(order)
        return cast("T", await order.ticket.answer())

    def _check(self) -> None:
        if self.failure is not None:
            raise JournalError(self.failure.reason)
        if self._thread is None:
            raise RuntimeError("the campaign is not open: use it in an async with block")

    # In the thread

    def _run(self, opened: _Ticket[None]) -> None:
        try:
            journal = self._open_journal()
        except BaseException as error:  # noqa: BLE001 - raised by start()
            opened.error = error
            self._tell(opened.done.set)
            return
        self._tell(opened.done.set)
        failure: JournalError | None = None
        while True:
            group = [self._queue.get()]
            with suppress(queue.Empty):
                while True:
                    group.append(self._queue.get_nowait())
            if failure is None:
                failure = self._settle(journal, group)
            else:
                self._tell(self._failed, failure, group)
            for order in group:
                if isinstance(order, _Stop):
                    journal.close()
                    self._tell(order.ticket.done.set)
                    return

    def _settle(self, journal: Journal, group: list[Any]) -> JournalError | None:
        orders = [order for order in group if isinstance(order, _Claims) and not order.ticket.abandoned]
        claims = [claim for order in orders for claim in order.claims]
        results = [result for order in group if isinstance(order, _Results) for result in order.results]
        works = [order for order in group if isinstance(order, _Work)]
        answers: list[Claimed] = []
        try:
            if claims or results or any(work.writes for work in works):
                with journal.transaction():
                    own = {claim.id for claim in claims}
                    early = [result for result in results if result.id not in own]
                    if early:
                        journal.record(early)
                    if claims:
                        answers = journal.claim(claims)
                    if len(early) < len(results):
                        journal.record([result for result in results if result.id in own])
                    for work in works:
                        if work.writes:
                            work.ticket.value = work.work(journal)
                journal.check_files()
                # Before anybody is told. A claim that was not made has no row, so it must not be marked.
                made = [claim.id for claim, answer in zip(claims, answers, strict=True) if answer.state is None]
                if made:
                    journal.mark(max(made))
            for work in works:
                if not work.writes:
                    work.ticket.value = work.work(journal)
        except Exception as error:  # noqa: BLE001 - told to everybody who waits
            failure = problem(error, "cannot be written")
            failure.__cause__ = error if error is not failure else failure.__cause__
            self._tell(self._failed, failure, group)
            return failure
        start = 0
        for order in orders:
            order.ticket.value = answers[start : start + len(order.claims)]
            start += len(order.claims)
        self._tell(self._done, orders, works, len(results))
        return None

    def _tell(self, act: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: nobody listens
            self._call_soon(lambda: act(*arguments))

    # In the loop

    def _done(self, orders: list[_Claims], works: list[_Work], results: int) -> None:
        self.commits += 1
        for order in orders:
            order.ticket.done.set()
        for work in works:
            work.ticket.done.set()
        self._written(results)

    def _failed(self, failure: JournalError, group: list[Any]) -> None:
        self.failure = self.failure or failure
        results = 0
        for order in group:
            if isinstance(order, _Results):
                self.unwritten.extend(order.results)
                results += len(order.results)
            elif not isinstance(order, _Stop):
                order.ticket.error = JournalError(failure.reason)
                order.ticket.done.set()
        self._written(results)

    def _written(self, results: int) -> None:
        if results:
            self.pending -= results
            self._room.set()
            self._room = anyio.Event()


def _call_soon() -> Callable[[Callable[[], object]], object]:
    """How another thread gets something run in this loop, asyncio's or trio's."""
    if "trio" in sys.modules:
        import trio  # noqa: PLC0415 - only where it runs already

        with suppress(RuntimeError):  # imported, but this loop is asyncio's
            return trio.lowlevel.current_trio_token().run_sync_soon
    return asyncio.get_running_loop().call_soon_threadsafe
