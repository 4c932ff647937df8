"""Everything the hosts share while a sandbox runs, and what `reset()` makes new."""

from collections import deque
from collections.abc import Iterable
from typing import TYPE_CHECKING

from eightbyeight_async.sandbox.clock import SandboxClock
from eightbyeight_async.sandbox.delivery import Deliveries
from eightbyeight_async.sandbox.export_jobs import Exports, Links
from eightbyeight_async.sandbox.fault_queue import Faults
from eightbyeight_async.sandbox.pace import Pace
from eightbyeight_async.sandbox.receipts import Receipts
from eightbyeight_async.sandbox.store import Keep, Store
from eightbyeight_async.sandbox.traffic import REMEMBERED_REQUESTS, SandboxRequest, Traffic

if TYPE_CHECKING:
    from eightbyeight_async.sandbox.message import SandboxFeedback
    from eightbyeight_async.sandbox.violations import Violation


class State:
    """Written by the server's thread, except for the settings, which the test's thread may change any time."""

    def __init__(
        self,
        *,
        api_key: str,
        subaccount_ids: frozenset[str],
        rejected_destinations: Iterable[str],
        rejected_prefix: str,
        rate_limit: float | None,
        details_limit: float | None,
        latency: float,
        clock: SandboxClock,
        keep: Keep,
        callback_url: str | None,
        export_lag: float,
        export_links: Links,
    ) -> None:
        self.api_key = api_key
        self.subaccount_ids = subaccount_ids
        self.clock = clock
        self.deliveries = Deliveries()
        self.receipts = Receipts(clock, self.deliveries, callback_url)
        self.store = Store(clock, keep, added=self.receipts.note, cancelled=self.receipts.forget)
        self.exports = Exports(lag=export_lag, links=export_links)
        self.feedback: list[SandboxFeedback] = []
        self.faults = Faults()
        self.pace = Pace(rate_limit)
        self.details_pace = Pace(details_limit)
        self.traffic = Traffic()
        self.storage_requests: deque[SandboxRequest] = deque(maxlen=REMEMBERED_REQUESTS)
        self.violations: list[Violation] = []
        self.bugs: list[Exception] = []
        self.latency = latency
        clock.moved = self.receipts.wake
        self._rejected = frozenset(number.lstrip("+") for number in rejected_destinations)
        self._rejected_prefix = rejected_prefix.lstrip("+")
        self._initial = (rate_limit, details_limit, latency)

    def rejects(self, destination: str) -> bool:
        number = destination.lstrip("+")
        return number.startswith(self._rejected_prefix) or number in self._rejected

    def reset(self) -> None:
        """As freshly started: nothing taken, no faults, jobs, receipts or counts, real time, the first settings."""
        self.pace.limit, self.details_pace.limit, self.latency = self._initial
        self.clock.reset()
        self.store.clear()
        self.deliveries.reset()
        self.receipts.reset()
        self.exports.reset()
        self.feedback.clear()
        self.faults.clear()
        self.pace.reset()
        self.details_pace.reset()
        self.traffic.reset()
        self.storage_requests.clear()
        self.violations.clear()
