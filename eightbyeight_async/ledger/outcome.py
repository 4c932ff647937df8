"""`Outcome`: what became of a message that was sent with `Ledger.send_once`."""

from __future__ import annotations

import attrs

from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.errors import EightByEightError

__all__ = ["Outcome"]


@attrs.frozen(kw_only=True)
class Outcome:
    """What became of a message.

    Attributes:
        key: its key in the ledger.
        state: what became of it. SENT, REJECTED, FAILED or UNKNOWN: decided, trying again changes nothing. OPTED_OUT:
            decided, and not sent: a campaign of this name left it out, because the person has opted out. INTENT:
            another call has it on its way (only with `wait=False`).
        umid: 8x8's id of the message; None: no answer gave one.
        code: the API's error code; None: there is none.
        new: this call sent it. False: an earlier call, or one on another machine, did.
        error: what the request of this call raised; None: nothing, or another call made it.
        recorded: False: the database was lost after the message was sent. The outcome is written as soon as it is back;
            if this process ends before, the message reads as UNKNOWN.
    """

    key: str
    state: State
    umid: str | None = None
    code: int | None = None
    new: bool
    error: EightByEightError | None = None
    recorded: bool = True

    @property
    def ok(self) -> bool:
        """Whether the API accepted the message."""
        return self.state is State.SENT
