"""The work of `bulk report`: reads a campaign, writes the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.bulk.showing.campaign_page import figures_of
from eightbyeight_async.bulk.showing.page_html import page
from eightbyeight_async.cli.bulk.status_and_settling import output_file, status_exit
from eightbyeight_async.cli.commands.single_message import print_json
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.cli.terminal.loop_and_signals import now

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.cli.bulk.journal_or_ledger import Place
    from eightbyeight_async.cli.exit_codes import Exit

__all__ = ["write_report"]


def write_report(journal: Place, output: Path, *, force: bool, as_json: bool) -> Exit:
    """Writes the report. The exit code is that of `bulk status`."""
    with journal.usage_errors():
        found, arrived = journal.status(), journal.deliveries()
        text = page(journal.name, found, figures_of(journal.rows()), now(), arrived)
    with output_file(journal, output, force=force, private=False) as file:
        file.write(text)
    if as_json:
        known = {"deliveries": arrived.as_dict()} if arrived.known else {}
        print_json({"output": str(output), **found.as_dict(), **known})
    else:
        Display().info(f"{output}: the report of {found.total:,} messages; open it in a browser")
    return status_exit(found)
