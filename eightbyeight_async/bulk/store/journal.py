"""What is written to a journal and read from it: SQL, one method a question. Lives in the writer's thread.

Rules:
- rows go in and come out as one JSON array in one statement: stepping through them from Python would take the
  interpreter's lock again for every row, and under a busy event loop that costs up to 5 ms each;
- nothing here begins or commits: the writer does, around everything that queued up (`write`);
- the journal never holds more in memory than one page of rows.
"""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import attrs

from eightbyeight_async.bulk.errors import JournalError
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.journal_file import connect, make, problem, read_mark, side_file
from eightbyeight_async.bulk.store.records import CLAIMED, Claim, Claimed, Met, Result

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from eightbyeight_async.bulk.store.journal_file import Durability

__all__ = ["Journal"]

_CLAIM = """
INSERT INTO message (id, key, state, run, place, claimed, scheduled, destination, text)
SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'), 0, :run, json_extract(value, '$[2]'), :now,
       json_extract(value, '$[3]'), json_extract(value, '$[4]'), json_extract(value, '$[5]')
FROM json_each(:rows) WHERE true
ON CONFLICT (key) DO UPDATE SET
    id=excluded.id, state=0, times=CASE WHEN message.run=excluded.run THEN message.times ELSE 1 END, run=excluded.run,
    place=excluded.place, claimed=excluded.claimed, scheduled=excluded.scheduled, destination=excluded.destination,
    text=excluded.text, at=NULL, umid=NULL, batch=NULL, code=NULL, cancelled=NULL
WHERE message.state=5 OR (message.run<excluded.run
    AND ((:unknown AND message.state=4) OR (:failed AND message.state IN (2, 3))))
"""
_NOT_CLAIMED = """
SELECT json_group_array(json_array(j.id, m.id, m.state, m.run, m.times, j.place))
FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS key, json_extract(value, '$[2]') AS place
      FROM json_each(:rows)) AS j CROSS JOIN message AS m ON m.key=j.key
WHERE m.id<>j.id
"""
_MEET = """
UPDATE message SET run=:run, times=j.times, place=coalesce(j.place, message.place)
FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS times,
             json_extract(value, '$[2]') AS place FROM json_each(:rows)) AS j
WHERE message.id=j.id
"""
_RECORD = """
UPDATE message SET state=j.state, umid=j.umid, batch=j.batch, code=j.code, at=:now
FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS state,
             json_extract(value, '$[2]') AS umid, json_extract(value, '$[3]') AS batch,
             json_extract(value, '$[4]') AS code FROM json_each(:rows)) AS j
WHERE message.id=j.id AND message.state=0
"""
_KNOWN = """
SELECT json_group_array(json_array(j.place, m.id, m.state, m.run))
FROM (SELECT json_extract(value, '$[0]') AS key, json_extract(value, '$[1]') AS place FROM json_each(:rows)) AS j
CROSS JOIN message AS m ON m.key=j.key
"""


@attrs.frozen
class Policy:
    """What besides new messages is claimed."""

    resend_unknown: bool = False
    resend_failed: bool = False


