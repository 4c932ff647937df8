"""Waiting for the final state of a message: a web endpoint feeds receipts, other code awaits their result.

Rules: all state changes are synchronous, only waiting awaits. There is no background task, no timer and no clock.
"""

from __future__ import annotations

import math
from typing import Literal, get_args

import anyio
import anyio.lowlevel

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.frame_privacy import private_call
from eightbyeight_async.models.webhooks import DeliveryReceipt, DeliveryState
from eightbyeight_async.receipt_folding import MessageProgress, ReceiptFolder, checked_receipt

__all__ = ["DeliveryWaiter"]

Settle = Literal["operator", "recipient"]
_SETTLES: tuple[Settle, ...] = get_args(Settle)


class _Awaited:
    """The waiters of one message and one `settle`.

    - `loop`: the event loop in which they wait.
    - `done`: the event that wakes them.
    - `waiters`: how many tasks wait.
    - `result`: the accepted final state; None until it comes.
    """

    def __init__(self, loop: object) -> None:
        self.loop = loop
        self.done = anyio.Event()
        self.waiters = 0
        self.result: MessageProgress | None = None


class DeliveryWaiter:
    """Lets code await the final state of a message, from receipts that a web endpoint of the same process gets::

        waiter = DeliveryWaiter()
        waiter.feed(receipt)                                  # in the endpoint
        progress = await waiter.wait(umid, timeout=60)        # in the code that sent it

    - Receipts may be late, repeated or out of order (see `ReceiptFolder`), and may arrive before a task waits for them.
    - Any number of tasks may wait for one message, under asyncio or trio.
    - Call `feed` and `wait` in the thread of the event loop. So a FastAPI endpoint must be `async def`. From another
      thread use `anyio.from_thread.run_sync(waiter.feed, receipt)`.
    - The states are in memory. If several processes serve one callback URL, they need a shared store instead.

    Args:
        max_messages: how many messages are remembered; see `ReceiptFolder`. A waiter gets the final state of its
            message even if receipts of more messages arrive before it.
        max_bytes: about how many bytes the remembered messages take; see `ReceiptFolder`.
    """

    def __init__(self, *, max_messages: int = 100_000, max_bytes: int | None = None) -> None:
        self._folder = ReceiptFolder(max_messages=max_messages, max_bytes=max_bytes)
        self._awaited: dict[tuple[str, Settle], _Awaited] = {}

    @private_call
    def feed(self, receipt: DeliveryReceipt) -> MessageProgress:
        """Fold a receipt into the state of its message, and wake the waiters that accept this state as final.

        Returns:
            The message's state after this receipt.

        Raises:
            InvalidRequestError: `receipt` is not a DeliveryReceipt.
            RuntimeError: called outside the event loop in which a task waits for the message.
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
        """Wait until the state of a message is final: delivered, read, undelivered, rejected or failed.

        If `progress.status.operator_only` is True, only the operator has confirmed the delivery. A later receipt may
        still correct it; `state` then returns the corrected state.

        Args:
            umid: the message's umid from the response to the send.
            settle: which delivery is final. "operator" (default) also accepts `delivered_to_operator`, because many SMS
                routes never report more. "recipient" does not accept it and waits for a receipt that says more.
            timeout: seconds; 0 only checks the known state; None waits for ever. A receipt may never come, e.g. if the
                operator confirms nothing or no callback URL is configured.

        Raises:
            TimeoutError: no final receipt arrived in time; the error's text names the last known state.
            InvalidRequestError: `timeout` is negative or not a number, or `settle` is another string.
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
        awaited.waiters += 1
        try:
            with anyio.move_on_after(patience):
                await awaited.done.wait()
        finally:
            awaited.waiters -= 1
            if not awaited.waiters and self._awaited.get(key) is awaited:
                del self._awaited[key]
        if awaited.result is None:
            raise TimeoutError(f"no final receipt within {patience:g} s; {self._last_known(umid)}")
        return awaited.result

    def state(self, umid: str) -> MessageProgress | None:
        """The current state of the message; None if no receipt came, or if the message was forgotten."""
        return self._folder.state(umid)

    def _last_known(self, umid: str) -> str:
        known = self._folder.state(umid)
        if known is None:
            return "no receipt of the message came"
        if known.status.operator_only:
            return "the last state was delivered, to the operator only"
        # An unknown state is not shown: it may be any text that somebody POSTed.
        state = known.state.value if isinstance(known.state, DeliveryState) else "one that this version does not know"
        return f"the last state was {state}"

    def __repr__(self) -> str:
        return f"<{type(self).__name__} awaited={len(self._awaited)} {self._folder!r}>"


def _is_end(progress: MessageProgress, settle: Settle) -> bool:
    return progress.final and (settle == "operator" or not progress.status.operator_only)


_WRONG_THREAD = (
    "DeliveryWaiter.feed must be called in the event loop's thread: make the endpoint `async def`, "
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
        raise InvalidRequestError("timeout", "must be 0 or more seconds, or None to wait for ever")
    return timeout
