"""What the sandbox accepted, in order, and what is still scheduled.

Schedules are settled lazily: whoever looks first compares the clock, so no timer runs and a virtual
clock works. A lock guards every method: the server's thread writes, the test's thread reads.
"""

import heapq
import threading
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from eightbyeight_async.sandbox.clock import SandboxClock
from eightbyeight_async.sandbox.message import Product, SandboxMessage

if TYPE_CHECKING:
    from datetime import datetime


class Store:
    def __init__(self, clock: SandboxClock) -> None:
        self._clock = clock
        self._lock = threading.RLock()
        self._accepted: dict[str, SandboxMessage] = {}
        self._rejected: dict[str, SandboxMessage] = {}
        self._batches: dict[str, tuple[Product, str, list[str]]] = {}
        self._due: list[tuple[datetime, str]] = []

    def add(self, messages: Iterable[SandboxMessage]) -> None:
        with self._lock:
            for message in messages:
                if message.state == "rejected":
                    self._rejected[message.umid] = message
                    continue
                self._accepted[message.umid] = message
                if message.state == "scheduled" and message.scheduled is not None:
                    heapq.heappush(self._due, (message.scheduled, message.umid))

    def add_batch(self, batch_id: str, product: Product, subaccount_id: str, messages: list[SandboxMessage]) -> None:
        with self._lock:
            self.add(messages)
            self._batches[batch_id] = (product, subaccount_id, [message.umid for message in messages])

    def accepted(self) -> list[SandboxMessage]:
        with self._lock:
            self._settle()
            return list(self._accepted.values())

    def rejected(self) -> list[SandboxMessage]:
        with self._lock:
            return list(self._rejected.values())

    def find(self, product: Product, subaccount_id: str, umid: str) -> SandboxMessage | None:
        """The message of that product and sub-account, accepted or rejected; None where there is none."""
        with self._lock:
            self._settle()
            message = self._accepted.get(umid) or self._rejected.get(umid)
        if message is None or (message.product, message.subaccount_id) != (product, subaccount_id):
            return None
        return message

    def find_batch(self, product: Product, subaccount_id: str, batch_id: str) -> list[SandboxMessage] | None:
        """Every message of that batch; None for a batch that product and sub-account do not have."""
        with self._lock:
            self._settle()
            owner = self._batches.get(batch_id)
            if owner is None or owner[:2] != (product, subaccount_id):
                return None
            return [self._accepted.get(umid) or self._rejected[umid] for umid in owner[2]]

    def cancel(self, umids: Iterable[str]) -> int:
        """Cancel those still scheduled; return how many that were."""
        cancelled = 0
        with self._lock:
            self._settle()
            for umid in umids:
                message = self._accepted.get(umid)
                if message is not None and message.state == "scheduled":
                    self._accepted[umid] = replace(message, state="cancelled")
                    cancelled += 1
        return cancelled

    def clear(self) -> None:
        with self._lock:
            self._accepted.clear()
            self._rejected.clear()
            self._batches.clear()
            self._due.clear()

    def _settle(self) -> None:
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            _, umid = heapq.heappop(self._due)
            message = self._accepted[umid]
            if message.state == "scheduled":
                self._accepted[umid] = replace(message, state="sent")
