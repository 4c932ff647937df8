"""`bulk deliveries`: takes deliveries from 8x8's log or from a file of receipts, and writes them to the campaign."""

from __future__ import annotations

import sys
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

from eightbyeight_async.cli.bulk.status_and_settling import report_error, with_campaign
from eightbyeight_async.cli.bulk.words import deliveries_line, plural
from eightbyeight_async.cli.commands.single_message import print_json
from eightbyeight_async.cli.exit_codes import Exit, UsageError
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.cli.terminal.loop_and_signals import regularly
from eightbyeight_async.cli.terminal.plain_progress import reconcile_line
from eightbyeight_async.cli.terminal.safe_text import print_line
from eightbyeight_async.errors import EightByEightError
from eightbyeight_async.webhooks import DeliveryReceipt, WebhookError, parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from eightbyeight_async.bulk import Campaign, Deliveries
    from eightbyeight_async.cli.bulk.journal_or_ledger import Place
    from eightbyeight_async.cli.commands.shared_options import ConnectionOptions

__all__ = ["ask", "take_receipts"]

_TICK = 0.1  # seconds between two checks whether a line of progress is due
_PAGE = 1_000


def ask(journal: Place, connection: ConnectionOptions, *, its_account_only: bool, as_json: bool) -> Exit:
    """Asks 8x8's log. Exit code `REFUSED` if a message was not delivered."""
    client, display = connection.client(), Display()
    plain = display.progress_lines()

    async def work(campaign: Campaign) -> Deliveries:
        def asked(number: int) -> None:
            display.note(f"asking 8x8's log for {plural(number, 'message')}")

        def show() -> None:
            plain.show(lambda now: reconcile_line(0, now - plain.began))

        with nullcontext() if display.on_terminal else regularly(_TICK, show):
            return await campaign.deliveries(on_export=asked)

    try:
        found = with_campaign(journal, client, work, its_account_only=its_account_only)
    except EightByEightError as error:
        return report_error(error, journal, as_json=as_json)
    return _told(found, as_json=as_json)


def take_receipts(journal: Place, file: Path, *, as_json: bool) -> Exit:
    """Reads the receipts of a file: one callback body per line. Reading the same file again changes nothing."""
    others, page, kept = 0, [], 0
    with journal.usage_errors():
        journal.check_exists()
        for number, line in _lines(file):
            try:
                event = parse(line)
            except WebhookError as wrong:
                place = f"--receipts {file.name}:{number}"
                raise UsageError(f"{place}: {wrong.reason}; the lines before it count, and count once") from wrong
            if not isinstance(event, DeliveryReceipt):
                others += 1
                continue
            page.append(event)
            if len(page) >= _PAGE:
                kept += journal.feed(page)
                page = []
        kept += journal.feed(page)
        found = journal.deliveries()
    if others:
        Display().note(f"{plural(others, 'line')} of {file.name} with something other than a delivery receipt")
    Display().note(f"receipts about {plural(kept, 'message')} of this {journal.book}")
    return _told(found, as_json=as_json)


def _lines(file: Path) -> Iterator[tuple[int, bytes]]:
    try:
        with ExitStack() as stack:
            lines = sys.stdin.buffer if str(file) == "-" else stack.enter_context(file.open("rb"))
            for number, line in enumerate(lines, 1):
                if line.strip():
                    yield number, line
    except OSError as wrong:
        raise UsageError(f"--receipts {file.name}: {wrong.strerror or 'cannot be read'}") from wrong


def _told(found: Deliveries, *, as_json: bool) -> Exit:
    if as_json:
        print_json(found.as_dict())
    else:
        print_line(deliveries_line(found))
    return Exit.REFUSED if found.undelivered else Exit.OK
