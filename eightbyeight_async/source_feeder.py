"""One task reads an async iterable: one item at a time, and only when a caller asks for an item.

Why one task: an async generator may hold a timeout or a cancel scope open over its yields. Such a scope belongs to the
task that entered it, and cancels that task when its time is over. If a worker read the generator itself, the scope
could cancel the worker in the middle of a send that is unrelated to the source.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

__all__ = ["END", "End", "Feeder", "foreign_cancellation", "without_cancellation"]

T = TypeVar("T")


class End:
    """Marks the end of a source. None does not: an iterable that yields None by mistake must not look finished."""


END = End()


class _Asker(Generic[T]):
    """One caller of `next`. `given`: the answer: index and item, or `END`; None while the caller waits."""

    __slots__ = ("given", "woken")

    def __init__(self) -> None:
        self.given: tuple[int, T] | End | None = None
        self.woken = anyio.Event()


class Feeder(Generic[T]):
    """Gives the items of one source to its callers, in the order of their calls.

    Attributes:
        exhausted: whether the source was read to its end.
        failure: the error that ended the source; None: no error did.
        undelivered: items that were taken from the source and that no caller got, each with its index.
    """

    def __init__(self, source: AsyncIterable[T]) -> None:
        self.exhausted: bool = False
        self.failure: BaseException | None = None
        self.undelivered: list[tuple[int, T]] = []
        self._iterator = aiter(source)
        self._askers: deque[_Asker[T]] = deque()
        self._asked = anyio.Event()
        self._ended = False
        self._leaving = False
        self._told_of_leaving = False
        self._taken = 0

    async def next(self) -> tuple[int, T] | End:
        """Returns the next item with its index in the source; `END` after the last one, and after `let_go`."""
        if self._ended:
            return END
        asker: _Asker[T] = _Asker()
        self._askers.append(asker)
        self._asked.set()
        try:
            await asker.woken.wait()
        except BaseException:
            if isinstance(asker.given, tuple):  # this caller was cancelled after it had got an item
                self.undelivered.append(asker.given)
            elif asker.given is None:
                self._askers.remove(asker)
            raise
        return asker.given or END

    def let_go(self) -> None:
        """Answers `END` to all callers, now and later."""
        self._ended = True
        while self._askers:
            self._give(END)

    def leave(self) -> None:
        """Announces that the task of `run` will be cancelled, because no more items are needed."""
        self._leaving = True

    async def run(self) -> None:
        """Reads until the source ends. If reading stops earlier, an async generator is closed.

        Raises:
            any exception that the source raises.
            RuntimeError: the source awaited something that other code had cancelled.
        """
        alive = True
        try:
            await self._read()
        except GeneratorExit:
            alive = False  # this coroutine is being closed, perhaps outside of the loop
            raise
        except BaseException as failure:
            foreign = foreign_cancellation(failure)
            if foreign is None:
                self.failure = without_cancellation(failure)
                raise
            self.failure = foreign
            raise foreign from failure
        finally:
            self.let_go()
            if alive and isinstance(self._iterator, AsyncGenerator):
                # Called here, because only this task may leave the scopes that the generator holds open.
                await self._iterator.aclose()

    async def _read(self) -> None:
        # items that were taken, but that no caller waits for: see `_interrupted`
        ahead: deque[tuple[int, T] | End] = deque()
        cancellation = anyio.get_cancelled_exc_class()
        try:
            while True:
                try:
                    await self._until_asked()
                except cancellation as cancelled:
                    ahead.append(await self._interrupted(cancelled))
                    continue
                if not ahead:
                    ahead.append(self._numbered(await anext(self._iterator, END)))
                while ahead and self._askers:
                    if ahead[0] is END:
                        self.exhausted = True
                        return
                    self._give(ahead.popleft())
        finally:
            self.undelivered += [item for item in ahead if not isinstance(item, End)]

    async def _until_asked(self) -> None:
        while not self._askers:
            await self._asked.wait()
            self._asked = anyio.Event()

    async def _interrupted(self, cancelled: BaseException) -> tuple[int, T] | End:
        """Informs the source that this task was cancelled between two items.

        There are two possible reasons: a timeout that the source holds open, or a caller that needs no more items. Only
        the source knows which. So the cancellation is raised inside the source, as if it had been awaiting something;
        then the source raises, ends or continues. (`aclose` is not used: a task group that the source holds open would
        wrap the GeneratorExit in an exception group.)
        """
        if self._told_of_leaving or not isinstance(self._iterator, AsyncGenerator):
            raise cancelled
        self._told_of_leaving = self._leaving
        try:
            return self._numbered(await self._iterator.athrow(cancelled))
        except StopAsyncIteration:
            return END

    def _numbered(self, item: T | End) -> tuple[int, T] | End:
        if isinstance(item, End):
            return END
        self._taken += 1
        return self._taken - 1, item

    def _give(self, item: tuple[int, T] | End) -> None:
        asker = self._askers.popleft()
        asker.given = item
        asker.woken.set()


def without_cancellation(failure: BaseException) -> BaseException | None:
    """Removes the cancellations from an exception; None if it contains only cancellations.

    A cancelled trio nursery raises a group of cancellations: one for its block and one for each task.
    """
    cancellation = anyio.get_cancelled_exc_class()
    if isinstance(failure, BaseExceptionGroup):
        return failure.split(cancellation)[1]
    return None if isinstance(failure, cancellation) else failure


def foreign_cancellation(failure: BaseException) -> RuntimeError | None:
    """Returns the error to raise if the source awaited something that other code had cancelled.

    Returns None for every other exception, and for our own cancellation.
    """
    if without_cancellation(failure) is not None or anyio.current_effective_deadline() == -math.inf:
        return None
    return RuntimeError("the iterable awaited something that was cancelled")
