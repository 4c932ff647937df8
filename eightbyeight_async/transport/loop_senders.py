"""The senders of all event loops. Sockets belong to one loop, and several loops can use one `AsyncConnectClient`.

Rules:
- Each loop has its own sender, with its own connections and caches. No two threads share one.
- A loop that ends normally (`asyncio.run`, `trio.run`) closes its connections. An open async generator detects the end:
  both libraries close such generators while the loop can still close sockets.
- If a loop ended in another way, its connections are released when the next loop is added.
- A forked process uses no socket of its parent.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from eightbyeight_async.loops import Loop, PerLoop, running
from eightbyeight_async.transport.request import Outgoing, Prepared, Timeouts

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping

    from eightbyeight_async.transport.choose import Sender
    from eightbyeight_async.transport.plain_answer import Answer

__all__ = ["Wire", "Wires"]

_of_parents: list[object] = []
# After a fork, the wires of the parent process. This list keeps them from the garbage collector, which would also
# finalize the parent's loop, and that loop shares its selector with this process.

# The most prepared requests that are cached. A request with an id in its path is used once; newer ones replace it.
_KEPT = 512


class Wire:
    """The sender and the caches of one loop.

    Args:
        sender: sends the requests.
        headers: the headers of every request.
    """

    __slots__ = ("_headers", "_prepared", "_timeouts", "guard", "sender")

    def __init__(self, sender: Sender, headers: Mapping[str, str]) -> None:
        self.sender: Sender = sender
        self.guard: AsyncGenerator[None] | None = None
        self._headers = headers
        self._prepared: dict[tuple[str, str], Prepared] = {}
        self._timeouts: dict[float, Timeouts] = {}

    def send(
        self, method: str, url: str, body: bytes | None, timeout: float, further: Mapping[str, str] | None = None
    ) -> Coroutine[Any, Any, Answer]:
        """Send one request; return its whole answer.

        Args:
            method: the HTTP method.
            url: the absolute URL.
            body: the request body (JSON); None for no body.
            timeout: seconds for each phase.
            further: headers of this request only.

        Raises:
            WireError: the exception of the phase that failed.
        """
        prepared = self._prepared.get((method, url))
        if prepared is None:
            if len(self._prepared) >= _KEPT:
                self._prepared.pop(next(iter(self._prepared)))
            prepared = self._prepared[method, url] = Prepared(method, url, self._headers)
        if further is not None:
            prepared = Prepared(method, url, {**self._headers, **further})
        timeouts = self._timeouts.get(timeout)
        if timeouts is None:
            self._timeouts.clear()  # a client uses few different timeouts
            timeouts = self._timeouts[timeout] = Timeouts(timeout, timeout, timeout)
        return self.sender.send(Outgoing(prepared, body), timeouts)

    def abandon(self) -> None:
        """Release the connections without using the loop, because it has ended."""
        self.sender.abandon()

    def disown(self) -> None:
        """Called in a forked process: releases the parent's sockets."""
        self.sender.disown()

    async def aclose(self) -> None:
        """Close the connections, and forget the prepared requests: they have the API key."""
        self._prepared.clear()
        await self.sender.aclose()


class Wires:
    """The senders of all loops.

    Args:
        make: makes the sender of the running loop.
        headers: the headers of every request.
    """

    def __init__(self, make: Callable[[], Sender], headers: Mapping[str, str]) -> None:
        self._make = make
        self._headers = headers
        self._wires: PerLoop[Wire] = PerLoop(self._new, Wire.abandon)

    def here(self, native: object = None) -> Wire:
        """Returns the running loop's `Wire`. `native`: as for `PerLoop.here`."""
        return self._wires.here(native)

    def _new(self, _: Loop) -> Wire:
        wire = Wire(self._make(), self._headers)
        wire.guard = self._guarded(wire)
        with contextlib.suppress(StopIteration):
            wire.guard.__anext__().send(None)  # runs to the `yield`; the loop now knows the generator
        return wire

    async def _guarded(self, wire: Wire) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            self._wires.remove(wire)
            await wire.aclose()

    async def aclose(self) -> None:
        """Close the connections of the running loop, and let other loops close theirs."""
        here = None
        for loop, wire in self._wires.take_all():
            if loop.native() is running():
                here = wire.guard
            elif loop.ended():
                wire.abandon()
            elif wire.guard is not None:
                loop.start(wire.guard.aclose)
        if here is not None:
            await here.aclose()

    def forked(self) -> None:
        """Called in a forked process: releases the parent's sockets."""
        for wire in self._wires.forked():
            _of_parents.append(wire)
            wire.disown()
