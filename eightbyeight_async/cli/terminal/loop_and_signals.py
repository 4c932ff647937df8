"""What a command gets from the machine: the event loop, the signals, the clock."""

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
    """Runs a command's coroutine. The one place that chooses the loop: uvloop's if it is installed (extra `[fast]`)."""
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
    """Inside the block Ctrl-C and SIGTERM call `act`, each time they come, and nothing else happens.

    Where a loop cannot listen to signals (Windows) Ctrl-C cancels the block's task, as asyncio has it.
    """
    loop = asyncio.get_running_loop()
    heard = []
    try:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, act)
            heard.append(number)
    except (NotImplementedError, RuntimeError, ValueError):  # not on this platform, not in this thread
        pass
    try:
        yield
    finally:
        for number in heard:
            loop.remove_signal_handler(number)


async def until_interrupted() -> None:
    """Sleeps until Ctrl-C or SIGTERM."""
    over = anyio.Event()
    async with on_interrupt(over.set):
        await over.wait()
