"""Cancels everything of a campaign that is still scheduled.

Rules:
- what was sent in a batch is cancelled by its batch id, the rest one by one by umid;
- that a cancel is asked for is written before it is, so that one whose answer was lost is told apart from one that came
  too late: its messages count as `unclear` when 8x8 has fewer to cancel the second time;
- cancelling twice harms nobody, so a call that failed in transit is simply made again by the next `cancel()`.

`message.cancelled`: NULL: not asked; 1: asked; 2: done, whatever came of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import attrs

from eightbyeight_async.bulk.judging.outcomes import Action, State, judge
from eightbyeight_async.errors import EightByEightError, NotFoundError, Sent

if TYPE_CHECKING:
    import sqlite3

    from eightbyeight_async.bulk.store.journal import Journal
    from eightbyeight_async.bulk.store.writer_thread import Writer
    from eightbyeight_async.client import AsyncConnectClient

__all__ = ["Cancelled", "cancel_scheduled"]

_PAGE = 500
_ASKED, _DONE = 1, 2
_BATCHES = """
SELECT b.number, b.batch_id, count(*), max(coalesce(m.cancelled, 0))
FROM message AS m JOIN batch AS b ON b.number=m.batch
WHERE m.state=? AND m.scheduled IS NOT NULL AND coalesce(m.cancelled, 0)<2 GROUP BY b.number
"""
_SINGLE = """
SELECT id, umid, 1, coalesce(cancelled, 0) FROM message
WHERE id>? AND state=? AND scheduled IS NOT NULL AND batch IS NULL AND umid IS NOT NULL AND coalesce(cancelled, 0)<2
ORDER BY id LIMIT ?
"""


@attrs.frozen(kw_only=True)
class Cancelled:
    """What came of a `cancel()`.

    Attributes:
        cancelled: messages that 8x8 cancelled now.
        too_late: messages that were out (or cancelled by somebody else) before.
        already: messages that an earlier `cancel()` of this campaign was done with.
        unclear: asked for before, the answer was lost, and now there was nothing left to cancel.
        failed: messages whose cancel failed; the next `cancel()` tries them again.
        unknown: scheduled messages whose own outcome is unknown: `reconcile()` first.
    """

    cancelled: int = 0
    too_late: int = 0
    already: int = 0
    unclear: int = 0
    failed: int = 0
    unknown: int = 0


@attrs.define
class _Target:
    """One call: a batch, or one message."""

    number: int  # of the batch, or id of the message
    name: str
    messages: int
    asked: bool
    batch: bool


class _Counts:
    def __init__(self) -> None:
        self.cancelled = self.too_late = self.unclear = self.failed = 0


async def cancel_scheduled(client: AsyncConnectClient, writer: Writer, width: int) -> Cancelled:
    already, unknown = await writer.do(lambda journal: _before(journal.sql))
    counts = _Counts()
    batches = await writer.do(lambda journal: _targets(journal.sql.execute(_BATCHES, (State.SENT,)), batch=True))
    await _cancel_page(client, writer, batches, counts, width)
    last = 0
    while True:
        after = last
        page = await writer.do(
            lambda journal: _targets(journal.sql.execute(_SINGLE, (after, State.SENT, _PAGE)), batch=False)  # noqa: B023
        )
        if not page:
            break
        last = page[-1].number
        await _cancel_page(client, writer, page, counts, width)
    return Cancelled(
        cancelled=counts.cancelled, too_late=counts.too_late, already=already, unclear=counts.unclear,
        failed=counts.failed, unknown=unknown,
    )  # fmt: skip


async def _cancel_page(
    client: AsyncConnectClient, writer: Writer, targets: list[_Target], counts: _Counts, width: int
) -> None:
    if not targets:
        return
    await _mark(writer, targets, _ASKED)
    waiting = iter(targets)
    done: list[_Target] = []
    aborts: list[EightByEightError] = []

    async def work() -> None:
        for target in waiting:
            if aborts:
                return
            try:
                found = await _call(client, target)
            except EightByEightError as error:
                if judge(error).action is Action.ABORT:
                    aborts.append(error)
                counts.failed += target.messages
                continue
            cancelled = min(found, target.messages)
            counts.cancelled += cancelled
            if target.asked:
                counts.unclear += target.messages - cancelled
            else:
                counts.too_late += target.messages - cancelled
            done.append(target)

    try:
        async with anyio.create_task_group() as group:
            for _ in range(min(width, len(targets))):
                group.start_soon(work)
    finally:
        with anyio.CancelScope(shield=True):
            await _mark(writer, done, _DONE)
    if aborts:
        raise aborts[0]


async def _call(client: AsyncConnectClient, target: _Target) -> int:
    if target.batch:
        return (await client.sms.cancel_batch(target.name)).cancelled_count
    try:
        return (await client.sms.cancel(target.name)).cancelled_count
    except NotFoundError as error:
        if error.sent is Sent.NO:
            return 0  # 8x8 does not know it (any more): nothing to cancel
        raise


async def _mark(writer: Writer, targets: list[_Target], value: int) -> None:
    if not targets:
        return
    rows = [(value, target.number, value) for target in targets]
    column = "batch" if targets[0].batch else "id"

    def mark(journal: Journal) -> None:
        journal.sql.executemany(
            f"UPDATE message SET cancelled=? WHERE {column}=? AND state=1 AND scheduled IS NOT NULL "  # noqa: S608
            "AND coalesce(cancelled, 0)<?",
            rows,
        )

    await writer.do(mark, writes=True)


def _targets(found: sqlite3.Cursor, *, batch: bool) -> list[_Target]:
    return [_Target(number, name, messages, asked == _ASKED, batch) for number, name, messages, asked in found]


def _before(connection: sqlite3.Connection) -> tuple[int, int]:
    found = connection.execute(
        "SELECT coalesce(sum(cancelled=2), 0), coalesce(sum(state=4), 0) FROM message WHERE scheduled IS NOT NULL"
    ).fetchone()
    return int(found[0]), int(found[1])
