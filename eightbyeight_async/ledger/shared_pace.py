"""The pace of one sub-account, shared by all processes that send for it: turns are reserved from one row.

Rules:
- A process reserves as many turns as wait in it, at most 100 ms' worth, in one small statement. So three processes at
  1,800 a second make about 30 statements a second, and what one does not use goes to the others.
- Turns that were not used within 100 ms are void: a process that was stopped does not make up for it.
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
from eightbyeight_async.ledger.schema import prepare

if TYPE_CHECKING:
    from collections.abc import Callable

    from eightbyeight_async.bulk.store.records import Account

__all__ = ["SharedPace"]

_SLICE = 0.1  # seconds; how far ahead a process reserves, and how late a turn may be used
_NOW = "extract(epoch FROM clock_timestamp())::float8"
_OPEN = f"""
INSERT INTO eightbyeight.pace AS p (account, top, rate, next, paused, lowered, changed)
VALUES (%(account)s, %(top)s, %(top)s, 0, 0, 0, {_NOW})
ON CONFLICT (account) DO UPDATE SET top=excluded.top, rate=least(p.rate, excluded.top)
"""
_RATE = f"least(p.top, p.rate + p.top / 5 * greatest(0, {_NOW} - greatest(p.changed, p.paused)))"
_RESERVE = f"""
UPDATE eightbyeight.pace AS p
SET rate={_RATE}, changed={_NOW}, next=greatest(p.next, p.paused, {_NOW}) + %(turns)s / {_RATE}
WHERE account=%(account)s RETURNING next - %(turns)s / rate - {_NOW}, rate, paused - {_NOW}
"""
_REFUSED = f"""
UPDATE eightbyeight.pace AS p
SET rate=CASE WHEN {_NOW} - %(age)s > p.lowered THEN greatest(p.top / 20, {_RATE} / 2) ELSE p.rate END,
    lowered=CASE WHEN {_NOW} - %(age)s > p.lowered THEN {_NOW} ELSE p.lowered END,
    changed={_NOW}, paused=greatest(p.paused, {_NOW} + %(wait)s)
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
    """

    def __init__(
        self, url: str, account: Account, top: float, *, patience: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._db = Connection(url, patience, durable=False)
        self._account = f"{account.host} {account.subaccount_id}"
        self._clock = clock
        self._top = self._rate = top
        self._turns: deque[float] = deque()  # moments at which a request may start
        self._waiting = 0
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
        self._turns.appendleft(self._clock())

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
            moment = max(await self._next(), self._paused_until)
            late = self._clock() - moment
            if late > _SLICE:
                continue
            if late < 0:
                with anyio.move_on_after(-late):
                    await halt.wait()
            if self._paused_until <= self._clock():  # else a 429 came meanwhile
                return not halt.is_set()
        return False

    async def _next(self) -> float:
        """The moment of the next turn."""
        self._waiting += 1
        try:
            while True:
                wanted = self._waiting - len(self._turns)
                # Half a slice before the last one is used up: else its end would be waited for at every slice.
                if self._refusals or (wanted > 0 and len(self._turns) <= self._rate * _SLICE / 2):
                    await self._reserve(wanted)
                if self._turns:
                    return self._turns.popleft()
        finally:
            self._waiting -= 1

    async def _reserve(self, wanted: int) -> None:
        """Reserves the next slice. One task does; the others wait for it if they have no turn."""
        if self._busy is not None:
            if not self._turns:
                await self._busy.wait()
            return
        busy = self._busy = anyio.Event()
        refusals, self._refusals = self._refusals, []
        try:
            turns = max(1, min(wanted, int(self._rate * _SLICE)))
            ages = [(self._clock() - sent_at, wait) for sent_at, wait in refusals]
            ahead, rate, paused = await to_thread.run_sync(self._ask, turns, ages, limiter=self._thread)
            refusals = []
            now = self._clock()
            self._rate = rate
            if paused > 0:
                self._paused_until = max(self._paused_until, now + paused)
            self._turns.extend(now + ahead + number / rate for number in range(turns))
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
        found = self._db.transact(lambda: self._db.rows(statement, {"account": self._account, **values}))
        return [(row[0], row[1], row[2]) for row in found]

    async def close(self) -> None:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(self._db.close, limiter=self._thread)
