"""The files of a journal: how they are made, opened, checked and locked.

Files that belong together (`run.db` stands for the journal's name; links are followed):
- `run.db`: the database. Its header says which journal it is and whether it is in use (`Head`);
- `run.db-wal`: commits that are not in `run.db` yet; SQLite's write-ahead log. Gone after a clean end;
- `run.db-shm`: SQLite's index of that log; not needed to recover;
- `run.db-mark`: the journal's number and the number of the last claim that was acted upon, written after its commit.

Rules:
- Only a journal or an empty regular file is ever changed: a file is read without locks before SQLite may write.
- A new journal is completed under another name beside its own, then renamed, under the lock and only in place of an
  empty file.
- One campaign uses a journal at a time. It takes the lock on the mark first, and holds it to the end. Readers keep no
  lock. A file with two names (hard links) would have two marks, so it is refused.
- A journal is first read without writing. If anything is wrong with it, all its files stay unchanged. (When a
  connection that can write is closed, SQLite writes the log into the database and deletes it.)
- `in_use` reaches the disk after the mark, and before a run claims anything. A clean end clears it. A journal in use
  needs its mark. A copy, or a file under another name, has neither mark nor log: its claims are lost, and it is not
  opened, because messages sent under them would be sent twice.
- A mark above the last claim also means lost claims: the log is damaged or deleted, or an old copy was restored.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import secrets
import sqlite3
import stat
from contextlib import closing, suppress
from typing import TYPE_CHECKING, Final, Literal, NamedTuple
from urllib.parse import quote

from eightbyeight_async.bulk.errors import JournalError, JournalInUseError
from eightbyeight_async.bulk.judging.message_keys import SALT_BYTES, SALT_LENGTHS

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "IN_USE",
    "NONE_HERE",
    "RESTORE",
    "UNREADABLE",
    "VERSION",
    "Durability",
    "Head",
    "check_writable",
    "connect",
    "connect_to_read",
    "is_blank",
    "make",
    "make_tables",
    "problem",
    "read_head",
    "real_path",
    "salt_of",
    "side_file",
    "sync_directory",
]

Durability = Literal["power", "process"]

IN_USE: Final = "is in use by another campaign; one at a time: wait until that one ends, or stop it"
NONE_HERE: Final = "there is none at this path: check the path; a run makes one"
RESTORE: Final = "put back a copy of all its files; without one, see in 8x8's log who got a message"
APPLICATION_ID: Final = 0x38783842  # "8x8B"
VERSION: Final = 5
# 2: without people who have opted out. 3 and 4: with a shorter salt. Otherwise the versions are the same. The next run
# changes the version to 5, which older packages do not read.
_READABLE: Final = (2, 3, 4, VERSION)
_IN_USE_BIT: Final = 1 << 8
_OLDEST_SQLITE = (3, 35, 0)  # UPSERT, UPDATE FROM, RETURNING, JSON
_CHECK_BYTES = 8
# Errors that a damaged or missing file causes.
UNREADABLE: Final = (sqlite3.Error, OSError, UnicodeError, json.JSONDecodeError)
_NO_SHM = ("SQLITE_CANTOPEN", "SQLITE_READONLY_CANTINIT", "SQLITE_READONLY_DIRECTORY")
_READER_PATIENCE = 10.0  # seconds that a checkpoint waits for readers

_SCHEMA = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE account (number INTEGER PRIMARY KEY, host TEXT NOT NULL, subaccount_id TEXT NOT NULL);
-- cancelled: of a batch that was cancelled in part, how many of its messages; 8x8 does not say which.
CREATE TABLE batch (number INTEGER PRIMARY KEY, batch_id TEXT NOT NULL, cancelled INTEGER NOT NULL DEFAULT 0);
-- The sums of message.hash, in two halves, as claims wrote them: table and index must have the same. journal: its
-- number once more. Every claim writes here, so a log of another journal brings its own number along.
CREATE TABLE sums (journal INTEGER NOT NULL, count INTEGER NOT NULL, low INTEGER NOT NULL, high INTEGER NOT NULL);
-- id: number of the claim; a message that is claimed again gets a new one, so they never go back.
-- hash: 63 bits of the key; messages are found by it. guard: hash and state once more, so that damage shows.
-- run, times: the run that met the message last, and how often. place: its index in that run's input.
-- claimed, at: seconds since 1970 of the claim and of the last change. scheduled: as sent; due: as met last.
-- who, what: digests of number, of sender and text. cancelled: NULL or a CancelMark.
CREATE TABLE message (
    id INTEGER PRIMARY KEY, hash INTEGER NOT NULL, key TEXT NOT NULL, state INTEGER NOT NULL, guard INTEGER NOT NULL,
    run INTEGER NOT NULL, times INTEGER NOT NULL DEFAULT 1, place INTEGER NOT NULL, account INTEGER NOT NULL,
    claimed REAL NOT NULL, at REAL, scheduled REAL, due REAL, who INTEGER NOT NULL, what INTEGER,
    umid TEXT, batch INTEGER, code INTEGER, cancelled INTEGER, destination TEXT, text TEXT
);
CREATE UNIQUE INDEX message_hash ON message (hash);
"""


