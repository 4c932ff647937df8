"""The journal: a store in one SQLite file. Only the writer's thread uses it.

Rules:
- One statement reads or writes many rows (`journal_rows`, or one JSON array). Row by row, Python would take the
  interpreter's lock for every row. Under a busy event loop that costs up to 5 ms each time.
- At most one page of rows is in memory.
- A run claims nothing before the main file on the disk says that it is in use.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing, suppress
from typing import TYPE_CHECKING, TypeVar

from eightbyeight_async.bulk.errors import AccountChangedError, JournalError
from eightbyeight_async.bulk.judging.claims import JournaledMessage, judge_claim, may_claim_again
from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.journal_file import (
    RESTORE,
    UNREADABLE,
    VERSION,
    connect,
    connect_to_read,
    problem,
    real_path,
    side_file,
)
from eightbyeight_async.bulk.store.journal_mark import lock_journal
from eightbyeight_async.bulk.store.journal_phone_numbers import JournalNumbers
from eightbyeight_async.bulk.store.journal_queries import GUARD, damaged, lost_claims
from eightbyeight_async.bulk.store.journal_rows import insert_claims, record_results
from eightbyeight_async.bulk.store.records import CLAIMED, NUMBER_TAKEN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from eightbyeight_async.bulk.judging.message_keys import Identity
    from eightbyeight_async.bulk.store.journal_file import Durability
    from eightbyeight_async.bulk.store.records import Account, Claim, Claimed, Met, Policy, Result

__all__ = ["OPEN_CLAIMS", "Journal"]

T = TypeVar("T")

_FOUND = f"""
SELECT json_group_array(json_array(j.number, m.key, m.guard IS {GUARD.format("m.state").replace("hash", "m.hash")},
                                   m.id, m.state, m.run, m.times, m.place, m.due, m.who, m.what))
FROM (SELECT json_extract(value, '$[0]') AS number, json_extract(value, '$[1]') AS hash FROM json_each(:rows)) AS j
CROSS JOIN message AS m ON m.hash=j.hash
"""  # noqa: S608 - constants
_MEET = """
UPDATE message SET run=:run, times=j.times, place=j.place, due=j.due
FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS times,
             json_extract(value, '$[2]') AS place, json_extract(value, '$[3]') AS due FROM json_each(:rows)) AS j
WHERE message.id=j.id
"""
_CLAIM_AGAIN = f"""
UPDATE message SET id=j.new, state=0, guard={GUARD.format(0)}, run=:run, times=j.times, place=j.place, account=:account,
    claimed=:now, scheduled=j.due, due=j.due, who=j.who, what=j.what, destination=j.destination, text=j.text,
    at=NULL, umid=NULL, batch=NULL, code=NULL, cancelled=NULL
FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS times,
             json_extract(value, '$[2]') AS place, json_extract(value, '$[3]') AS due,
             json_extract(value, '$[4]') AS new, json_extract(value, '$[5]') AS who,
             json_extract(value, '$[6]') AS what, json_extract(value, '$[7]') AS destination,
             json_extract(value, '$[8]') AS text
      FROM json_each(:rows)) AS j
