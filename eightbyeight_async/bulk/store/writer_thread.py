"""The thread that writes the store, and how the event loop talks to it.

Rules:
- The thread works on one group of requests at a time. Requests that arrive meanwhile form the next group, which is the
  next transaction (group commit without a timer). So not every request wakes the thread.
- The loop owns the state, and the thread only writes. A request is answered after its commit.
- In a transaction, results are written before claims, because a message released after a 429 is claimed again. Only
  results of the transaction's own claims are written after the claims.
- After the first failure every later request gets the same error, and nothing is written. After a passing failure only
  that group's requests get the error; the group's results are written with the next group, or after a second.
- The thread ends with the campaign's block.
"""

from __future__ import annotations

import queue
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, cast

import anyio

from eightbyeight_async.bulk.errors import JournalError, named
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.records import Result
from eightbyeight_async.bulk.store.writer_requests import (
    ClaimsRequest,
    Request,
    ResultsRequest,
    StopRequest,
    Ticket,
    WorkRequest,
    this_loop,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eightbyeight_async.bulk.store.interface import Store
    from eightbyeight_async.bulk.store.records import Claim, Claimed

__all__ = ["Writer"]

T = TypeVar("T")

_NOT_OPEN = "the campaign is not open: use it in an async with block"


class Writer:
    """Runs a store in a thread of its own.

    Args:
        open_store: makes the store; called in the thread.
        most_pending: how many results may wait for their commit.
        name: of the store, for its errors.

    Attributes:
        failure: the first error of the store; None: it works.
        unwritten: results that came after the failure.
        pending: number of results not yet committed.
        kept: results that a passing failure left unwritten.
    """

    def __init__(self, open_store: Callable[[], Store], *, most_pending: int, name: str) -> None:
        self.failure: JournalError | None = None
        self.unwritten: list[Result] = []
        self.pending: int = 0
        self.kept: list[Result] = []
        self._open_store = open_store
        self._most_pending = most_pending
        self._name = name
        self._next: list[Request] = []  # requests that are not handed to the thread yet
        self._busy = False  # whether the thread has a group, or is about to get one
        self._groups: queue.SimpleQueue[list[Request]] = queue.SimpleQueue()
        self._room = anyio.Event()
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Starts the thread, which opens the store.

        Raises:
            JournalError: the store cannot be opened.
        """
        self._loop = this_loop()
        opened: Ticket[None] = Ticket(self._loop.event())
        self._thread = threading.Thread(target=self._run, args=(opened,), name="eightbyeight-journal", daemon=True)
        self._thread.start()
        with anyio.CancelScope(shield=True):  # otherwise the thread would continue to run after a cancelled start
            await opened.done.wait()
            if opened.error is not None:
                self._thread.join()
                self._thread = None
                raise opened.error

    async def close(self) -> None:
        """Writes what is queued, closes the store and ends the thread. A second call does nothing."""
        if self._thread is None:
            return
        stop = StopRequest(self._loop.event())
        self._add(stop)
        with anyio.CancelScope(shield=True):
            await stop.ticket.done.wait()
        self._thread.join()
        self._thread = None
        self._end_late()

    def _end_late(self) -> None:
        """Ends the requests that arrived after the stop. Otherwise their callers would wait for ever."""
        late, self._next = self._next, []
        while not self._groups.empty():
            late = [*self._groups.get(), *late]
        for request in late:
            if isinstance(request, ResultsRequest):
                self.unwritten.extend(request.results)
            if request.ticket is not None:
                request.ticket.error = RuntimeError(_NOT_OPEN)
                request.ticket.done.set()

    async def claim(self, claims: Sequence[Claim]) -> list[Claimed]:
        """Claims messages; returns after the commit. If it is cancelled, the claims are released or were never made."""
        self._check()
        request = ClaimsRequest(claims, self._loop.event())
        self._add(request)
        try:
            return await request.ticket.answer()
        except anyio.get_cancelled_exc_class():
            request.ticket.abandoned = True
            self.record([Result(claim.id, claim.identity.key, claim.place, State.NOT_SENT) for claim in claims])
            raise

    def record(self, results: Sequence[Result]) -> None:
        """Queues results. It never waits, so a cancelled task can call it, too. `room` limits the queue."""
        if self.failure is not None or self._thread is None:
            self.unwritten.extend(results)
            return
        self.pending += len(results)
        self._add(ResultsRequest(results))

    async def settle(self, results: Sequence[Result]) -> None:
        """Writes results; returns after the commit."""
        self._check()
        self.pending += len(results)
        request = ResultsRequest(results, self._loop.event())
        self._add(request)
        if request.ticket is not None:
            await request.ticket.answer()

    @property
    def full(self) -> bool:
        """Whether the number of uncommitted results has reached its limit; then `room` waits."""
        return self.pending >= self._most_pending and self.failure is None

    async def room(self) -> None:
        """Waits while the number of uncommitted results is at its limit."""
        while self.full:
            await self._room.wait()

    async def do(self, work: Callable[[Store], T], *, writes: bool = False) -> T:
        """Runs `work` in the thread. With `writes` it runs in a transaction, and this returns after the commit."""
        self._check()
        request = WorkRequest(work, self._loop.event(), writes=writes)
        self._add(request)
        return cast("T", await request.ticket.answer())

    def _add(self, request: Request) -> None:
        self._next.append(request)
        if not self._busy:
            self._busy = True
            try:
                self._loop.soon(self._hand_over)  # later, together with requests that other tasks make in this turn
            except RuntimeError:  # The loop is closed, and Python finalizes one of its tasks.
                self._hand_over()

    def _hand_over(self) -> None:
        self._busy = bool(self._next)
        if self._next:
            self._groups.put(self._next)
            self._next = []

    def _check(self) -> None:
        if self.failure is not None:
            raise type(self.failure)(self.failure.reason, journal=self._name)
        if self._thread is None:
            raise RuntimeError(_NOT_OPEN)

    # In the thread

    def _run(self, opened: Ticket[None]) -> None:
        try:
            with named(self._name):
                store = self._open_store()
        except BaseException as error:  # noqa: BLE001 - raised by start()
            opened.error = error
            self._tell(opened.done.set)
            return
        self._tell(opened.done.set)
        failure: JournalError | None = None
        while True:
            try:
                group = self._groups.get(timeout=1.0 if self.kept else None)
            except queue.Empty:
                group = []
            if failure is None:
                failure = self._settle(store, group)
            else:
                self._tell(self._failed, failure, group)
            stop = next((request for request in group if isinstance(request, StopRequest)), None)
            if stop is not None:
                store.close()
                self._tell(stop.ticket.done.set)
                return
            del group  # frees 10,000 claims and results while the thread waits for the next group

    def _settle(self, store: Store, group: list[Any]) -> JournalError | None:
        requests = [request for request in group if isinstance(request, ClaimsRequest) and not request.ticket.abandoned]
        claims = [claim for request in requests for claim in request.claims]
        results = [result for request in group if isinstance(request, ResultsRequest) for result in request.results]
        results = self.kept + results if self.kept else results
        works = [request for request in group if isinstance(request, WorkRequest)]
        answers: list[Claimed] = []

        def write() -> list[Claimed]:
            own = {claim.id for claim in claims}
            early = [result for result in results if result.id not in own]
            if early:
                store.record(early)
            granted = store.claim(claims) if claims else []
            if len(early) < len(results):
                store.record([result for result in results if result.id in own])
            for work in works:
                if work.writes:
                    work.ticket.value = work.work(store)
            return granted

        try:
            if claims or results or any(work.writes for work in works):
                answers = store.transact(write)
            for work in works:
                if not work.writes:
                    work.ticket.value = work.work(store)
        except Exception as error:  # noqa: BLE001 - told to everybody who waits
            failure = store.failure(error)
            failure.journal = self._name
            failure.__cause__ = error if error is not failure else failure.__cause__
            if failure.passing:
                # A claim may be committed although its caller got no answer. If so, this releases it.
                gone = [Result(claim.id, claim.identity.key, claim.place, State.NOT_SENT) for claim in claims]
                self.kept = results + gone
                self._tell(self._not_now, failure, group, len(gone))
                return None
            self._tell(self._failed, failure, group)
            return failure
        self.kept = []
        start = 0
        for request in requests:
            request.ticket.value = answers[start : start + len(request.claims)]
            start += len(request.claims)
        waits = [request for request in group if isinstance(request, ResultsRequest) and request.ticket is not None]
        self._tell(self._done, [*requests, *works, *waits], len(results))
        return None

    def _tell(self, act: Callable[..., object], *arguments: object) -> None:
        with suppress(RuntimeError):  # the loop is closed: no caller waits for the answer
            self._loop.soon_from_thread(lambda: act(*arguments))

    # In the loop

    def _done(self, requests: list[ClaimsRequest | WorkRequest | ResultsRequest], results: int) -> None:
        self._hand_over()
        for request in requests:
            if request.ticket is not None:
                request.ticket.done.set()
        self._written(results)

    def _not_now(self, failure: JournalError, group: list[Request], released: int) -> None:
        self._hand_over()
        self.pending += released
        for request in group:
            if not isinstance(request, StopRequest) and request.ticket is not None:
                request.ticket.error = type(failure)(failure.reason, journal=self._name)
                request.ticket.done.set()

    def _failed(self, failure: JournalError, group: list[Request]) -> None:
        """Ends the requests of the group and all waiting ones. When `failure` is set, `unwritten` lacks no result."""
        self.failure = self.failure or failure
        waiting, self._next = self._next, []
        results = len(self.kept)
        self.unwritten.extend(self.kept)
        self.kept = []
        for request in (*group, *waiting):
            if isinstance(request, ResultsRequest):
                self.unwritten.extend(request.results)
                results += len(request.results)
            if not isinstance(request, StopRequest) and request.ticket is not None:
                request.ticket.error = type(failure)(failure.reason, journal=self._name)
                request.ticket.done.set()
        self._next = [request for request in waiting if isinstance(request, StopRequest)]  # the thread must still end
        self._hand_over()
        self._written(results)

    def _written(self, results: int) -> None:
        if results:
            self.pending -= results
            self._room.set()
            self._room = anyio.Event()
