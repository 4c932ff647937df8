"""The values that pass between the event loop and the store. Only with `store_private` do they have number and text."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import attrs

from eightbyeight_async.bulk.judging.deliveries import Delivery
from eightbyeight_async.bulk.judging.outcomes import State

if TYPE_CHECKING:
    from eightbyeight_async.bulk.judging.message_keys import Identity

__all__ = [
    "CLAIMED",
    "NUMBER_TAKEN",
    "OPTED_OUT",
    "Account",
    "CancelTarget",
    "Cancellation",
    "Claim",
    "Claimed",
    "MessageRow",
    "Met",
    "Policy",
    "Result",
]


class Account(NamedTuple):
    """The account that a journal's messages belong to: host (with port) of the SMS API, and sub-account."""

    host: str
    subaccount_id: str

    def __str__(self) -> str:
        return f"sub-account {self.subaccount_id} at {self.host}"


class Policy(NamedTuple):
    """Which messages a run may claim.

    Attributes:
        resend_unknown: also messages that may have gone out.
        resend_failed: also messages that the API refused.
        one_per_number: only the first message to a number, in the input and in the journal.
        keep_opted_out: a message that is journaled as OPTED_OUT is not claimed again. A caller that says for each claim
            whether the person has opted out does not need this.
    """

    resend_unknown: bool = False
    resend_failed: bool = False
    one_per_number: bool = False
    keep_opted_out: bool = False


class Claim(NamedTuple):
    """A message to claim.

    Attributes:
        id: number of the claim.
        identity: which message it is.
        place: index in the input, from 0.
        scheduled: seconds since 1970, None: at once.
        destination, text: in clear, only with `store_private`.
        opted_out: whether the person has opted out. If so, the message is journaled as OPTED_OUT, and the claim is not
            granted.
    """

    id: int
    identity: Identity
    place: int
    scheduled: float | None = None
    destination: str | None = None
    text: str | None = None
    opted_out: bool = False

    def as_row(self) -> tuple[object, ...]:
        key, key_hash, who, what = self.identity
        return self.id, key_hash, key, who, self.place, what, self.scheduled, self.destination, self.text


class Claimed(NamedTuple):
    """The answer to a claim.

    Attributes:
        state: None: the claim is granted. Otherwise the state of the row that prevents the claim.
        copies: how often this run saw that row's message before; 0: an earlier run settled it.
        same_time: whether the row's message has the same schedule.
        same_content: whether the row's message has the same number and text.
        place: index of the row's message in the input.
        before: earlier state of a settled message that is claimed again; None: the message is new, or did not go out.
        number_taken: the number has another message, and only one per number is allowed; `state` then means nothing.
        opted_out: the message is journaled as opted out by this claim.
        stopped: why no message is claimed any more; `state` then means nothing. None: the campaign is not stopped.
    """

    state: State | None
    copies: int = 0
    same_time: bool = True
    same_content: bool = True
    place: int = 0
    before: State | None = None
    number_taken: bool = False
    opted_out: bool = False
    stopped: str | None = None


CLAIMED = Claimed(None)
NUMBER_TAKEN = Claimed(State.NOT_SENT, number_taken=True)
OPTED_OUT = Claimed(State.OPTED_OUT, opted_out=True)


class Met(NamedTuple):
    """A message of the input, to be compared with the journal."""

    identity: Identity
    place: int
    scheduled: float | None = None


class Result(NamedTuple):
    """The outcome of a claim. `key` and `place` are used only to report results that could not be written."""

    id: int
    key: str
    place: int
    state: State
    umid: str | None = None
    batch_id: str | None = None
    code: int | None = None


@attrs.frozen
class CancelTarget:
    """One cancel request: a batch, or one message.

    Attributes:
        number: number of the batch in the journal, or id of the message.
        name: batch id or umid.
        messages: how many scheduled messages it covers.
        asked: whether an earlier cancel was requested and its answer was lost.
        batch: whether it is a batch.
    """

    number: int
    name: str
    messages: int
    asked: bool
    batch: bool


class Cancellation(NamedTuple):
    """The result of a cancel request.

    Attributes:
        target: what was to be cancelled.
        mark: the `CancelMark` of its messages.
        in_part: how many messages of a batch were cancelled, if not all; otherwise 0.
    """

    target: CancelTarget
    mark: int
    in_part: int = 0


@attrs.frozen(kw_only=True)
class MessageRow:
    """One message of a journal.

    Attributes:
        key: its `client_message_id`, or the digest that was sent in place of one.
        place: its index, from 0, in the input of the last run that had it.
        state: what became of it.
        umid, batch_id: 8x8's ids; None: no answer gave one.
        code: the API's error code; None: there is none.
        claimed_at: when it was claimed last, seconds since 1970.
        at: when its state changed last, seconds since 1970; None: the claim is still open.
        scheduled: seconds since 1970, None: at once.
        cancelled: True once 8x8 has confirmed its cancellation.
        destination, text: only in a journal with `store_private`.
        delivery: what is known about the delivery; None: nothing, or the message was not accepted.
    """

    key: str
    place: int
    state: State
    umid: str | None = None
    batch_id: str | None = None
    code: int | None = None
    claimed_at: float = 0.0
    at: float | None = None
    scheduled: float | None = None
    cancelled: bool = False
    destination: str | None = attrs.field(default=None, repr=False)
    text: str | None = attrs.field(default=None, repr=False)
    delivery: Delivery | None = None
