"""What a client tells its hooks: the event of an attempt, and that of a wait.

Rule: an event has counts, times, names and ids, and no text, no phone number and no key. So it can go into any log.
"""

from __future__ import annotations

from typing import Literal

import attrs

from eightbyeight_async.errors import Sent

__all__ = ["AttemptEvent", "WaitEvent", "WaitReason"]

WaitReason = Literal["limiter", "pace", "retry"]
"""What a call waited for: a free place under `max_concurrency`, its turn under `max_rate`, or its next attempt."""


@attrs.frozen(kw_only=True)
class AttemptEvent:
    """One attempt of a call, when it has ended: what the hook `on_attempt` gets.

    Every attempt gives exactly one event, whatever its end: an answer, an error, a cancellation, a deadline. The one
    exception is an attempt whose event loop was stopped under it, because no hook can run then.

    Attributes:
        operation: the method that made the call, e.g. `sms.send` (also for `send_each` and campaigns),
            `sms.send_batch`, `chatapps.cancel`; `sms.download_log_file` for a file of a log export.
        subaccount_id: the sub-account of the client, or of its view, that made the call.
        attempt: its number, from 1.
        status: the HTTP status of the answer; None if there was none.
        code: the API's error code; None if the answer has none.
        error: the class of the error, e.g. `ServerError`; None for a success. `TransportTimeoutError` if the call's
            `deadline` expired, `CancelledError` if the call was cancelled, under asyncio and trio alike.
        sent: what the error says about this attempt alone; None for a success. The error that the caller gets is about
            all attempts together.
        waited: seconds that it waited for its place and its turn (`limiter` and `pace` of `WaitEvent`); 0.0 if it
            did not wait. The pause before it is not included.
        on_wire: seconds from the handover to the transport until the answer was there, connecting included; 0.0 if it
            ended before that.
        request_bytes: the bytes of its body; 0 if it has none, or ended before the handover.
        response_bytes: the bytes of the answer's body, unpacked; 0 if the answer did not come, or was refused.
        umid: 8x8's id of the message, from the answer or from the caller's argument; None if the call is about no
            single message, or if the id is not known.
        batch_size: how many messages the batch has; None if the call sends no batch.
    """

    operation: str
    subaccount_id: str
    attempt: int
    status: int | None
    code: int | None
    error: str | None
    sent: Sent | None
    waited: float
    on_wire: float
    request_bytes: int
    response_bytes: int
    umid: str | None
    batch_size: int | None


@attrs.frozen(kw_only=True)
class WaitEvent:
    """One wait of a call, when it has ended: what the hook `on_wait` gets. A call that need not wait gives none.

    Attributes:
        operation: as in `AttemptEvent`.
        subaccount_id: as in `AttemptEvent`.
        attempt: the number of the attempt that had to wait, from 1; for a retry that of the next attempt.
        reason: `limiter` (a free place under `max_concurrency`), `pace` (its turn under `max_rate`) or `retry` (the
            pause of the retry policy).
        seconds: how long it waited; also if it was cancelled meanwhile.
    """

    operation: str
    subaccount_id: str
    attempt: int
    reason: WaitReason
    seconds: float
