"""The queued faults, and which request gets which fault.

A request gets the first fault that it finds, in this order:

1. the next entry of the plan
2. a random fault by rate (`Faults.random`)
3. the next fault queued for its destination, or for the id that it cancels, looks up or downloads

An entry None of the plan counts as no fault. Requests with a wrong key or above the rate limit take no fault.
"""

import threading
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Literal

from eightbyeight_async.sandbox.api.received_call import Step
from eightbyeight_async.sandbox.control.faults import Fault
from eightbyeight_async.sandbox.control.random_faults import RandomFaults

About = Literal["destination", "cancel", "lookup", "download"]


class Faults:
    """The faults of one sandbox: a plan, rates, and queues by destination or id.

    They may be set while requests run. `drawn` counts the random faults by their name in `random`.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._plan: Iterator[Fault | None] = iter(())
        self._random_faults: RandomFaults | None = None
        self._queues: dict[tuple[About, str], deque[Fault]] = {}
        self.drawn: Counter[str] = Counter()

    def plan(self, entries: Iterable[Fault | None]) -> None:
        """Replace the plan: one entry for each request, in the order of arrival.

        None is no fault. A fault with `times` counts as that many entries. The iterable may be endless.
        """
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
        """Set random faults by rate; they stay active until the next call. A call without rates switches them off.

        Each rate is a share of the requests: 0.01 is one in a hundred.

        - `seed`: seed of the random numbers.
        - `server_error`: code 2000 on HTTP 500; the request has no effect.
        - `drop_after_accept`: the request takes effect, then the connection closes without a response.
        - `drop_before_accept`: the request has no effect, and the connection closes without a response.
        - `too_many`: HTTP 429 with the header `Retry-After: retry_after`; the request has no effect.
        - `bad_gateway`: HTTP 502 with an HTML page; the request has no effect.
        - `truncated`: the request takes effect, then half a response is sent.
        - `retry_after`: seconds, for `too_many`.
        - `operations`: only requests of these operations, e.g. ("send", "send_batch"); None for every operation.

        Raises ValueError if a rate is negative or if their sum is above 1.
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
            self._random_faults = RandomFaults(seed, rates, operations, self.drawn)

    def on_destination(self, destination: str, *faults: Fault) -> None:
        """Queue faults for the next requests to a number (with or without its plus), one request each.

        A batch takes the fault of the first of its destinations that has one.
        """
        self._add("destination", destination.lstrip("+"), faults)

    def on_cancel(self, umid_or_batch_id: str, *faults: Fault) -> None:
        """Queue faults for the next cancellations of that umid, batch id or export job, one request each."""
        self._add("cancel", _id(umid_or_batch_id), faults)

    def on_lookup(self, umid_or_job_id: str, *faults: Fault) -> None:
        """Queue faults for the next look-ups or feedbacks of that umid, or polls of that export job."""
        self._add("lookup", _id(umid_or_job_id), faults)

    def on_download(self, job_id: str, *faults: Fault) -> None:
        """Queue faults for the next downloads of that export job's files, from either host."""
        self._add("download", job_id, faults)

    def clear(self) -> None:
        """Remove every fault: plan, rates, queues and the count `drawn`."""
        with self._lock:
            self._plan = iter(())
            self._random_faults = None
            self._queues.clear()
            self.drawn.clear()

    def next_planned(self, operation: str) -> Fault | None:
        """Take the next planned fault. If there is none, draw a random fault, if these are on. None for no fault."""
        with self._lock:
            planned = next(self._plan, None)
            if planned is None and self._random_faults is not None:
                return self._random_faults.draw(operation)
            return planned

    def next_for(self, step: Step) -> Fault | None:
        """Take the fault that is due at this step; None for no fault."""
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
        """Take the fault that is due for a download of this job; None for no fault."""
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
    """Returns the id as a key: a UUID in lower case; a job id unchanged, because its upper and lower case matter."""
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
