"""What 8x8's log proves about a message whose outcome is UNKNOWN. Pure: rows and claims in, a verdict out.

Rules:
- A row of the log belongs to a message if id, sub-account and number are the same, and if it was created between the
  claim and ten minutes after the claim's end. A masked number is not compared. The ten minutes are for a request that
  is still on its way when its sender dies or stops waiting for it.
- If at least one row of the message is not a refusal, the message is SENT. If all its rows are refusals, it is
  REJECTED.
- A row with the message's id certainly belongs to another message only if it names another sub-account, or was created
  before the claim. Any other row that does not fit leaves the message UNKNOWN: created later, created at a time that
  cannot be read, another number, the id in another case or with blanks around it.
- A missing row proves NOT_SENT only with witnesses. A witness is an accepted message of the same sub-account that the
  log holds under its id and umid, and that was claimed in the same full hour as the message in doubt, in the hour
  before or in the hour after. If the log lacks a single accepted message of these three hours that is older than the
  lag, the log is incomplete, and a missing row proves nothing.
- A missing row proves nothing before the lag has passed since the claim's end, or since a message's scheduled time.
- If a claim or its end lies in the future, or the end lies before the claim, a clock jumped: a missing row proves
  nothing.

Our clock and 8x8's can differ. Each witness shows by how much: 8x8 created the message between our claim and our
answer. Without witnesses the clocks count as equal, but a row from before the claim then proves nothing.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, NamedTuple

import attrs

from eightbyeight_async.bulk.judging.outcomes import State

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "AROUND",
    "Doubt",
    "Evidence",
    "LogRow",
    "LoggedRow",
    "Settlement",
    "Verdict",
    "Why",
    "Window",
    "evidence_around",
    "verdict",
]

AROUND = 3_600.0  # Seconds. Witnesses are counted by the hour of their claim; see `evidence_around`.
_ON_ITS_WAY = 600.0  # Seconds that a request may still take after its sender died or stopped waiting for it.
_ROUNDING = 1.0  # tolerance in seconds, where the log shows whole seconds
_FRACTION = 0.01  # tolerance in seconds, where the log shows fractions of a second


class Why(enum.StrEnum):
    """Why a message stays UNKNOWN."""

    NO_WITNESS = "no accepted message of about that time vouches for the log"
    NOT_WHOLE = "the log lacks accepted messages of about that time"
    TOO_EARLY = "the log can lag behind"
    CLOCK = "claimed in the future, or after its own end: a clock jumped"
    SCHEDULED = "scheduled and not due yet"
    OTHER_TIME = "the log has this id at a time that fits neither this message nor an earlier one"
    OTHER_NUMBER = "the log has this id at that time with another number"
    OTHER_FORM = "the log has this id in another form (upper or lower case, blanks around it)"
    OTHER_ACCOUNT = "sent under another account"


class Window(NamedTuple):
    """All UNKNOWN messages together.

    Attributes:
        number: how many belong to this account.
        elsewhere: how many belong to another account.
        first, last: times of the earliest and the latest claim, seconds since 1970.
        settled: the latest moment at which one of these messages can have been sent.
    """

    number: int
    elsewhere: int = 0
    first: float = 0.0
    last: float = 0.0
    settled: float = 0.0


class LogRow(NamedTuple):
    """A row of the log, as the store keeps it.

    Attributes:
        hash, key: digest and key of the `clientmessageid`; see `Keys`.
        umid: 8x8's id.
        refused: whether 8x8 received the message and then refused it.
        created: seconds since 1970; None: the log does not say.
        who: digest of the number; None: the log masks it.
        ours: whether the row is of this sub-account, or names none.
        form: the id in lower case (ASCII) and without blanks around it.
    """

    hash: int
    key: str
    umid: str
    refused: bool
    created: float | None
    who: int | None
    ours: bool
    form: str = ""


class LoggedRow(NamedTuple):
    """A row of the log with the id of a message; attributes as `LogRow`. `exact`: the id has the same form."""

    umid: str
    refused: bool
    created: float | None
    who: int | None
    ours: bool
    exact: bool = True


class Evidence(NamedTuple):
    """The witnesses of one hour, or of the three hours around a claim.

    Attributes:
        held: accepted messages of that time that the log holds.
        lacking: accepted messages of that time, older than the lag, that the log does not hold.
        ahead: seconds by which 8x8's clock is ahead of ours: lower and upper bound. None: not known, or a clock jumped.
            Where the log shows whole seconds, the lower bound can exceed the upper one by up to a second.
    """

    held: int = 0
    lacking: int = 0
    ahead: tuple[float, float] | None = None


@attrs.frozen(kw_only=True)
class Doubt:
    """A message whose outcome is UNKNOWN.

    Attributes:
        id: number of its claim.
        claimed: when it was claimed, seconds since 1970.
        since: when it became UNKNOWN; its request ended before that time.
        scheduled: seconds since 1970, None: at once.
        who: digest of the number; negative: not comparable with a log.
        umid: 8x8's id; None: no answer gave one.
        rows: rows of the log with its id.
        evidence: its witnesses.
    """

    id: int
    claimed: float
    since: float
    scheduled: float | None = None
    who: int = -1
    umid: str | None = None
    rows: tuple[LoggedRow, ...] = ()
    evidence: Evidence = Evidence()  # noqa: RUF009 - frozen


class Verdict(NamedTuple):
    """What the log proves.

    Attributes:
        state: UNKNOWN if the log proves nothing.
        umid: 8x8's id of the message; None: not known.
        why: the reason why the log proves nothing; None: it proves the state.
    """

    state: State
    umid: str | None = None
    why: Why | None = None


class Settlement(NamedTuple):
    """What to write about a message: number of its claim (`id`), state, umid."""

    id: int
    state: State
    umid: str | None = None


class _Fit(enum.Enum):
    """Whether a row with the message's id belongs to the message."""

    OWN = "own"
    OTHERS = "another message's"
    EARLY, LATE, NUMBER, FORM = "created before the claim", "created too late", "another number", "another form"


