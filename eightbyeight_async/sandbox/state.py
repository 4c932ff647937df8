"""Everything both hosts share while a sandbox runs, and what `reset()` makes new."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from eightbyeight_async.sandbox.clock import SandboxClock
from eightbyeight_async.sandbox.faults import Faults
from eightbyeight_async.sandbox.pace import Pace
from eightbyeight_async.sandbox.store import Store
from eightbyeight_async.sandbox.traffic import Traffic

if TYPE_CHECKING:
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
        latency: float,
        clock: SandboxClock,
    ) -> None:
        self.api_key = api_key
        self.subaccount_ids = subaccount_ids
        self.clock = clock
        self.store = Store(clock)
        self.faults = Faults()
        self.pace = Pace(rate_limit)
        self.traffic = Traffic()
        self.violations: list[Violation] = []
        self.bugs: list[Exception] = []
        self.latency = latency
        self._rejected = frozenset(number.lstrip("+") for number in rejected_destinations)
        self._rejected_prefix = rejected_prefix.lstrip("+")
        self._initial = (rate_limit, latency)

    def rejects(self, destination: str) -> bool:
        number = destination.lstrip("+")
        return number.startswith(self._rejected_prefix) or number in self._rejected

    def reset(self) -> None:
        """As freshly started: no messages, faults, violations or counts, real time, the first settings."""
        self.pace.limit, self.latency = self._initial
        self.clock.reset()
        self.store.clear()
        self.faults.clear()
        self.pace.reset()
        self.traffic.reset()
        self.violations.clear()
