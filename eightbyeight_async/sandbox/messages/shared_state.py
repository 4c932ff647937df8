"""The state that the hosts of a running sandbox share, and its reset."""

from collections import deque
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from eightbyeight_async.sandbox.api.rate_limit import RateLimit
from eightbyeight_async.sandbox.control.account import Account
from eightbyeight_async.sandbox.control.clock import SandboxClock
from eightbyeight_async.sandbox.control.fault_queue import Faults
from eightbyeight_async.sandbox.control.traffic import REMEMBERED_REQUESTS, SandboxRequest, Traffic
from eightbyeight_async.sandbox.export.jobs import Exports, Links
from eightbyeight_async.sandbox.messages.delivery_status import Deliveries
from eightbyeight_async.sandbox.messages.message_store import Keep, Store
from eightbyeight_async.sandbox.webhooks.receipt_queue import Receipts

if TYPE_CHECKING:
    from eightbyeight_async.sandbox.control.violations import Violation
    from eightbyeight_async.sandbox.messages.message import SandboxFeedback


class SharedState:
    """Messages, jobs, receipts, counters, faults and settings of one sandbox.

    The server's thread writes it. Only the settings may also be changed by the test's thread, at any time.
    """

    def __init__(
        self,
        *,
        api_key: str,
        account_id: str,
        subaccount_ids: Sequence[str],
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
        self.subaccount_ids: frozenset[str] = frozenset(subaccount_ids)
        self.account: Account = Account(account_id, subaccount_ids)
        self.clock = clock
        self.deliveries: Deliveries = Deliveries()
        self.receipts: Receipts = Receipts(clock, self.deliveries, callback_url)
        self.store: Store = Store(clock, keep, added=self.receipts.note, cancelled=self.receipts.forget)
        self.exports: Exports = Exports(lag=export_lag, links=export_links)
        self.feedback: list[SandboxFeedback] = []
        self.faults: Faults = Faults()
        self.rate_limit: RateLimit = RateLimit(rate_limit)
        self.details_rate_limit: RateLimit = RateLimit(details_limit)
        self.traffic: Traffic = Traffic()
        self.storage_requests: deque[SandboxRequest] = deque(maxlen=REMEMBERED_REQUESTS)
        self.violations: list[Violation] = []
        self.bugs: list[Exception] = []
        self.latency: float = latency
        clock.moved = self.receipts.wake
        self._rejected = frozenset(number.lstrip("+") for number in rejected_destinations)
        self._rejected_prefix = rejected_prefix.lstrip("+")
        self._initial = (rate_limit, details_limit, latency)

    def rejects(self, destination: str) -> bool:
        number = destination.lstrip("+")
        return number.startswith(self._rejected_prefix) or number in self._rejected

    def reset(self) -> None:
        """Restore the state of the start: nothing stored or counted, no faults, real time, the first settings."""
        self.rate_limit.limit, self.details_rate_limit.limit, self.latency = self._initial
        self.clock.reset()
        self.store.clear()
        self.deliveries.reset()
        self.receipts.reset()
        self.exports.reset()
        self.feedback.clear()
        self.account.reset()
        self.faults.clear()
        self.rate_limit.reset()
        self.details_rate_limit.reset()
        self.traffic.reset()
        self.storage_requests.clear()
        self.violations.clear()
