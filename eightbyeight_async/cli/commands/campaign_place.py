"""The options that name a campaign: `--journal`, or `--ledger` and `--campaign`.

Rules:
- No `from __future__ import annotations` here: cyclopts reads the annotations when the commands are created.
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Union

from cyclopts import Parameter

from eightbyeight_async.cli.commands.shared_options import CAMPAIGN
from eightbyeight_async.cli.exit_codes import UsageError

if TYPE_CHECKING:
    from eightbyeight_async.cli.bulk.journal_or_ledger import JournalPlace, LedgerPlace

__all__ = ["Where"]

_JOURNAL = (
    "The campaign's journal, an SQLite file. JOURNAL-wal and JOURNAL-mark beside it belong to it: move or copy all of "
    "them together."
)


@Parameter(name="*", group=CAMPAIGN)
@dataclass(frozen=True, kw_only=True)
class Where:
    """The place of a campaign's claims: a journal, or a name in a ledger."""

    journal: Annotated[Path | None, Parameter(help=_JOURNAL)] = None
    ledger: Annotated[
        str | None,
        Parameter(
            help="Instead of a journal, for campaigns on several machines: a PostgreSQL database, "
            "postgresql://user@host/database. Default: EIGHTBYEIGHT_LEDGER, where `ps` does not show its password."
        ),
    ] = None
    campaign: Annotated[str | None, Parameter(help="The campaign's name in the ledger.")] = None

    def place(self) -> Union["JournalPlace", "LedgerPlace"]:
        """The place that the options select.

        Raises:
            UsageError: the options select no place, or two.
        """
        from eightbyeight_async.cli.bulk.journal_or_ledger import JournalPlace, LedgerPlace  # noqa: PLC0415

        if self.journal is not None:
            if self.ledger is not None or self.campaign is not None:
                raise UsageError("--journal: does not go with --ledger and --campaign; a campaign has one place")
            return JournalPlace(self.journal)
        if self.campaign is None:
            missing = "--campaign is missing: a ledger holds several"
            raise UsageError("--journal is missing" if self.ledger is None else missing)
        url = self.ledger or os.environ.get("EIGHTBYEIGHT_LEDGER")
        if not url:
            raise UsageError("--ledger is missing, and EIGHTBYEIGHT_LEDGER is not set")
        return LedgerPlace(url, self.campaign, from_environment=self.ledger is None)
