"""Awaiting what became of a message: a map from umid to final state that an endpoint feeds.

State changes are synchronous; only waiting awaits. Nothing here runs by itself: no task, no timer, no clock.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal, get_args

import anyio
import anyio.lowlevel

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.webhooks import DeliveryState
from eightbyeight_async.receipt_folding import ReceiptFolder, checked_receipt

if TYPE_CHECKING:
    from eightbyeight_async.models.webhooks import DeliveryReceipt
    from eightbyeight_async.receipt_folding import MessageProgress

__all__ = ["DeliveryWaiter"]

Settle = Literal["operator", "recipient"]
_SETTLES: tuple[Settle, ...] = get_args(Settle)


class _Awaited:
    """A message somebody waits for, to one of the ends: how many, what wakes them, and in which event loop."""

    def __init__(self, loop: object) -> None:
        self.loop = loop
        self.done = anyio.Event()
        self.people = 0
        self.result: MessageProgress | None = None


class DeliveryWaiter:
    """Lets the code that sent a message await its receipt, which arrives at a web endpoint of the same process.

        waiter = DeliveryWaiter()
        waiter.feed(receipt)                                  # in the endpoint
        progress = await waiter.wait(umid, timeout=60)        # in the code that sent it

    Receipts can be late, doubled and out of order (see `ReceiptFolder`), and can come before anybody waits. Any
    number of tasks may wait for one message. Works on asyncio and trio. `feed` and `wait` belong to the event loop's
    thread: a FastAPI endpoint must be `async def`; from another thread use `anyio.from_thread.run_sync(waiter.feed,
    receipt)`. Several processes behind one URL need a store of their own: this one is memory.

    Args:
        max_messages: how many messages are remembered; see `ReceiptFolder`. A message that is waited for is never
            missed, however many others come in between.
    """

    def __init__(self, *, max_messages: int = 100_000) -> None:
        self._folder = ReceiptFolder(max_messages=max_messages)
        self._awaited: dict[tuple[str, Settle], _Awaited] = {}

    def feed(self, receipt: DeliveryReceipt) -> MessageProgress:
        """Takes a receipt in and wakes whoever waits for its message, if it is the end that is waited for.

        Raises:
            InvalidRequestError: it is no DeliveryReceipt.
            RuntimeError: called from a thread without the event loop in which the message is waited for.
        """
        checked_receipt(receipt)
        loop = _running_loop()
        found = [(settle, self._awaited.get((receipt.umid, settle))) for settle in _SETTLES]
        if any(awaited is not None and awaited.loop != loop for _, awaited in found):
            raise RuntimeError(_WRONG_THREAD)
        progress = self._folder.fold(receipt)
        for settle, awaited in found:
            if awaited is not None and _is_end(progress, settle):
                awaited.result = progress
                awaited.done.set()
        return progress

    async def wait(
        self,
        umid: str,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - the API
        settle: Settle = "operator",
    ) -> MessageProgress:
        """The state of a message once it is final: delivered, read, undelivered, rejected or failed.

        Delivered may be the operator's word alone (`progress.status.operator_only`): as far as the operator knows,
        and a later receipt may still correct it, which `state` then tells.

        Args:
            umid: as the send returned it.
            settle: whose word is enough. "operator": `delivered_to_operator` is an end, on many SMS routes the only
                one there will be. "recipient": it is waited past, until a receipt says more or the time is up.
            timeout: seconds; 0 only looks; None waits without end, and a receipt may never come (an operator that
                confirms nothing, a callback URL that is not configured).

        Raises:
            TimeoutError: no final receipt came in time; it says which state was known.
            InvalidRequestError: `timeout` is negative or not a number, or `settle` is none of the two.
        """
        patience = _checked_patience(timeout)
        if settle not in _SETTLES:
            raise InvalidRequestError("settle", "must be 'operator' or 'recipient'")
        known = self._folder.state(umid)
        if known is not None and _is_end(known, settle):
            await anyio.lowlevel.checkpoint()
            return known
        key = umid, settle
        awaited = self._awaited.get(key)
        if awaited is None:
            awaited = self._awaited[key] = _Awaited(_running_loop())
        awaited.people += 1
        try:
            with anyio.move_on_after(patience):
                await awaited.done.wait()
        finally:
            awaited.people -= 1
            if not awaited.people and self._awaited.get(key) is awaited:
                del self._awaited[key]
        if awaited.result is None:
            raise TimeoutError(f"no final receipt within {patience:g} s; {self._last_known(umid)}")
        return awaited.result

    def state(self, umid: str) -> MessageProgress | None:
        """Where the message stands now; None if no receipt of it came, or it was forgotten."""
        return self._folder.state(umid)

    def _last_known(self, umid: str) -> str:
        known = self._folder.state(umid)
        if known is None:
            return "no receipt of the message came at all"
        if known.status.operator_only:
            return "the last state was delivered, to the operator only"
        # Only our own words: an unknown state is whatever somebody POSTed.
        state = known.state.value if isinstance(known.state, DeliveryState) else "of a kind this version does not know"
        return f"the last state was {state}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} awaited={len(self._awaited)} {self._folder!r}>"


def _is_end(progress: MessageProgress, settle: Settle) -> bool:
    return progress.final and (settle == "operator" or not progress.status.operator_only)


_WRONG_THREAD = (
    "DeliveryWaiter.feed belongs to the event loop's thread: make the endpoint `async def`, "
    "or call anyio.from_thread.run_sync(waiter.feed, receipt)"
)


def _running_loop() -> object:
    try:
        return anyio.lowlevel.current_token()
    except RuntimeError:
        raise RuntimeError(_WRONG_THREAD) from None


def _checked_patience(timeout: object) -> float:
    if timeout is None:
        return math.inf
    if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not timeout >= 0:
        raise InvalidRequestError("timeout", "must be 0 or more seconds, or None to wait without end")
    return timeout
