"""What can be done with a journal without a client: make it in advance, remove it unused, settle a message by hand."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, suppress
from typing import TYPE_CHECKING

from eightbyeight_async.bulk.errors import JournalError
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.journal import Journal
from eightbyeight_async.bulk.store.journal_file import NONE_HERE, connect, is_blank, read_head, real_path, side_file
from eightbyeight_async.bulk.store.journal_mark import Mark, lock_journal
from eightbyeight_async.bulk.store.records import Policy
from eightbyeight_async.errors import InvalidRequestError

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.bulk.store.journal_file import Durability

__all__ = ["make_unused", "remove_unused", "resolve_message"]


def make_unused(path: Path, durability: Durability) -> None:
    """Makes an empty journal.

    Raises:
        JournalError: the journal cannot be made, or the file is something else.
    """
    mark, _ = lock_journal(real_path(path), durability)
    mark.close(forget=True)


def resolve_message(path: Path, key: str, *, sent: bool) -> None:
    """Settles an UNKNOWN message by hand, without a client. With `sent=False` the next run sends it.

    Raises:
        JournalError: the journal is missing, in use, or cannot be written.
        InvalidRequestError: no UNKNOWN message has this key.
    """
    if is_blank(real_path(path)):
        raise JournalError(NONE_HERE)
    journal = Journal(path, "power", time.time, account=None, policy=Policy())
    try:
        found = journal.transact(lambda: journal.resolve(key, State.SENT if sent else State.NOT_SENT))
    finally:
        journal.close()
    if not found:
        raise InvalidRequestError("key", "no message whose outcome is unknown has it")


def remove_unused(path: Path) -> None:
    """Removes a journal that was made and not used. Never removes a journal that holds a message or is in use."""
    with suppress(JournalError, OSError, sqlite3.Error):
        real = real_path(path)
        read_head(real)
        mark = Mark(real)
        try:
            with closing(connect(real, "process")) as connection:
                unused = connection.execute("SELECT count(*) FROM message").fetchone() == (0,)
            if unused:
                for end in ("", "-wal", "-shm", "-mark"):
                    side_file(real, end).unlink(missing_ok=True)
        finally:
            mark.close()
