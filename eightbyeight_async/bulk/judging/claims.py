"""Whether a message may be claimed when the journal already has a row for it. Pure."""

from __future__ import annotations

import attrs

from eightbyeight_async.bulk.judging.input_conflicts import same_moment
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.records import CLAIMED, Claim, Claimed, Policy

__all__ = ["JournaledMessage", "judge_claim", "may_claim_again"]


@attrs.define
class JournaledMessage:
    """The row of a message, as far as a claim needs it; `judge_claim` changes it as the claim changes the row.

    Attributes:
        id: number of its claim.
        state: its outcome.
        run: the run that met it last.
        times: how often that run met it.
        place: its index in that run's input.
        due: the schedule it had when it was met last, seconds since 1970; None: at once.
        who, what: see `Identity`.
        claim: the new claim, if one was granted.
    """

    id: int
    state: State
    run: int
    times: int
    place: int
    due: float | None
    who: int
    what: int | None
    claim: Claim | None = None


def may_claim_again(state: State, *, settled_earlier: bool, policy: Policy) -> bool:
    """Whether a message in this state may be claimed again.

    Args:
        state: its outcome.
        settled_earlier: an earlier run settled it; this run has not met it.
        policy: what the caller asked to send again.
    """
    if state is State.NOT_SENT:
        return True
    if not settled_earlier:
        return False
    return (policy.resend_unknown and state is State.UNKNOWN) or (
        policy.resend_failed and state in (State.REJECTED, State.FAILED)
    )


def judge_claim(row: JournaledMessage, claim: Claim, run: int, policy: Policy) -> Claimed:
    """Grants or refuses a claim of a message that has a row, and changes `row` accordingly."""
    met = row.run == run
    copies = row.times if met else 0
    same_content = row.who == claim.identity.who and row.what == claim.identity.what
    if met and not same_content:
        return Claimed(row.state, copies, same_content=False, place=row.place)
    if may_claim_again(row.state, settled_earlier=not met, policy=policy):
        row.claim, row.state = claim, State.INTENT
        row.run, row.times, row.place = run, copies or 1, claim.place
        row.due, row.who, row.what = claim.scheduled, claim.identity.who, claim.identity.what
        return CLAIMED
    same_time = same_moment(row.due, claim.scheduled)
    answer = Claimed(row.state, copies, same_time=same_time, place=row.place)
    row.run, row.times = run, copies + 1
    if not met:
        row.place, row.due = claim.place, claim.scheduled
    return answer
