"""The events that a client passes to its hooks: the event of an attempt, and the event of a wait.

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
    """A finished attempt of a call. The hook `on_attempt` gets it.

    Every attempt gives exactly one event: after an answer, an error, a cancellation or a deadline. There is one
    exception: if the event loop stops during the attempt, no hook can run.

    Attributes:
        operation: the method that made the call, e.g. `sms.send` (also for `send_each` and campaigns),
            `sms.send_batch`, `chatapps.cancel`; `sms.download_log_file` for a file of a log export.
        subaccount_id: the sub-account of the client, or of its view, that made the call.
        attempt: its number, from 1.
        status: the HTTP status of the answer; None if there was none.
        code: the API's error code; None if the answer has none.
        error: the class of the error, e.g. `ServerError`; None for a success. `TransportTimeoutError` if the call's
            `deadline` expired, `CancelledError` if the call was cancelled, under asyncio and trio alike.
        sent: whether this attempt alone may have taken effect (`Sent.NO` or `Sent.MAYBE`); None for a success. The
            error that the caller gets is about all attempts together.
        waited: seconds that the attempt waited for its place and its turn (`limiter` and `pace` of `WaitEvent`); 0.0 if
            it did not wait. The pause before a retry is not included.
        on_wire: seconds from passing the request to the transport until the attempt ended, including the time to
            connect; 0.0 if the attempt ended before the transport got the request.
        request_bytes: the bytes of the request's body; 0 without a body, or if the transport did not get the request.
        response_bytes: the bytes of the answer's body, decompressed; 0 if there was no complete answer, or if this
            client refused it, e.g. because it was too large.
        umid: 8x8's id of the message, from the answer or from the caller's argument; None if the call is not about a
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
    """A finished wait of a call. The hook `on_wait` gets it. A call that does not wait gives no event.

    Attributes:
        operation: as in `AttemptEvent`.
        subaccount_id: as in `AttemptEvent`.
        attempt: the number of the attempt that waited, from 1; before a retry, the number of the next attempt.
        reason: `limiter` (a free place under `max_concurrency`), `pace` (its turn under `max_rate`) or `retry` (the
            pause of the retry policy).
        seconds: how long the call waited, also if it was cancelled during the wait.
    """

    operation: str
    subaccount_id: str
    attempt: int
    reason: WaitReason
    seconds: float
