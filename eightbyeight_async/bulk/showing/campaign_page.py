"""The page of a journal: reads it once, and makes the HTML."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

from eightbyeight_async.bulk.showing.figures import Figures
from eightbyeight_async.bulk.showing.page import page
from eightbyeight_async.bulk.store.read_journal import deliveries, read_rows, status

__all__ = ["campaign_page", "figures_of"]


def campaign_page(journal: str | os.PathLike[str], *, now: datetime | None = None) -> str:
    """The report of a campaign as one HTML page, which needs no network: `Path("report.html").write_text(...)`.

    It has no numbers and no texts. Works also while the campaign is sending.

    Args:
        journal: its path.
        now: the time that the page shows; None: the present one.

    Raises:
        JournalError: as `status`.
    """
    counts, arrived = status(journal), deliveries(journal)
    return page(Path(journal).name, counts, figures_of(journal), now or datetime.now(UTC), arrived)


def figures_of(journal: str | os.PathLike[str]) -> Figures:
    """The figures of all messages of a journal.

    Raises:
        JournalError: as `status`.
    """
    figures = Figures()
    for row in read_rows(journal):
        figures.add(row)
    return figures
