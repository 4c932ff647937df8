"""Counts the outcomes of a run. Always: rows = accepted + rejected + failed + unknown + left out + not tried.

Messages are left out if they are duplicates, if their number has another message (`--one-per-number`), or if their
people have opted out.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.cli.exit_codes import Exit
from eightbyeight_async.cli.sending.result_record import EARLIER, RecordOutcome, outcome_of, status_word
from eightbyeight_async.errors import APIError, AuthenticationError

if TYPE_CHECKING:
    from eightbyeight_async.cli.sending.patience import Patience
    from eightbyeight_async.errors import EightByEightError
    from eightbyeight_async.models.sms import SmsResponse

__all__ = ["OutcomeCounts", "Reasons", "reason_of"]

_LEFT_OUT = (RecordOutcome.DUPLICATE, RecordOutcome.SAME_NUMBER, RecordOutcome.OPTED_OUT)
# The most different reasons that are kept; further reasons are counted together as "for other reasons".
_MOST_REASONS = 30


class Reasons:
    """Counts the reasons for messages that were not accepted. The number of different reasons is bounded.

    Attributes:
        counts: per reason: number of messages.
        first_rows: per reason: the lowest row number.
    """

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.first_rows: dict[str, int] = {}

    def count(self, reason: str, row: int) -> None:
        """Counts one message. `reason` is the outcome, a colon and the cause: `rejected: status REJECTED`."""
        if reason not in self.counts and len(self.counts) >= _MOST_REASONS:
            reason = f"{reason.partition(':')[0]}: for other reasons"
        self.counts[reason] += 1
        self.first_rows[reason] = min(row, self.first_rows.get(reason, row))


@attrs.define
class OutcomeCounts:
    """The counts of one run.

    Attributes:
        rows: number of messages in the file.
        outcomes: per outcome: number of messages.
        requests: number of requests that have ended.
        reasons: why messages were not accepted.
        key_refused: whether the API refused the key.
        interrupted: whether a signal stopped the run.
        pauses: the pauses of the run; None: there are none.
        aside: number of rows that are set aside because of a problem; `rows` does not count them.
    """

    rows: int
    outcomes: Counter[RecordOutcome] = attrs.field(factory=Counter)
    requests: int = 0
    reasons: Reasons = attrs.field(factory=Reasons)
    key_refused: bool = False
    interrupted: bool = False
    pauses: Patience | None = None
    aside: int = 0

    def count(self, row: int, response: SmsResponse | None, error: EightByEightError | None) -> None:
        outcome = outcome_of(response, error)
        self.outcomes[outcome] += 1
        if isinstance(error, AuthenticationError):
            self.key_refused = True
        if outcome is not RecordOutcome.ACCEPTED:
            self.reasons.count(f"{outcome.value}: {_reason(response, error)}", row)

    def count_left_out(self, row: int, outcome: RecordOutcome, why: str) -> None:
        self.outcomes[outcome] += 1
        self.reasons.count(f"{outcome.value}: {why}", row)

    def as_dict(self) -> dict[str, int]:
        """The counts by name, for JSON."""
        outcomes = {outcome.value: self.outcomes[outcome] for outcome in RecordOutcome}
        more = {"not_tried": self.not_tried, "bad_rows": self.aside, "requests": self.requests}
        return {"rows": self.rows, **outcomes, **more}

    @property
    def tried(self) -> int:
        return self.outcomes.total()

    @property
    def left_out(self) -> int:
        return sum(self.outcomes[one] for one in _LEFT_OUT)

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
        done = self.outcomes[RecordOutcome.ACCEPTED] + self.left_out == self.rows
        return Exit.OK if done and not self.aside else Exit.REFUSED


def _reason(response: SmsResponse | None, error: EightByEightError | None) -> str:
    if response is None:
        return reason_of(error)
    return f"status {status_word(response)}{f', but {EARLIER}' if response.maybe_done_before else ''}"


def reason_of(error: EightByEightError | None) -> str:
    """The cause of a failure, in words.

    Leaves out the details that differ between messages (error ids, attempts), so that equal causes are counted
    together.
    """
    if isinstance(error, APIError):
        code = "no code" if error.code is None else f"code {error.code}"
        return f"{error.args[0]} ({type(error).__name__}, {code}, HTTP {error.status_code})"
    return "interrupted" if error is None else f"{error} ({type(error).__name__})"
