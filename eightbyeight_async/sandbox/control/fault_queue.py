"""The faults still to come, and which request meets which.

A request takes the plan's next entry; where that is None or the plan is used up, what chance gives it; else the
next fault of its destination, or of the id it cancels, looks up or downloads. Only requests with a valid key,
below the rate limit, take part.
"""

import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from eightbyeight_async.sandbox.api.received_call import Step
from eightbyeight_async.sandbox.control.faults import Fault
from eightbyeight_async.sandbox.control.random_faults import Chance

About = Literal["destination", "cancel", "lookup", "download"]


class Faults:
    """Safe to fill while requests run."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plan: Iterator[Fault | None] = iter(())
        self._chance: Chance | None = None
        self._queues: dict[tuple[About, str], deque[Fault]] = {}
        self.drawn: Counter[str] = Counter()  # how often chance gave which fault, by its name in `random`

    def plan(self, entries: Iterable[Fault | None]) -> None:
        """Replace the plan: one entry a request in the order they arrive, None for no fault, may be endless."""
        with self._lock:
            self._plan = _one_by_one(entries)

    def random(
        self,
        *,
        seed: int = 0,
        server_error: float = 0.0,
        drop_after_accept: float = 0.0,
        drop_before_accept: float = 0.0,
        too_many: float = 0.0,
        bad_gateway: float = 0.0,
        truncated: float = 0.0,
        retry_after: float = 1,
        operations: Iterable[str] | None = None,
    ) -> None:
        """Faults by rate, for good; called again it replaces the rates, without any it ends them.

        Each rate is a share of the requests (0.01: one in a hundred): code 2000; taken, then no answer; no
        answer and not taken; 429 with `retry_after`; HTML 502, not taken; taken, half an answer.
        `operations`: only these, e.g. ("send", "send_batch"); None for every operation.
        """
        rates = [
            ("server_error", Fault.server_error(), server_error),
            ("drop_after_accept", Fault.accept_then_drop(), drop_after_accept),
            ("drop_before_accept", Fault.drop_before_accept(), drop_before_accept),
            ("too_many", Fault.too_many_requests(retry_after=retry_after), too_many),
            ("bad_gateway", Fault.html(), bad_gateway),
            ("truncated", Fault.truncated_body(), truncated),
        ]
        with self._lock:
            self._chance = Chance(seed, rates, operations, self.drawn)

    def on_destination(self, destination: str, *faults: Fault) -> None:
        """Faults for the next requests to a number (with or without its +), one after the other.

        A batch is met by the fault of any of its destinations.
        """
        self._add("destination", destination.lstrip("+"), faults)

    def on_cancel(self, umid_or_batch_id: str, *faults: Fault) -> None:
        """Faults for the next cancels of that umid, batch id or export job, one after the other."""
        self._add("cancel", _id(umid_or_batch_id), faults)

    def on_lookup(self, umid_or_job_id: str, *faults: Fault) -> None:
        """Faults for the next look-ups (and feedbacks) of that umid, or polls of that export job."""
        self._add("lookup", _id(umid_or_job_id), faults)

    def on_download(self, job_id: str, *faults: Fault) -> None:
        """Faults for the next downloads of that export job's files, from whichever host."""
        self._add("download", job_id, faults)

    def clear(self) -> None:
        """No more faults."""
        with self._lock:
            self._plan = iter(())
            self._chance = None
            self._queues.clear()
            self.drawn.clear()

    def next_planned(self, operation: str) -> Fault | None:
        with self._lock:
            planned = next(self._plan, None)
            if planned is None and self._chance is not None:
                return self._chance.draw(operation)
            return planned

    def next_for(self, step: Step) -> Fault | None:
        if not self._queues:
            return None
        with self._lock:
            asked: list[tuple[About, str]] = [
                ("cancel", step.cancels),
                ("lookup", step.looks_up),
                ("download", step.downloads),
            ]
            asked += [("destination", destination.lstrip("+")) for destination in step.destinations]
            return next((self._take(key) for key in asked if key in self._queues), None)

    def next_download(self, job_id: str) -> Fault | None:
        with self._lock:
            return self._take(("download", job_id)) if ("download", job_id) in self._queues else None

    def _add(self, about: About, name: str, faults: Iterable[Fault]) -> None:
        with self._lock:
            self._queues.setdefault((about, name), deque()).extend(faults)

    def _take(self, key: tuple[About, str]) -> Fault | None:
        queue = self._queues[key]
        if not queue:
            del self._queues[key]
            return None
        fault = queue[0]
        if fault.times is not None:
            if fault.times > 1:
                queue[0] = replace(fault, times=fault.times - 1)
            else:
                queue.popleft()
                if not queue:
                    del self._queues[key]
        return fault

    def __repr__(self) -> str:
        abouts = Counter(about for about, _ in self._queues)
        return f"<Faults for {abouts['destination']} destinations and {len(self._queues) - abouts['destination']} ids>"


def _id(given: str) -> str:
    """UUIDs are the same in either case; the letters of a job id are not."""
    return given.lower() if "-" in given else given


def _one_by_one(entries: Iterable[Fault | None]) -> Iterator[Fault | None]:
    for entry in entries:
        if entry is None:
            yield None
            continue
        left = entry.times
        while left is None or left > 0:
            yield entry
            left = None if left is None else left - 1
