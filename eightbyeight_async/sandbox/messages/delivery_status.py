"""The delivery status of each message, computed from its times, the settings and the sandbox's clock.

No status is stored and no timer runs. Message details, the log and receipts compute the history of a message when they
need it. So set deliveries before sending: a later change also changes the history of earlier messages.
"""

import functools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from eightbyeight_async.sandbox.api.operation_results import JSONObject, status_timestamp
from eightbyeight_async.sandbox.messages.message import Product, SandboxMessage

DeliveryOutcome = Literal["delivered", "delivered_to_operator", "undelivered", "rejected_by_operator", "unconfirmed"]

_Stage = tuple[str, str | None, int | None, str | None]  # state, detail, error code, error message
_FINAL: dict[DeliveryOutcome, _Stage] = {
    "delivered": ("delivered", "delivered_to_recipient", None, None),
    # The last state that many SMS routes report.
    "delivered_to_operator": ("delivered", "delivered_to_operator", None, None),
    "undelivered": ("undelivered", "undelivered_to_recipient", 14, "the handset cannot be reached"),
    "rejected_by_operator": ("undelivered", "rejected_by_operator", 15, "the operator does not know the number"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """The delivery of an accepted message: its outcome and when each state is reached.

    Times are seconds from the message's schedule, or from its acceptance if it has no schedule. They must not
    decrease: 0 <= `sent_after` <= `final_after` <= `read_after`, else ValueError. The default is sent and
    delivered at once.

    - `outcome`: "delivered", "delivered_to_operator", "undelivered", "rejected_by_operator", or "unconfirmed" (stays
      "sent" for ever).
    - `sent_after`: seconds until "sent".
    - `final_after`: seconds until the outcome.
    - `read_after`: seconds until "read", None for never; only delivered ChatApps messages are read.
    """

    outcome: DeliveryOutcome = "delivered"
    sent_after: float = 0.0
    final_after: float = 0.0
    read_after: float | None = None

    def __post_init__(self) -> None:
        if self.outcome != "unconfirmed" and self.outcome not in _FINAL:
            raise ValueError(f"outcome must be one of {', '.join(get_args(DeliveryOutcome))}")
        times = [0.0, self.sent_after, self.final_after]
        times += [] if self.read_after is None else [self.read_after]
        if times != sorted(times):
            raise ValueError("times are not in order: 0 <= sent_after <= final_after <= read_after")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedStatus:
    """A state that a message has from the time `at` on.

    Receipts call a refused message "rejected"; message details and the log call it "failed".
    """

    state: str
    at: datetime
    detail: str | None = None
    error_code: int | None = None
    error_message: str | None = None

    def as_json(self) -> JSONObject:
        named = {
            "state": self.state,
            "detail": self.detail,
            "timestamp": status_timestamp(self.at),
            "errorCode": self.error_code,
            "errorMessage": self.error_message,
        }
        return {name: value for name, value in named.items() if value is not None}


class Deliveries:
    """The deliveries of all messages: `default`, or the Delivery set for the destination."""

    default: Delivery

    def __init__(self) -> None:
        self._by_destination: dict[str, Delivery] = {}
        self.reset()

    def on_destination(self, destination: str, delivery: Delivery) -> None:
        """Set the delivery of every message to that number (with or without its plus)."""
        self._by_destination[destination.lstrip("+")] = delivery

    def reset(self) -> None:
        """Restore the default: every message is delivered at once."""
        self.default = Delivery()
        self._by_destination.clear()

    def status(self, message: SandboxMessage, now: datetime) -> LoggedStatus:
        """The latest state reached at `now`; a cancelled message is "failed" with the detail "cancelled"."""
        if message.state == "cancelled":
            return LoggedStatus(state="failed", detail="cancelled", at=message.accepted_at)
        if message.state != "rejected":
            begin = message.scheduled or message.accepted_at
            passed = (now - begin).total_seconds()
            for seconds, stage in reversed(_stages(self._delivery_of(message), message.product)):
                if seconds <= passed:
                    return _status(stage, begin, seconds)
        return self.history(message)[0]

    def history(self, message: SandboxMessage) -> list[LoggedStatus]:
        """Every state that the message has had or will have, oldest first."""
        taken = message.accepted_at
        if message.state == "rejected":
            code, reason = message.error_code, message.error_message
            return [LoggedStatus(state="rejected", at=taken, error_code=code, error_message=reason)]
        begin = message.scheduled or taken
        stages = _stages(self._delivery_of(message), message.product)
        return [LoggedStatus(state="queued", at=taken), *(_status(stage, begin, seconds) for seconds, stage in stages)]

    def _delivery_of(self, message: SandboxMessage) -> Delivery:
        if not self._by_destination:
            return self.default
        return self._by_destination.get(message.destination.lstrip("+"), self.default)


@functools.lru_cache(maxsize=256)
def _stages(delivery: Delivery, product: Product) -> list[tuple[float, _Stage]]:
    """The stages after "queued", each with its time in seconds."""
    stages: list[tuple[float, _Stage]] = [(delivery.sent_after, ("sent", None, None, None))]
    if delivery.outcome != "unconfirmed":
        stages.append((delivery.final_after, _FINAL[delivery.outcome]))
    if delivery.read_after is not None and delivery.outcome == "delivered" and product == "chatapps":
        stages.append((delivery.read_after, ("read", None, None, None)))
    return stages


def _status(stage: _Stage, begin: datetime, seconds: float) -> LoggedStatus:
    state, detail, code, reason = stage
    at = begin + timedelta(seconds=seconds) if seconds else begin
    return LoggedStatus(state=state, detail=detail, at=at, error_code=code, error_message=reason)
