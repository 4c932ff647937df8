"""The store of messages: accepted and rejected messages in order, and the schedules that are still open.

Rules:
- No timer runs. Each method that reads messages first compares the schedules with the clock (`_send_due`), so a
  virtual clock works.
- A lock guards every method: the server's thread writes, the test's thread reads.
- A million whole messages take about 1.2 GB. With keep="counts" the store forgets a message once it is sent. It
  keeps only the client message id and how often that id was accepted. Scheduled messages are kept until their time.
"""

import heapq
import threading
from collections import Counter
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal

import attrs

from eightbyeight_async.sandbox.api.operation_results import Refusal
from eightbyeight_async.sandbox.control.clock import SandboxClock
from eightbyeight_async.sandbox.messages.message import Product, SandboxMessage

if TYPE_CHECKING:
    from datetime import datetime

Keep = Literal["all", "counts"]


class Store:
    """Stores messages, and calls `added` (messages) or `cancelled` (umids) after each change."""

    def __init__(
        self,
        clock: SandboxClock,
        keep: Keep,
        added: Callable[[list[SandboxMessage]], None],
        cancelled: Callable[[list[str]], None],
    ) -> None:
        if keep not in ("all", "counts"):
            raise ValueError('keep is "all" or "counts"')
        self.keep = keep
        self._clock = clock
        self._added, self._cancelled = added, cancelled
        self._lock = threading.RLock()
        self._accepted: dict[str, SandboxMessage] = {}
        self._rejected: dict[str, SandboxMessage] = {}
        self._batches: dict[str, tuple[Product, str, list[str]]] = {}
        self._due: list[tuple[datetime, str]] = []
        self.times: Counter[str] = Counter()
        self.totals: Counter[str] = Counter()

    def add(self, messages: list[SandboxMessage]) -> None:
        keep_all = self.keep == "all"
        with self._lock:
            times, rejected = self.times, 0
            for message in messages:
                if message.state == "rejected":
                    rejected += 1
                    if keep_all:
                        self._rejected[message.umid] = message
                    continue
                if message.client_message_id is not None:
                    times[message.client_message_id] += 1
                if keep_all or message.state == "scheduled":
                    self._accepted[message.umid] = message
                if message.state == "scheduled" and message.scheduled is not None:
                    heapq.heappush(self._due, (message.scheduled, message.umid))
            self.totals["accepted"] += len(messages) - rejected
            self.totals["rejected"] += rejected
        self._added(messages)

    def add_batch(self, batch_id: str, product: Product, subaccount_id: str, messages: list[SandboxMessage]) -> None:
        kept = [m.umid for m in messages if self.keep == "all" or m.state == "scheduled"]
        with self._lock:
            if kept:
                self._batches[batch_id] = (product, subaccount_id, kept)
            self.add(messages)

    def accepted(self) -> list[SandboxMessage]:
        self._only_if_kept()
        with self._lock:
            self._send_due()
            return list(self._accepted.values())

    def rejected(self) -> list[SandboxMessage]:
        self._only_if_kept()
        with self._lock:
            return list(self._rejected.values())

    def logged(self, product: Product, subaccount_id: str, *, include_rejected: bool) -> list[SandboxMessage]:
        """Every message of that product and sub-account, oldest first, as the log has them."""
        self._refuse_if_forgotten()
        with self._lock:
            self._send_due()
            messages = [*self._accepted.values(), *(self._rejected.values() if include_rejected else ())]
        mine = [m for m in messages if m.product == product and m.subaccount_id == subaccount_id]
        mine.sort(key=lambda message: message.accepted_at)
        return mine

    def find(self, product: Product, subaccount_id: str, umid: str) -> SandboxMessage | None:
        """The message of that product and sub-account, accepted or rejected; None if there is none."""
        with self._lock:
            self._send_due()
            message = self._accepted.get(umid) or self._rejected.get(umid)
        if message is None:
            self._refuse_if_forgotten()
            return None
        return message if (message.product, message.subaccount_id) == (product, subaccount_id) else None

    def find_batch(self, product: Product, subaccount_id: str, batch_id: str) -> list[SandboxMessage] | None:
        """The messages of that batch that are still kept; None if this product and sub-account have no such batch."""
        with self._lock:
            self._send_due()
            owner = self._batches.get(batch_id)
            if owner is None:
                self._refuse_if_forgotten()
                return None
            if owner[:2] != (product, subaccount_id):
                return None
            found = (self._accepted.get(umid) or self._rejected.get(umid) for umid in owner[2])
            return [message for message in found if message is not None]

    def cancel(self, umids: Iterable[str]) -> int:
        """Cancel the messages that are still scheduled; return how many were cancelled."""
        cancelled = []
        with self._lock:
            self._send_due()
            for umid in umids:
                message = self._accepted.get(umid)
                if message is not None and message.state == "scheduled":
                    self._accepted[umid] = attrs.evolve(message, state="cancelled")
                    cancelled.append(umid)
            self.totals["cancelled"] += len(cancelled)
        self._cancelled(cancelled)
        return len(cancelled)

    def counts(self) -> dict[str, int]:
        """How often each client message id was accepted."""
        with self._lock:
            return dict(self.times)

    def clear(self) -> None:
        with self._lock:
            for kept in (self._accepted, self._rejected, self._batches, self._due, self.times, self.totals):
                kept.clear()

    def _send_due(self) -> None:
        """Mark every scheduled message as sent if its time has passed."""
        now = self._clock.now()
        while self._due and self._due[0][0] <= now:
            _, umid = heapq.heappop(self._due)
            message = self._accepted[umid]
            if message.state != "scheduled":
                continue
            if self.keep == "all":
                self._accepted[umid] = attrs.evolve(message, state="sent")
            else:
                del self._accepted[umid]

    def _only_if_kept(self) -> None:
        if self.keep != "all":
            raise RuntimeError('this sandbox keeps only counts (keep="counts"): ask times_accepted() and totals')

    def _refuse_if_forgotten(self) -> None:
        """Refuse an unknown id if the store forgets messages: the id may belong to a forgotten message."""
        if self.keep != "all":
            raise Refusal(2001, 'the sandbox keeps only counts (keep="counts")', status=500)