class Head(NamedTuple):
    """What the main file alone says, without its log, in 4 bytes of its header (`PRAGMA user_version`).

    Nothing else in the main file can be read without the log: a checkpoint that a reader blocks copies only some of the
    pages, and these do not fit the others.

    Attributes:
        number: number of the journal; random, 22 bits.
        in_use: a run began and has not ended cleanly.
        version: version of the layout, 8 bits.
    """

    number: int
    in_use: bool
    version: int = VERSION

    @classmethod
    def of(cls, user_version: int) -> Head:
        return cls(user_version >> 9, bool(user_version & _IN_USE_BIT), user_version & 0xFF)

    @property
    def user_version(self) -> int:
        return self.number << 9 | self.in_use * _IN_USE_BIT | self.version


def real_path(path: Path) -> Path:
    """Returns the path with all links followed.

    Raises:
        JournalError: something other than a regular file is at the path, or its links form a loop.
    """
    try:
        real = path.resolve()
        mode = real.stat().st_mode if real.exists() else stat.S_IFREG
    except (OSError, RuntimeError) as error:  # RuntimeError: symbolic links form a loop (before Python 3.13)
        if isinstance(error, OSError):
            raise problem(error, "cannot be opened") from error
        raise JournalError("cannot be opened: its links go in a circle; give the path of a file") from error
    except ValueError as error:
        raise JournalError("cannot be opened: its name holds a NUL character; give another name") from error
    if stat.S_ISDIR(mode):
        raise JournalError("cannot be opened: it is a directory; give the path of a file")
    if not stat.S_ISREG(mode):
        raise JournalError(
            "is no regular file (a device, a pipe or a socket); it was not touched. Give the path of a file"
        )
    return real


def side_file(path: Path, end: str) -> Path:
    return path.with_name(path.name + end)


def is_blank(path: Path) -> bool:
    """Whether there is no file yet, or an empty one."""
    return not path.exists() or path.stat().st_size == 0


def check_writable(path: Path) -> None:
    """Checks the mode and the links of the main file.

    Raises:
        JournalError: the file may not be written, or has a second name.
    """
    found = path.stat()
    if not found.st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):  # root could still write it
        raise JournalError("is read-only; make it writable, or give another name")
    if found.st_nlink > 1:
        raise JournalError(
            "has a second name (a hard link), under which another campaign could send the same; "
            "keep one of the names, or make a real copy"
        )


