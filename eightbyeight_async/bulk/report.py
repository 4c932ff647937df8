"""The numbers of a run: a plan before it, counts during it, a report at its end.

The counts of a run add up at any moment:
taken = in_flight + accepted + rejected + failed + unknown + not_sent + known + duplicates + same_number + opted_out
"""

from __future__ import annotations

import attrs

from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.errors import EightByEightError

__all__ = ["Plan", "Progress", "Report", "RunCounts", "Status"]


@attrs.frozen(kw_only=True)
class Status:
    """The state of a whole journal, over all its runs. The other counts add up to `total`.

    Attributes:
        total: messages of the campaign: the number of journaled messages, or the expected number if that is higher.
        sent: accepted by the API, and sent at once or at a scheduled time that has passed. Includes unclear cancels:
            the answer to a cancel was lost, and at the next cancel 8x8 had nothing left to cancel.
        waiting: accepted, and their scheduled time is in the future.
        cancelled: accepted, then cancelled before their scheduled time.
        rejected: refused by the API with HTTP 200.
        failed: refused by the API with an error code.
        in_flight: claimed by a campaign that is sending at this moment.
        unknown: may have gone out.
        opted_out: not sent, because the person has opted out.
        not_sent: did not go out; includes messages that no run has tried yet.
    """

    total: int
    sent: int
    waiting: int = 0
    cancelled: int = 0
    rejected: int
    failed: int
    in_flight: int = 0
    unknown: int
    opted_out: int = 0
    not_sent: int

    @property
    def done(self) -> bool:
        """Whether every message is accepted, or left out because the person has opted out."""
        return self.accepted + self.opted_out == self.total

    @property
    def accepted(self) -> int:
        """Messages that the API accepted: sent, waiting or cancelled."""
        return self.sent + self.waiting + self.cancelled

    def as_dict(self) -> dict[str, int]:
        """The counts by name."""
        return attrs.asdict(self)


@attrs.frozen(kw_only=True)
class Plan:
    """What a run would do with an input.

    messages = new + again_unknown + again_failed + late + settled + in_doubt + duplicates + same_number + opted_out

    Attributes:
        messages: in the input.
        new: to send for the first time.
        again_unknown: to send again, though they may have gone out (`resend_unknown`).
        again_failed: to send again after the API refused them (`resend_failed`).
        late: new, but not sent: their `scheduled` or `expiry` has passed.
        settled: left out; an earlier run settled them (accepted or refused).
        in_doubt: left out; they may have gone out in an earlier run.
        duplicates: left out; an earlier message of the input is the same.
        same_number: left out; their number has another message (`one_per_number`).
        opted_out: left out; the people have opted out (`opted_out`).
        opted_in: new messages to people who had opted out in an earlier run.
        scheduled: messages to send that have a schedule.
        without_plus: messages to send with a number without `+` and without `country`: its first digits are the calling
            code. `require_plus` refuses such a message.
        second: new messages to a person who has, or may have, a message from an earlier run of this journal.
        people: different numbers of the messages to send; `late` messages count, too.
        repeated_numbers: numbers that get more than one message of this input, those of earlier runs included.
        missing: messages of earlier runs that this input does not have.
        requests: POSTs, if the API accepts every one.
        mode: "each" or "batch".
        why: the reason for that mode.
    """

    messages: int
    new: int = 0
    again_unknown: int = 0
    again_failed: int = 0
    late: int = 0
    settled: int = 0
    in_doubt: int = 0
    duplicates: int = 0
    same_number: int = 0
    opted_out: int = 0
    opted_in: int = 0
    scheduled: int = 0
    without_plus: int = 0
    second: int = 0
    people: int = 0
    repeated_numbers: int = 0
    missing: int = 0
    requests: int = 0
    mode: str
    why: str

    @property
    def to_send(self) -> int:
        """How many messages the run sends."""
        return self.new + self.again_unknown + self.again_failed

    def as_dict(self) -> dict[str, int | str]:
        """The fields by name."""
        return attrs.asdict(self)


