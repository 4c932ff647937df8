"""Looks up in 8x8's log what became of the messages whose outcome is unknown.

A message that the log has is SENT, or REJECTED if the log says so. One that it does not have did not go out, but
only if that log can be trusted to be whole:
- it also has every message of that time (an hour before and after) that is known to be SENT, and
- it was asked for at least `lag` seconds after the last moment at which the message can have been sent.
Else it stays UNKNOWN. The wall clock decides only what window to ask for and when to trust: one that jumped makes
messages stay UNKNOWN, never sent twice.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import anyio
import attrs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eightbyeight_async.bulk.judging.message_keys import Keys
    from eightbyeight_async.bulk.store.journal import Journal
    from eightbyeight_async.bulk.store.writer_thread import Writer
    from eightbyeight_async.client import AsyncConnectClient

__all__ = ["Reconciled", "reconcile"]

_PAGE = 1_000
_MARGIN = timedelta(hours=1)  # clocks differ
# How the log calls a message that 8x8 took and refused.
_REFUSED = ("rejected",)

_FOUND = """
INSERT OR REPLACE INTO temp.found (id, umid, refused)
SELECT m.id, json_extract(j.value, '$[1]'), json_extract(j.value, '$[2]')
FROM json_each(?) AS j CROSS JOIN message AS m ON m.key=json_extract(j.value, '$[0]')
"""
_SETTLE_FOUND = """
UPDATE message SET state=CASE WHEN f.refused THEN 2 ELSE 1 END, umid=coalesce(message.umid, f.umid), at=?
FROM temp.found AS f WHERE f.id=message.id AND message.state=4
"""
_LACKING = """
SELECT count(*) FROM message AS m WHERE m.state=1 AND m.claimed BETWEEN ? AND ? AND coalesce(m.at, m.claimed)<=?
AND NOT EXISTS (SELECT 1 FROM temp.found AS f WHERE f.id=m.id)
"""


@attrs.frozen(kw_only=True)
class Reconciled:
    """What the log told.

    Attributes:
        sent: were UNKNOWN and are in the log.
        rejected: were UNKNOWN and are in the log as refused.
        not_sent: were UNKNOWN and are certainly not in it; the next run sends them.
        unknown: still are.
        lacking: messages known to be SENT that the log does not have (yet); above 0 nothing counts as not sent.
        ready_in: seconds until the lag has passed for all of them; 0: it has.
    """

    sent: int = 0
    rejected: int = 0
    not_sent: int = 0
    unknown: int = 0
    lacking: int = 0
    ready_in: float = 0.0


async def reconcile(
    client: AsyncConnectClient,
    writer: Writer,
    keys: Keys,
    *,
    now: Callable[[], float],
    lag: float,
    wait: bool,
    patience: float,
) -> Reconciled:
    """See `Campaign.reconcile`."""
    from eightbyeight_async.models.log_export import LogExportRequest  # noqa: PLC0415 - few need it

    count, first, last, settled = await writer.do(_window, writes=True)
    if not count:
        return Reconciled()
    # A time ahead of the clock is one that jumped: from now on is the best that is known, and safe.
    ready_in = min(max(0.0, settled + lag - now()), lag)
    if wait and ready_in:
        await anyio.sleep(ready_in)
    taken_at = now()
    asked = LogExportRequest(from_=_moment(first) - 2 * _MARGIN, to=max(_moment(taken_at), _moment(last)) + 2 * _MARGIN)
    job = await client.sms.start_log_export(asked)
    page: list[tuple[str, str, bool]] = []
    async for row in client.sms.iter_log_rows(job, patience=patience):
        reference = row.get("clientmessageid", "")
        if not reference:
            continue
        refused = row.get("status_value", "").strip().lower() in _REFUSED
        page += [(key, row.get("umid", ""), refused) for key in keys.candidates(reference)]
        if len(page) >= _PAGE:
            await _note(writer, page)
            page = []
    await _note(writer, page)
    return await writer.do(lambda journal: _settle(journal, first, last, taken_at, lag), writes=True)


def _window(journal: Journal) -> tuple[int, float, float, float]:
    """How many are UNKNOWN, when they were claimed, first and last, and when the last of them became so."""
    journal.sql.execute("CREATE TEMP TABLE IF NOT EXISTS found (id INTEGER PRIMARY KEY, umid TEXT, refused INTEGER)")
    journal.sql.execute("DELETE FROM temp.found")
    found = journal.sql.execute(
        "SELECT count(*), min(claimed), max(claimed), max(coalesce(at, claimed)) FROM message WHERE state=4"
    ).fetchone()
    return int(found[0]), found[1] or 0.0, found[2] or 0.0, found[3] or 0.0


async def _note(writer: Writer, page: Sequence[tuple[str, str, bool]]) -> None:
    if page:
        rows = json.dumps(page)
        await writer.do(lambda journal: journal.sql.execute(_FOUND, (rows,)).rowcount, writes=True)


def _settle(journal: Journal, first: float, last: float, taken_at: float, lag: float) -> Reconciled:
    sql = journal.sql
    refused, sent = sql.execute(
        "SELECT coalesce(sum(f.refused), 0), coalesce(sum(NOT f.refused), 0) "
        "FROM temp.found AS f JOIN message AS m ON m.id=f.id WHERE m.state=4"
    ).fetchone()
    hour = _MARGIN.total_seconds()
    # Within the hour around them, which the export covers: messages claimed in the very same moment may be none. Those
    # younger than the lag prove nothing.
    lacking = sql.execute(_LACKING, (first - hour, last + hour, taken_at - lag)).fetchone()[0]
    sql.execute(_SETTLE_FOUND, (taken_at,))
    absent = 0
    if not lacking:
        absent = sql.execute(
            "UPDATE message SET state=5, at=? WHERE state=4 AND coalesce(at, claimed)<=?", (taken_at, taken_at - lag)
        ).rowcount
    left, youngest = sql.execute("SELECT count(*), max(coalesce(at, claimed)) FROM message WHERE state=4").fetchone()
    sql.execute("DELETE FROM temp.found")
    return Reconciled(
        sent=sent, rejected=refused, not_sent=absent, unknown=left, lacking=lacking,
        ready_in=max(0.0, youngest + lag - taken_at) if left else 0.0,
    )  # fmt: skip


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
