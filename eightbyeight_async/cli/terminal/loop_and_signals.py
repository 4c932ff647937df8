"""Runs a command's coroutine, handles its signals, calls a function regularly, and reads the clock."""

from __future__ import annotations

import asyncio
import signal
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterator

__all__ = ["now", "on_interrupt", "regularly", "run", "until_interrupted"]

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
async def on_interrupt(stop: Callable[[], None], give_up: Callable[[], object] = lambda: None) -> AsyncIterator[None]:
    """Inside the block, the signals that end a program only call `stop` or `give_up`.

    - The first Ctrl-C, SIGTERM or SIGHUP (the terminal was closed) calls `stop`.
    - A second Ctrl-C or SIGTERM calls `give_up`. SIGHUP never does: a closed terminal sends it twice (once by the
      shell, once by the kernel), and systemd sends it right after SIGTERM.
    - SIGHUP stays ignored if it was ignored before (nohup), and is ignored after its first arrival.

    On Windows the loop cannot handle signals: there Ctrl-C cancels the block's task, as asyncio does by default.
    """
    loop = asyncio.get_running_loop()
    before: dict[int, Any] = {}
    stopped = pressed = False

    def press() -> None:
        nonlocal stopped, pressed
        if pressed:
            give_up()
        elif not stopped:
            stop()
        stopped = pressed = True

    def hang_up(number: int) -> None:
        nonlocal stopped
        before[number] = signal.SIG_IGN
        if not stopped:
            stop()
        stopped = True

    acts: dict[int, Callable[[], None]] = {signal.SIGINT: press, signal.SIGTERM: press}
    hangup: int | None = getattr(signal, "SIGHUP", None)  # Windows has no SIGHUP
    if hangup is not None and signal.getsignal(hangup) is not signal.SIG_IGN:
        acts[hangup] = partial(hang_up, hangup)
    try:
        for number, act in acts.items():
            handler = signal.getsignal(number)
            loop.add_signal_handler(number, act)
            before[number] = handler
    except (NotImplementedError, RuntimeError, ValueError):  # on Windows, or not in the main thread
        pass
    try:
        yield
    finally:
        for number, handler in before.items():
            loop.remove_signal_handler(number)
            # Otherwise the loop would restore the default handler, which kills the process at once.
            signal.signal(number, handler)


@contextmanager
def regularly(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Inside the block, the event loop calls `act` every `seconds`."""
    loop = asyncio.get_running_loop()

    timer: asyncio.TimerHandle | None = None

    def again() -> None:
        nonlocal timer
        timer = loop.call_later(seconds, tick)

    def tick() -> None:
        again()
        act()

    again()
    try:
        yield
    finally:
        if timer is not None:
            timer.cancel()


async def until_interrupted() -> None:
    """Sleeps until Ctrl-C, SIGTERM or SIGHUP."""
    interrupted = anyio.Event()
    async with on_interrupt(interrupted.set):
        await interrupted.wait()