@attrs.frozen(kw_only=True)
class Progress:
    """The counts of a run at one moment.

    Attributes:
        taken: messages taken from the input.
        in_flight: taken, and without an outcome yet.
        accepted: accepted by the API, in this run.
        rejected: refused by the API with HTTP 200, in this run.
        failed: refused by the API with an error, in this run.
        unknown: may have been sent, in this run.
        not_sent: certainly not sent, in this run.
        known: settled by an earlier run, not sent again.
        duplicates: the same message again in this input, not sent again.
        same_number: left out because their number has another message (`one_per_number`).
        opted_out: left out because the people have opted out.
        requests: POSTs made.
        expected: messages in the input; None: not known.
        seconds: since the run began.
        rate: messages per second that were accepted, rejected, failed or became unknown, over the last 5 seconds.
        pace: present limit in requests a second; None: not limited.
        paused: seconds left of a pause that the API asked for, or until the unreachable API is tried again; 0: no
            pause.
        unreachable: seconds for which the run still tries to reach the unreachable API; None: the API can be reached,
            as far as is known.
    """

    taken: int = 0
    in_flight: int = 0
    accepted: int = 0
    rejected: int = 0
    failed: int = 0
    unknown: int = 0
    not_sent: int = 0
    known: int = 0
    duplicates: int = 0
    same_number: int = 0
    opted_out: int = 0
    requests: int = 0
    expected: int | None = None
    seconds: float = 0.0
    rate: float = 0.0
    pace: float | None = None
    paused: float = 0.0
    unreachable: float | None = None

    @property
    def seconds_left(self) -> float | None:
        """Estimate of the seconds left, at the present rate; None: not known yet."""
        if self.expected is None or self.rate <= 0:
            return None
        return max(0, self.expected - self.taken + self.in_flight) / self.rate + self.paused


@attrs.frozen(kw_only=True)
class Report(Progress):
    """The counts of a run at its end.

    Attributes:
        mode: "each" or "batch".
        why: the reason for that mode.
        complete: True if the input was read to its end and nothing stopped the run.
        stopped: what stopped the run; None: nothing.
        error: the error that stopped the run; None: no error did.
        missing: messages of earlier runs that this input lacks; None: the input was not read to its end.
        status: the whole journal after the run.
    """

    mode: str
    why: str
    complete: bool
    stopped: str | None
    error: EightByEightError | None
    missing: int | None
    status: Status


_COUNTED = {
    State.SENT: "accepted",
    State.REJECTED: "rejected",
    State.FAILED: "failed",
    State.UNKNOWN: "unknown",
    State.NOT_SENT: "not_sent",
}
_WINDOW = 5.0  # seconds over which the rate is measured


class RunCounts:
    """The counts of a run, updated in the event loop."""

    def __init__(self, began: float, expected: int | None) -> None:
        self.taken = self.accepted = self.rejected = self.failed = self.unknown = self.not_sent = 0
        self.known = self.duplicates = self.same_number = self.opted_out = self.requests = 0
        self.expected = expected
        self.began = began
        self._looks = [(began, 0)]

    def count(self, state: State, number: int = 1) -> None:
        name = _COUNTED[state]
        setattr(self, name, getattr(self, name) + number)

    def counts(self, now: float) -> dict[str, int | float | None]:
        """Returns the fields of `Progress` that this class counts."""
        decided = self.accepted + self.rejected + self.failed + self.unknown
        settled = decided + self.not_sent + self.known + self.duplicates + self.same_number + self.opted_out
        # At most one sample each half second. The rate is measured from the oldest sample of the window.
        if now - self._looks[-1][0] >= _WINDOW / 10:
            self._looks.append((now, decided))
            while len(self._looks) > 2 and now - self._looks[1][0] > _WINDOW:
                self._looks.pop(0)
        since, before = self._looks[0]
        return {
            "taken": self.taken,
            "in_flight": self.taken - settled,
            "accepted": self.accepted,
            "rejected": self.rejected,
            "failed": self.failed,
            "unknown": self.unknown,
            "not_sent": self.not_sent,
            "known": self.known,
            "duplicates": self.duplicates,
            "same_number": self.same_number,
            "opted_out": self.opted_out,
            "requests": self.requests,
            "expected": self.expected,
            "seconds": now - self.began,
            "rate": (decided - before) / (now - since) if now > since else 0.0,
        }
