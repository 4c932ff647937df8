"""The mark of a journal (`run.db-mark`) and the lock on it.

The mark holds the journal's number (4 bytes) and the number of the last claim that was acted upon (8 bytes). The lock
is a `flock`. The other kind of lock (`lockf`) is unsuitable: POSIX drops it as soon as any code of the process closes
the file.
"""

from __future__ import annotations

import importlib
import os
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from eightbyeight_async.bulk.errors import JournalInUseError
from eightbyeight_async.bulk.store.journal_file import (
    IN_USE,
    check_writable,
    is_blank,
    make,
    problem,
    read_head,
    side_file,
    sync_directory,
)

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.bulk.store.journal_file import Durability, Head

__all__ = ["Mark", "is_running", "lock_journal"]


def _module(name: str) -> Any:  # noqa: ANN401 - a module
    """Imports a module; None: the platform does not have that module."""
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


fcntl: Any = _module("fcntl")
msvcrt: Any = _module("msvcrt")  # Windows
_LOCK_TRIES, _LOCK_PAUSE = 10, 0.02  # A reader holds the lock for microseconds, to see whether a campaign is running.
_BINARY = getattr(os, "O_BINARY", 0)  # Windows
_LOCKED_BYTE = 1 << 20  # Windows does not allow reading a locked byte, so this byte is far behind the mark's data.


class Mark:
    """The file `run.db-mark`, locked by the campaign.

    Raises:
        JournalInUseError: another campaign has the lock.
        JournalError: the file cannot be made.
    """

    def __init__(self, path: Path) -> None:
        self._path = side_file(path, "-mark")
        self._made = not self._path.exists()
        for _ in range(_LOCK_TRIES):
            try:
                self._file = os.open(self._path, os.O_CREAT | os.O_RDWR | _BINARY, 0o600)
            except OSError as error:
                raise problem(error, "cannot be opened") from error
            # A lock on a mark that was removed meanwhile (see `close`) would not keep out other campaigns.
            if _try_lock(self._file, shared=False) and _is_at(self._file, self._path):
                return
            os.close(self._file)
            time.sleep(_LOCK_PAUSE)
        raise JournalInUseError(IN_USE)

    def read(self, head: Head) -> int | None:
        """Returns the last claim that was acted upon; None: the mark is missing, damaged, or of another journal."""
        return _read_mark(self._file, head)

    def write(self, head: Head, last_id: int, *, sync: bool = False) -> None:
        """Writes the mark.

        Usually without a sync: if a power failure restores an older mark, only a warning is missing.
        """
        _pwrite(self._file, head.number.to_bytes(4) + last_id.to_bytes(8))
        if sync:
            os.fsync(self._file)
            sync_directory(self._path.parent)

    def close(self, *, forget: bool = False) -> None:
        """Releases the lock. `forget`: also removes the mark if this object made it and never wrote it."""
        if forget and self._made:
            with suppress(OSError):
                if not self._path.stat().st_size:
                    self._path.unlink()
        with suppress(OSError):
            os.close(self._file)


def lock_journal(path: Path, durability: Durability) -> tuple[Mark, Head]:
    """Makes the journal if there is none, and takes its lock. A file that is not a journal stays unchanged.

    Args:
        path: as `real_path` gives it.
        durability: see `make`.

    Raises:
        JournalInUseError: another campaign has the lock.
        JournalError: the file is something else, or none can be made there.
    """
    mark: Mark | None = None
    try:
        if is_blank(path):
            mark = Mark(path)
            if is_blank(path):  # otherwise another campaign was faster, and its journal can be used
                if path.exists():
                    check_writable(path)
                make(path, durability)
        head = read_head(path)
        check_writable(path)
        return mark or Mark(path), head
    except BaseException as error:
        if mark is not None:
            mark.close(forget=True)
        if isinstance(error, OSError):
            raise problem(error, "cannot be opened") from error
        raise


def is_running(path: Path, head: Head) -> tuple[bool, int | None]:
    """Returns whether a campaign holds the journal's lock, and what the mark says (see `Mark.read`).

    Raises:
        JournalError: the mark cannot be read.
    """
    try:
        file = os.open(side_file(path, "-mark"), os.O_RDONLY | _BINARY)
    except OSError as error:
        if head.in_use and not isinstance(error, FileNotFoundError):
            raise problem(error, "its -mark file cannot be read") from error
        return False, None
    try:
        return not _try_lock(file, shared=True), _read_mark(file, head)
    finally:
        os.close(file)


def _read_mark(file: int, head: Head) -> int | None:
    data = _pread(file, 13)
    if len(data) != 12 or int.from_bytes(data[:4]) != head.number:
        return None
    return int.from_bytes(data[4:])


def _pread(file: int, size: int) -> bytes:
    os.lseek(file, 0, os.SEEK_SET)  # not every system has os.pread
    return os.read(file, size)


def _pwrite(file: int, data: bytes) -> None:
    os.lseek(file, 0, os.SEEK_SET)
    os.write(file, data)


def _is_at(file: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except OSError:
        return False


def _try_lock(file: int, *, shared: bool) -> bool:
    """Takes the lock; False: another opened file has it. On a file system without locks this always succeeds."""
    try:
        if fcntl is not None:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        elif msvcrt is not None:
            os.lseek(file, _LOCKED_BYTE, os.SEEK_SET)
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:
        return True
    return True
