"""The `bulk` commands for a campaign that has run: status, unknown messages, reconcile, cancel, export."""

from __future__ import annotations

import csv
import os
import shutil
import sys
from contextlib import AsyncExitStack, contextmanager, nullcontext
from typing import TYPE_CHECKING, TextIO, TypeVar

import attrs

from eightbyeight_async.bulk import Campaign, JournalError, State
from eightbyeight_async.bulk.showing.campaign_page import figures_of
from eightbyeight_async.cli.bulk.at_work_words import at_work_json, at_work_lines
from eightbyeight_async.cli.bulk.journal_or_ledger import JournalPlace
from eightbyeight_async.cli.bulk.status_picture import LARGEST, picture
from eightbyeight_async.cli.bulk.words import (
    deliveries_line,
    iso_time,
    journal_failure,
    plural,
    state_word,
    status_line,
)
from eightbyeight_async.cli.commands.single_message import print_json
from eightbyeight_async.cli.exit_codes import Exit, UsageError, exit_after
from eightbyeight_async.cli.sending.record_writer import new_file
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.cli.terminal.loop_and_signals import regularly, run
from eightbyeight_async.cli.terminal.plain_progress import reconcile_line
from eightbyeight_async.cli.terminal.safe_text import csv_cell, json_text, print_line
from eightbyeight_async.errors import EightByEightError, InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from eightbyeight_async.bulk import Deliveries, MessageRow, Reconciled, Status
    from eightbyeight_async.cli.bulk.journal_or_ledger import LedgerPlace, Place
    from eightbyeight_async.cli.commands.shared_options import ConnectionOptions
    from eightbyeight_async.client import AsyncConnectClient

__all__ = [
    "cancel",
    "export",
    "output_file",
    "reconcile",
    "report_error",
    "resolve",
    "show_status",
    "status_exit",
    "stop_everywhere",
    "unknown",
    "with_campaign",
]

T = TypeVar("T")
_TICK = 0.1  # seconds between two checks whether a line of progress is due


def show_status(journal: Place, *, as_json: bool) -> Exit:
    """`bulk status`. The exit code is the same as that of a `send-each` with all messages of the campaign."""
    with journal.usage_errors():
        at_work, found, arrived = journal.at_work(), journal.status(), journal.deliveries()
    if as_json:
        known = {"deliveries": arrived.as_dict()} if arrived.known else {}
        print_json({**found.as_dict(), **known, **({} if at_work is None else at_work_json(at_work))})
    else:
        print_line(status_line(found))
        for line in [] if at_work is None else at_work_lines(at_work):
            print_line(line)
        if arrived.known:
            print_line(deliveries_line(arrived))
        if sys.stdout.isatty() and found.total:
            _print_picture(journal, found, arrived)
    return status_exit(found)


def _print_picture(journal: Place, found: Status, arrived: Deliveries) -> None:
    figures = None
    if found.total <= LARGEST:
        with journal.usage_errors():
            figures = figures_of(journal.rows())
    width, encoding = shutil.get_terminal_size().columns, sys.stdout.encoding or "utf-8"
    for line in picture(found, arrived, figures, width=width, encoding=encoding):
        print_line(line)


def status_exit(found: Status) -> Exit:
    """The exit code of a campaign with these counts."""
    if found.unknown:
        return Exit.UNKNOWN
    return Exit.OK if found.done else Exit.REFUSED


def unknown(journal: Place, *, as_json: bool) -> Exit:
    """`bulk unknown`. Exit code `UNKNOWN` if there is an unknown message."""
    with journal.usage_errors():
        # A claim without a result is in flight while a campaign runs. Otherwise its run was killed, and it is unknown.
        states = (State.UNKNOWN,) if journal.status().in_flight else (State.INTENT, State.UNKNOWN)
        found = [_unknown_entry(row) for state in states for row in journal.rows(state)]
    if as_json:
        print_json({"unknown": len(found), "messages": found})
    else:
        for entry in found:
            print_line(f"{entry['key']}  row {entry['row']:,}, claimed {entry['claimed_at']}")
        Display().note(f"{plural(len(found), 'message')} may have been sent")
    return Exit.UNKNOWN if found else Exit.OK


def _unknown_entry(row: MessageRow) -> dict[str, object]:
    return {
        "key": row.key,
        "row": row.place + 1,
        "claimed_at": iso_time(row.claimed_at),
        "unknown_since": iso_time(row.at),
    }


