"""A sandbox that takes requests only as the test lets it: what is in flight stays so, on a machine of any speed."""

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
    """How many more requests are taken; the next one blocks the sandbox's thread."""

    def __init__(self, first: int) -> None:
        self._permits = threading.Semaphore(first)
        self._open = False

    def let(self, count: int) -> None:
        """So many more."""
        self._permits.release(count)

    def open(self) -> None:
        """All that come."""
        self._open = True
        self._permits.release()

    def plan(self) -> Iterator[None]:
        """For `sandbox.faults.plan`: no fault, but not before its time."""
        while True:
            if not self._open:
                self._permits.acquire(timeout=PATIENCE)
            yield None


@contextmanager
def held(sandbox: Sandbox, first: int) -> Iterator[Held]:
    """Take the first so many requests, and then those that are let; all of them after the block."""
    gate = Held(first)
    sandbox.faults.plan(gate.plan())
    try:
        yield gate
    finally:
        gate.open()
