"""Waits of the tests: they look again and again until a condition holds, and fail only after a long time.

No test may depend on the speed of the machine. So tests do not sleep for a fixed time and do not measure time. The time
limit here is only for code that hangs, and is longer than the slowest machine needs.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PATIENCE", "all_blocked", "seen", "until", "within_a_quarter_hour"]

PATIENCE = 120.0  # seconds


def until(so: Callable[[], object]) -> None:
    """Blocks until `so()` is true. Other threads and processes continue; this thread's event loop does not."""
    end = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.002)


def within_a_quarter_hour() -> None:
    """Waits for the next quarter of an hour of the clock if this one ends within a minute."""
    until(lambda: time.time() % 900 < 840)


async def seen(so: Callable[[], object]) -> None:
    """Like `until`, for a coroutine: the event loop continues."""
    end = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < end, "it never came to that"
        await anyio.sleep(0.002)


async def all_blocked() -> None:
    """Like `anyio.wait_all_tasks_blocked`, which on asyncio sleeps 0.1 s if a task is not blocked. After these turns
    all are.
    """
    for _ in range(10):
        await anyio.lowlevel.checkpoint()
    await anyio.wait_all_tasks_blocked()
