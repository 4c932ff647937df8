"""What passes between the event loop and the journal: plain values, no number and no text unless asked for."""

from __future__ import annotations

from typing import NamedTuple

import attrs

from eightbyeight_async.bulk.judging.outcomes import State

__all__ = ["CLAIMED", "Claim", "Claimed", "MessageRow", "Met", "Result"]


class Claim(NamedTuple):
    """To be claimed. `destination` and `text` only if asked for."""

    id: int
    key: str
    place: int
    scheduled: float | None = None
    destination: str | None = None
    text: str | None = None


class Claimed(NamedTuple):
    """The answer. `state` None: claimed. Else it is the row's, and `copies` how often this run met it before."""

    state: State | None
    copies: int = 0


CLAIMED = Claimed(None)


class Met(NamedTuple):
    key: str
    place: int


class Result(NamedTuple):
    """What became of a claim. `key` and `place` are only for who has to tell that it could not be written."""

    id: int
    key: str
    place: int
    state: State
    umid: str | None = None
    batch_id: str | None = None
    code: int | None = None


@attrs.frozen(kw_only=True)
class MessageRow:
    """One message of a journal.

    Attributes:
        key: its `client_message_id`, or the digest that it was sent with.
        place: its index in the input of the run that met it last, from 0.
        state: what became of it.
        umid, batch_id: 8x8's ids, None where there are none.
        code: the API's error code.
        claimed_at, at: seconds since 1970 of the last claim and of the last change.
        scheduled: seconds since 1970, None: at once.
        cancelled: True once a cancel has reached it.
        destination, text: only in a journal with `store_private`.
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
