"""Event loops: which loop is running, whether a loop has ended, and one object per loop. For asyncio, uvloop and trio.

Several loops can run at once, each in its own thread, and use one client. Objects that belong to a loop (sockets,
waiting tasks) are kept in a `PerLoop`.

Rules:
- No loop is kept alive: it is referenced weakly.
- Objects of an ended loop are removed when the next loop is added, or by `sweep`.
- The locks are reentrant: the garbage collector can close a coroutine, and so run its `finally`, at any point.
"""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["Loop", "PerLoop", "after_fork", "running"]

T = TypeVar("T")


def running() -> Any:  # noqa: ANN401 - an asyncio loop or a trio token
    """The running asyncio loop, or the token of the running trio loop.

    Raises:
        RuntimeError: no loop runs in this thread.
    """
    if "trio" not in sys.modules:
        return asyncio.get_running_loop()
    try:
        # Checks for a task, not only for a loop: trio can run as a guest inside an asyncio loop.
        if asyncio.current_task() is not None:
            return asyncio.get_running_loop()
    except RuntimeError:
        pass
    try:
        return sys.modules["trio"].lowlevel.current_trio_token()
    except RuntimeError:
        return asyncio.get_running_loop()


class Loop:
    """One loop, for use from other threads.

    Args:
        native: what `running` has returned.
    """

    __slots__ = ("native",)

    def __init__(self, native: object) -> None:
        self.native: weakref.ReferenceType[object] = weakref.ref(native)

    def ended(self) -> bool:
        """True if the loop will never run again: it was closed, its trio run is over, or nobody references it."""
        native: Any = self.native()
        if native is None or isinstance(native, asyncio.AbstractEventLoop):
            return native is None or native.is_closed()
        try:
            native.run_sync_soon(_nothing, idempotent=True)  # trio offers no other way to find out
        except RuntimeError:
            return True
        return False

    def call(self, function: Callable[[], object]) -> bool:
        """Call `function` in the loop: now if it runs in this thread, else soon. False: the loop has ended."""
        native = self.native()
        if native is None:
            return False
        try:
            here = running()
        except RuntimeError:
            here = None
        if here is native:
            function()
            return True
        return self._pass(native, function)

    def start(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a coroutine in the loop soon. Does nothing if the loop has ended."""
        native: Any = self.native()
        if native is None:
            return
        if isinstance(native, asyncio.AbstractEventLoop):
            tasks: set[asyncio.Task[None]] = set()  # keeps the tasks alive: a loop references its tasks weakly

            def create() -> None:
                task = native.create_task(work())
                tasks.add(task)
                task.add_done_callback(tasks.discard)

            self._pass(native, create)
        else:
            self._pass(native, lambda: sys.modules["trio"].lowlevel.spawn_system_task(work))

    def later(self, seconds: float, function: Callable[[], object]) -> None:
        """Call `function` in the loop after `seconds`, unless the loop ends earlier. Call this only within the loop."""
        native: Any = self.native()
        if isinstance(native, asyncio.AbstractEventLoop):
            native.call_later(seconds, function)
        elif native is not None:
            sys.modules["trio"].lowlevel.spawn_system_task(_after, seconds, function)

    @staticmethod
    def _pass(native: Any, function: Callable[[], object]) -> bool:  # noqa: ANN401
        try:
            if isinstance(native, asyncio.AbstractEventLoop):
                native.call_soon_threadsafe(function)
            else:
                native.run_sync_soon(function)
        except RuntimeError:  # the loop is closed, or the trio run is over
            return False
        return True


class PerLoop(Generic[T]):
    """One object for each loop.

    Args:
        make: makes the object of a new loop, inside that loop.
        drop: called with the object of a loop that has ended. It must not use the loop.
    """

    def __init__(self, make: Callable[[Loop], T], drop: Callable[[T], None]) -> None:
        self._make = make
        self._drop = drop
        self._lock = threading.RLock()
        self._all: dict[int, tuple[Loop, T]] = {}  # by `id` of the loop; a later loop can get the same id

    def __len__(self) -> int:
        """How many loops are known, including those that have ended and are not swept yet."""
        return len(self._all)

    def here(self, native: object = None) -> T:
        """Returns the object of the running loop. `native`: the result of `running`, if it was already called."""
        if native is None:
            native = running()
        found = self._all.get(id(native))
        if found is not None and found[0].native() is native:
            return found[1]
        self.sweep()
        with self._lock:
            loop = Loop(native)
            made = self._make(loop)
            self._all[id(native)] = loop, made
        return made

    def sweep(self) -> None:
        """Drop the objects of the loops that have ended."""
        with self._lock:
            ended = [key for key, (loop, _) in list(self._all.items()) if loop.ended()]
            dropped = [self._all.pop(key)[1] for key in ended if key in self._all]
        for one in dropped:  # not under the lock: `drop` may need another lock
            self._drop(one)

    def remove(self, one: T) -> None:
        """Forget the object, without dropping it."""
        with self._lock:
            for key, (_, other) in list(self._all.items()):
                if other is one:
                    self._all.pop(key, None)

    def take_all(self) -> list[tuple[Loop, T]]:
        """Forget and return all objects with their loops, without dropping them."""
        with self._lock:
            taken, self._all = list(self._all.values()), {}
        return taken

    def forked(self) -> list[T]:
        """`take_all` in a forked process, where another thread of the parent may have held the lock."""
        self._lock = threading.RLock()
        return [one for _, one in self.take_all()]


_forked: weakref.WeakSet[Any] = weakref.WeakSet()


def after_fork(one: Any) -> None:  # noqa: ANN401
    """Call `one.forked()` in every forked process, before any other code runs there. `one` is not kept alive."""
    _forked.add(one)


def _run_forked() -> None:
    for one in list(_forked):
        one.forked()


def _nothing() -> None:
    pass


async def _after(seconds: float, function: Callable[[], object]) -> None:
    await sys.modules["trio"].sleep(seconds)
    function()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_run_forked)
