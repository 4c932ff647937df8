"""Removes the parts of Python that Windows lacks, in a process of its own, before the package is imported.

This does not replace a test on Windows. It shows that nothing in the package needs `fcntl`, SIGHUP, `poll`, signal
handlers of the event loop and similar calls, and that the lock of a journal works with the calls of `msvcrt`.
"""

import asyncio
import fcntl
import os
import select
import signal
import sys
import sysconfig
import types

import aiohttp  # noqa: F401 - what the package stands on is not the question here
import anyio._backends._asyncio  # noqa: F401
import httpx  # noqa: F401
import trustme  # noqa: F401

_flock, _LOCK = fcntl.flock, fcntl.LOCK_EX | fcntl.LOCK_NB


def _locking(file: int, _mode: int, _count: int) -> None:
    try:
        _flock(file, _LOCK)
    except BlockingIOError as error:
        raise PermissionError(13, "Permission denied") from error


def _no_handlers(*_: object) -> None:
    raise NotImplementedError


_msvcrt = types.ModuleType("msvcrt")
vars(_msvcrt).update(LK_NBLCK=2, LK_UNLCK=0, locking=_locking, get_osfhandle=lambda file: file)
sysconfig.get_config_vars()  # computed once, on the real platform
sys.modules["msvcrt"] = _msvcrt
for _name in ("fcntl", "uvloop", "termios", "resource", "pwd", "grp"):
    sys.modules[_name] = None  # type: ignore[assignment]
_MISSING = {
    signal: "SIGHUP SIGQUIT SIGKILL SIGUSR1 SIGUSR2 SIGALRM SIGTSTP SIGCONT SIGPIPE SIGWINCH pthread_sigmask setitimer",
    select: "poll epoll",
    os: "fork register_at_fork pread pwrite getuid geteuid fchmod fchown chown O_NOFOLLOW O_CLOEXEC O_DIRECTORY "
    "O_NONBLOCK sched_getaffinity getpgid killpg statvfs mkfifo",
}
for _module, _names in _MISSING.items():
    for _name in _names.split():
        if hasattr(_module, _name):
            delattr(_module, _name)
asyncio.SelectorEventLoop.add_signal_handler = _no_handlers  # type: ignore[method-assign]
asyncio.SelectorEventLoop.remove_signal_handler = _no_handlers  # type: ignore[assignment]
sys.platform = "win32"
