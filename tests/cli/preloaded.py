"""Starts the command line in a process of its own that has imported it already: imports take 0.3 s of CPU time.

A server process imports the command line once, and forks for each start. The forked process is a real process, with its
own pid, streams, environment, terminal and signals, and it ends as any Python process ends. Other tests start `COMMAND`
and check the work before `main` (the interpreter, the imports, the encoding of the streams).
"""

from __future__ import annotations

import atexit
import json
import os
import select
import socket
import struct
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

from cli import fork_server

__all__ = ["PreloadedCommand"]


@cache
def _server(environment: tuple[tuple[str, str], ...]) -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    words = [sys.executable, Path(fork_server.__file__), str(theirs.fileno())]
    # A session of its own, because Ctrl-C and a closed terminal are for pytest.
    process = subprocess.Popen(  # noqa: S603
        words, stdin=subprocess.DEVNULL, env=dict(environment), pass_fds=[theirs.fileno()], start_new_session=True
    )
    theirs.close()

    def stop() -> None:
        ours.close()
        process.wait()

    atexit.register(stop)
    return ours


class PreloadedCommand(subprocess.Popen[bytes]):
    """Like `Popen([*COMMAND, *arguments], ...)`, but faster.

    Args:
        terminal: stdin becomes its controlling terminal; use it with `start_new_session`.
    """

    def __init__(self, arguments: list[str], *, env: dict[str, str], terminal: bool = False, **options: Any) -> None:
        self._environment = env
        self._terminal = terminal
        self._ended = -1
        super().__init__(arguments, env=env, **options)

    def _execute_child(self, args: list[str], *given: Any) -> None:
        cwd = given[4]
        stdin, _, _, stdout, _, stderr = pipes = given[9:15]
        start_new_session = given[20]
        self._ended, theirs = os.pipe()
        start = {
            "arguments": args,
            "environment": self._environment,
            "folder": os.fspath(cwd or Path.cwd()),
            "session": start_new_session,
            "terminal": self._terminal,
        }
        streams = [own if given == -1 else given for own, given in enumerate((stdin, stdout, stderr))]
        # The variables that the interpreter reads at its start. Each start of a command brings the others.
        bare = {
            name: value
            for name, value in self._environment.items()
            if name.startswith(("PYTHON", "LC_", "LANG", "LD_")) and name != "PYTHONUNBUFFERED"
        }
        socket.send_fds(_server(tuple(sorted(bare.items()))), [json.dumps(start).encode()], [*streams, theirs])
        os.close(theirs)
        (self.pid,) = struct.unpack("i", os.read(self._ended, 4))
        self._child_created = True
        self._close_pipe_fds(*pipes)  # type: ignore[attr-defined]

    def _try_wait(self, flags: int) -> tuple[int, int]:
        if flags & os.WNOHANG and not select.select([self._ended], [], [], 0)[0]:
            return 0, 0
        (status,) = struct.unpack("i", os.read(self._ended, 4))
        os.close(self._ended)
        return self.pid, status

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        if self.returncode is None:
            pid, status = self._try_wait(os.WNOHANG)
            if pid:
                self._handle_exitstatus(status)  # type: ignore[attr-defined]
        return self.returncode
