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
            another call is sending it (only with `wait=False`).
        umid: 8x8's id of the message; None: no answer gave one.
        code: the API's error code; None: there is none.
        new: whether this call sent it. False: an earlier call, or a call on another machine, sent it.
        error: the error that this call's request raised; None: no error, or another call made the request.
        recorded: whether the outcome is in the database. False: the database was lost after the message was sent. The
            outcome is written as soon as the database is back. If this process ends earlier, the message counts as
            UNKNOWN.
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
