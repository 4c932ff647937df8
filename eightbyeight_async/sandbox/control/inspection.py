"""What a test looks at and what it sets on a sandbox, running or not."""

from collections import Counter
from typing import TYPE_CHECKING

from eightbyeight_async.sandbox.control.clock import SandboxClock
from eightbyeight_async.sandbox.control.fault_queue import Faults
from eightbyeight_async.sandbox.control.traffic import SandboxRequest, Traffic
from eightbyeight_async.sandbox.export.jobs import Exports
from eightbyeight_async.sandbox.messages.delivery_status import Deliveries
from eightbyeight_async.sandbox.messages.message import SandboxFeedback, SandboxMessage
from eightbyeight_async.sandbox.webhooks.receipt_queue import Receipts

if TYPE_CHECKING:
    from eightbyeight_async.sandbox.control.violations import Violation
    from eightbyeight_async.sandbox.messages.shared_state import SharedState


class Observed:
    """The half of `Sandbox` that needs no server."""

    _state: "SharedState"

    # What a test looks at

    @property
    def messages(self) -> list[SandboxMessage]:
        """What was accepted (QUEUED or scheduled), in order, each in its present state; a new list."""
        return self._state.store.accepted()

    @property
    def rejected(self) -> list[SandboxMessage]:
        """What was answered REJECTED, in order: it is not part of `messages`."""
        return self._state.store.rejected()

    @property
    def requests(self) -> list[SandboxRequest]:
        """The last 1,000 requests, refused and dropped ones included; `traffic.requests` counts all."""
        return list(self._state.traffic.last_requests)

    @property
    def violations(self) -> "list[Violation]":
        """What clients sent that 8x8's OpenAPI files do not know; an honest client leaves it empty."""
        return list(self._state.violations)

    @property
    def feedback(self) -> list[SandboxFeedback]:
        """The feedbacks taken, in order."""
        return list(self._state.feedback)

    @property
    def storage_requests(self) -> list[SandboxRequest]:
        """The last 1,000 requests to the other host; in an honest client's no headers name Authorization."""
        return list(self._state.storage_requests)

    def times_accepted(self, client_message_id: str) -> int:
        """How often a message with that clientMessageId was accepted: more than once is sent twice."""
        return self._state.store.times[client_message_id]

    @property
    def accepted_counts(self) -> dict[str, int]:
        """How often each clientMessageId was accepted; a new dict."""
        return self._state.store.counts()

    @property
    def totals(self) -> Counter[str]:
        """How many messages were "accepted" (cancelled ones included), "rejected" and "cancelled"."""
        return self._state.store.totals.copy()

    @property
    def traffic(self) -> Traffic:
        """The live counters, of both hosts of the API."""
        return self._state.traffic

    # What a test sets

    @property
    def faults(self) -> Faults:
        """What goes wrong, and when."""
        return self._state.faults

    @property
    def deliveries(self) -> Deliveries:
        """How far messages get, and when."""
        return self._state.deliveries

    @property
    def receipts(self) -> Receipts:
        """What is POSTed to callback URLs: how, and what was."""
        return self._state.receipts

    @property
    def exports(self) -> Exports:
        """How log exports go."""
        return self._state.exports

    @property
    def clock(self) -> SandboxClock:
        """`clock.advance(3600)`: an hour later, what was scheduled meanwhile is sent."""
        return self._state.clock

    @property
    def rate_limit(self) -> float | None:
        return self._state.pace.limit

    @rate_limit.setter
    def rate_limit(self, limit: float | None) -> None:
        self._state.pace.limit = limit

    @property
    def details_limit(self) -> float | None:
        return self._state.details_pace.limit

    @details_limit.setter
    def details_limit(self, limit: float | None) -> None:
        self._state.details_pace.limit = limit

    @property
    def latency(self) -> float:
        return self._state.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._state.latency = seconds

    def reset(self) -> None:
        """As freshly started, on the same ports: nothing is remembered, nothing waits, the first settings hold."""
        self._state.reset()
