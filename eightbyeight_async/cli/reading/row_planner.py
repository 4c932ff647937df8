"""Plans the rows of the first reading: which are sent, which are left out, and which have the id of another message.

`send-each` and `send-batch` use the same code for this as a campaign (`bulk.plan`).
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs

from eightbyeight_async.bulk.errors import JournalError
from eightbyeight_async.bulk.judging.claims import Next
from eightbyeight_async.bulk.judging.input_conflicts import id_conflict
from eightbyeight_async.bulk.plan import Planner
from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.row_to_request import Problem
from eightbyeight_async.cli.reading.send_costs import SendCosts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eightbyeight_async.bulk import Fingerprint, Plan
    from eightbyeight_async.bulk.store.plan_store import PlanStore
    from eightbyeight_async.cli.reading.row_to_request import Row
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["OPTED_OUT", "LeftOutRow", "LeftOutRows", "RowPlanner"]


SAME_NUMBER, OPTED_OUT = 0, -1


class LeftOutRow(NamedTuple):
    """A row that is not sent.

    Attributes:
        number: row number, from 1.
        twin: number of the row with the same message. `SAME_NUMBER`: another message goes to the same number.
            `OPTED_OUT`: the person has opted out.
    """

    number: int
    twin: int


class LeftOutRows:
    """The rows that are not sent, in the order of the file. Takes 16 bytes a row."""

    def __init__(self) -> None:
        self._numbers = array("q")

    def add(self, row: LeftOutRow) -> None:
        self._numbers.extend(row)

    def __len__(self) -> int:
        return len(self._numbers) // 2

    def __iter__(self) -> Iterator[LeftOutRow]:
        for at in range(0, len(self._numbers), 2):
            yield LeftOutRow(self._numbers[at], self._numbers[at + 1])


class RowPlanner:
    """Plans rows: call `add` with every valid row, then `finish`.

    Args:
        store: a store to plan in.
        fingerprint: every message is added to it; None: no fingerprint is needed.
        limit: the most messages to send; the rows after the last of them are not planned. None: all rows are planned.
        how: `send_copies`, `mode`, `batch_size`, `opted_out` of `Planner`.

    Attributes:
        fingerprint: of all messages.
        costs: what the messages to send cost and where they go.
        left_out: the rows that are not sent because of another row, or because their people have opted out.
        report: called with each problem: a row with the `client_message_id` of another message.
        last: number of the last row within the limit; None: all rows are within it.
        later: number of rows after that row.
        plan: the plan, after `finish`, without the later rows and the rows with a problem.
    """

    plan: Plan

    def __init__(
        self,
        store: PlanStore,
        fingerprint: Fingerprint | None = None,
        *,
        limit: int | None = None,
        **how: Any,  # noqa: ANN401 - of different types
    ) -> None:
        self.last: int | None = None
        self.later: int = 0
        self._limit = limit
        self._sent = 0
        self.fingerprint = fingerprint
        self.costs: SendCosts = SendCosts()
        self.left_out: LeftOutRows = LeftOutRows()
        self.report: Callable[[Problem], None] = lambda _: None
        self._conflicts = 0
        self._lines: dict[int, int] = {}  # by row number: line numbers of the page's rows
        self._planner = Planner(
            store, on_send=self._send, on_left_out=self._left_out, on_conflict=self._conflict, **how
        )

    def add(self, row: Row) -> None:
        """Takes the next row.

        Raises:
            UsageError: the disk has no space for the temporary files of the plan.
        """
        if self.fingerprint is not None:
            self.fingerprint.add(row.request)
        if self.last is not None:
            self.later += 1
            return
        self._lines[row.number] = row.line
        full = self._planner.add(row.request, row.number - 1, late=row.late is not None)
        if full or self._limit is not None:  # A limit may be reached at any row, so each row is decided at once.
            _guarded(self._planner.decide)
            self._lines.clear()
        if self._sent == self._limit:
            self.last = row.number

    def finish(self) -> None:
        """Plans the remaining rows. Raises the same UsageError as `add`."""
        plan = _guarded(self._planner.finish)
        self.plan = attrs.evolve(
            plan, messages=plan.messages - self._conflicts, missing=0 if self.later else plan.missing
        )

    def _send(self, request: SmsRequest) -> None:
        self._sent += 1
        self.costs.add(request)

    def _left_out(self, place: int, step: Next, twin: int) -> None:
        why = {Next.DUPLICATE: twin + 1, Next.OPTED_OUT: OPTED_OUT}.get(step, SAME_NUMBER)
        self.left_out.add(LeftOutRow(place + 1, why))

    def _conflict(self, place: int, first: int) -> None:
        self._conflicts += 1
        error = id_conflict(place, first, "row")
        self.report(Problem(line=self._lines[place + 1], number=place + 1, field=error.field, rule=error.reason))


def _guarded(call: Callable[[], Any]) -> Any:  # noqa: ANN401 - whatever it returns
    try:
        return call()
    except JournalError as wrong:
        raise UsageError(f"the plan {wrong.reason} (SQLITE_TMPDIR); nothing was sent") from wrong