def resolve(journal: Place, key: str, *, sent: bool, as_json: bool) -> Exit:
    """`bulk resolve`: records what the user found out about an unknown message."""
    try:
        with journal.usage_errors():
            journal.resolve(key, sent=sent)
    except InvalidRequestError as wrong:
        raise UsageError(f"KEY: {wrong.reason}") from wrong
    if as_json:
        print_json({"key": key, "state": "sent" if sent else "not_sent"})
    else:
        print_line("settled: sent" if sent else "settled: not sent; the next run sends it")
    return Exit.OK


def stop_everywhere(place: JournalPlace | LedgerPlace, *, resume: bool, as_json: bool) -> Exit:
    """`bulk stop`: stops all claims of the campaign, on every machine. With `resume`, claims are granted again."""
    if isinstance(place, JournalPlace):
        raise UsageError("--journal: its campaign runs in one process: stop it with Ctrl-C or SIGTERM")
    place.stop(None if resume else "stopped by `bulk stop`; `bulk stop --resume` takes that back")
    if as_json:
        print_json({"stopped": not resume})
    else:
        print_line(f"{place.name}: {'runs may send again' if resume else 'stopped on every machine'}")
    return Exit.OK


def reconcile(
    journal: Place, connection: ConnectionOptions, *, lag: float, wait: bool, its_account_only: bool, as_json: bool
) -> Exit:
    """`bulk reconcile`. Exit code `UNKNOWN` if messages are still unknown."""
    client, display = connection.client(), Display()

    async def work(campaign: Campaign) -> Reconciled:
        return await _reconcile(campaign, display, lag=lag, wait=wait)

    try:
        found = with_campaign(journal, client, work, its_account_only=its_account_only)
    except EightByEightError as error:
        return report_error(error, journal, as_json=as_json)
    if as_json:
        print_json(attrs.asdict(found))
    else:
        print_line(
            f"{found.sent:,} were sent, {found.rejected:,} were rejected, {found.not_sent:,} were not sent, "
            f"{found.unknown:,} are still unknown"
        )
    for reason, number in found.why.items():
        display.note(f"{number:,} still unknown: {reason}")
    if found.lacking:
        display.note(f"8x8's log lacks {plural(found.lacking, 'message')} that it accepted; run this again later")
    if found.ready_in:
        display.note(f"8x8's log may not be complete yet: run this again in {found.ready_in:,.0f} s, or use --wait")
    if found.not_sent:
        display.note("the next `bulk run` sends those that were not sent")
    return Exit.UNKNOWN if found.unknown else Exit.OK


async def _reconcile(campaign: Campaign, display: Display, *, lag: float, wait: bool) -> Reconciled:
    """Reconciles. Meanwhile it prints lines of progress to a log file, because this can take minutes."""
    plain = display.progress_lines()
    ready = plain.began

    def on_wait(seconds: float) -> None:
        nonlocal ready
        ready = plain.now() + seconds

    def show() -> None:
        plain.show(lambda now: reconcile_line(ready - now, now - plain.began))

    with nullcontext() if display.on_terminal else regularly(_TICK, show):
        return await campaign.reconcile(lag=lag, wait=wait, on_wait=on_wait)


def cancel(journal: Place, connection: ConnectionOptions, *, its_account_only: bool, as_json: bool) -> Exit:
    """`bulk cancel`. The exit code is the first that applies.

    `UNKNOWN`: scheduled messages may still go out, because the journal does not know whether they were sent or
    cancelled. `REFUSED`: some messages could not be cancelled, or there was nothing to cancel.
    """
    client, display = connection.client(), Display()
    try:
        found = with_campaign(journal, client, lambda campaign: campaign.cancel(), its_account_only=its_account_only)
    except EightByEightError as error:
        return report_error(error, journal, as_json=as_json)
    if as_json:
        print_json(attrs.asdict(found))
    else:
        print_line(f"cancelled: {plural(found.cancelled, 'message')}")
    for number, words in (
        (found.already, "settled by an earlier `bulk cancel`: cancelled, or too late"),
        (found.too_late, "too late: already sent, or cancelled elsewhere"),
        (found.unclear, "unclear: the answer to an earlier cancel was lost, and now there was nothing left to cancel"),
        (found.failed, "failed: run this again"),
        (found.unknown, "unknown: scheduled, and may have been sent; run `bulk reconcile` first"),
        (
            found.elsewhere,
            "still scheduled under another account; run this again with its settings and --allow-changed-account",
        ),
    ):
        if number:
            display.note(f"{number:,} {words}")
    if found.unknown or found.unclear:
        return Exit.UNKNOWN
    left = found.failed or found.too_late or found.elsewhere
    return Exit.REFUSED if left or not (found.cancelled or found.already) else Exit.OK


