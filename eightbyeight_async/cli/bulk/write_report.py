"""The work of `bulk report`: reads a journal, writes the page."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from eightbyeight_async.bulk import campaign_page, deliveries, status
from eightbyeight_async.cli.bulk.remembered_options import journal_usage_errors
from eightbyeight_async.cli.bulk.status_and_settling import status_exit
from eightbyeight_async.cli.commands.single_message import print_json
from eightbyeight_async.cli.exit_codes import Exit, UsageError
from eightbyeight_async.cli.sending.record_writer import new_file
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.cli.terminal.loop_and_signals import now

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["write_report"]


def write_report(journal: Path, output: Path, *, force: bool, as_json: bool) -> Exit:
    """Writes the report. The exit code is that of `bulk status`."""
    with journal_usage_errors(journal):
        found, arrived = status(journal), deliveries(journal)
        text = campaign_page(journal, now=now())
        there = journal.stat()
    descriptor = new_file(output, force=force, private=False, not_this=(there.st_dev, there.st_ino))
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
    except OSError as wrong:
        raise UsageError(f"--output {output}: {wrong.strerror or 'cannot be written'}; it is incomplete") from wrong
    if as_json:
        known = {"deliveries": arrived.as_dict()} if arrived.known else {}
        print_json({"output": str(output), **found.as_dict(), **known})
    else:
        Display().info(f"{output}: the report of {found.total:,} messages; open it in a browser")
    return status_exit(found)
