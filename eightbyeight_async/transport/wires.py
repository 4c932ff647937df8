"""What each event loop sends with: sockets belong to a loop, and several loops can use one `AsyncConnectClient`.

Rules:
- Each loop has its own client of our transports, with its own connections and caches. No two threads share one.
- A loop that ends in order (`asyncio.run`, `trio.run`) closes its connections. Its event is that of async generators:
  both libraries close those that are still open, while the loop can still close sockets.
- The connections of a loop that was closed without that are released when the next loop comes.
- A forked process uses no socket of its parent.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeAlias

from eightbyeight_async.loops import Loop, PerLoop, running
from eightbyeight_async.transport.direct import DirectClient
from eightbyeight_async.transport.prepare import Preparer

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    import httpx

    Client: TypeAlias = DirectClient | httpx.AsyncClient

__all__ = ["Wire", "Wires"]

_of_parents: list[object] = []
# The wires of a forked process' parent. They are kept, because the garbage collector would finalize the parent's loop,
# which shares its selector with this process.


class Wire:
    """What one loop sends with.

    Attributes:
        http: sends requests.
        preparer: makes those of a `DirectClient`.
    """

    __slots__ = ("guard", "http", "preparer")

    def __init__(self, http: Client, headers: Mapping[str, str]) -> None:
        self.http = http
        self.preparer = Preparer(headers)
        self.guard: AsyncGenerator[None] | None = None

    def abandon(self) -> None:
        """Release the connections without using the loop, because it has ended."""
        if isinstance(self.http, DirectClient):
            self.http.transport.abandon()

    def disown(self) -> None:
        """In a forked process: let go of the parent's sockets.

        httpx does not show its own sockets. They stay open in the forked process, which does not use them.
        """
        if isinstance(self.http, DirectClient):
            self.http.transport.disown()


class Wires:
    """What all loops send with.

    Args:
        make: makes what sends requests. The first one is made now, so that wrong settings are found now.
        headers: the headers of every request of a `DirectClient`.
    """

    def __init__(self, make: Callable[[], Client], headers: Mapping[str, str]) -> None:
        self._make = make
        self._headers = headers
        self._spare: list[Client] = [make()]
        self._wires: PerLoop[Wire] = PerLoop(self._new, Wire.abandon)

    def here(self) -> Wire:
        """The running loop's."""
        return self._wires.here()

    def _new(self, _: Loop) -> Wire:
        http = self._spare.pop() if self._spare else self._make()
        wire = Wire(http, self._headers)
        wire.guard = self._guarded(wire)
        with contextlib.suppress(StopIteration):
            wire.guard.__anext__().send(None)  # runs to the `yield`; the loop now knows the generator
        return wire

    async def _guarded(self, wire: Wire) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            self._wires.remove(wire)
            await wire.http.aclose()

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
        """In a forked process: let go of the parent's sockets."""
        for wire in self._wires.forked():
            _of_parents.append(wire)
            wire.disown()
