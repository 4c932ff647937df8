"""Decides about a claim of a message that has a row in the journal, and what a run does with the answer. Pure.

A run and its plan share these decisions. So the run does what the plan says.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

import attrs

from eightbyeight_async.bulk.judging.input_conflicts import same_moment
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.records import CLAIMED, NUMBER_TAKEN, Claim, Claimed, Policy

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["JournaledMessage", "Next", "Step", "judge_claim", "may_claim_again", "next_step", "numbers_taken"]


@attrs.define
class JournaledMessage:
    """The fields of a message's row that a claim needs. `judge_claim` changes them as the claim changes the row.

    Attributes:
        id: number of its claim.
        state: its outcome.
        run: the last run that took this message from its input.
        times: how often that run took it.
        place: its index in that run's input.
        due: its schedule in that run's input, seconds since 1970; None: at once.
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
        settled_earlier: an earlier run settled it, and this run sees it for the first time.
        policy: which messages the caller wants to send again.
    """
    if state is State.NOT_SENT:
        return True
    if not settled_earlier:
        return False
    if state is State.OPTED_OUT:
        # May be claimed again; the new claim says whether the person is still opted out.
        return not policy.keep_opted_out
    return (policy.resend_unknown and state is State.UNKNOWN) or (
        policy.resend_failed and state in (State.REJECTED, State.FAILED)
    )


def judge_claim(
    row: JournaledMessage, claim: Claim, run: int, policy: Policy, *, number_taken: bool = False
) -> Claimed:
    """Grants or refuses a claim of a message that has a row, and changes `row` accordingly.

    Args:
        row: the message's row.
        claim: the new claim.
        run: number of the run that claims.
        policy: what the caller asked for.
        number_taken: another message has the number, and the policy allows one message per number.
    """
    met = row.run == run
    copies = row.times if met else 0
    same_content = row.who == claim.identity.who and row.what == claim.identity.what
    if met and not same_content:
        return Claimed(row.state, copies, same_content=False, place=row.place)
    answer = Claimed(row.state, copies, same_time=same_moment(row.due, claim.scheduled), place=row.place)
    # If the person has opted out since, a sent, refused or UNKNOWN message keeps its state: the options that send
    # messages again do not apply.
    asked = Policy() if claim.opted_out else policy
    if may_claim_again(row.state, settled_earlier=not met, policy=asked):
        if not number_taken:
            answer = CLAIMED if row.state is State.NOT_SENT else Claimed(None, before=row.state)
            row.claim, row.state = claim, State.INTENT
            row.run, row.times, row.place = run, copies or 1, claim.place
            row.due, row.who, row.what = claim.scheduled, claim.identity.who, claim.identity.what
            return answer
        answer = NUMBER_TAKEN
    row.run, row.times = run, copies + 1
    if not met:
        row.place, row.due = claim.place, claim.scheduled
    return answer


def numbers_taken(claims: Sequence[Claim], holders: Mapping[int, tuple[int, int]]) -> frozenset[int]:
    """Returns the ids of the claims to refuse because another message has the same number (one message per number).

    Args:
        claims: in the order of the input; the first one of a number keeps it.
        holders: for each number that already has messages: the lowest and the highest hash of these messages.
    """
    found = dict(holders)
    taken = set()
    for claim in claims:
        one = (claim.identity.hash, claim.identity.hash)
        if found.setdefault(claim.identity.who, one) != one:
            taken.add(claim.id)
    return frozenset(taken)


class Next(enum.Enum):
    """What a run does with a message after the answer to its claim."""

    SEND = "send it"
    SETTLED = "leave it out: an earlier run settled it"
    DUPLICATE = "leave it out: this run has the same message"
    SAME_NUMBER = "leave it out: its number has another message"
    OPTED_OUT = "leave it out: the person has opted out"
    STOPPED = "leave it out: the campaign was stopped from elsewhere"
    CLAIM_AGAIN = "claim it as the message with the next occurrence"
    CONFLICT = "end the run: two messages have one id"


class Step(NamedTuple):
    """The next step of a run with one message.

    Attributes:
        next: what the run does.
        occurrence: the message's occurrence; for `CLAIM_AGAIN` the one to claim next.
    """

    next: Next
    occurrence: int


def next_step(answer: Claimed, occurrence: int, *, own_id: bool, send_copies: bool) -> Step:
    """Chooses what a run does with a message.

    Args:
        answer: the journal's answer to the claim.
        occurrence: the occurrence that was claimed.
        own_id: whether the message has a `client_message_id`.
        send_copies: whether copies of a message are sent, too.
    """
    if answer.state is None:
        return Step(Next.SEND, occurrence)
    if answer.stopped is not None:
        return Step(Next.STOPPED, occurrence)
    if answer.opted_out:
        return Step(Next.OPTED_OUT, occurrence)
    if answer.number_taken:
        return Step(Next.SAME_NUMBER, occurrence)
    if not answer.same_content or (not answer.same_time and answer.copies and own_id):
        return Step(Next.CONFLICT, occurrence)
    if answer.copies == 0:
        return Step(Next.SETTLED, occurrence)
    if not own_id and (send_copies or not answer.same_time):
        return Step(Next.CLAIM_AGAIN, answer.copies if send_copies else occurrence + 1)
    return Step(Next.DUPLICATE, occurrence)