# Why a message stays UNKNOWN if it is not certain whether a row belongs to it or to another message.
_UNCLEAR = {
    _Fit.EARLY: Why.OTHER_TIME,
    _Fit.LATE: Why.OTHER_TIME,
    _Fit.NUMBER: Why.OTHER_NUMBER,
    _Fit.FORM: Why.OTHER_FORM,
}


def evidence_around(hours: Mapping[int, Evidence], claimed: float) -> Evidence:
    """Adds up the witnesses of three hours: the hour of a claim, the hour before and the hour after."""
    near = [hours[hour] for hour in range(int(claimed // AROUND) - 1, int(claimed // AROUND) + 2) if hour in hours]
    known = [one.ahead for one in near if one.held]
    ahead = None
    if known and all(one is not None for one in known):
        at_least, at_most = max(one[0] for one in known if one), min(one[1] for one in known if one)
        if at_least <= at_most + _ROUNDING:
            ahead = (min(at_least, at_most), max(at_least, at_most))
    return Evidence(sum(one.held for one in near), sum(one.lacking for one in near), ahead)


def verdict(doubt: Doubt, *, asked_at: float, lag: float) -> Verdict:
    """Returns what the log proves about one message.

    Args:
        doubt: the message, its rows and its witnesses.
        asked_at: when the log was requested, seconds since 1970.
        lag: seconds after which a sent message is certainly in the log.
    """
    fits = [(_fit(row, doubt), row) for row in doubt.rows]
    own = [row for fit, row in fits if fit is _Fit.OWN]
    accepted = [row for row in own if not row.refused]
    if accepted:
        return Verdict(State.SENT, accepted[0].umid or None)
    unclear = [_UNCLEAR[fit] for fit, row in fits if fit in _UNCLEAR and not (own and row.refused)]
    if own and not unclear:
        return Verdict(State.REJECTED, own[0].umid or None)
    why = _doubtful(doubt, asked_at, lag) or next(iter(unclear), None)
    return Verdict(State.NOT_SENT) if why is None else Verdict(State.UNKNOWN, why=why)


def _fit(row: LoggedRow, doubt: Doubt) -> _Fit:
    """Decides whether this row belongs to the message."""
    if not row.ours:
        return _Fit.OTHERS
    if row.created is None:
        return _Fit.LATE
    at_least, at_most = doubt.evidence.ahead or (0.0, 0.0)
    rounding = _ROUNDING if row.created.is_integer() else _FRACTION
    if row.created < doubt.claimed + at_least - rounding:
        return _Fit.EARLY if doubt.evidence.ahead is None else _Fit.OTHERS
    if not row.exact:
        return _Fit.FORM
    if row.who is not None and 0 <= doubt.who != row.who:
        return _Fit.NUMBER
    return _Fit.LATE if row.created > doubt.since + at_most + rounding + _ON_ITS_WAY else _Fit.OWN


def _doubtful(doubt: Doubt, asked_at: float, lag: float) -> Why | None:
    """Returns why a missing row proves nothing; None: it proves that the message was not sent."""
    if doubt.claimed > asked_at or doubt.since > asked_at or doubt.since < doubt.claimed - _ROUNDING:
        return Why.CLOCK
    if doubt.scheduled is not None and doubt.scheduled > asked_at:
        return Why.SCHEDULED
    if max(doubt.since, doubt.scheduled or 0.0) + lag > asked_at:
        return Why.TOO_EARLY
    if doubt.evidence.lacking:
        return Why.NOT_WHOLE
    return None if doubt.evidence.held else Why.NO_WITNESS
