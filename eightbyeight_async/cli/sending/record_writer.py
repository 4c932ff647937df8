"""Writes the records of a run to a file, a pipe or a terminal, or discards them.

Rules:
- A thread writes. A slow reader of a pipe must not block the event loop: otherwise answers that have arrived would time
  out.
- A full disk, or a pipe without a reader, is a failure of the writer. Lines that could not be written are kept, and the
  command reports them.
- A file never ends with half a line.
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

# Lines that may wait for the thread. If more wait, the run takes no more messages until the reader catches up.
_MAX_WAITING = 2000
# Seconds between two writes. A kill -9 loses the records of at most this time.
_WRITE_INTERVAL = 0.005
# The most seconds that an interrupted run waits for a slow reader.
_HURRY_TIMEOUT = 2.0


class RecordWriter(Protocol):
    """Receives records, one line each.

    Attributes:
        failure: why writing failed; None: it has not failed.
        reader_left: whether writing failed because the reader of the pipe is gone.
        unwritten: lines that were not written because of the failure.
    """

    failure: str | None
    reader_left: bool
    unwritten: list[str]

    async def write(self, line: str) -> None:
        """Takes one line, without its line end. Waits while too many lines wait.

        After a failure the line goes to `unwritten`.
        """

    def hurry(self) -> None:
        """Shortens the waits after an interrupt: `write` no longer waits, `close` waits at most 2 seconds.

        Waits that have already begun are shortened, too.
        """

    async def close(self) -> None:
        """Writes the waiting lines."""


class NoRecords:
    """Drops the records."""

    def __init__(self) -> None:
        self.failure: str | None = None
        self.reader_left: bool = False
        self.unwritten: list[str] = []

    async def write(self, line: str) -> None:
        pass

    def hurry(self) -> None:
        pass

    async def close(self) -> None:
        pass


class TerminalRecords(NoRecords):
    """Prints records on a terminal that also shows the progress bar. Prints 50 lines at a time: rich prints slowly.

    Args:
        print_lines: prints text above the bar; returns whether the terminal is still there.
        at_once: number of lines per call of `print_lines`.
    """

    failure: str | None
    reader_left: bool
    unwritten: list[str]

    def __init__(self, print_lines: Callable[[str], bool], at_once: int = 50) -> None:
        super().__init__()
        self._print_lines = print_lines
        self._at_once = at_once
        self._waiting: list[str] = []

    async def write(self, line: str) -> None:
        self._waiting.append(line)
        if len(self._waiting) >= self._at_once or self.failure is not None:
            await self.close()

    async def close(self) -> None:
        if self._waiting and not self._print_lines("\n".join(self._waiting)):
            self.failure, self.reader_left = "the terminal was closed", True
            self.unwritten += self._waiting
        self._waiting.clear()


class DescriptorRecords:
    """Writes records to a file or a pipe.

    Args:
        descriptor: file descriptor to write to.
        name: name of the file or pipe in messages.
        owned: whether `close` closes the descriptor.
    """

    def __init__(self, descriptor: int, name: str, *, owned: bool = False) -> None:
        self.failure: str | None = None
        self.reader_left: bool = False
        self.unwritten: list[str] = []
        self._descriptor = descriptor
        self._name = name
        self._owned = owned
        self._regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._change = threading.Condition()
        self._waiting: list[str] = []
        self._writing: list[str] = []
        self._ending = self._ended = self._hurried = False
        # A daemon thread, so that a reader that stops reading cannot prevent the end of an interrupted program.
        self._thread = threading.Thread(target=self._work, name="eightbyeight-output", daemon=True)
        self._thread.start()

    async def write(self, line: str) -> None:
        with self._change:
            if self.failure is not None:
                self.unwritten.append(line)
                return
            self._waiting.append(line)
            self._change.notify_all()
            full = len(self._waiting) > _MAX_WAITING
        if full:
            await anyio.to_thread.run_sync(self._wait_for_room, abandon_on_cancel=True)

    def hurry(self) -> None:
        with self._change:
            self._hurried = True
            self._change.notify_all()

    async def close(self) -> None:
        with self._change:
            self._ending = True
            self._change.notify_all()
        # Shielded: this also runs after a cancellation, and then the records must still be written.
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(self._wait_for_end)
        with self._change:
            if self._thread.is_alive():
                self.failure = f"{self._name}: the reader does not read"
            self.unwritten = [*self._writing, *self._waiting, *self.unwritten]

    def _wait_for_room(self) -> None:
        with self._change:
            self._change.wait_for(
                lambda: len(self._waiting) <= _MAX_WAITING or self.failure is not None or self._hurried
            )

    def _wait_for_end(self) -> None:
        with self._change:
            self._change.wait_for(lambda: self._ended or self._hurried)
        self._thread.join(_HURRY_TIMEOUT)

    def _work(self) -> None:
        try:
            self._write_until_closed()
        finally:
            with self._change:
                self._ended = True
                self._change.notify_all()

    def _write_until_closed(self) -> None:
        while True:
            with self._change:
                self._change.wait_for(lambda: self._waiting or self._ending)
                if not self._waiting:
                    break
                self._writing, self._waiting = self._waiting, []
                self._change.notify_all()
            try:
                # JSON can contain half of a surrogate pair, but UTF-8 cannot. So it is written as its JSON escape.
                self._write_all("".join(f"{line}\n" for line in self._writing).encode(errors="backslashreplace"))
            except Exception as wrong:  # noqa: BLE001 - the waiting event loop must learn of any error
                self._fail(wrong)
                break
            self._writing = []
            with self._change:  # collect lines: one system call per line would be slow
                self._change.wait_for(lambda: self._ending, _WRITE_INTERVAL)
        if self._owned:
            try:
                os.close(self._descriptor)
            except OSError as wrong:
                self._fail(wrong)

    def _fail(self, wrong: Exception) -> None:
        with self._change:
            self.reader_left = isinstance(wrong, OSError) and wrong.errno == errno.EPIPE
            said = wrong.strerror if isinstance(wrong, OSError) else None
            words = "the reader has closed the pipe" if self.reader_left else said or "cannot be written"
            self.failure = self.failure or f"{self._name}: {words}"
            self._change.notify_all()

    def _write_all(self, data: bytes) -> None:
        view = memoryview(data)
        written = 0
        try:
            while written < len(view):
                written += os.write(self._descriptor, view[written:])
        finally:
            # After an error, complete lines count as written. If this is a file, an incomplete line is removed from it.
            whole = data.rfind(b"\n", 0, written) + 1
            if written < len(view):
                self._writing = self._writing[data.count(b"\n", 0, whole) :]
            if self._regular and written > whole:
                end = os.lseek(self._descriptor, 0, os.SEEK_CUR) - (written - whole)
                os.ftruncate(self._descriptor, end)


def refuse_output(path: Path, *, force: bool, not_this: tuple[int, int]) -> None:
    """Raises the errors of `new_file` early, before the input is checked.

    Raises:
        UsageError: the file exists and `force` is not set, or it is the input.
    """
    _open_flags(path, force=force, not_this=not_this)


def new_file(path: Path, *, force: bool, private: bool, not_this: tuple[int, int] | None) -> int:
    """Creates a file and returns its descriptor.

    Args:
        path: path of the file.
        force: whether an existing file may be overwritten.
        private: whether it will contain numbers and texts; then only its owner can read it (mode 0600).
        not_this: device and inode of the input, which must not be overwritten; None: there is no input.

    Raises:
        UsageError: the file exists and `force` is not set, it is the input, or it cannot be created.
    """
    try:
        descriptor = os.open(path, _open_flags(path, force=force, not_this=not_this), 0o600 if private else 0o666)
        if private and stat.S_ISREG(os.fstat(descriptor).st_mode):
            path.chmod(0o600)  # the file may have existed with a wider mode
    except OSError as wrong:
        raise UsageError(f"--output {path}: {wrong.strerror or 'cannot be created'}") from wrong
    return descriptor


def _open_flags(path: Path, *, force: bool, not_this: tuple[int, int] | None) -> int:
    flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_BINARY", 0)
    try:
        there = path.stat()
    except OSError:
        return flags | os.O_EXCL  # fail if a file appears between the stat and the open
    if (there.st_dev, there.st_ino) == not_this:
        raise UsageError(f"--output {path}: is the file with the messages")
    if not stat.S_ISREG(there.st_mode):
        return flags  # a pipe or a device, such as /dev/null
    if not force:
        raise UsageError(f"--output {path}: exists; --force overwrites it")
    return flags | os.O_TRUNC
