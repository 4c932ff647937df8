"""The counts of a run, which add up: rows = accepted + rejected + failed + unknown + not tried."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.cli.exit_codes import Exit
from eightbyeight_async.cli.sending.result_record import EARLIER, RecordOutcome, outcome_of, status_word
from eightbyeight_async.errors import APIError, AuthenticationError

if TYPE_CHECKING:
    from eightbyeight_async.errors import EightByEightError
    from eightbyeight_async.models.sms import SmsResponse

__all__ = ["OutcomeCounts", "Reasons", "reason_of"]

_MOST_REASONS = 30


class Reasons:
    """How often for which reason, and the row of the first of each kind. A bounded number of kinds.

    Attributes:
        counts: by reason.
        first_rows: by reason.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first_rows: dict[str, int] = {}

    def count(self, reason: str, row: int) -> None:
        """`reason`: the outcome, a colon, and why."""
        if reason not in self.counts and len(self.counts) >= _MOST_REASONS:
            reason = f"{reason.partition(':')[0]}: for other reasons"
        self.counts[reason] += 1
        self.first_rows[reason] = min(row, self.first_rows.get(reason, row))


@attrs.define
class OutcomeCounts:
    """
    Attributes:
        rows: messages there are to send.
        outcomes: how many ended how.
        reasons: why those that were not accepted were not.
        key_refused: the API said that the key is not accepted.
        interrupted: somebody stopped the run.
    """

    rows: int
    outcomes: Counter[RecordOutcome] = attrs.field(factory=Counter)
    reasons: Reasons = attrs.field(factory=Reasons)
    key_refused: bool = False
    interrupted: bool = False

    def count(self, row: int, response: SmsResponse | None, error: EightByEightError | None) -> None:
        outcome = outcome_of(response, error)
        self.outcomes[outcome] += 1
        if isinstance(error, AuthenticationError):
            self.key_refused = True
        if outcome is not RecordOutcome.ACCEPTED:
            self.reasons.count(f"{outcome.value}: {_reason(response, error)}", row)

    @property
    def tried(self) -> int:
        return self.outcomes.total()

    @property
    def not_tried(self) -> int:
        return self.rows - self.tried

    @property
    def exit(self) -> Exit:
        if self.interrupted:
            return Exit.INTERRUPTED
        if self.outcomes[RecordOutcome.UNKNOWN]:
            return Exit.UNKNOWN
        if self.key_refused:
            return Exit.AUTHENTICATION
        return Exit.OK if self.outcomes[RecordOutcome.ACCEPTED] == self.rows else Exit.REFUSED


def _reason(response: SmsResponse | None, error: EightByEightError | None) -> str:
    if response is None:
        return reason_of(error)
    return f"status {status_word(response)}{f', but {EARLIER}' if response.maybe_done_before else ''}"


def reason_of(error: EightByEightError | None) -> str:
    """Without what differs from message to message (error ids, attempts), so that equals are counted together."""
    if isinstance(error, APIError):
        code = "no code" if error.code is None else f"code {error.code}"
        return f"{error.args[0]} ({type(error).__name__}, {code}, HTTP {error.status_code})"
    return "interrupted" if error is None else f"{error} ({type(error).__name__})"
