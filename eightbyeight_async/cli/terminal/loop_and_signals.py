"""Runs a command's coroutine, handles its signals, tells the time."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

__all__ = ["now", "on_interrupt", "run", "until_interrupted"]

T = TypeVar("T")


def now() -> datetime:
    return datetime.now(UTC)


def run(main: Callable[[], Coroutine[object, object, T]]) -> T:
    """Runs a command's coroutine.

    Uses uvloop if it is installed (extra `[fast]`), else asyncio's own loop. No other place chooses the loop.
    """
    with asyncio.Runner(loop_factory=_new_loop()) as runner:
        return runner.run(main())


def _new_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        uvloop: Any = import_module("uvloop")
    except ImportError:
        return None
    new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return new_loop


@asynccontextmanager
async def on_interrupt(act: Callable[[], None]) -> AsyncIterator[None]:
    """Inside the block, every Ctrl-C and every SIGTERM only calls `act`.

    On Windows the loop cannot handle signals: there Ctrl-C cancels the block's task, as asyncio does by default.
    """
    loop = asyncio.get_running_loop()
    handled = []
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, act)
            handled.append(number)
    except (NotImplementedError, RuntimeError, ValueError):  # Windows, or not the main thread
        pass
    try:
        yield
    finally:
        for number in handled:
            loop.remove_signal_handler(number)


async def until_interrupted() -> None:
    """Sleeps until Ctrl-C or SIGTERM."""
    interrupted = anyio.Event()
    async with on_interrupt(interrupted.set):
        await interrupted.wait()
