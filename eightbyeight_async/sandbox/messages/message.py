"""One message as the sandbox took it, and the feedback on one. No repr shows a number or a text."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

Product = Literal["sms", "chatapps"]
MessageState = Literal["queued", "scheduled", "sent", "cancelled", "rejected"]


def mask(number: str) -> str:
    """A number with only its last two digits left."""
    return "*" * max(len(number) - 2, 0) + number[-2:]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SandboxMessage:
    """What was asked for, and whether it went out; how far it got since is for `Sandbox.deliveries` to say.

    `state`: "queued" (taken, no schedule) or "scheduled", which turns into "sent" at its time or
    "cancelled"; "rejected" for those in `Sandbox.rejected`. `encoding` is the one settled on (never AUTO;
    None for ChatApps). `channels`: those a ChatApps message names, in order. `error_code`, `error_message`:
    why it was rejected. `body` is the message's JSON object as received, before any batch template.
    """

    umid: str
    product: Product
    subaccount_id: str
    destination: str
    state: MessageState
    accepted_at: datetime
    text: str | None = None
    source: str | None = None
    batch_id: str | None = None
    client_message_id: str | None = None
    client_batch_id: str | None = None
    encoding: str | None = None
    country: str | None = None
    scheduled: datetime | None = None
    expiry: datetime | None = None
    dlr_callback_url: str | None = None
    track: str | None = None
    content_type: str | None = None
    channels: tuple[str, ...] = ()
    error_code: int | None = None
    error_message: str | None = None
    body: dict[str, Any] = field(default_factory=dict, compare=False)

    def __repr__(self) -> str:
        text = "no text" if self.text is None else f"{len(self.text)} characters"
        return f"<SandboxMessage {self.umid} {self.product} {self.state} to {mask(self.destination)}, {text}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxFeedback:
    """One feedback as it was taken; `timestamp` is None where none was given."""

    umid: str
    outcome: str
    timestamp: datetime | None
    received_at: datetime
