"""The pace of one sub-account, shared by all processes that send for it. They reserve turns in one database row.

Rules:
- A process reserves one turn for each waiting request, for at most 100 ms ahead, in one small statement. So three
  processes at 1,800 requests a second make about 30 statements a second, and turns that one process does not need are
  free for the others.
- Turns that are not used within 100 ms expire, so a process does not catch up after a pause. So in any second at most
  1.1 times the rate starts.
- A 429 halves the rate and sets a pause in that row, so it slows every process. Each second without a 429 adds a fifth
  of the full rate. A request that was sent before the last decrease does not cause another decrease.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from eightbyeight_async.bulk.run.adaptive_rate import DEFAULT_PAUSE
from eightbyeight_async.ledger.pace_row import PaceRow

if TYPE_CHECKING:
    from collections.abc import Callable

    from eightbyeight_async.bulk.store.records import Account
    from eightbyeight_async.ledger.pace_row import Question

__all__ = ["SharedPace"]

_TIMER = 0.02  # Seconds. Timers are a little late, so a turn may always be used this long after its start.
_SLICE = 0.1  # Seconds. A process reserves turns at most this far ahead, and may use a turn at most this late.


class SharedPace:
    """The turns of one process.

    Args:
        url: URL of the database.
        account: the account with this pace.
        top: the most requests a second of all processes together. The process that began last sets it.
        patience: seconds for which it tries to reconnect.
        clock: monotonic, in seconds.
        wall: the wall clock of a test; None: the database's clock.
    """

    def __init__(
        self,
        url: str,
        account: Account,
        top: float,
        *,
        patience: float,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] | None = None,
    ) -> None:
        self._row = PaceRow(
            url, f"{account.host} {account.subaccount_id}", top, patience=patience, clock=clock, wall=wall
        )
        self._clock = clock
        self._top = self._rate = top
        # for each turn: the earliest and the latest time to start its request
        self._turns: deque[tuple[float, float]] = deque()
        self._waiting = 0
        self._reserved_until = 0.0
        self._paused_until = 0.0
        # refusals that are not in the database yet: when the request was sent, and the pause in seconds
        self._refusals: list[tuple[float, float]] = []
        self._busy: anyio.Event | None = None  # set when the task that reserves turns is done; None: no task reserves
        self._question: Question | None = None  # the question whose answer no task has taken yet; None: there is none

    @property
    def rate(self) -> float:
        """The present limit in requests a second of all processes."""
        return self._rate

    def paused_for(self) -> float:
        """Seconds until the pause ends; 0 when there is none."""
        return max(0.0, self._paused_until - self._clock())

    def pause(self, seconds: float) -> None:
        """Pauses this process."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)

    def give_back(self) -> None:
        """Returns the last turn unused: its message is not sent after all."""
        self._turns.appendleft((self._clock(), self._clock() + _SLICE))

    def refused(self, sent_at: float, retry_after: float | None) -> None:
        """Notes a 429, which the next `turn` passes to the other processes.

        `sent_at`: when the refused request was sent. `retry_after`: seconds of the pause; None: `DEFAULT_PAUSE`.
        """
        wait = DEFAULT_PAUSE if retry_after is None else retry_after
        self.pause(wait)
        self._turns.clear()
        self._refusals.append((sent_at, wait))

    async def turn(self, halt: anyio.Event) -> bool:
        """Waits for the next moment to send; False: `halt` was set meanwhile, so do not send.

        Raises:
            LedgerError: the database cannot be used.
        """
        while not halt.is_set():
            if self._refusals:
                # also writes the refusals to the database, where the other processes read them
                await self._reserve(halt)
            if (paused := self.paused_for()) > 0:
                await self._sleep(paused, halt)
                continue
            turn = await self._next(halt)
            now = self._clock()
            if turn is None or now > turn[1]:
                continue
            if now < turn[0]:
                await self._sleep(turn[0] - now, halt)
                if self._clock() > max(turn[1], turn[0] + _TIMER):  # the process was stopped during the sleep
                    continue
            if self._paused_until <= self._clock():  # no 429 arrived during the sleep
                return not halt.is_set()
        return False

    async def _sleep(self, seconds: float, halt: anyio.Event) -> None:
        """Waits for `seconds`, or until `halt` is set."""
        with anyio.move_on_after(seconds):
            await halt.wait()

    async def _next(self, halt: anyio.Event) -> tuple[float, float] | None:
        """Returns the earliest and the latest time to use the next turn; None: a turn may be available now."""
        if self._turns:
            return self._turns.popleft()
        self._waiting += 1
        try:
            await self._reserve(halt)
            return self._turns.popleft() if self._turns else None
        finally:
            self._waiting -= 1

    async def _reserve(self, halt: anyio.Event) -> None:
        """Reserves the next slice. One task does this, and the other tasks wait for it."""
        if self._busy is not None:
            await self._busy.wait()
            return
        busy = self._busy = anyio.Event()
        try:
            question = self._question
            if question is not None and question.done.is_set() and question.error is not None:
                self._forget(question)  # The task that asked was cancelled, and this error is an old one.
            if self._question is None:
                # Other tasks that begin to wait during this sleep share the statement. Half a slice is left for the
                # answer to arrive.
                early = self._reserved_until - _SLICE / 2 - self._clock()
                if early > 0 and not self._refusals:
                    await self._sleep(early, halt)
                refusals, self._refusals = self._refusals, []
                turns = max(1, min(self._waiting, int(self._rate * _SLICE)))
                self._question = self._row.begin(turns, refusals)
            question = self._question
            await question.done.wait()
            if question.error is not None:
                self._forget(question)
                raise question.error
            self._question = None
            self._take(question)
        finally:
            self._busy = None
            busy.set()

    def _forget(self, question: Question) -> None:
        """Drops a failed question. The next question reports its refusals."""
        self._question = None
        self._refusals = question.refusals + self._refusals

    def _take(self, question: Question) -> None:
        """Adds the turns of an answer."""
        assert question.answer is not None  # noqa: S101 - for type checkers
        ahead, rate, paused = question.answer
        now = question.answered
        self._rate = rate
        if paused > 0:
            self._paused_until = max(self._paused_until, now + paused)
        # A turn is never used before its time, and not long after it, even if the answer was slow. The first turn is
        # always valid: otherwise nothing would be sent while each answer takes longer than that.
        late = min(_SLICE, max(0.0, question.asked + _SLICE - now))
        starts = [now + ahead + number / rate for number in range(question.turns)]
        self._turns.extend((start, start + (late if number else _SLICE)) for number, start in enumerate(starts))
        self._reserved_until = starts[-1] + 1 / rate

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._row.close)
