"""The store of a plan: a copy of a journal, or an empty store. Its claims are never sent.

It is a temporary SQLite database: a file without a name that disappears when it is closed, and also after a kill. The
journal itself is only read.
"""

from __future__ import annotations

import json
import sqlite3
import time
from typing import TYPE_CHECKING, Any, Self, TypeVar

from eightbyeight_async.bulk.errors import AccountChangedError, JournalInUseError
from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.bulk.store.journal import OPEN_CLAIMS, Journal
from eightbyeight_async.bulk.store.journal_file import IN_USE, make_tables, problem, real_path
from eightbyeight_async.bulk.store.journal_queries import GUARD, HAS_MESSAGE, opened_to_read
from eightbyeight_async.bulk.store.records import Policy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from eightbyeight_async.bulk.store.records import Account

__all__ = ["PlanStore"]

T = TypeVar("T")

_ADOPT = f"""
INSERT INTO message (id, key, who, what, state, run, place, claimed, scheduled, due, cancelled, hash, guard, account)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, {GUARD.format("?5").replace("hash", "?12")}, 0)
"""  # noqa: S608 - constants
_LAST = "SELECT coalesce(max(id), 0), coalesce(max(run), 0) FROM message"
# A table of the numbers with a message from an earlier run. It is needed because a claim replaces a message's state.
_REACHED = f"""
CREATE TABLE reached (who INTEGER PRIMARY KEY);
INSERT INTO reached SELECT DISTINCT m.who FROM message AS m WHERE {HAS_MESSAGE} ORDER BY m.who;
"""  # noqa: S608 - constants
_AMONG_REACHED = "SELECT json_group_array(who) FROM reached WHERE who IN (SELECT value FROM json_each(?))"
_PEOPLE = f"""
SELECT coalesce(sum(fresh>0), 0), coalesce(sum(every>1), 0) FROM (
    SELECT sum(m.state=0) AS fresh, count(*) AS every FROM message AS m WHERE m.run=? AND {HAS_MESSAGE} GROUP BY m.who)
"""  # noqa: S608 - constants


class PlanStore(Journal):
    """A store in which a run is planned.

    Close it, or use it in a `with` block. Any thread may use it, but only one at a time.

    Args:
        journal: its path. If it is None, or no file is there, the store begins empty.
        account: the account that would send; None: not compared.
        policy: which messages may be claimed.
        allow_changed_account: the journal may hold another account's messages.
        accept_loss: the journal may have lost claims.
        held: whether the caller holds the journal's lock and is not sending.

    Raises:
        JournalInUseError: a campaign is sending with the journal.
        AccountChangedError: the journal holds the messages of another account.
        JournalError: the journal cannot be read.
    """

    def __init__(
        self,
        journal: Path | None = None,
        *,
        account: Account | None = None,
        policy: Policy = Policy(),  # noqa: B008 - immutable
        allow_changed_account: bool = False,
        accept_loss: bool = False,
        held: bool = False,
    ) -> None:
        self.running = False
        self._now = time.time
        self._policy = policy
        self._number = 0
        self._in_use = self._owned = True
        self._made = []
        self._any_reached = self._begun_elsewhere = False
        self.sql: sqlite3.Connection = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        try:
            self.sql.execute("PRAGMA journal_mode=OFF")  # nothing is ever rolled back
            self.sql.execute("PRAGMA cache_size=-16384")
            path = None if journal is None else real_path(journal)
            if path is not None and path.exists() and path.stat().st_size:
                self._copy(path, accept_loss=accept_loss, held=held)
                before = self.account()
                if account is not None and before not in (None, account) and not allow_changed_account:
                    raise AccountChangedError(before, account)  # noqa: TRY301 - closed below like the rest
            else:
                self.salt: bytes = make_tables(self.sql)
            self._keys = Keys(self.salt)
        except BaseException as error:
            self.sql.close()
            if isinstance(error, sqlite3.Error | OSError):
                raise problem(error, "cannot be read") from error
            raise
        self.last_id: int = 0
        self.run: int = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self.sql.close()

    def _copy(self, path: Path, *, accept_loss: bool, held: bool) -> None:
        with opened_to_read(path, accept_loss=accept_loss) as reader:
            if reader.running and not held:
                raise JournalInUseError(IN_USE)
            reader.sql.backup(self.sql)
            self.salt = reader.salt

    def adopt(self, salt: bytes, fingerprint: object, rows: Iterable[tuple[Any, ...]]) -> None:
        """Copies the messages of a ledger into this store.

        Args:
            salt: salt of the ledger's campaign.
            fingerprint: fingerprint of the messages that the campaign began with; None: not known.
            rows: for each message: id, key, who, what, state, run, place, claimed, scheduled, due, cancelled.
        """
        self.salt, self._keys, self._begun_elsewhere = salt, Keys(salt), True
        if fingerprint is not None:
            self.set_meta("fingerprint", fingerprint)
        hash_of = self._keys.hash_of
        self.sql.executemany(_ADOPT, ((*row, hash_of(row[1])) for row in rows))

    def is_unused(self) -> bool:
        return not self._begun_elsewhere and super().is_unused()

    def transact(self, body: Callable[[], T]) -> T:
        """Runs `body` in the plan's single transaction. It is never committed: commits would take 5 % of the time."""
        self._made = []
        try:
            if not self.sql.in_transaction:
                self.sql.execute("BEGIN")
            value = body()
        except sqlite3.Error as error:
            raise problem(error, "cannot be made") from error
        return value

    def _write_in_use(self, in_use: bool) -> None:
        """Does nothing: a plan sends no messages."""

    def begin_run(self, part_of: int | None = None) -> bool:
        self.last_id, self.run = self.sql.execute(_LAST).fetchone()
        self.sql.execute(OPEN_CLAIMS, (self._now(),))
        self.sql.executescript(_REACHED)
        self._any_reached = bool(self.sql.execute("SELECT EXISTS (SELECT 1 FROM reached)").fetchone()[0])
        return super().begin_run(part_of)

    def reached(self, numbers: Iterable[int]) -> set[int]:
        """Returns which of the numbers (digests, `Identity.who`) have a message from an earlier run."""
        if not self._any_reached:
            return set()
        return set(json.loads(self.sql.execute(_AMONG_REACHED, (json.dumps(list(set(numbers))),)).fetchone()[0]))

    def people(self) -> tuple[int, int]:
        """Returns how many numbers get a message from this run, and how many have more than one message of its input.

        The second count includes messages of this input that an earlier run sent.
        """
        fresh, repeated = self.sql.execute(_PEOPLE, (self.run,)).fetchone()
        return int(fresh), int(repeated)
