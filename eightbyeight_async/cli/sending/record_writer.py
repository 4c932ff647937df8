"""Where the records go: a file, a pipe, a terminal, nowhere.

Rules: a reader that dawdles must not hold up the event loop, or answers would time out that are long there, so a
thread writes; a full disk or a reader that left is noticed, and what could not be written is kept and told; a file
never ends in half a line.
"""

from __future__ import annotations

import errno
import os
import stat
import threading
from typing import TYPE_CHECKING, Protocol

import anyio
import anyio.to_thread

from eightbyeight_async.cli.exit_codes import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["DescriptorRecords", "NoRecords", "RecordWriter", "TerminalRecords", "new_file", "refuse_output"]

# Lines that may wait to be written; more, and no more messages are taken until the reader has caught up.
_WAITING = 2000
# Seconds between two writes; what a kill -9 can cost.
_LULL = 0.005
# How long a reader that does not read may hold up the end of an interrupted run.
_PATIENCE = 2.0


class RecordWriter(Protocol):
    """A place for records, one line each.

    Attributes:
        failure: why nothing can be written any more, None while it can.
        reader_left: it is because a pipe's reader went away.
        unwritten: the lines that were not written because of it.
    """

    failure: str | None
    reader_left: bool
    unwritten: list[str]

    async def write(self, line: str, *, patient: bool = True) -> None:
        """Takes a line; if `patient`, waits while too many are waiting. After a failure they go to `unwritten`."""

    async def close(self, *, hurry: bool) -> None:
        """Writes what is waiting. `hurry`: not for long."""


class NoRecords:
    """For who does not want records."""

    def __init__(self) -> None:
        self.failure: str | None = None
        self.reader_left = False
        self.unwritten: list[str] = []

    async def write(self, line: str, *, patient: bool = True) -> None:
        pass

    async def close(self, *, hurry: bool) -> None:
        pass


class TerminalRecords(NoRecords):
    """A terminal that the progress bar lives on, too: `show` prints above it. A few lines at a time, it is slow."""

    def __init__(self, print_lines: Callable[[str], None], at_once: int = 50) -> None:
        super().__init__()
        self._print_lines = print_lines
        self._at_once = at_once
        self._waiting: list[str] = []

    async def write(self, line: str, *, patient: bool = True) -> None:
        self._waiting.append(line)
        if len(self._waiting) >= self._at_once:
            await self.close(hurry=False)

    async def close(self, *, hurry: bool) -> None:
        if self._waiting:
            self._print_lines("\n".join(self._waiting))
            self._waiting.clear()


class DescriptorRecords:
    """A file or a pipe, by its descriptor.

    Args:
        descriptor: to write to.
        name: for messages.
        owned: it is ours to close in the end.
    """

    def __init__(self, descriptor: int, name: str, *, owned: bool = False) -> None:
        self.failure: str | None = None
        self.reader_left = False
        self.unwritten: list[str] = []
        self._descriptor = descriptor
        self._name = name
        self._owned = owned
        self._regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._change = threading.Condition()
        self._waiting: list[str] = []
        self._writing: list[str] = []
        self._ending = False
        # A daemon: a reader that never reads again must not keep an interrupted program from ending.
        self._thread = threading.Thread(target=self._work, name="eightbyeight-output", daemon=True)
        self._thread.start()

    async def write(self, line: str, *, patient: bool = True) -> None:
        with self._change:
            if self.failure is not None:
                self.unwritten.append(line)
                return
            self._waiting.append(line)
            self._change.notify_all()
            full = len(self._waiting) > _WAITING
        if full and patient:
            await anyio.to_thread.run_sync(self._wait_for_room, abandon_on_cancel=True)

    async def close(self, *, hurry: bool) -> None:
        with self._change:
            self._ending = True
            self._change.notify_all()
        # Not cancellable: this is what is left to do after a cancellation.
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._thread.join, _PATIENCE if hurry else None)
        with self._change:
            if self._thread.is_alive():
                self.failure = f"{self._name}: nobody reads"
            self.unwritten = [*self._writing, *self._waiting, *self.unwritten]

    def _wait_for_room(self) -> None:
        with self._change:
            self._change.wait_for(lambda: len(self._waiting) <= _WAITING or self.failure is not None)

    def _work(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._ending)
                if not self._waiting:
                    break
                self._writing, self._waiting = self._waiting, []
                self._change.notify_all()
            try:
                # Half of a surrogate pair, which JSON can carry and UTF-8 cannot, becomes its JSON escape again.
                self._write_all("".join(f"{line}\n" for line in self._writing).encode(errors="backslashreplace"))
            except Exception as wrong:  # noqa: BLE001 - whatever it is: who waits for this thread must hear of it
                self._fail(wrong)
                break
            self._writing = []
            with self._change:  # a few at a time: a write a line would cost more than the line
                self._change.wait_for(lambda: self._ending, _LULL)
        if self._owned:
            try:
                os.close(self._descriptor)
            except OSError as wrong:
                self._fail(wrong)

    def _fail(self, wrong: Exception) -> None:
        with self._change:
            self.reader_left = isinstance(wrong, OSError) and wrong.errno == errno.EPIPE
            said = wrong.strerror if isinstance(wrong, OSError) else None
            words = "nobody reads any more" if self.reader_left else said or "cannot be written"
            self.failure = self.failure or f"{self._name}: {words}"
            self._change.notify_all()

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        written = 0
        try:
            while written < len(view):
                written += os.write(self._descriptor, view[written:])
        finally:
            # Whole lines that made it are written; a half one is taken back where that is possible.
            whole = data.rfind(b"\n", 0, written) + 1
            if written < len(view):
                self._writing = self._writing[data.count(b"\n", 0, whole) :]
            if self._regular and written > whole:
                end = os.lseek(self._descriptor, 0, os.SEEK_CUR) - (written - whole)
                os.ftruncate(self._descriptor, end)


def refuse_output(path: Path, *, force: bool, not_this: tuple[int, int]) -> None:
    """Says early what `new_file` would say.

    Raises:
        UsageError: it exists, or is the input.
    """
    _flags(path, force=force, not_this=not_this)


def new_file(path: Path, *, force: bool, private: bool, not_this: tuple[int, int]) -> int:
    """The descriptor of a new file.

    Args:
        path: where.
        force: an existing file may be overwritten.
        private: it will hold numbers and texts, so it is for its owner only.
        not_this: device and inode of the input.

    Raises:
        UsageError: it exists, is the input, or cannot be made.
    """
    try:
        descriptor = os.open(path, _flags(path, force=force, not_this=not_this), 0o600 if private else 0o666)
        if private and stat.S_ISREG(os.fstat(descriptor).st_mode):
            path.chmod(0o600)  # it may have been there, for all to read
    except OSError as wrong:
        raise UsageError(f"--output {path}: {wrong.strerror or 'cannot be made'}") from wrong
    return descriptor


def _flags(path: Path, *, force: bool, not_this: tuple[int, int]) -> int:
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
    try:
        there = path.stat()
    except OSError:
        return flags | os.O_EXCL  # nothing may appear there between the look and the opening
    if (there.st_dev, there.st_ino) == not_this:
        raise UsageError(f"--output {path}: is the file with the messages")
    if not stat.S_ISREG(there.st_mode):
        return flags  # a pipe, /dev/null
    if not force:
        raise UsageError(f"--output {path}: exists; --force overwrites it")
    return flags | os.O_TRUNC
