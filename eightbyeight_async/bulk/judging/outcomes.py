"""What can become of a message, and what an error says about it. Pure.

    INTENT -> SENT | REJECTED | FAILED | UNKNOWN | NOT_SENT        NOT_SENT -> INTENT

Rules:
- `error.sent` goes first: what may have gone out is UNKNOWN, whatever else the error says;
- what certainly did not go out, and not for a fault of the message, releases its claim (NOT_SENT);
- what is wrong with every message alike (the key, the sub-account, the TLS) ends the run and blames no message.
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
    """The numbers are the journal's: never renumber them.

    `INTENT`: claimed, no result yet. `SENT`: accepted by the API. `REJECTED`: refused by it with HTTP 200.
    `FAILED`: refused with an error code. `UNKNOWN`: may have gone out. `NOT_SENT`: did not; the next run sends it.
    """

    INTENT = 0
    SENT = 1
    REJECTED = 2
    FAILED = 3
    UNKNOWN = 4
    NOT_SENT = 5

    @property
    def word(self) -> str:
        return self.name.lower()


class Action(enum.Enum):
    """What an error means for the rest of the run."""

    GO_ON = "go on"
    SLOW_DOWN = "slow down"
    UNREACHABLE = "unreachable"
    ABORT = "abort"


@attrs.frozen
class Verdict:
    """What becomes of the message, and of the run; `code` is the API's, None if it gave none."""

    state: State
    action: Action
    code: int | None = None


# Wrong for every message alike. 404 and 410 on a send mean a wrong base URL or path.
_ABORTING = (AuthenticationError, PermissionDeniedError, TLSVersionError, NotFoundError, ClientClosedError)
_WRONG_SUBACCOUNT = 1001


def judge(error: EightByEightError) -> Verdict:
    """What an error of a send says of the message and of the run."""
    code = error.code if isinstance(error, APIError) else None
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
    """Of an answer: a missing one, and a status this version does not know, tell nothing.

    Nor does a refusal after an attempt that may have got through.
    """
    if response is None:
        return State.UNKNOWN
    if response.status.code is SmsStatusCode.QUEUED:
        return State.SENT
    return State.REJECTED if response.sent is Sent.NO else State.UNKNOWN
