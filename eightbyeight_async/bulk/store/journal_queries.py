"""Reads the counts and messages of a journal, of an open campaign or of a file, also while a campaign is sending."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from eightbyeight_async.bulk.errors import JournalError, named
from eightbyeight_async.bulk.judging.deliveries import Deliveries, delivery_of_columns
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.report import Status
from eightbyeight_async.bulk.store.interface import CancelMark
from eightbyeight_async.bulk.store.journal_deliveries import (
    DELIVERY_COLUMNS,
    DELIVERY_OF_MESSAGE,
    JournalDeliveries,
)
from eightbyeight_async.bulk.store.journal_file import (
    NONE_HERE,
    RESTORE,
    UNREADABLE,
    Head,
    connect_to_read,
    is_blank,
    problem,
    read_head,
    real_path,
    salt_of,
)
from eightbyeight_async.bulk.store.journal_mark import is_running
from eightbyeight_async.bulk.store.records import Account, MessageRow

__all__ = [
    "GUARD",
    "HAS_MESSAGE",
    "JournalQueries",
    "JournalReader",
    "deliveries",
    "lost_claims",
    "opened_to_read",
    "read_rows",
    "status",
]

# `message.guard` stores state and hash a second time, so that a flipped bit in one of the three values is noticed.
GUARD = "(hash & 1048575) * 8 + {}"
# Whether a person has this message or may get it: it went out, will go out, may have gone out, or is in flight.
HAS_MESSAGE = f"(m.state IN (0, 4) OR (m.state=1 AND m.cancelled IS NOT {CancelMark.CANCELLED}))"
_PAGE = 1_000
_STATUS = """
SELECT state, count(*), sum(cancelled IS :done), coalesce(sum(scheduled>:now AND coalesce(cancelled, :asked)=:asked), 0)
FROM message GROUP BY state
"""
_CANCELLED_IN_PART = "SELECT coalesce(sum(cancelled), 0) FROM batch"
_ROWS = """
SELECT m.id, m.key, m.place, m.state, m.umid, b.batch_id, m.code, m.claimed, m.at, m.scheduled, m.cancelled,
       m.destination, m.text{columns}
FROM message AS m LEFT JOIN batch AS b ON b.number=m.batch {join} WHERE m.id>? AND (? IS NULL OR m.state=?)
ORDER BY m.id LIMIT ?
"""
_BARE_ROWS = _ROWS.format(columns="", join="")
_DELIVERED_ROWS = _ROWS.format(
    columns=f", {DELIVERY_COLUMNS}", join=f"LEFT JOIN delivery AS d ON m.state=1 AND {DELIVERY_OF_MESSAGE}"
)
_INDEX_SUMS = """
SELECT count(*), coalesce(sum(hash & 4294967295), 0), coalesce(sum(hash >> 32), 0)
FROM message INDEXED BY message_hash
"""
_TABLE_SUMS = f"""
SELECT count(*), coalesce(sum(hash & 4294967295), 0), coalesce(sum(hash >> 32), 0), coalesce(max(id), 0),
       coalesce(max(run), 0), coalesce(sum(state=0), 0),
       coalesce(sum(guard IS NOT {GUARD.format("state")} OR state NOT BETWEEN 0 AND 6), 0)
FROM message NOT INDEXED
"""  # noqa: S608 - a constant


class JournalQueries(JournalDeliveries):
    """Methods that read a journal and change nothing.

    Attributes:
        sql: the connection.
        salt: see `Store`; set by `verify`.
        running: whether a campaign is sending. If so, a claim without an outcome is in flight; otherwise its sender
            died.
    """

    sql: sqlite3.Connection
    salt: bytes
    running: bool

    def status(self, now: float) -> Status:
        counts = dict.fromkeys(State, 0)
        cancelled = waiting = 0
        values = {"done": CancelMark.CANCELLED, "asked": CancelMark.REQUESTED, "now": now}
        for state, count, recalled, later in self.sql.execute(_STATUS, values).fetchall():
            counts[State(state)] = count
            if state == State.SENT:
                cancelled, waiting = recalled + self.sql.execute(_CANCELLED_IN_PART).fetchone()[0], later
        known = sum(counts.values())
        total = max(known, self.meta("expected", 0))
        return Status(
            total=total,
            sent=counts[State.SENT] - cancelled - waiting,
            waiting=waiting,
            cancelled=cancelled,
            rejected=counts[State.REJECTED],
            failed=counts[State.FAILED],
            in_flight=counts[State.INTENT] if self.running else 0,
            unknown=counts[State.UNKNOWN] + (0 if self.running else counts[State.INTENT]),
            opted_out=counts[State.OPTED_OUT],
            not_sent=counts[State.NOT_SENT] + total - known,
        )

    def page(self, after: int, state: State | None) -> list[tuple[int, MessageRow]]:
        rows = _DELIVERED_ROWS if self.has_deliveries() else _BARE_ROWS
        found = self.sql.execute(rows, (after, state, state, _PAGE)).fetchall()
        return [(values[0], _row(*values[1:])) for values in found]

    def meta(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - SQLite's own types
        found = self.sql.execute("SELECT value FROM meta WHERE name=?", (name,)).fetchone()
        return default if found is None else found[0]

    def account(self) -> Account | None:
        """The account of the journal's messages; None: there is no message, or only messages that were not sent."""
        if not self.sql.execute("SELECT EXISTS (SELECT 1 FROM message WHERE state NOT IN (5, 6))").fetchone()[0]:
            return None
        found = self.sql.execute("SELECT host, subaccount_id FROM account WHERE number=?", (self.meta("account"),))
        values = found.fetchone()
        if values is None or not all(isinstance(value, str) for value in values):
            raise damaged()
        return Account(*values)

    def head(self) -> Head:
        """The head, including commits in the log. `read_head` reads it from the main file alone."""
        return Head.of(self.sql.execute("PRAGMA user_version").fetchone()[0])

    def verify(self, head: Head) -> tuple[int, int, int]:
        """Compares the values that the file stores more than once.

        Args:
            head: read from the main file alone.

        Returns:
            The last claim, the last run, and the number of open claims.

        Raises:
            JournalError: the values differ, so a settled message could count as new.
        """
        salt = salt_of(self.meta("salt"), head)
        if salt is None or self.head().number != head.number:
            raise damaged()
        self.salt = salt
        index_sums = self.sql.execute(_INDEX_SUMS).fetchone()
        *table_sums, last_id, last_run, open_claims, wrong = self.sql.execute(_TABLE_SUMS).fetchone()
        written = self.sql.execute("SELECT journal, count, low, high FROM sums").fetchall()
        if wrong or tuple(table_sums) != index_sums or written != [(head.number, *index_sums)]:
            raise damaged()
        return last_id, last_run, open_claims


