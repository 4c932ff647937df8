"""Guards stdout and stderr of a command: after its first failure a stream discards all output.

A stream fails if its terminal is closed, the disk with the log file is full, the reader of its pipe is gone, or the
stream was never open.

Rules:
- A failure of stderr does not end the command: its work matters more than its messages.
- A failure of stdout ends the command, once, because a result cannot be written.
"""

from __future__ import annotations

import io
import os
import sys
from contextlib import redirect_stderr, redirect_stdout, suppress
from typing import TYPE_CHECKING

from eightbyeight_async.cli.exit_codes import Exit

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

__all__ = ["GuardedStream", "with_guarded_streams"]


def with_guarded_streams(run: Callable[[GuardedStream], int]) -> int:
    """Run a command with guarded streams; `run` gets the stream of stdout. Returns the exit code."""
    out = GuardedStream(sys.stdout, raises=True)
    with redirect_stderr(GuardedStream(sys.stderr, raises=False)), redirect_stdout(out):
        code: int = Exit.REFUSED
        with suppress(OSError):
            code = run(out)
            out.flush()
        if out.failure is None:
            return code
        # No error line if the reader closed the pipe: it does not need more output.
        if not isinstance(out.failure, BrokenPipeError):
            print(f"eightbyeight: stdout: {out.failure.strerror or 'cannot be written'}", file=sys.stderr)
        return code or Exit.REFUSED


class GuardedStream(io.TextIOBase):
    """Passes all output to a stream. After the first failure it discards all output.

    Args:
        stream: the stream to write to; None: there is no stream.
        raises: whether the first failure is raised.

    Attributes:
        failure: the first failure; None: there was none.
    """

    def __init__(self, stream: TextIO | None, *, raises: bool) -> None:
        super().__init__()
        self.failure: OSError | None = None
        self._stream = stream
        self._raises = raises

    @property
    def encoding(self) -> str:  # type: ignore[override]  # of a TextIOBase it can be set
        return getattr(self._stream, "encoding", None) or "utf-8"

    def writable(self) -> bool:
        return True

    def isatty(self) -> bool:
        return self._stream is not None and self._stream.isatty()

    def fileno(self) -> int:
        if self._stream is None:
            raise io.UnsupportedOperation("there is no stream")
        return self._stream.fileno()

    def write(self, text: str) -> int:
        if self._stream is not None and self.failure is None:
            try:
                return self._stream.write(text)
            except OSError as wrong:
                self._fail(wrong)
        return len(text)

    def flush(self) -> None:
        if self._stream is not None and self.failure is None:
            try:
                self._stream.flush()
            except OSError as wrong:
                self._fail(wrong)

    def _fail(self, wrong: OSError) -> None:
        self.failure = wrong
        # The stream keeps the unwritten data. Python would fail on it again at its end (exit code 120).
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self.fileno())
            os.close(nowhere)
        if self._raises:
            raise wrong
