"""Delivery receipts that come late, twice or out of order, folded into one state a message. Pure: no clock.

The receipt that counts is the greatest, so order and repetition cannot matter:

    rank  state
    4     read
    3     delivered
    2     rejected, failed, undelivered, delivered with the detail delivered_to_operator
    1     sent, and any state this version does not know
    0     queued

- a higher rank wins, whatever the clocks say;
- within a rank the later timestamp wins, and no timestamp is earlier than any.

Why: a message that is on the phone stays there, so nothing undoes `delivered`; but the operator's word is not the
phone's, and a fallback channel can deliver under the same umid what another could not, so those two can follow each
other in time: an end of rank 2 is final, and may still be corrected. A state nobody here knows may be an end or a
middle: it counts as news, and never undoes an end.
"""

from __future__ import annotations

from collections import OrderedDict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.webhooks import DeliveryReceipt, DeliveryState

if TYPE_CHECKING:
    from eightbyeight_async.models.webhooks import DeliveryStatus

__all__ = ["MessageProgress", "ReceiptFolder"]


@attrs.frozen(kw_only=True)
class MessageProgress:
    """Where a message stands, by all receipts so far.

    Attributes:
        umid: 8x8's id of the message.
        receipt: the receipt that counts.
        changed: whether the receipt just folded made it so; not part of equality.
    """

    umid: str
    receipt: DeliveryReceipt
    changed: bool = attrs.field(default=False, eq=False)

    @property
    def status(self) -> DeliveryStatus:
        """The status of the receipt that counts."""
        return self.receipt.status

    @property
    def state(self) -> DeliveryState | str:
        """`status.state`."""
        return self.receipt.state

    @property
    def final(self) -> bool:
        """Whether it is known if the message arrived. A later receipt can still tell more (`read`).

        With `status.operator_only` it means delivered as far as the operator says, and a later receipt may still
        correct it, to undelivered too: then `changed` and `final` are True once more.
        """
        return self.receipt.final


class ReceiptFolder:
    """One state a message, out of all its receipts.

        folder = ReceiptFolder()
        progress = folder.fold(receipt)
        if progress.changed and progress.final: ...

    Args:
        max_messages: how many messages are remembered. Beyond it the one that was finished first is forgotten, or
            if none but the newest is finished, the one heard of first. What is forgotten starts anew: a late
            receipt of it is taken for the first. About 1.4 KB a message.

    Attributes:
        forgotten: how many messages were forgotten so far.
    """

    def __init__(self, *, max_messages: int = 100_000) -> None:
        self.forgotten = 0
        self._max = _checked_limit(max_messages)
        # In the order of the first receipt, and of finishing. Not dict: to find its first entry it walks over the
        # holes of those deleted before (measured at 100,000: 45 us a receipt, OrderedDict 5).
        self._open: OrderedDict[str, MessageProgress] = OrderedDict()
        self._finished: OrderedDict[str, MessageProgress] = OrderedDict()

    def fold(self, receipt: DeliveryReceipt) -> MessageProgress:
        """Takes a receipt in; the message's state after it, and in `changed` whether this one made it so."""
        checked_receipt(receipt)
        umid = receipt.umid
        known = self.state(umid)
        if known is not None and not _counts_more(receipt, known.receipt):
            return known
        progress = MessageProgress(umid=umid, receipt=receipt)
        if progress.final:
            self._open.pop(umid, None)
            self._finished[umid] = progress
        else:
            self._open[umid] = progress
        if len(self) > self._max:
            self._forget(keep=umid)
        return attrs.evolve(progress, changed=True)

    def state(self, umid: str) -> MessageProgress | None:
        """Where the message stands; None if no receipt of it came, or it was forgotten."""
        return self._finished.get(umid) or self._open.get(umid)

    def __len__(self) -> int:
        return len(self._open) + len(self._finished)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} open={len(self._open)} finished={len(self._finished)}>"

    def _forget(self, keep: str) -> None:
        for messages in (self._finished, self._open):
            oldest = next((umid for umid in messages if umid != keep), None)
            if oldest is not None:
                del messages[oldest]
                self.forgotten += 1
                return


def checked_receipt(value: object) -> None:
    """An UnknownEvent or an InboundMessage is not folded."""
    if not isinstance(value, DeliveryReceipt):
        raise InvalidRequestError("receipt", f"must be a DeliveryReceipt, not {type(value).__name__}")


def _checked_limit(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise InvalidRequestError("max_messages", "must be a whole number, 1 or more")
    return value


_RANKS = {
    DeliveryState.QUEUED: 0,
    DeliveryState.SENT: 1,
    DeliveryState.REJECTED: 2,
    DeliveryState.FAILED: 2,
    DeliveryState.UNDELIVERED: 2,
    DeliveryState.DELIVERED: 3,
    DeliveryState.READ: 4,
}
_UNKNOWN_RANK = 1
_OPERATOR_RANK = 2
_BEFORE_ALL = datetime(1, 1, 2, tzinfo=UTC)  # the second day: an offset must not lead out of the calendar


def _counts_more(one: DeliveryReceipt, other: DeliveryReceipt) -> bool:
    ours, theirs = _weight(one.status), _weight(other.status)
    # Same rank and moment, but not the same: any will do that is the same one in every order.
    return ours > theirs if ours != theirs else _tie(one) > _tie(other)


def _weight(status: DeliveryStatus) -> tuple[int, datetime]:
    rank = _RANKS.get(status.state, _UNKNOWN_RANK) if isinstance(status.state, DeliveryState) else _UNKNOWN_RANK
    if status.operator_only:
        rank = _OPERATOR_RANK
    return rank, status.timestamp or _BEFORE_ALL


def _tie(receipt: DeliveryReceipt) -> tuple[int, str]:
    """The one that says more fields first, then by its fields."""
    fields = attrs.asdict(receipt)
    said = sum(value is not None for value in fields.values())
    return said, repr(fields)
