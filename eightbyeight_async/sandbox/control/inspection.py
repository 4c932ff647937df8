"""The properties of a `Sandbox` that a test reads and sets, whether the sandbox runs or not."""

from collections import Counter

from eightbyeight_async.sandbox.control.account import Account
from eightbyeight_async.sandbox.control.clock import SandboxClock
from eightbyeight_async.sandbox.control.fault_queue import Faults
from eightbyeight_async.sandbox.control.traffic import SandboxRequest, Traffic
from eightbyeight_async.sandbox.control.violations import Violation
from eightbyeight_async.sandbox.export.jobs import Exports
from eightbyeight_async.sandbox.messages.delivery_status import Deliveries
from eightbyeight_async.sandbox.messages.message import SandboxFeedback, SandboxMessage
from eightbyeight_async.sandbox.messages.shared_state import SharedState
from eightbyeight_async.sandbox.webhooks.receipt_queue import Receipts


class Inspectable:
    """The half of `Sandbox` that does not need a running server."""

    _state: "SharedState"

    # What a test reads

    @property
    def messages(self) -> list[SandboxMessage]:
        """The accepted messages (queued or scheduled) in order, each in its current state; a new list.

        Raises RuntimeError with `keep="counts"`.
        """
        return self._state.store.accepted()

    @property
    def rejected(self) -> list[SandboxMessage]:
        """The messages that got the status REJECTED, in order; they are not in `messages`.

        Raises RuntimeError with `keep="counts"`.
        """
        return self._state.store.rejected()

    @property
    def requests(self) -> list[SandboxRequest]:
        """The last 1,000 requests, refused and dropped ones included; `traffic.requests` counts all of them."""
        return list(self._state.traffic.last_requests)

    @property
    def violations(self) -> "list[Violation]":
        """What requests contained that 8x8's OpenAPI files do not allow; empty if the client is correct."""
        return list(self._state.violations)

    @property
    def feedback(self) -> list[SandboxFeedback]:
        """The accepted feedbacks, in order."""
        return list(self._state.feedback)

    @property
    def storage_requests(self) -> list[SandboxRequest]:
        """The last 1,000 requests to the host of exported files. A correct client sends it no Authorization."""
        return list(self._state.storage_requests)

    def times_accepted(self, client_message_id: str) -> int:
        """How often a message with that clientMessageId was accepted; 2 means that it was sent twice."""
        return self._state.store.times[client_message_id]

    @property
    def accepted_counts(self) -> dict[str, int]:
        """How often each clientMessageId was accepted; a new dict."""
        return self._state.store.counts()

    @property
    def totals(self) -> Counter[str]:
        """How many messages were "accepted" (later cancelled ones included), "rejected" and "cancelled"."""
        return self._state.store.totals.copy()

    @property
    def traffic(self) -> Traffic:
        """The live traffic counters of the SMS and the ChatApps host together."""
        return self._state.traffic

    # What a test sets

    @property
    def faults(self) -> Faults:
        """The queued faults: set what goes wrong, and for which request."""
        return self._state.faults

    @property
    def deliveries(self) -> Deliveries:
        """The delivery of messages: set which state they reach, and when."""
        return self._state.deliveries

    @property
    def receipts(self) -> Receipts:
        """The POSTs to callback URLs: settings, and what was sent."""
        return self._state.receipts

    @property
    def exports(self) -> Exports:
        """The settings of log exports."""
        return self._state.exports

    @property
    def account(self) -> Account:
        """The account: set its balance and its prices."""
        return self._state.account

    @property
    def clock(self) -> SandboxClock:
        """The sandbox's clock: `clock.advance(3600)` moves it one hour forward and sends the messages that are due."""
        return self._state.clock

    @property
    def rate_limit(self) -> float | None:
        """Requests per second for each sub-account; more get HTTP 429. None for no limit."""
        return self._state.rate_limit.limit

    @rate_limit.setter
    def rate_limit(self, limit: float | None) -> None:
        self._state.rate_limit.limit = limit

    @property
    def details_limit(self) -> float | None:
        """Requests for message details per second, for each product and sub-account; None for no limit (8x8: 1)."""
        return self._state.details_rate_limit.limit

    @details_limit.setter
    def details_limit(self, limit: float | None) -> None:
        self._state.details_rate_limit.limit = limit

    @property
    def latency(self) -> float:
        """Seconds that are added before every response."""
        return self._state.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._state.latency = seconds

    def reset(self) -> None:
        """Restore the state of the start, on the same ports: nothing stored, nothing waiting, the first settings."""
        self._state.reset()
