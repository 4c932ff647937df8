"""What a journal file is, how one is made and opened, and what is refused.

Rules:
- nothing that is not a journal is touched: the file's first 100 bytes are read before SQLite sees it;
- a new journal appears under its name whole or not at all (made beside it, then linked);
- one campaign a journal: the lock is taken at once and held to the end. It is a `flock` on the mark, besides SQLite's
  own: POSIX takes that one away as soon as anything in the same process opens and closes the file.

Beside the journal lies `<journal>-mark`: eight bytes, the last claim that was acted upon, written after its commit. The
page cache keeps it when the process is killed. If the journal knows less than the mark (a damaged or deleted
write-ahead log, a backup put back, a power failure with durability "process"), claims are lost and it is not opened.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import stat
import struct
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from eightbyeight_async.bulk.errors import JournalError, JournalInUseError
from eightbyeight_async.bulk.judging.message_keys import SALT_BYTES

try:
    import fcntl
except ImportError:  # Windows, where SQLite's own lock belongs to the handle
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Durability", "Opened", "connect", "make", "problem", "read_mark", "side_file"]

Durability = Literal["power", "process"]

APPLICATION_ID: Final = 0x38783842  # "8x8B"
VERSION: Final = 1
_IN_USE = "is in use by another campaign; one at a time"
_OLDEST_SQLITE = (3, 35, 0)  # UPSERT, UPDATE FROM, JSON

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE batch (number INTEGER PRIMARY KEY, batch_id TEXT NOT NULL);
-- id: the number of the claim; a message that is claimed again gets a new one, so they never go back.
-- run, times: the run that met the message last, and how often. place: its index in that run's input.
-- claimed, at: seconds since 1970 of the claim and of the last change. cancelled: NULL, or see cancelling.py.
CREATE TABLE message (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, state INTEGER NOT NULL,
    run INTEGER NOT NULL, times INTEGER NOT NULL DEFAULT 1, place INTEGER NOT NULL,
    claimed REAL NOT NULL, at REAL, umid TEXT, batch INTEGER, code INTEGER,
    scheduled REAL, cancelled INTEGER, destination TEXT, text TEXT
);
"""


def make(path: Path, durability: Durability) -> None:
    """Makes an empty journal under a name that is free, or that an empty file has.

    Raises:
        JournalError: it cannot be made there.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        os.close(descriptor)
        with closing(sqlite3.connect(beside, isolation_level=None)) as connection:
            connection.executescript(
                f"BEGIN; PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={VERSION}; {_SCHEMA} COMMIT;"
            )
            values = {"version": VERSION, "salt": secrets.token_bytes(SALT_BYTES), "run": 0}
            connection.executemany("INSERT INTO meta VALUES (?, ?)", values.items())
            # Before it has its name: the switch rewrites the header.
            connection.execute("PRAGMA journal_mode=WAL")
        if path.exists():
            beside.replace(path)  # it is empty
        else:
            os.link(beside, path)
        if durability == "power":
            _sync_directory(path.parent)
    except FileExistsError:  # another campaign was faster: its journal is as good
        pass
    except (OSError, sqlite3.Error) as error:
        raise problem(error, "cannot be made") from error
    finally:
        for name in (beside, side_file(beside, "-wal"), side_file(beside, "-shm"), side_file(beside, "-journal")):
            with suppress(OSError):
                name.unlink()


class Opened(NamedTuple):
    """A journal under its lock. `mark`: the descriptor of the file beside it."""

    sql: sqlite3.Connection
    mark: int

    def close(self) -> None:
        with suppress(sqlite3.Error):
            self.sql.close()
        with suppress(OSError):
            os.close(self.mark)


def connect(path: Path, durability: Durability) -> Opened:
    """Opens a journal and takes its lock.

    Raises:
        JournalInUseError: another campaign has it.
        JournalError: it is no journal, or not one that can be used.
    """
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise JournalError(f"needs SQLite 3.35 or newer, this Python has {sqlite3.sqlite_version}")
    _check_file(path)
    mark = _lock(path)
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(path, timeout=0, isolation_level=None)
        connection.execute("PRAGMA locking_mode=EXCLUSIVE")
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if durability == 'power' else 'NORMAL'}")
        connection.execute(f"PRAGMA fullfsync={durability == 'power':d}")
        connection.execute(f"PRAGMA checkpoint_fullfsync={durability == 'power':d}")
        connection.execute("PRAGMA cache_size=-16384")
        # 16 MB: keys are random, so a checkpoint soon after the last would write the same pages again.
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("SELECT value FROM meta WHERE name='version'").fetchone() or (None,)
        connection.execute("COMMIT")
        if version != VERSION:
            raise JournalError(_wrong_version(version))  # noqa: TRY301 - closed below like the rest
    except BaseException as error:
        if connection is not None:
            connection.close()
        os.close(mark)
        if isinstance(error, sqlite3.Error):
            raise problem(error, "cannot be opened") from error
        raise
    return Opened(connection, mark)


def _lock(path: Path) -> int:
    """The mark's descriptor, locked; the lock goes with it."""
    try:
        mark = os.open(side_file(path, "-mark"), os.O_CREAT | os.O_RDWR, 0o600)
    except OSError as error:
        raise problem(error, "cannot be opened") from error
    if fcntl is not None:
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            os.close(mark)
            raise JournalInUseError(_IN_USE) from error
        except OSError:  # a file system that knows no flock: SQLite's lock has to do
            pass
    return mark


def _check_file(path: Path) -> None:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            head = file.read(100)
    except OSError as error:
        raise problem(error, "cannot be opened") from error
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):  # root could write it all the same
        raise JournalError("is read-only; make it writable, or give another name")
    if len(head) < 100 or not head.startswith(b"SQLite format 3\0"):
        raise JournalError("the file is not a journal; it was not touched")
    user_version, application_id = struct.unpack(">I4xI", head[60:72])
    if application_id != APPLICATION_ID:
        raise JournalError("the file is a database of another application; it was not touched")
    if user_version != VERSION:
        raise JournalError(_wrong_version(user_version))


def _wrong_version(version: object) -> str:
    if isinstance(version, int) and version > VERSION:
        return f"is of version {version}, newer than this package knows ({VERSION}); upgrade eightbyeight-async"
    return "is of a version this package does not know"


def problem(error: Exception, doing: str) -> JournalError:
    """Of SQLite or the operating system, in one line."""
    if isinstance(error, JournalError):
        return error
    if isinstance(error, OSError):
        return JournalError(f"{doing}: {error.strerror or type(error).__name__}")
    name = getattr(error, "sqlite_errorname", "")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return JournalInUseError(_IN_USE)
    if name.startswith("SQLITE_FULL"):
        return JournalError(f"{doing}: the disk is full")
    if name.startswith("SQLITE_READONLY"):
        return JournalError(f"{doing}: it is read-only, or its directory is")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return JournalError(f"{doing}: the file is damaged")
    return JournalError(f"{doing}: {name or type(error).__name__}")


def side_file(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def read_mark(mark: int) -> int:
    """The last claim that was acted upon, 0 if nobody knows."""
    data = os.pread(mark, 9, 0)
    return int.from_bytes(data, "big") if len(data) == 8 else 0


def _sync_directory(directory: Path) -> None:
    with suppress(OSError):  # not every platform can
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
