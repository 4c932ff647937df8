"""Words that the `bulk` commands print: counts, states, times. Pure."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.showing.figures import money

if TYPE_CHECKING:
    from eightbyeight_async.bulk.errors import JournalError
    from eightbyeight_async.bulk.judging.deliveries import Deliveries
    from eightbyeight_async.bulk.report import Status

__all__ = ["cost_words", "deliveries_line", "iso_time", "journal_failure", "plural", "state_word", "status_line"]


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


def deliveries_line(found: Deliveries) -> str:
    """What became of the accepted messages, in one line. Counts that are 0 are left out, except the delivered ones."""
    named = {
        "read": found.read,
        "delivered": found.delivered,
        "with the operator": found.with_operator,
        "undelivered": found.undelivered,
        "on their way": found.on_its_way,
        "without news": found.no_news,
    }
    counts = [f"{number:,} {name}" for name, number in named.items() if number or name == "delivered"]
    return f"{found.accepted:,} accepted: {', '.join(counts)}{cost_words(found)}"


def cost_words(found: Deliveries) -> str:
    """`; 1,050 parts, 73.50 EUR`, and the number of messages with a known price, if not all have one."""
    if not found.priced:
        return f"; {plural(found.parts, 'part')}" if found.parts else ""
    of = "" if found.priced == found.accepted else f" (the price of {found.priced:,} is known)"
    return f"; {plural(found.parts, 'part')}, {money(found.prices)}{of}"


def journal_failure(name: str, error: JournalError) -> str:
    """The error line for a journal that failed while a run was sending. `name`: name of its file."""
    lost = len(error.unrecorded)
    counted = f"; {plural(lost, 'result')} could not be recorded: `bulk reconcile` looks these messages up, until then "
    return f"{name}: {error.reason}{f'{counted}they count as unknown' if lost else ''}"


def iso_time(seconds: float | None) -> str | None:
    """Seconds since 1970 as ISO 8601 in UTC."""
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds")
