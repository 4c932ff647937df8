"""What a journal tells: status and rows, of an open campaign or of a file that nobody is using."""

from __future__ import annotations

from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eightbyeight_async.bulk.errors import JournalError
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.report import Status
from eightbyeight_async.bulk.store.journal_file import connect
from eightbyeight_async.bulk.store.records import MessageRow

if TYPE_CHECKING:
    import os
    import sqlite3
    from collections.abc import Iterator

    from eightbyeight_async.bulk.store.journal import Journal

__all__ = ["missing_from", "page_of", "read_rows", "status", "status_of"]

_PAGE = 1_000
_ROWS = """
SELECT m.id, m.key, m.place, m.state, m.umid, b.batch_id, m.code, m.claimed, m.at, m.scheduled, m.cancelled,
       m.destination, m.text
FROM message AS m LEFT JOIN batch AS b ON b.number=m.batch WHERE m.id>? AND (? IS NULL OR m.state=?)
ORDER BY m.id LIMIT ?
"""


def status(journal: str | os.PathLike[str]) -> Status:
    """Counts of a journal that no campaign is using.

    Raises:
        JournalInUseError: a campaign is using it; ask that one.
        JournalError: it is no journal, or cannot be read.
    """
    with _opened(journal) as connection:
        return status_of(connection)


def read_rows(journal: str | os.PathLike[str], state: State | None = None) -> Iterator[MessageRow]:
    """Every message of a journal that no campaign is using, in the order of the claims.

    Raises (while iterating): as `status`.
    """
    with _opened(journal) as connection:
        last = 0
        while page := page_of(connection, last, state):
            for _, row in page:
                yield row
            last = page[-1][0]


def status_of(connection: sqlite3.Connection) -> Status:
    counts: dict[int, int] = dict(connection.execute("SELECT state, count(*) FROM message GROUP BY state").fetchall())
    found = connection.execute("SELECT value FROM meta WHERE name='expected'").fetchone()
    known = sum(counts.values())
    total = max(known, found[0] if found else 0)
    return Status(
        total=total,
        sent=counts.get(State.SENT, 0),
        rejected=counts.get(State.REJECTED, 0),
        failed=counts.get(State.FAILED, 0),
        # While nobody runs, a claim without a result is one whose sender died.
        unknown=counts.get(State.UNKNOWN, 0) + counts.get(State.INTENT, 0),
        not_sent=counts.get(State.NOT_SENT, 0) + total - known,
    )


def page_of(connection: sqlite3.Connection, after: int, state: State | None) -> list[tuple[int, MessageRow]]:
    found = connection.execute(_ROWS, (after, state, state, _PAGE)).fetchall()
    return [(values[0], _row(*values[1:])) for values in found]


def missing_from(journal: Journal) -> int:
    """Messages that the run which just read its input to the end has not met; from now on that input is the whole."""
    journal.set_meta("expected", 0)
    found = journal.sql.execute("SELECT count(*) FROM message WHERE run<?", (journal.run,)).fetchone()
    return int(found[0])


def _row(*values: Any) -> MessageRow:  # noqa: ANN401 - SQLite's own types
    key, place, state, umid, batch_id, code, claimed, at, scheduled, cancelled, destination, text = values
    return MessageRow(
        key=key, place=place, state=State(state), umid=umid, batch_id=batch_id, code=code, claimed_at=claimed, at=at,
        scheduled=scheduled, cancelled=bool(cancelled), destination=destination, text=text,
    )  # fmt: skip


@contextmanager
def _opened(journal: str | os.PathLike[str]) -> Iterator[sqlite3.Connection]:
    path = Path(journal)
    if not path.exists():
        raise JournalError("there is none at this path")
    with closing(connect(path, "process")) as opened:
        yield opened.sql