class JournalReader(JournalQueries):
    """A journal opened to read; keeps no lock. Close it with `sql.close()`. `accept_loss`: see `Campaign`."""

    def __init__(self, path: Path, *, accept_loss: bool = False) -> None:
        head = read_head(path)
        running, mark = is_running(path, head)
        self.sql: sqlite3.Connection = connect_to_read(path)
        try:
            self.sql.execute("BEGIN")  # all queries see the same state
            last_id, _, _ = self.verify(head)
            self.sql.execute("COMMIT")
            # asked again: a campaign may have begun meanwhile
            self.running: bool = running or is_running(path, head)[0]
            lost = (mark is None and head.in_use and not self.running) or (mark or 0) > last_id
            if lost and not accept_loss:
                raise lost_claims(path, last_id, mark)  # noqa: TRY301 - closed below like the rest
        except BaseException:
            self.sql.close()
            raise


def status(journal: str | os.PathLike[str]) -> Status:
    """Counts of a journal, also while a campaign is sending.

    Args:
        journal: its path.

    Raises:
        JournalError: the file is not a journal, is damaged, or has lost claims.
    """
    with opened_to_read(Path(journal)) as reader:
        return reader.status(time.time())


def deliveries(journal: str | os.PathLike[str]) -> Deliveries:
    """What became of the accepted messages of a journal, as far as it is known from `Campaign.deliveries` and receipts.

    Args:
        journal: its path.

    Raises:
        JournalError: as `status`.
    """
    with opened_to_read(Path(journal)) as reader:
        return reader.deliveries()


def read_rows(journal: str | os.PathLike[str], state: State | None = None) -> Iterator[MessageRow]:
    """Every message of a journal in the order of the claims, also while a campaign is sending.

    Args:
        journal: its path.
        state: only messages in this state; None: all.

    Raises:
        JournalError: while iterating; as `status`.
    """
    with opened_to_read(Path(journal)) as reader:
        last = 0
        while page := reader.page(last, state):
            for _, row in page:
                yield row
            last = page[-1][0]


@contextmanager
def opened_to_read(path: Path, *, accept_loss: bool = False) -> Iterator[JournalReader]:
    """Opens a journal to read. With `accept_loss`, also opens a journal that has lost claims.

    Raises:
        JournalError: there is no journal that can be read.
    """
    with named(path.name):
        real = real_path(path)
        if is_blank(real):
            raise JournalError(NONE_HERE)
        try:
            reader = JournalReader(real, accept_loss=accept_loss)
            with closing(reader.sql):
                yield reader
        except UNREADABLE as error:
            raise problem(error, "cannot be read") from error


def lost_claims(path: Path, known: int, mark: int | None) -> JournalError:
    files = ", ".join(path.name + end for end in ("", "-wal", "-mark"))
    if mark is None:
        return JournalError(
            f"claims are lost: it was not closed cleanly, and {path.name}-mark is missing (a copy, another name, or a "
            f"deleted file); what was sent would be sent twice. Put {files} together again"
        )
    return JournalError(
        f"claims are lost: it knows {known:,} of {mark:,} that were acted upon (a damaged or deleted {path.name}-wal, "
        f"or an old copy); what was sent under them would be sent twice. Put {files} together again"
    )


def damaged() -> JournalError:
    return JournalError(
        "the file is damaged: its parts contradict each other, or its -wal file is of another journal; nothing was "
        f"sent, and nothing was written to it: {RESTORE}"
    )


def _row(*values: Any) -> MessageRow:  # noqa: ANN401 - SQLite's own types
    key, place, state, umid, batch_id, code, claimed, at, scheduled, cancelled, destination, text, *delivery = values
    return MessageRow(
        key=key, place=place, state=State(state), umid=umid, batch_id=batch_id, code=code, claimed_at=claimed, at=at,
        scheduled=scheduled, cancelled=cancelled == CancelMark.CANCELLED, destination=destination, text=text,
        delivery=delivery_of_columns(delivery) if delivery else None,
    )  # fmt: skip
