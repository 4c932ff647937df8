"""The states of a message, and what a response or an error means for it and for the run. Pure.

    INTENT -> SENT | REJECTED | FAILED | UNKNOWN | NOT_SENT | OPTED_OUT        NOT_SENT | OPTED_OUT -> INTENT

Rules:
- A message that may have gone out (`error.sent` is MAYBE) is UNKNOWN, for every error.
- A message that certainly did not go out, for a reason outside the message itself, is NOT_SENT: its claim is released.
- An error that every message would get (API key, sub-account, TLS) ends the run and marks no message as FAILED.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.errors import (
    APIError,
    AuthenticationError,
    ClientClosedError,
    EightByEightError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    Sent,
    TLSVersionError,
    TransportError,
)
from eightbyeight_async.models.sms import SmsStatusCode

if TYPE_CHECKING:
    from eightbyeight_async.models.sms import SmsResponse

__all__ = ["Action", "State", "Verdict", "judge", "state_of"]


class State(enum.IntEnum):
    """The state of a message in a journal.

    - `INTENT`: claimed, no result yet.
    - `SENT`: accepted by the API.
    - `REJECTED`: refused by the API with HTTP 200.
    - `FAILED`: refused by the API with an error code.
    - `UNKNOWN`: may have gone out.
    - `NOT_SENT`: did not go out; the next run sends it.
    - `OPTED_OUT`: not sent, because the person has opted out. A later run sends it if its opt-out lists no longer have
      that person.
    """

    # Journals contain these numbers: never change them.

    INTENT = 0
    SENT = 1
    REJECTED = 2
    FAILED = 3
    UNKNOWN = 4
    NOT_SENT = 5
    OPTED_OUT = 6

    @property
    def word(self) -> str:
        """The state as exports and the command line print it, e.g. `not sent`."""
        return self.name.lower()


class Action(enum.Enum):
    """What an error means for the rest of the run."""

    GO_ON = "go on"
    SLOW_DOWN = "slow down"
    UNREACHABLE = "unreachable"
    ABORT = "abort"


@attrs.frozen
class Verdict:
    """What an error means.

    Attributes:
        state: the state of the message.
        action: what the run does.
        code: the API's error code; None: the error has none.
    """

    state: State
    action: Action
    code: int | None = None


# Errors that every message would get. A 404 or 410 of a send means a wrong base URL or path.
_ABORTING = (AuthenticationError, PermissionDeniedError, TLSVersionError, NotFoundError, ClientClosedError)
_WRONG_SUBACCOUNT = 1001
_MOST = 2**63  # one above the highest integer that a store can hold


def judge(error: EightByEightError) -> Verdict:
    """Returns what an error of a send means for the message and for the run."""
    code = error.code if isinstance(error, APIError) else None
    if code is not None and not -_MOST <= code < _MOST:
        code = None  # No store can hold such a code, and one message must not prevent the writing of the others.
    action = Action.GO_ON
    if isinstance(error, RateLimitError):
        action = Action.SLOW_DOWN
    elif isinstance(error, _ABORTING) or code == _WRONG_SUBACCOUNT:
        action = Action.ABORT
    elif isinstance(error, TransportError) and error.sent is Sent.NO:
        action = Action.UNREACHABLE
    if error.sent is not Sent.NO:
        return Verdict(State.UNKNOWN, action, code)
    if action is Action.GO_ON and isinstance(error, APIError):
        return Verdict(State.FAILED, action, code)
    return Verdict(State.NOT_SENT, action, code)


def state_of(response: SmsResponse | None) -> State:
    """Returns the state that a response gives.

    UNKNOWN in three cases: no response; a status that this version does not know; a refusal after an attempt that may
    have been sent.
    """
    if response is None:
        return State.UNKNOWN
    if response.status.code is SmsStatusCode.QUEUED:
        return State.SENT
    return State.REJECTED if response.sent is Sent.NO else State.UNKNOWN