WHERE message.id=j.id
"""  # noqa: S608 - constants
OPEN_CLAIMS = f"UPDATE message SET state=4, guard={GUARD.format(4)}, at=? WHERE state=0"  # noqa: S608


class Journal(JournalNumbers):
    """An open and locked journal; implements `Store`. Its claims are valid as long as the lock is held.

    Args:
        path: the file; it is made if it does not exist.
        durability: "power" syncs every commit, "process" does not.
        now: the wall clock, seconds since 1970.
        account: the account that sends; None: nothing is claimed or looked up (settling by hand).
        policy: which settled messages may be claimed again.
        allow_changed_account: continue under another account than before.
        accept_loss: open a journal that has lost claims.

    Raises:
        JournalInUseError: another campaign has the journal.
        AccountChangedError: the journal holds the messages of another account.
        JournalError: the journal cannot be used.
    """

    last_id: int
    run: int
    lease = None

    def __init__(
        self,
        path: Path,
        durability: Durability,
        now: Callable[[], float],
        *,
        account: Account | None,
        policy: Policy,
        allow_changed_account: bool = False,
        accept_loss: bool = False,
    ) -> None:
        self.path: Path = real_path(path)
        self.running = True
        self._now = now
        self._policy = policy
        self._account = account
        self._number: int | None = None  # number of the client's account in this journal
        self._owned = False  # whether the messages of this journal belong to that account
        self._begun = self._in_use = False
        self._made: list[int] = []  # ids of the claims that the current transaction granted
        self._mark, head = lock_journal(self.path, durability)
        self._head = head
        try:
            mark = self._mark.read(head)
            if mark is None and head.in_use and not accept_loss:
                raise lost_claims(self.path, 0, None)  # noqa: TRY301 - closed below like the rest
            self.sql: sqlite3.Connection = connect_to_read(self.path, locked=True)
            with closing(self.sql):
                open_claims = self._look(mark or 0, accept_loss=accept_loss, allowed=allow_changed_account)
            self.sql = connect(self.path, durability)
        except BaseException as error:
            self._mark.close(forget=True)
            if isinstance(error, UNREADABLE):
                raise problem(error, "cannot be opened") from error
            raise
        try:
            self._files = {name: _identity(name) for name in (self.path, side_file(self.path, "-wal"))}
            if open_claims:
                # The process with these claims is dead. Its requests may have gone out at any time until now, so `at`
                # is now.
                self.transact(lambda: self.sql.execute(OPEN_CLAIMS, (self._now(),)))
        except BaseException:
            self.close()
            raise

    def _look(self, mark: int, *, accept_loss: bool, allowed: bool) -> int:
        """Refuses a journal that must not be opened. Otherwise returns the number of open claims."""
        self.last_id, self.run, open_claims = self.verify(self._head)
        self._keys = Keys(self.salt)
        if mark > self.last_id and not accept_loss:
            raise lost_claims(self.path, self.last_id, mark)
        self.last_id = max(mark, self.last_id)
        if self._account is not None:
            before = self.account()
            if before not in (None, self._account) and not allowed:
                raise AccountChangedError(before, self._account)
            self._number = self._number_of(self._account)
            self._owned = before == self._account
        return open_claims

    def _number_of(self, account: Account) -> int | None:
        found = self.sql.execute("SELECT number FROM account WHERE host=? AND subaccount_id=?", account).fetchone()
        return None if found is None else int(found[0])

    def transact(self, body: Callable[[], T]) -> T:
        self._made = []
        before = self.run, self._number, self._owned, self._begun
        try:
            self.sql.execute("BEGIN IMMEDIATE")
            value = body()
            self.sql.execute("COMMIT")
        except BaseException as error:
            self.run, self._number, self._owned, self._begun = before
            with suppress(sqlite3.Error):
                self.sql.execute("ROLLBACK")
            if isinstance(error, UNREADABLE):
                raise problem(error, "cannot be written") from error
            raise
        self._check_files()
        try:
            if self._begun and not self._in_use:
                self._begin_use()
            if self._made:
                self.last_id = max(self.last_id, *self._made)
                self._mark.write(self._head, self.last_id)
        except (sqlite3.Error, OSError) as error:
            raise problem(error, "cannot be written") from error
        return value

    def failure(self, error: Exception) -> JournalError:
        return problem(error, "cannot be written")

    def close(self) -> None:
        with suppress(sqlite3.Error, OSError, JournalError):
            self._check_files()
            # First all commits move to the main file. Only then may the file say that it can be read without the log.
            if self.head().in_use and self._to_main_file("TRUNCATE"):
                self.transact(lambda: self._write_in_use(False))
                self._to_main_file("TRUNCATE")
        with suppress(sqlite3.Error):
            self.sql.close()
        self._mark.close(forget=True)

    def _check_files(self) -> None:
        """Fails if a file was deleted or replaced: commits to a deleted file succeed, but nobody can read them."""
        for name, identity in self._files.items():
            if _identity(name) != identity:
                raise JournalError(f"{name.name} was deleted or replaced while the campaign ran: {RESTORE}")

    def _begin_use(self) -> None:
        """Syncs the mark, then `in_use`. Runs after the commit that began a run and before its first claim."""
        self._mark.write(self._head, self.last_id, sync=True)
        if not self._to_main_file("FULL"):
            raise JournalError(
                "cannot be written: another program keeps reading it; close that program, then run the same again"
            )
        self._in_use = True

    def _write_in_use(self, in_use: bool) -> None:
        self.sql.execute(f"PRAGMA user_version={self._head._replace(in_use=in_use, version=VERSION).user_version}")

    def _to_main_file(self, how: str) -> bool:
        """Writes the log into the main file. False: a reader blocked the write for longer than the timeout."""
        busy, _, _ = self.sql.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        return not busy

    # A run

    def begin_run(self, part_of: int | None = None) -> bool:
        if part_of is not None:
            raise JournalError("a run of a journal is one input: part_of is for ledgers")
        self.run += 1
        self._write_in_use(True)
        self._begun = True
        self.index_numbers()
        return self.last_id == 0

    def is_unused(self) -> bool:
        return self.last_id == 0

    def claim(self, claims: Sequence[Claim]) -> list[Claimed]:
        if not self._in_use:
            raise JournalError("no run has begun: nothing can be claimed")
        if not self._owned:
            self._own()
        return self.opt_out(claims, self._claimed(claims))

    def _claimed(self, claims: Sequence[Claim]) -> list[Claimed]:
        taken = self.numbers_taken(claims)
        now = self._now()
        free = [claim for claim in claims if claim.id not in taken]
        if insert_claims(self.sql, free, self.run, self._number, now) == len(claims):
            # All of them are new: almost always.
            self._made += [claim.id for claim in claims]
            self._add_to_sums([claim.identity.hash for claim in claims])
            return [CLAIMED] * len(claims)
        others = self._others(claims)
        answers: list[Claimed] = []
        granted: list[int] = []
        for claim in claims:
            row = others.get(claim.identity.hash)
            if row is None and claim.id in taken:
                answer = NUMBER_TAKEN
            elif row is None or row.id == claim.id:
                answer = CLAIMED
                granted.append(claim.identity.hash)
            else:
                answer = judge_claim(row, claim, self.run, self._policy, number_taken=claim.id in taken)
            if answer.state is None:
                self._made.append(claim.id)
            answers.append(answer)
        self._add_to_sums(granted)
        if others:
            self._write_met(others, now)
        return answers

    def _add_to_sums(self, hashes: Sequence[int]) -> None:
        if hashes:
            low, high = sum(one & 0xFFFFFFFF for one in hashes), sum(one >> 32 for one in hashes)
            self.sql.execute("UPDATE sums SET count=count+?, low=low+?, high=high+?", (len(hashes), low, high))

    def _own(self) -> None:
        """Assigns the journal to this account. Runs in the transaction of the first claim."""
        if self._account is None:
            raise JournalError("was opened without an account: nothing can be claimed")
        if self._number is None:
            self.sql.execute("INSERT INTO account (host, subaccount_id) VALUES (?, ?)", self._account)
            self._number = self._number_of(self._account)
        self.set_meta("account", self._number)
        self._owned = True

    def _others(self, claims: Sequence[Claim]) -> dict[int, JournaledMessage]:
        """Returns the rows of the claimed messages by hash.

        These are the rows that these claims have just inserted, and older rows as they were before these claims.
        """
        rows = json.dumps([[claim.id, claim.identity.hash] for claim in claims])
        return self._found(rows, {claim.id: claim.identity for claim in claims})

    def _found(self, rows: str, asked: dict[int, Identity]) -> dict[int, JournaledMessage]:
        found: dict[int, JournaledMessage] = {}
        for number, key, sound, *values in json.loads(self.sql.execute(_FOUND, {"rows": rows}).fetchone()[0]):
            if not sound or key != asked[number].key:
                raise damaged()
            row_id, state, run, times, place, due, who, what = values
            found[asked[number].hash] = JournaledMessage(row_id, State(state), run, times, place, due, who, what)
        return found

    def _write_met(self, rows: dict[int, JournaledMessage], now: float) -> None:
        again = [row for row in rows.values() if row.claim is not None]
        if again:
            data = [
                [row.id, row.times, row.place, row.due, claim.id, row.who, row.what, claim.destination, claim.text]
                for row in again
                for claim in [row.claim]
                if claim is not None
            ]
            values = {"run": self.run, "account": self._number, "now": now, "rows": json.dumps(data)}
            self.sql.execute(_CLAIM_AGAIN, values)
        met = [[row.id, row.times, row.place, row.due] for row in rows.values() if row.claim is None]
        if met:
            self.sql.execute(_MEET, {"rows": json.dumps(met), "run": self.run})

    def known(self, met: Sequence[Met]) -> dict[int, State]:
        rows = json.dumps([[one.place, one.identity.hash] for one in met])
        found = self._found(rows, {one.place: one.identity for one in met})
        settled: dict[int, State] = {}
        meet = []
        for one in met:
            row = found.get(one.identity.hash)
            if (
                row is None
                or row.run == self.run
                or may_claim_again(row.state, settled_earlier=True, policy=self._policy)
            ):
                continue
            row.run = self.run  # otherwise a copy on this page would count as settled by an earlier run, too
            settled[one.place] = row.state
            meet.append([row.id, 1, one.place, one.scheduled])
        if meet:
            self.sql.execute(_MEET, {"rows": json.dumps(meet), "run": self.run})
        return settled

    def record(self, results: Sequence[Result]) -> None:
        record_results(self.sql, results, self._batch, self._now())

    def _batch(self, batch_id: str) -> int:
        found = self.sql.execute("SELECT number FROM batch WHERE batch_id=?", (batch_id,)).fetchone()
        if found is None:
            found = (self.sql.execute("INSERT INTO batch (batch_id) VALUES (?)", (batch_id,)).lastrowid,)
        number: int = found[0]
        return number

    def missing(self) -> int:
        self.set_meta("expected", 0)
        found = self.sql.execute("SELECT count(*) FROM message WHERE run<?", (self.run,)).fetchone()
        return int(found[0])

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