class Journal:
    """An open journal, under its lock."""

    def __init__(
        self, path: Path, durability: Durability, now: Callable[[], float], *, policy: Policy, accept_loss: bool = False
    ) -> None:
        self.path = path
        self._now = now
        self._policy = policy
        if not path.exists() or path.stat().st_size == 0:
            make(path, durability)
        self._opened = connect(path, durability)
        self.sql = self._opened.sql
        try:
            self._open(accept_loss)
        except BaseException as error:
            self._opened.close()
            if isinstance(error, sqlite3.Error | OSError):
                raise problem(error, "cannot be opened") from error
            raise

    def _open(self, accept_loss: bool) -> None:
        self.salt: bytes = self.meta("salt")
        self.last_id: int = self.sql.execute("SELECT coalesce(max(id), 0) FROM message").fetchone()[0]
        self.was_empty = self.last_id == 0
        mark = read_mark(self._opened.mark)
        if mark > self.last_id and not accept_loss:
            raise JournalError(
                f"claims are lost: it knows {self.last_id:,} of {mark:,} that were acted upon (damaged or deleted "
                "write-ahead log, or an old copy); what was sent under them would be sent twice"
            )
        self.last_id = max(mark, self.last_id)
        self.run: int = self.meta("run", 0)
        with self.transaction():
            # Who claimed these is dead. Their POSTs ended before this moment, so that is when they became unknown.
            self.sql.execute(
                "UPDATE message SET state=?, at=? WHERE state=?", (State.UNKNOWN, self._now(), State.INTENT)
            )
        self._files = {name: _identity(name) for name in (self.path, side_file(self.path, "-wal"))}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Around every change. Raises JournalError; then nothing of it is written."""
        try:
            self.sql.execute("BEGIN IMMEDIATE")
            yield
            self.sql.execute("COMMIT")
        except BaseException as error:
            with suppress(sqlite3.Error):
                self.sql.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error | OSError):
                raise problem(error, "cannot be written") from error
            raise

    def check_files(self) -> None:
        """Commits to a deleted file succeed, and nobody will ever read them."""
        for name, identity in self._files.items():
            if _identity(name) != identity:
                raise JournalError(f"{name.name} was deleted or replaced while the campaign ran")

    def mark(self, last_id: int) -> None:
        if last_id > self.last_id:
            self.last_id = last_id
            # Not synced: a mark that a power failure takes back only stops warning.
            os.pwrite(self._opened.mark, last_id.to_bytes(8, "big"), 0)

    def close(self) -> None:
        self._opened.close()

    # Sending

    def begin_run(self) -> None:
        self.run += 1
        self.set_meta("run", self.run)

    def claim(self, claims: Sequence[Claim]) -> list[Claimed]:
        """Claims what is new or released; says of the rest why not. In the order of `claims`."""
        rows = json.dumps(claims)
        policy = self._policy
        found = self.sql.execute(
            _CLAIM,
            {
                "rows": rows,
                "run": self.run,
                "now": self._now(),
                "unknown": policy.resend_unknown,
                "failed": policy.resend_failed,
            },
        )
        if found.rowcount == len(claims):
            return [CLAIMED] * len(claims)
        others = {other[0]: other for other in json.loads(self.sql.execute(_NOT_CLAIMED, {"rows": rows}).fetchone()[0])}
        counts: dict[int, int] = {}  # of the rows met: how often in this run, with this
        answers: list[Claimed] = []
        meet = []
        for claim in claims:
            if claim.id not in others:
                answers.append(CLAIMED)
                continue
            _, row_id, state, run, times, place = others[claim.id]
            before = counts.get(row_id, times if run == self.run else 0)
            counts[row_id] = before + 1
            meet.append([row_id, before + 1, place if before == 0 else None])
            answers.append(Claimed(State(state), before) if before else Claimed(State(state)))
        self.sql.execute(_MEET, {"rows": json.dumps(meet), "run": self.run})
        return answers

    def known(self, met: Sequence[Met]) -> dict[int, State]:
        """Which of these an earlier run has settled, by their place; they are met with this."""
        policy = self._policy
        again = {State.NOT_SENT}
        again |= {State.UNKNOWN} if policy.resend_unknown else set()
        again |= {State.FAILED, State.REJECTED} if policy.resend_failed else set()
        rows = json.dumps(met)
        settled: dict[int, State] = {}
        meet: dict[int, list[int]] = {}
        for place, row_id, state, run in json.loads(self.sql.execute(_KNOWN, {"rows": rows}).fetchone()[0]):
            if run < self.run and State(state) not in again and row_id not in meet:
                settled[place] = State(state)
                meet[row_id] = [row_id, 1, place]
        if meet:
            self.sql.execute(_MEET, {"rows": json.dumps(list(meet.values())), "run": self.run})
        return settled

    def record(self, results: Sequence[Result]) -> None:
        """Results of claims. A result of a claim that is not there (any more) changes nothing."""
        numbers: dict[str, int] = {}
        rows = []
        for result in results:
            number = None
            if result.batch_id is not None:
                number = numbers.get(result.batch_id) or self._batch(result.batch_id)
                numbers[result.batch_id] = number
            rows.append((result.id, result.state, result.umid, number, result.code))
        self.sql.execute(_RECORD, {"rows": json.dumps(rows), "now": self._now()})

    def _batch(self, batch_id: str) -> int:
        found = self.sql.execute("SELECT number FROM batch WHERE batch_id=?", (batch_id,)).fetchone()
        if found is None:
            found = (self.sql.execute("INSERT INTO batch (batch_id) VALUES (?)", (batch_id,)).lastrowid,)
        number: int = found[0]
        return number

    # Meta

    def meta(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - SQLite's own types
        found = self.sql.execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
        return default if found is None else found[0]

    def set_meta(self, name: str, value: object) -> None:
        self.sql.execute(
            "INSERT INTO meta VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value=excluded.value", (name, value)
        )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
