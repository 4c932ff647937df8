"""How far each message got: pure arithmetic on its times, the settings and the sandbox's clock.

Nothing is stored and nothing runs: whoever looks (details, log, receipts) computes the history of the message.
So the settings belong before the sending; changed later they change what has been, too.
"""

import functools
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from eightbyeight_async.sandbox.api.operation_results import JSONObject, status_timestamp
from eightbyeight_async.sandbox.messages.message import Product, SandboxMessage

DeliveryOutcome = Literal["delivered", "undelivered", "rejected_by_operator", "unconfirmed"]

_Stage = tuple[str, str | None, int | None, str | None]  # state, detail, error code, error message
_FINAL: dict[DeliveryOutcome, _Stage] = {
    "delivered": ("delivered", "delivered_to_recipient", None, None),
    "undelivered": ("undelivered", "undelivered_to_recipient", 14, "the handset cannot be reached"),
    "rejected_by_operator": ("undelivered", "rejected_by_operator", 15, "the operator does not know the number"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What becomes of a message that was accepted.

    `sent_after`, `final_after`, `read_after`: seconds since it was accepted, or since its schedule; by default
    it is sent and delivered at once. `outcome`: "unconfirmed" stays sent for ever. `read_after`: None for
    never; only ChatApps messages that were delivered are read.
    """

    outcome: DeliveryOutcome = "delivered"
    sent_after: float = 0.0
    final_after: float = 0.0
    read_after: float | None = None

    def __post_init__(self) -> None:
        if self.outcome != "unconfirmed" and self.outcome not in _FINAL:
            raise ValueError("outcome is one of delivered, undelivered, rejected_by_operator, unconfirmed")
        times = [0.0, self.sent_after, self.final_after]
        times += [] if self.read_after is None else [self.read_after]
        if times != sorted(times):
            raise ValueError("not in order: 0 <= sent_after <= final_after <= read_after")


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedStatus:
    """A state a message had from `at` on. "rejected" is what receipts say; details and log say "failed"."""

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
    """`default` for every message, unless its destination has a Delivery of its own."""

    default: Delivery

    def __init__(self) -> None:
        self._by_destination: dict[str, Delivery] = {}
        self.reset()

    def on_destination(self, destination: str, delivery: Delivery) -> None:
        """What becomes of every message to that number, with or without its +."""
        self._by_destination[destination.lstrip("+")] = delivery

    def reset(self) -> None:
        """All delivered at once."""
        self.default = Delivery()
        self._by_destination.clear()

    def status(self, message: SandboxMessage, now: datetime) -> LoggedStatus:
        """The latest state that has been reached; what was cancelled is "failed", detail "cancelled"."""
        if message.state == "cancelled":
            return LoggedStatus(state="failed", detail="cancelled", at=message.accepted_at)
        if message.state != "rejected":
            begin = message.scheduled or message.accepted_at
            passed = (now - begin).total_seconds()
            for seconds, stage in reversed(_stages(self._for(message), message.product)):
                if seconds <= passed:
                    return _status(stage, begin, seconds)
        return self.history(message)[0]

    def history(self, message: SandboxMessage) -> list[LoggedStatus]:
        """Every state the message has or will have, in order."""
        taken = message.accepted_at
        if message.state == "rejected":
            code, reason = message.error_code, message.error_message
            return [LoggedStatus(state="rejected", at=taken, error_code=code, error_message=reason)]
        begin = message.scheduled or taken
        stages = _stages(self._for(message), message.product)
        return [LoggedStatus(state="queued", at=taken), *(_status(stage, begin, seconds) for seconds, stage in stages)]

    def _for(self, message: SandboxMessage) -> Delivery:
        if not self._by_destination:
            return self.default
        return self._by_destination.get(message.destination.lstrip("+"), self.default)


@functools.lru_cache(maxsize=256)
def _stages(delivery: Delivery, product: Product) -> list[tuple[float, _Stage]]:
    """What follows on being queued, with the seconds it takes."""
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
