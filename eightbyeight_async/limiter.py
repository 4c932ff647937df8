"""The limiter: bounds the calls in flight of a client, over all its event loops together, in order of arrival.

A call waits here before its request reaches the connection pool. So it cannot time out in the pool, and the pool never
has more requests than connections.

Rules:
- State changes only in synchronous code and under one lock. Only waiting awaits.
- Each taken place belongs to the gate of a loop. The places of an ended loop become free: the next call that has to
  wait checks for ended loops, and checks again every second while there is more than one loop.
- A waiter that gives up leaves the queue at once.
- The state is consistent whenever another function is called. During such a call the garbage collector can close a
  coroutine, which releases its place, even if this thread holds the lock.

Why not anyio.CapacityLimiter: it identifies borrowers by task, takes several times as long for each call, and serves
one loop.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

import anyio

from eightbyeight_async.loops import Loop, PerLoop

__all__ = ["Gate", "Limiter"]

_LOOK_AGAIN = 1.0  # seconds between two checks for ended loops


class Limiter:
    """A limiter with `width` places: `async with limiter.here():` takes one of them.

    The other attributes are for the gates.
    """

    def __init__(self, width: int) -> None:
        self.width = width
        self.free: int = width
        self.lock: threading.RLock = threading.RLock()
        self.queue: OrderedDict[_Waiter, None] = OrderedDict()
        self._gates: PerLoop[Gate] = PerLoop(lambda loop: Gate(self, loop), self._reclaim)

    @property
    def waiting(self) -> int:
        """How many calls wait for a place."""
        return len(self.queue)

    def here(self) -> Gate:
        """The running loop's gate."""
        return self._gates.here()

    def forked(self) -> None:
        """Called in a forked process: forgets the calls in flight, which belong to the parent process."""
        self.lock = threading.RLock()
        for gate in self._gates.forked():
            gate.ended = True
        self.queue.clear()
        self.free = self.width

    async def wait(self, gate: Gate) -> None:
        """Wait for a place and take it."""
        if len(self._gates) > 1:
            self._gates.sweep()
        waiter = _Waiter(gate)
        with self.lock:
            self.queue[waiter] = None
            self._hand_out()
        try:
            while not waiter.given:
                if len(self._gates) == 1:
                    # This loop holds all places, and only calls of this loop wait before this call.
                    await waiter.turn.wait()
                    continue
                with anyio.move_on_after(_LOOK_AGAIN):
                    await waiter.turn.wait()
                if not waiter.given:
                    self._gates.sweep()
        except BaseException:  # cancelled, perhaps at the moment when it got a place
            waiter.gone = True
            with self.lock:
                self.queue.pop(waiter, None)
            if waiter.given:
                self.release(gate)
            raise

    def release(self, gate: Gate) -> None:
        """Give a place back."""
        with self.lock:
            if gate.ended:
                return  # its loop has ended, and its places were taken back then
            gate.held -= 1
            self.free += 1
            if self.queue:
                self._hand_out()

    def _hand_out(self) -> None:
        while self.free > 0 and self.queue:
            self.free -= 1
            waiter, _ = self.queue.popitem(last=False)
            if waiter.gone or waiter.gate.ended:
                self.free += 1
                continue
            waiter.given = True
            waiter.gate.held += 1
            if not waiter.gate.loop.call(waiter.turn.set):
                self._reclaim(waiter.gate)

    def _reclaim(self, gate: Gate) -> None:
        """Take back the places of a loop that has ended."""
        with self.lock:
            if gate.ended:
                return
            gate.ended = True
            self.free += gate.held
            for waiter in [waiter for waiter in self.queue if waiter.gate is gate]:
                self.queue.pop(waiter, None)
            self._hand_out()


class Gate:
    """The limiter for the calls of one loop.

    Attributes:
        loop: the loop.
        held: how many places its calls hold.
        ended: True once the loop has ended and its places are given back.
    """

    __slots__ = ("_limiter", "ended", "held", "loop")

    def __init__(self, limiter: Limiter, loop: Loop) -> None:
        self._limiter = limiter
        self.loop: Loop = loop
        self.held: int = 0
        self.ended: bool = False

    def take(self) -> bool:
        """Take a place if one is free; False if none is. Not a coroutine: that saves two for a call without waiting."""
        limiter = self._limiter
        with limiter.lock:
            if limiter.free > 0:
                limiter.free -= 1
                self.held += 1
                return True
        return False

    async def wait(self) -> None:
        """Wait for a place and take it."""
        await self._limiter.wait(self)

    def release(self) -> None:
        """Give a place back."""
        self._limiter.release(self)

    async def __aenter__(self) -> bool:
        """True if the call had to wait for its place."""
        if self.take():
            return False
        await self.wait()
        return True

    async def __aexit__(self, *_: object) -> None:
        self.release()


class _Waiter:
    """A call that waits.

    Attributes:
        gate: gate of its loop.
        turn: event that wakes the call.
        given: whether the call has a place.
        gone: whether the call has given up.
    """

    __slots__ = ("gate", "given", "gone", "turn")

    def __init__(self, gate: Gate) -> None:
        self.gate = gate
        self.turn = anyio.Event()
        self.given = False
        self.gone = False
