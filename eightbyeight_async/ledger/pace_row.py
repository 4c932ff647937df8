"""The database row with a sub-account's pace, and the thread that reserves turns in it.

Rules:
- Only one question is open at a time. Its thread belongs to no task. So a cancelled task ends at once, even if the
  database does not respond, and the next task takes the answer.
- The row is not synced to the disk: after a crash of the database the pace starts again.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import anyio

from eightbyeight_async.ledger.connection import Connection
from eightbyeight_async.ledger.ledger_queries import NOW
from eightbyeight_async.ledger.schema import prepare
from eightbyeight_async.loops import Loop, running

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["PaceRow", "Question"]

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


class Question:
    """A question to the row: asks for turns, and reports refusals.

    Attributes:
        turns: number of turns.
        refusals: when each refused request was sent, and the pause that its answer asked for.
        asked, answered: times by the process's clock.
        answer: seconds until the first turn, requests a second, seconds of pause; None: the question failed.
        error: why the question failed.
        done: event that is set in the event loop that asked.
    """

    def __init__(self, turns: int, refusals: list[tuple[float, float]], asked: float) -> None:
        self.turns = turns
        self.refusals = refusals
        self.asked: float = asked
        self.answered: float = asked
        self.answer: tuple[float, float, float] | None = None
        self.error: BaseException | None = None
        self.done: anyio.Event = anyio.Event()


class PaceRow:
    """The row, as one process uses it. The arguments: see `SharedPace`; `account` is the row's key."""

    def __init__(
        self,
        url: str,
        account: str,
        top: float,
        *,
        patience: float,
        clock: Callable[[], float],
        wall: Callable[[], float] | None,
    ) -> None:
        self._db = Connection(url, patience, durable=False)
        self._account = account
        self._top = top
        self._clock = clock
        self._wall = wall
        self._opened = False
        self._lock = threading.Lock()  # protects the next two attributes
        self._running = self._closed = False

    def begin(self, turns: int, refusals: list[tuple[float, float]]) -> Question:
        """Asks in a thread. Call it only after the previous question is done."""
        question, loop = Question(turns, refusals, self._clock()), Loop(running())

        def work() -> None:
            try:
                ages = [(question.asked - sent_at, wait) for sent_at, wait in refusals]
                question.answer = self.ask(turns, ages)
            except BaseException as error:  # noqa: BLE001 - raised by the task that takes the answer
                question.error = error
            question.answered = self._clock()
            with self._lock:
                self._running = False
                closed = self._closed
            if closed:
                self._db.close()
            loop.call(question.done.set)

        self._running = True
        threading.Thread(target=work, name="eightbyeight-pace", daemon=True).start()
        return question

    def ask(self, turns: int, refusals: Sequence[tuple[float, float]]) -> tuple[float, float, float]:
        """Returns the answer to a question. `refusals`: age in seconds and pause of each refusal."""
        if not self._opened:
            self._db.open()
            prepare(self._db)
            self._run(_OPEN, top=self._top)
            self._opened = True
        for age, wait in refusals:
            self._run(_REFUSED, age=age, wait=wait)
        found = self._run(_RESERVE, turns=turns)
        if not found:  # After a crash of the database the table is empty.
            self._run(_OPEN, top=self._top)
            found = self._run(_RESERVE, turns=turns)
        return found[0]

    def _run(self, statement: str, **values: float) -> list[tuple[float, float, float]]:
        common = {"account": self._account, "clock": self._wall and self._wall()}
        found = self._db.transact(lambda: self._db.rows(statement, {**common, **values}))
        return [(row[0], row[1], row[2]) for row in found]

    def close(self) -> None:
        """Closes the connection. If a question is still open, its connection is closed as soon as its attempt ends."""
        self._db.give_up()
        with self._lock:
            self._closed = True
            running = self._running
        if not running:
            self._db.close()
