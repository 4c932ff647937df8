"""A sandbox that takes requests only when the test permits it. So requests stay in flight on a machine of any speed."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eightbyeight_async.sandbox import Sandbox

__all__ = ["Held", "held"]


class Held:
    """A gate with a number of permits. The next request after them blocks the sandbox's thread."""

    def __init__(self, first: int) -> None:
        self._permits = threading.Semaphore(first)
        self._open = False

    def let(self, count: int) -> None:
        """Permits `count` more requests."""
        self._permits.release(count)

    def open(self) -> None:
        """Permits all requests from now on."""
        self._open = True
        self._permits.release()

    def plan(self) -> Iterator[None]:
        """A plan for `sandbox.faults.plan`: no fault, but each request waits for its permit."""
        while True:
            if not self._open:
                self._permits.acquire(timeout=PATIENCE)
            yield None


@contextmanager
def held(sandbox: Sandbox, first: int) -> Iterator[Held]:
    """The sandbox takes the first `first` requests, then only permitted ones, and all after the block."""
    gate = Held(first)
    sandbox.faults.plan(gate.plan())
    try:
        yield gate
    finally:
        gate.open()
