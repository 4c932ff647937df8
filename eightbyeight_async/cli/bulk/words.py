"""Words that the `bulk` commands print: counts, states, times. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.outcomes import State

if TYPE_CHECKING:
    from eightbyeight_async.bulk.errors import JournalError
    from eightbyeight_async.bulk.report import Status

__all__ = ["iso_time", "journal_failure", "plural", "state_word", "status_line"]


def plural(number: int, what: str) -> str:
    """`1 message`, `2,000 messages`."""
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"


def state_word(state: State) -> str:
    """The printed name of a state. A claim without a result is printed as `unknown`: it may have been sent."""
    return State.UNKNOWN.word if state is State.INTENT else state.word


def status_line(status: Status) -> str:
    """The counts of a campaign in one line. Counts that are rare (waiting, cancelled, in flight) are left out at 0."""
    counts = [f"{status.sent:,} sent"]
    counts += [f"{status.waiting:,} waiting for their time"] if status.waiting else []
    counts += [f"{status.cancelled:,} cancelled"] if status.cancelled else []
    counts += [f"{status.rejected:,} rejected", f"{status.failed:,} failed"]
    counts += [f"{status.in_flight:,} in flight"] if status.in_flight else []
    counts += [f"{status.opted_out:,} opted out"] if status.opted_out else []
    counts += [f"{status.unknown:,} unknown", f"{status.not_sent:,} not sent"]
    return f"{plural(status.total, 'message')}: {', '.join(counts)}"


def journal_failure(name: str, error: JournalError) -> str:
    """A journal that failed while a run was sending. `name`: of its file."""
    lost = len(error.unrecorded)
    counted = f"; {plural(lost, 'result')} could not be recorded: `bulk reconcile` looks these messages up, until then "
    return f"{name}: {error.reason}{f'{counted}they count as unknown' if lost else ''}"


def iso_time(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
