"""A message and a feedback as the sandbox stores them.

Rule: no repr shows a phone number or a text.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import attrs

Product = Literal["sms", "chatapps"]
MessageState = Literal["queued", "scheduled", "sent", "cancelled", "rejected"]


def mask(number: str) -> str:
    """The number with all but its last two digits replaced by asterisks."""
    return "*" * max(len(number) - 2, 0) + number[-2:]


# made in two thirds of the time of a frozen dataclass, which matters in a batch
@attrs.frozen(kw_only=True, repr=False)
class SandboxMessage:
    """A message that the sandbox accepted or rejected: its fields as requested, and its state.

    `state` shows whether the message was sent; `Sandbox.deliveries` shows the state of its delivery.

    - `state`: "queued" (accepted without a schedule); "scheduled", which becomes "sent" at its time or
      "cancelled"; "rejected" (only in `Sandbox.rejected`).
    - `accepted_at`, `scheduled`, `expiry`: aware datetimes.
    - `encoding`: the encoding used, "GSM7" or "UCS2"; "AUTO" only for a rejected SMS, None for ChatApps.
    - `channels`: the channels that a ChatApps message names, in order.
    - `error_code`, `error_message`: why it was rejected.
    - `body`: the message's JSON object as received, before the batch's template was applied.
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
    body: dict[str, Any] = attrs.field(factory=dict, eq=False)

    def __repr__(self) -> str:
        text = "no text" if self.text is None else f"{len(self.text)} characters"
        return f"<SandboxMessage {self.umid} {self.product} {self.state} to {mask(self.destination)}, {text}>"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxFeedback:
    """A feedback that the sandbox accepted.

    - `outcome`: "success" or "failure".
    - `timestamp`: the time in the request (aware), or None if the request had none.
    - `received_at`: the sandbox's time (aware).
    """

    umid: str
    outcome: str
    timestamp: datetime | None
    received_at: datetime
