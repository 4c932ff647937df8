"""The page of a campaign: reads its messages once, and makes the HTML."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from eightbyeight_async.bulk.showing.figures import Figures
from eightbyeight_async.bulk.showing.page_html import page
from eightbyeight_async.bulk.store.journal_queries import deliveries, read_rows, status
from eightbyeight_async.bulk.store.records import MessageRow

__all__ = ["campaign_page", "figures_of"]


def campaign_page(journal: str | os.PathLike[str], *, now: datetime | None = None) -> str:
    """The report of a campaign as one HTML page, which needs no network: `Path("report.html").write_text(...)`.

    The page shows no phone numbers and no texts. It can also be made while the campaign is sending.

    Args:
        journal: its path.
        now: the time that the page shows; None: the present one.

    Raises:
        JournalError: as `status`.
    """
    path = Path(journal)
    return page(path.name, status(path), figures_of(read_rows(path)), now or datetime.now(UTC), deliveries(path))


def figures_of(rows: Iterable[MessageRow]) -> Figures:
    """The figures of all messages of a campaign."""
    figures = Figures()
    for row in rows:
        figures.add(row)
    return figures
