"""`PreloadedCommand` forks commands from this process. It has imported the whole command line, and has no threads.

Each message on its socket starts one command. It contains what to start, and the descriptors of the command's streams
and of a pipe. The pipe gets the process id, and at the end the status.
"""

from __future__ import annotations

import fcntl
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import struct
import sys
import termios
import time
from contextlib import suppress
from typing import Any

from eightbyeight_async import __main__ as door


def preload() -> None:
    import eightbyeight_async.cli
    from eightbyeight_async.cli.commands.main import make_app

    for module in pkgutil.walk_packages(eightbyeight_async.cli.__path__, "eightbyeight_async.cli."):
        importlib.import_module(module.name)
    make_app()  # makes cyclopts import the rest of its modules
    gc.collect()
    gc.freeze()  # otherwise each forked process would copy these pages during its garbage collection


def serve(starts: socket.socket) -> int:
    """Forks until the socket is closed. In a forked process, returns the exit code of its command."""
    poll = select.poll()
    poll.register(starts, select.POLLIN)
    running: dict[int, tuple[int, int]] = {}  # by pidfd: the process, and the pipe that gets its status
    while True:
        for ready, _ in poll.poll():
            if ready != starts.fileno():
                poll.unregister(ready)
                pid, pipe = running.pop(ready)
                tell(pipe, os.waitpid(pid, 0)[1])
                os.close(pipe)
                os.close(ready)
                continue
            message, descriptors, _, _ = socket.recv_fds(starts, 1 << 20, 4)
            if not message:
                starts.close()
                for left, _ in running.values():  # these processes are still running after a failed test
                    os.kill(left, signal.SIGKILL)
                return 0
            pid = os.fork()
            if pid == 0:
                starts.close()
                return command(json.loads(message), descriptors[:3])
            *streams, pipe = descriptors
            for stream in streams:
                os.close(stream)
            running[process := os.pidfd_open(pid)] = pid, pipe
            poll.register(process, select.POLLIN)
            tell(pipe, pid)


def tell(pipe: int, number: int) -> None:
    with suppress(BrokenPipeError):  # no process waits for the status
        os.write(pipe, struct.pack("i", number))


def command(start: dict[str, Any], streams: list[int]) -> int:
    """Repeats the work of Python before `main` for this process, and runs the command."""
    if start["session"]:
        os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    os.closerange(3, 1024)
    if start["terminal"]:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.environ.clear()
    os.environ.update(start["environment"])
    time.tzset()
    os.chdir(start["folder"])
    sys.argv = [door.__file__, *start["arguments"]]
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        old = getattr(sys, f"__{name}__")
        stream = open(  # noqa: SIM115
            number, "w" if number else "r", encoding=old.encoding, errors=old.errors, closefd=False,
            buffering=1 if number == 2 or os.isatty(number) else -1,
        )  # fmt: skip
        if number and unbuffered:
            stream.reconfigure(write_through=True)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    return door.main()


if __name__ == "__main__":
    preload()
    sys.exit(serve(socket.socket(fileno=int(sys.argv[1]))))
