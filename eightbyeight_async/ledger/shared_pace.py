"""The pace of one sub-account, shared by all processes that send for it: turns are reserved from one row.

Rules:
- A process reserves as many turns as wait in it, at most 100 ms' worth, in one small statement. So three processes at
  1,800 a second make about 30 statements a second, and what one does not use goes to the others.
- Turns that were not used within 100 ms are void: a process that was stopped does not make up for it. So in any second
  at most 1.1 times the rate starts.
- A 429 halves the rate and sets a pause in that row, so it slows every process. Each second without one adds a fifth of
  the full rate. A request that was sent before the last decrease does not cause another one.
- The row is not synced to the disk: after a crash of the database the pace begins anew.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

import anyio
from anyio import to_thread

from eightbyeight_async.bulk.run.adaptive_rate import DEFAULT_PAUSE
from eightbyeight_async.ledger.connection import Connection
from eightbyeight_async.ledger.read_ledger import NOW
from eightbyeight_async.ledger.schema import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from eightbyeight_async.bulk.store.records import Account

__all__ = ["SharedPace"]

_SLICE = 0.1  # seconds; how far ahead a process reserves, and how late a turn may be used
_OPEN = f"""
INSERT INTO eightbyeight.pace AS p (account, top, rate, next, paused, lowered, changed)
VALUES (%(account)s, %(top)s, %(top)s, 0, 0, 0, {NOW})
ON CONFLICT (account) DO UPDATE SET top=excluded.top, rate=least(p.rate, excluded.top)
"""
_RATE = f"least(p.top, p.rate + p.top / 5 * greatest(0, {NOW} - greatest(p.changed, p.paused)))"
_RESERVE = f"""
UPDATE eightbyeight.pace AS p
SET rate={_RATE}, changed={NOW}, next=greatest(p.next, p.paused, {NOW}) + %(turns)s / {_RATE}
WHERE account=%(account)s RETURNING next - %(turns)s / rate - {NOW}, rate, paused - {NOW}
"""
_REFUSED = f"""
UPDATE eightbyeight.pace AS p
SET rate=CASE WHEN {NOW} - %(age)s > p.lowered THEN greatest(p.top / 20, {_RATE} / 2) ELSE p.rate END,
    lowered=CASE WHEN {NOW} - %(age)s > p.lowered THEN {NOW} ELSE p.lowered END,
    changed={NOW}, paused=greatest(p.paused, {NOW} + %(wait)s)
WHERE account=%(account)s
"""


class SharedPace:
    """The turns of one process.

    Args:
        url: of the database.
        account: whose pace it is.
        top: requests a second of all processes together, at most. The process that began last decides.
        patience: seconds for which a lost connection is made again.
        clock: monotonic, in seconds.
        wall: the wall clock of a test; None: the database's.
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
        self._wall = wall
        self._db = Connection(url, patience, durable=False)
        self._account = f"{account.host} {account.subaccount_id}"
        self._clock = clock
        self._top = self._rate = top
        self._turns: deque[tuple[float, float]] = deque()  # from when to when a request may start
        self._waiting = 0
        self._reserved_until = 0.0
        self._paused_until = 0.0
        self._refusals: list[tuple[float, float]] = []  # sent when, wait: not yet in the database
        self._opened = False
        self._busy: anyio.Event | None = None  # a reservation is under way
        self._thread = anyio.CapacityLimiter(1)

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
        """Returns an unused turn: the message of the last one is not sent after all."""
        self._turns.appendleft((self._clock(), self._clock() + _SLICE))

    def refused(self, sent_at: float, retry_after: float | None) -> None:
        """A 429. `sent_at`: when the refused request was sent. The next `turn` tells the other processes."""
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
                await self._reserve(halt)  # writes them to the database, where the other processes read them
            if (paused := self.paused_for()) > 0:
                await self._sleep(paused, halt)
                continue
            turn = await self._next(halt)
            now = self._clock()
            if turn is None or now > turn[1]:
                continue
            if now < turn[0]:
                await self._sleep(turn[0] - now, halt)
            if self._paused_until <= self._clock():  # no 429 came while it slept
                return not halt.is_set()
        return False

    async def _sleep(self, seconds: float, halt: anyio.Event) -> None:
        """Waits for so long, or until `halt` is set."""
        with anyio.move_on_after(seconds):
            await halt.wait()

    async def _next(self, halt: anyio.Event) -> tuple[float, float] | None:
        """From when to when the next turn can be used; None: there may be one now."""
        if self._turns:
            return self._turns.popleft()
        self._waiting += 1
        try:
            await self._reserve(halt)
            return self._turns.popleft() if self._turns else None
        finally:
            self._waiting -= 1

    async def _reserve(self, halt: anyio.Event) -> None:
        """Reserves the next slice. One task does, and the others wait for it."""
        if self._busy is not None:
            await self._busy.wait()
            return
        busy = self._busy = anyio.Event()
        refusals: list[tuple[float, float]] = []
        try:
            # Who waits meanwhile shares the statement. Half a slice is left for its answer.
            early = self._reserved_until - _SLICE / 2 - self._clock()
            if early > 0 and not self._refusals:
                await self._sleep(early, halt)
            refusals, self._refusals = self._refusals, []
            turns = max(1, min(self._waiting, int(self._rate * _SLICE)))
            asked = self._clock()
            ages = [(asked - sent_at, wait) for sent_at, wait in refusals]
            ahead, rate, paused = await to_thread.run_sync(self._ask, turns, ages, limiter=self._thread)
            refusals = []
            now = self._clock()
            self._rate = rate
            if paused > 0:
                self._paused_until = max(self._paused_until, now + paused)
            # Never before its moment, and not long after it, however long the answer took. The first one always counts:
            # else nothing would be sent while answers take longer than that.
            late = min(_SLICE, max(0.0, asked + _SLICE - now))
            starts = [now + ahead + number / rate for number in range(turns)]
            self._turns.extend((start, start + (late if number else _SLICE)) for number, start in enumerate(starts))
            self._reserved_until = starts[-1] + 1 / rate
        finally:
            self._refusals = refusals + self._refusals
            self._busy = None
            busy.set()

    def _ask(self, turns: int, refusals: list[tuple[float, float]]) -> tuple[float, float, float]:
        if not self._opened:
            self._db.open()
            prepare(self._db)
            self._run(_OPEN, top=self._top)
            self._opened = True
        for age, wait in refusals:
            self._run(_REFUSED, age=age, wait=wait)
        found = self._run(_RESERVE, turns=turns)
        if not found:  # the database crashed: the table is empty
            self._run(_OPEN, top=self._top)
            found = self._run(_RESERVE, turns=turns)
        ahead, rate, paused = found[0]
        return ahead, rate, paused

    def _run(self, statement: str, **values: float) -> list[tuple[float, float, float]]:
        common = {"account": self._account, "clock": self._wall and self._wall()}
        found = self._db.transact(lambda: self._db.rows(statement, {**common, **values}))
        return [(row[0], row[1], row[2]) for row in found]

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._db.close, limiter=self._thread)