_COLUMNS = ("row", "key", "state", "umid", "batch_id", "code", "claimed_at", "changed_at", "scheduled", "cancelled")
_DELIVERY = (
    "delivery", "delivery_detail", "delivery_code", "delivery_reason", "delivery_at", "country", "operator", "parts",
    "price", "currency",
)  # fmt: skip
_PRIVATE = ("destination", "text")


def export(
    journal: Place, output: Path | None, *, form: str, force: bool, include_private: bool, as_json: bool
) -> Exit:
    """`bulk export`: writes one record per message of the journal, in the order of the claims.

    Records have the delivery columns if the delivery of at least one message is known.
    """
    with journal.usage_errors():
        known = journal.deliveries().known  # raises before an output file is created
        columns = _COLUMNS + (_DELIVERY if known else ()) + (_PRIVATE if include_private else ())
        written = 0
        with output_file(journal, output, force=force, private=include_private) as out:
            encoding = out.encoding or "utf-8"
            writer = csv.DictWriter(out, columns, lineterminator="\n")
            if form == "csv":
                writer.writeheader()
            for row in journal.rows():
                record = _record(row, columns)
                if form == "csv":
                    writer.writerow({name: csv_cell(cell, encoding) for name, cell in record.items()})
                else:
                    out.write(json_text(record, encoding) + "\n")
                written += 1
    if output is not None and as_json:
        print_json({"messages": written, "output": str(output), "format": form})
    elif output is not None:
        Display().info(f"{output}: {plural(written, 'message')}")
    return Exit.OK


def _record(row: MessageRow, columns: tuple[str, ...]) -> dict[str, object]:
    delivery = row.delivery
    record: dict[str, object] = {
        "row": row.place + 1,
        "key": row.key,
        "state": state_word(row.state),
        "umid": row.umid,
        "batch_id": row.batch_id,
        "code": row.code,
        "claimed_at": iso_time(row.claimed_at),
        "changed_at": iso_time(row.at),
        "scheduled": iso_time(row.scheduled),
        "cancelled": row.cancelled,
        "destination": row.destination,
        "text": row.text,
        "delivery": None if delivery is None else str(delivery.state),
        "delivery_detail": None if delivery is None else delivery.detail,
        "delivery_code": None if delivery is None else delivery.code,
        "delivery_reason": None if delivery is None else delivery.reason,
        "delivery_at": None if delivery is None else iso_time(delivery.at),
        "country": None if delivery is None else delivery.country,
        "operator": None if delivery is None else delivery.operator,
        "parts": None if delivery is None else delivery.parts,
        "price": None if delivery is None or delivery.price is None else str(delivery.price),
        "currency": None if delivery is None else delivery.currency,
    }
    return {name: record[name] for name in columns}


@contextmanager
def output_file(journal: Place, output: Path | None, *, force: bool, private: bool) -> Iterator[TextIO]:
    """Opens the file to write to, or yields stdout if none is named. The file must not be the journal."""
    if output is None:
        yield sys.stdout
        return
    there = None if (kept := journal.file()) is None else kept.stat()
    not_this = None if there is None else (there.st_dev, there.st_ino)
    descriptor = new_file(output, force=force, private=private, not_this=not_this)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            yield file
    except OSError as wrong:
        raise UsageError(
            f"--output {output}: {wrong.strerror or 'cannot be written'}; the file is incomplete"
        ) from wrong


def with_campaign(
    journal: Place, client: AsyncConnectClient, work: Callable[[Campaign], Awaitable[T]], *, its_account_only: bool
) -> T:
    """Calls `work` with an open campaign. The journal must exist: a mistyped path must not create one."""
    with journal.usage_errors():
        journal.check_exists()

    async def call() -> T:
        async with client, AsyncExitStack() as stack:
            with journal.usage_errors():
                campaign = await stack.enter_async_context(
                    journal.campaign(client, allow_changed_account=its_account_only)
                )
            return await work(campaign)
        raise AssertionError  # never reached: neither context manager swallows an exception

    return run(call)


def report_error(error: EightByEightError, journal: Place, *, as_json: bool) -> Exit:
    words = journal_failure(journal.name, error) if isinstance(error, JournalError) else str(error)
    if as_json:
        print_json({"error": f"{type(error).__name__}: {words}", "code": getattr(error, "code", None)})
    Display().error(words)
    code = exit_after(error)
    return Exit.REFUSED if code is Exit.UNKNOWN else code
