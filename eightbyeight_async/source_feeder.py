"""One task reads an async iterable, an item at a time, and only when somebody asks for one.

Why one task: an async generator may hold a timeout or a cancel scope open over its yields. Such a scope belongs to the
task that entered it, and cancels that task when its time is up. A worker that advances the generator would be cancelled
in the middle of a send that has nothing to do with the source.
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
    """Not None: an iterable that yields None by mistake must not look finished."""


END = End()


class _Asker(Generic[T]):
    """One caller of `next`. `given`: index and item, `END`, or None while it waits."""

    __slots__ = ("given", "woken")

    def __init__(self) -> None:
        self.given: tuple[int, T] | End | None = None
        self.woken = anyio.Event()


class Feeder(Generic[T]):
    """
    Attributes:
        exhausted: the source was read to its end.
        failure: what ended it instead.
        undelivered: index and item of what was taken from the source and reached nobody.
    """

    def __init__(self, source: AsyncIterable[T]) -> None:
        self.exhausted = False
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
        """The next item and its place in the source, from 0; `END` after the last one, and after `let_go`."""
        if self._ended:
            return END
        asker: _Asker[T] = _Asker()
        self._askers.append(asker)
        self._asked.set()
        try:
            await asker.woken.wait()
        except BaseException:
            if isinstance(asker.given, tuple):  # given, and cancelled before it could go on
                self.undelivered.append(asker.given)
            elif asker.given is None:
                self._askers.remove(asker)
            raise
        return asker.given or END

    def let_go(self) -> None:
        """Whoever asks, now or later, gets `END`."""
        self._ended = True
        while self._askers:
            self._give(END)

    def leave(self) -> None:
        """The task of `run` is about to be cancelled because nothing more is wanted."""
        self._leaving = True

    async def run(self) -> None:
        """Reads until the source ends. A source that is an async generator is closed if that is left earlier.

        Raises:
            whatever the source raises.
            RuntimeError: it awaited something that was cancelled by somebody else.
        """
        alive = True
        try:
            await self._read()
        except GeneratorExit:
            alive = False  # this coroutine is being closed, perhaps outside the loop
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
                # Here, because only this task may leave the scopes that the generator holds open.
                await self._iterator.aclose()

    async def _read(self) -> None:
        ahead: deque[tuple[int, T] | End] = deque()  # taken, and nobody asks for it: see _interrupted
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
        """Between two items this task is cancelled: by a timeout that the source holds open, or by whoever ends it all.

        Only the source knows, so it is told, as if it had been awaiting something: it raises, ends, or goes on. (Not
        by `aclose`: a task group that it holds open would make an exception group of the GeneratorExit.)
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
    """An exception without the cancellations in it; None if it is nothing else.

    A nursery of trio that is cancelled raises a group of cancellations: one for its block and one for each task.
    """
    cancellation = anyio.get_cancelled_exc_class()
    if isinstance(failure, BaseExceptionGroup):
        return failure.split(cancellation)[1]
    return None if isinstance(failure, cancellation) else failure


def foreign_cancellation(failure: BaseException) -> RuntimeError | None:
    """What to raise for a cancellation that is not ours: something that was awaited had been cancelled before.

    None for every other exception, and for our own cancellation.
    """
    if without_cancellation(failure) is not None or anyio.current_effective_deadline() == -math.inf:
        return None
    return RuntimeError("the iterable awaited something that was cancelled")
