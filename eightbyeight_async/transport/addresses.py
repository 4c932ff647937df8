"""Opens a TCP connection to the first address of a host that accepts. Addresses are tried in parallel (RFC 8305).

Rules:
- The next address is tried when an address has failed, or has not accepted within `_NEXT_AFTER` seconds. Earlier
  attempts continue meanwhile.
- The two families take turns, so that broken IPv6 delays a connection by one step at most (RFC 8305, section 4).
- Every socket except the returned one is closed, also after an error or a cancellation. asyncio's own race
  (`happy_eyeballs_delay`) leaks a socket if it is cancelled while a connection succeeds.
"""

from __future__ import annotations

import asyncio
import socket
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["in_turn", "race"]

_NEXT_AFTER = 0.25  # seconds; the value that RFC 8305, section 5, recommends

Address: TypeAlias = "tuple[int, Any]"  # address family, and the argument of `connect`


def in_turn(addresses: Sequence[Address]) -> list[Address]:
    """Returns the addresses with the two families alternating, beginning with the family of the first address."""
    first = [address for address in addresses if address[0] == addresses[0][0]]
    others = [address for address in addresses if address[0] != addresses[0][0]]
    pairs = zip_longest(first, others)
    return [address for address in chain.from_iterable(pairs) if address is not None]


async def race(loop: asyncio.AbstractEventLoop, addresses: Sequence[Address]) -> socket.socket:
    """Returns a socket that is connected to one of `addresses`.

    Raises:
        OSError: no address accepted. It is the error of the address that failed last.
    """
    failure = OSError("the host has no address")
    ahead = in_turn(addresses)
    started: list[asyncio.Task[socket.socket]] = []
    pending: set[asyncio.Task[socket.socket]] = set()
    winner: asyncio.Task[socket.socket] | None = None
    try:
        while ahead or pending:
            if ahead:
                started.append(loop.create_task(_connect(loop, *ahead.pop(0))))
                pending.add(started[-1])
            done, pending = await asyncio.wait(
                pending, timeout=_NEXT_AFTER if ahead else None, return_when=asyncio.FIRST_COMPLETED
            )
            for task in done:
                error = task.exception()
                if error is None:
                    winner = task
                    return task.result()
                if not isinstance(error, OSError):
                    raise error
                failure = error
        raise failure
    finally:
        lost = [task for task in started if task is not winner]
        for task in lost:
            if not task.done():
                task.cancel()  # the cancelled task closes its socket
            elif not task.cancelled() and task.exception() is None:
                task.result().close()
        if any(not task.done() for task in lost):
            await asyncio.wait(lost)


async def _connect(loop: asyncio.AbstractEventLoop, family: int, address: Any) -> socket.socket:  # noqa: ANN401
    one = socket.socket(family, socket.SOCK_STREAM)
    try:
        one.setblocking(False)
        await loop.sock_connect(one, address)
    except BaseException:
        one.close()
        raise
    return one
