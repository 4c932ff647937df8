"""`bulk status --follow`: the counts of a campaign that another process runs, until it ends or Ctrl-C."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eightbyeight_async.cli.bulk.at_work_words import at_work_json, at_work_line
from eightbyeight_async.cli.bulk.status_and_settling import status_exit
from eightbyeight_async.cli.bulk.words import status_line
from eightbyeight_async.cli.exit_codes import Exit, UsageError
from eightbyeight_async.cli.terminal.display import Display, live_line
from eightbyeight_async.settings import checked_seconds

if TYPE_CHECKING:
    from eightbyeight_async.bulk import Status
    from eightbyeight_async.cli.bulk.journal_or_ledger import Place
    from eightbyeight_async.ledger.at_work import AtWork

__all__ = ["follow_status"]


def follow_status(journal: Place, interval: float, *, as_json: bool) -> Exit:
    """Shows the counts until the campaign ends.

    Returns the exit code of `bulk status`, or `INTERRUPTED` after Ctrl-C, which ends only this command.
    """
    checked_seconds(interval, "--interval")
    looks, code = 0, Exit.OK
    try:
        with journal.usage_errors(), live_line(rewrite=not as_json) as show:
            for found, at_work in journal.follow(interval):
                looks += 1
                if not found.total:
                    raise UsageError(f"{journal.words}: no campaign has begun to send with it yet; try again later")
                show(_as_json(found, at_work) if as_json else _line(found, at_work))
                code = status_exit(found)
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    if looks == 1:
        Display().note(f"no campaign is sending with this {journal.book} now")
    return code


def _as_json(found: Status, at_work: AtWork | None) -> str:
    return json.dumps({**found.as_dict(), **({} if at_work is None else at_work_json(at_work))})


def _line(found: Status, at_work: AtWork | None) -> str:
    return status_line(found) if at_work is None else f"{status_line(found)}; {at_work_line(at_work)}"
