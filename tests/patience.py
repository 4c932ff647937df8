"""How tests wait for what must come: they look until it is there, and give up only when nothing can be coming any more.

No test may depend on how fast the machine is. So nothing is slept for and nothing is timed; a limit of time is here for
what hangs, and is longer than any machine takes.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import anyio
import anyio.lowlevel

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["PATIENCE", "all_blocked", "seen", "until"]

PATIENCE = 120.0  # seconds


def until(so: Callable[[], object]) -> None:
    """Block until `so()`. Other threads and processes go on, this thread's event loop does not."""
    end = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.002)


async def seen(so: Callable[[], object]) -> None:
    """`until` for a coroutine: its event loop goes on."""
    end = time.monotonic() + PATIENCE
    while not so():
        assert time.monotonic() < end, "it never came to that"
        await anyio.sleep(0.002)


async def all_blocked() -> None:
    """`anyio.wait_all_tasks_blocked`, which on asyncio sleeps 0.1 s if one is not: after these turns all are."""
    for _ in range(10):
        await anyio.lowlevel.checkpoint()
    await anyio.wait_all_tasks_blocked()
