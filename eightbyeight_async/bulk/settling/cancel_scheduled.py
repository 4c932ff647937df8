"""Cancels every message of a campaign that is still scheduled.

Rules:
- messages sent in a batch are cancelled by their batch id, the others one by one by umid;
- a cancel is journaled before it is requested; if its answer is lost, a later "nothing left" counts as `unclear`;
- a cancel that failed is requested again by the next `cancel()`: cancelling twice does no harm.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import attrs

from eightbyeight_async.bulk.judging.outcomes import Action, judge
from eightbyeight_async.bulk.store.interface import CancelMark
from eightbyeight_async.bulk.store.records import Cancellation
from eightbyeight_async.errors import EightByEightError, NotFoundError, Sent
from eightbyeight_async.models.common import CancelResponse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eightbyeight_async.bulk.store.records import CancelTarget
    from eightbyeight_async.bulk.store.writer_thread import Writer
    from eightbyeight_async.client import AsyncConnectClient

__all__ = ["Cancelled", "cancel_scheduled"]


@attrs.frozen(kw_only=True)
class Cancelled:
    """The result of a `cancel()`.

    Attributes:
        cancelled: messages that 8x8 cancelled now.
        too_late: messages that had gone out already, or that somebody else had cancelled.
        already: messages whose cancel an earlier `cancel()` of this campaign finished.
        unclear: messages that may be cancelled: the answer to an earlier cancel was lost, and now 8x8 has nothing left
            to cancel.
        failed: messages whose cancel failed; the next `cancel()` tries them again.
        unknown: scheduled messages whose outcome is UNKNOWN: call `reconcile()` first.
        elsewhere: messages that are still scheduled under another account: cancel them with a client of that account.
    """

    cancelled: int = 0
    too_late: int = 0
    already: int = 0
    unclear: int = 0
    failed: int = 0
    unknown: int = 0
    elsewhere: int = 0


class _Counts:
    def __init__(self) -> None:
        self.cancelled = self.too_late = self.unclear = self.failed = 0


async def cancel_scheduled(client: AsyncConnectClient, writer: Writer, width: int) -> Cancelled:
    """See `Campaign.cancel`. `width`: requests in flight."""
    already, unknown, elsewhere = await writer.do(lambda store: store.scheduled_counts())
    counts = _Counts()
    for batch in (True, False):
        after = 0
        while targets := await writer.do(lambda store: store.to_cancel(after, batch=batch)):  # noqa: B023
            after = targets[-1].number
            await _cancel_page(client, writer, targets, counts, width)
    return Cancelled(
        cancelled=counts.cancelled, too_late=counts.too_late, already=already, unclear=counts.unclear,
        failed=counts.failed, unknown=unknown, elsewhere=elsewhere,
    )  # fmt: skip


async def _cancel_page(
    client: AsyncConnectClient, writer: Writer, targets: Sequence[CancelTarget], counts: _Counts, width: int
) -> None:
    await _mark(writer, [Cancellation(target, CancelMark.REQUESTED) for target in targets])
    waiting = iter(targets)
    done: list[Cancellation] = []
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
            cancelled = min(found.cancelled_count, target.messages)
            left = target.messages - cancelled
            # An earlier request, or an earlier attempt of this request, may have cancelled them.
            unclear = target.asked or found.maybe_done_before
            counts.cancelled += cancelled
            if unclear:
                counts.unclear += left
            else:
                counts.too_late += left
            mark = _mark_of(target, left, unclear=unclear)
            done.append(Cancellation(target, mark, cancelled if left else 0))

    try:
        async with anyio.create_task_group() as group:
            for _ in range(min(width, len(targets))):
                group.start_soon(work)
    finally:
        with anyio.CancelScope(shield=True):
            await _mark(writer, done)
    if aborts:
        raise aborts[0]


def _mark_of(target: CancelTarget, left: int, *, unclear: bool) -> int:
    """Returns the mark of a target of which 8x8 did not cancel `left` messages.

    8x8 does not say which messages of a batch it did not cancel.
    """
    if not left:
        return CancelMark.CANCELLED
    if unclear or left < target.messages:
        return CancelMark.UNCLEAR
    return CancelMark.TOO_LATE


async def _call(client: AsyncConnectClient, target: CancelTarget) -> CancelResponse:
    if target.batch:
        return await client.sms.cancel_batch(target.name)
    try:
        return await client.sms.cancel(target.name)
    except NotFoundError as error:
        if error.sent is Sent.NO:
            # 8x8 does not know this message or batch (any more): nothing to cancel
            return CancelResponse(cancelled_count=0)
        raise


async def _mark(writer: Writer, marks: Sequence[Cancellation]) -> None:
    if marks:
        await writer.do(lambda store: store.mark_cancel(marks), writes=True)