def make(path: Path, durability: Durability) -> None:
    """Makes an empty journal under a free name, or in place of an empty file. The caller must hold the lock.

    Args:
        path: as `real_path` gives it.
        durability: "power": the new file is synced.

    Raises:
        JournalError: the journal cannot be made there.
    """
    for end in ("-wal", "-mark"):
        left = side_file(path, end)
        if left.exists() and left.stat().st_size:
            raise JournalError(
                f"{left.name} is left of a journal that is no longer here; put that journal back, or delete "
                f"{side_file(path, '-wal').name} and {side_file(path, '-mark').name} for a new campaign"
            )
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.new")
    try:
        descriptor = os.open(beside, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        os.close(descriptor)
        with closing(sqlite3.connect(_uri(beside, "rw"), uri=True, isolation_level=None)) as connection:
            make_tables(connection)
            # The switch to WAL rewrites the header, so it is done before the file gets its final name.
            connection.execute("PRAGMA journal_mode=WAL")
        if not path.exists():
            # Reserves the name and replaces no file. A hard link would do the same, but some file systems have none.
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        beside.replace(path)
        if durability == "power":
            sync_directory(path.parent)
    except (OSError, sqlite3.Error) as error:
        raise problem(error, "cannot be made") from error
    finally:
        for name in (beside, side_file(beside, "-wal"), side_file(beside, "-shm"), side_file(beside, "-journal")):
            with suppress(OSError):
                name.unlink()


def make_tables(connection: sqlite3.Connection) -> bytes:
    """Makes the tables of an empty journal in an empty database; returns its salt."""
    salt = secrets.token_bytes(SALT_BYTES)
    head = Head(secrets.randbits(22), in_use=False)
    numbers = f"PRAGMA application_id={APPLICATION_ID}; PRAGMA user_version={head.user_version};"
    connection.executescript(f"BEGIN; {numbers} {_SCHEMA} COMMIT;")
    connection.execute("INSERT INTO meta VALUES ('salt', ?)", (salt + _check_of(salt, head),))
    connection.execute("INSERT INTO sums VALUES (?, 0, 0, 0)", (head.number,))
    return salt


def read_head(path: Path) -> Head:
    """Reads the main file alone; takes no lock and writes nothing.

    Uses SQLite, not `open`: closing a descriptor of our own would drop the locks that this process holds on the file.

    Raises:
        JournalError: the file is not a journal, or not one that this version can use.
    """
    try:
        with closing(sqlite3.connect(_uri(path, "ro", "immutable=1"), uri=True)) as connection:
            # Without this, SQLite refuses a file that is shorter than its header says. A file is shorter during a
            # checkpoint, and after a kill or a full disk interrupted a checkpoint.
            connection.execute("PRAGMA writable_schema=ON")
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
            head = Head.of(connection.execute("PRAGMA user_version").fetchone()[0])
            if application_id != APPLICATION_ID:
                kind = "not a journal" if path.stat().st_size < 100 else "a database of another application"
                raise JournalError(f"the file is {kind}; it was not touched. Give another name")
            if head.version not in _READABLE:
                raise JournalError(_wrong_version(head.version))
            return head
    except UNREADABLE as error:
        if getattr(error, "sqlite_errorname", "") == "SQLITE_NOTADB":
            raise JournalError("the file is not a journal; it was not touched. Give another name") from error
        raise problem(error, "cannot be opened") from error


def connect(path: Path, durability: Durability) -> sqlite3.Connection:
    """Opens the database to write. The caller must hold the lock on the mark."""
    if sqlite3.sqlite_version_info < _OLDEST_SQLITE:
        raise JournalError(f"needs SQLite 3.35, this Python has {sqlite3.sqlite_version}; use a newer Python")
    connection = sqlite3.connect(_uri(path, "rw"), uri=True, timeout=_READER_PATIENCE, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute(f"PRAGMA synchronous={'FULL' if durability == 'power' else 'NORMAL'}")
        connection.execute(f"PRAGMA fullfsync={durability == 'power':d}")
        connection.execute(f"PRAGMA checkpoint_fullfsync={durability == 'power':d}")
        # 8 MB hold the index of 400,000 messages. With a million messages, 16 MB would save 1 us of the 9 us that
        # SQLite takes per message.
        connection.execute("PRAGMA cache_size=-8192")
        # Pages (16 MB). Hashes are random, so frequent checkpoints would write the same pages again and again.
        connection.execute("PRAGMA wal_autocheckpoint=4000")
        connection.executescript("BEGIN IMMEDIATE; COMMIT;")  # creates the log
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(path: Path, *, locked: bool = False) -> sqlite3.Connection:
    """Opens the database to read, also while a campaign is sending. Leaves no new file behind.

    Args:
        path: as `real_path` gives it.
        locked: whether the caller holds the lock on the mark.
    """
    log = side_file(path, "-wal")
    alone = not log.exists() or log.stat().st_size == 0
    if not (alone and locked):
        # If there is no log, SQLite makes an empty one, and only a connection that may write removes it at its end
        # ("rw"). If there is a log, it must not change: a connection that may write would move it into the database. So
        # "ro".
        for mode in ("ro",) if log.exists() else ("rw", "ro"):
            try:
                connection = sqlite3.connect(_uri(path, mode), uri=True, timeout=_READER_PATIENCE, isolation_level=None)
                connection.execute("PRAGMA query_only=1")
            except sqlite3.Error:
                if mode == "rw":
                    continue
                raise
            try:
                connection.execute("SELECT count(*) FROM meta").fetchone()
            except sqlite3.Error as error:
                connection.close()
                # In a read-only directory SQLite cannot make its `-shm` file. Without a log it needs none.
                if not alone or getattr(error, "sqlite_errorname", "") not in _NO_SHM:
                    raise
            else:
                return connection
    return sqlite3.connect(_uri(path, "ro", "immutable=1"), uri=True, isolation_level=None)


def salt_of(stored: object, head: Head) -> bytes | None:
    """Returns the salt in `meta`; None: the file is damaged, or the salt belongs to another journal.

    With a wrong salt every message would count as new.
    """
    for length in SALT_LENGTHS:
        if isinstance(stored, bytes) and stored[length:] == _check_of(stored[:length], head):
            return stored[:length]
    return None


def problem(error: Exception, doing: str) -> JournalError:
    """Turns an error of SQLite or the operating system into a JournalError of one line: what is wrong, what to do."""
    if isinstance(error, JournalError):
        return error
    if isinstance(error, UnicodeError | json.JSONDecodeError):  # a text that no run has written: the file is damaged
        return JournalError(f"{doing}: the file is damaged: {RESTORE}")
    if isinstance(error, OSError):
        kind = error.strerror or type(error).__name__
        return JournalError(f"{doing}: {_FULL if error.errno in _NO_SPACE else f'{kind}; {_ACCESS}'}")
    name = getattr(error, "sqlite_errorname", "") or type(error).__name__
    if not isinstance(error, sqlite3.Error):
        return JournalError(f"{doing}: {name}, which is a bug; please report it")
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return JournalInUseError(IN_USE)
    words = f"SQLite reports {name}; check the disk, then run the same again"
    for start, known in _KNOWN:
        if name.startswith(start):
            words = known.format(name=name)
    return JournalError(f"{doing}: {words}")


_NO_SPACE = {errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC)}  # Windows has no quotas of this kind
_FULL = "the disk is full; what the journal holds is intact: free space, then run the same again"
_ACCESS = "check the path, and who may write the file and its directory"
_KNOWN = (
    ("SQLITE_FULL", _FULL),
    ("SQLITE_READONLY", f"it is read-only, or its directory is; {_ACCESS}"),
    ("SQLITE_CANTOPEN", f"there is no access to it or to its directory ({{name}}); {_ACCESS}"),
    ("SQLITE_CORRUPT", f"the file is damaged, or its -wal file is of another journal: {RESTORE}"),
    ("SQLITE_NOTADB", f"the file is damaged, or its -wal file is of another journal: {RESTORE}"),
    (
        "SQLITE_IOERR",
        "the disk or the file system refused ({name}); what the journal holds is intact: check the disk, its quota and "
        "the limits on the size of a file, then run the same again",
    ),
)


def _uri(path: Path, mode: str, *more: str) -> str:
    """Returns the path as a URI. A bare name that begins with `file:` would be read as a URI."""
    name = quote(os.fsencode(path) if os.name != "nt" else "/" + path.as_posix())
    return "&".join([f"file:{name}?mode={mode}", *more])


def _check_of(salt: bytes, head: Head) -> bytes:
    return hashlib.blake2b(salt + head.number.to_bytes(4), digest_size=_CHECK_BYTES).digest()


def _wrong_version(version: int) -> str:
    if version > VERSION:
        return f"is of version {version}, newer than this package knows ({VERSION}); upgrade eightbyeight-async"
    return f"is of version {version}; this package reads {VERSION}: finish this campaign with the package that made it"


def sync_directory(directory: Path) -> None:
    with suppress(OSError):  # Windows cannot open a directory
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
