"""The input of a run: takes the messages one by one and computes the key of each.

If the journal already has messages, each page is compared with the journal first. So a resumed run spends no turn of
its rate and no commit on messages that an earlier run settled. The comparison claims nothing.

The input is read at most one page ahead. Only `more_than` may read further, before the first message is sent.

One task reads an async source; `reading` starts it. See `source_feeder`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import anyio

from eightbyeight_async.bulk.judging.message_keys import Identity, Keys, check_message, own_reference, with_reference
from eightbyeight_async.bulk.store.records import Met
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.source_feeder import END, End, Feeder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from eightbyeight_async.bulk.judging.outcomes import State
    from eightbyeight_async.bulk.report import RunCounts
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["PAGE", "Intake", "Item", "Placed", "not_iterable"]

PAGE = 500


@runtime_checkable
class Placed(Protocol):
    """An iterator that knows the indexes of its messages: for rows of a file, some of which are left out.

    Attributes:
        message_place: index of the last message.
        cut_off: the input continues after the iterator's end, so the end is not that of the campaign's input.
    """

    message_place: int
    cut_off: bool


class Item:
    """One message of the input.

    Attributes:
        id: number of its claim; 0: not claimed yet.
        claimed: when the claim was requested, by the clock of the run's lease.
        identity: which message it is.
        occurrence: 0 for the first message with this content, 1 for the second, ...
        place: its index in the input.
        request: as the caller gave it.
        scheduled: seconds since 1970; None: at once.
    """

    __slots__ = ("claimed", "id", "identity", "occurrence", "place", "request", "scheduled")

    def __init__(self, place: int, request: SmsRequest, identity: Identity) -> None:
        self.place: int = place
        self.request: SmsRequest = request
        self.identity: Identity = identity
        self.scheduled: float | None = None if request.scheduled is None else request.scheduled.timestamp()
        self.occurrence: int = 0
        self.id: int = 0
        self.claimed: float = 0.0

    @property
    def key(self) -> str:
        return self.identity.key

    def wire(self) -> SmsRequest:
        """The request as it is sent: with an id, by which receipts and log exports are matched."""
        own = own_reference(self.request)
        return self.request if own is not None else with_reference(self.request, self.identity.key)


class Intake:
    """Hands out the messages of one input.

    Args:
        messages: the input.
        keys: compute each message's identity.
        tally: counts the messages that are taken.
        known: looks up a page in the journal, and returns the state of each settled message by index. None: the journal
            is empty.
    """

    def __init__(
        self,
        messages: Iterable[SmsRequest] | AsyncIterable[SmsRequest],
        keys: Keys,
        tally: RunCounts,
        known: Callable[[list[Met]], Awaitable[dict[int, State]]] | None,
    ) -> None:
        given: object = messages
        if not isinstance(given, Iterable | AsyncIterable):
            raise not_iterable(given)
        self.ended: bool = False  # whether the input was read to its end
        self.stopped: bool = False
        self.cut_off: bool = False
        self._keys = keys
        self._tally = tally
        self._feeder = Feeder(messages) if isinstance(messages, AsyncIterable) else None
        self._sync = None if isinstance(messages, AsyncIterable) else iter(messages)
        iterator: object = self._sync
        self._placed = iterator if isinstance(iterator, Placed) else None
        self.cut_off = self._placed is not None and self._placed.cut_off
        # An async source may be slow, and its messages would wait until a page is full. So it is read without pages.
        self._known = known if self._feeder is None else None
        self._ahead: deque[Item] = deque()
        self._turn = anyio.Lock()
        self._place = 0

    def stop(self) -> None:
        """Hands out no more messages, and wakes the workers that wait for the source."""
        self.stopped = True
        if self._feeder is not None:
            self._feeder.let_go()

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[None]:
        """Reads an async source while the block runs. Outside of the block `next` has no messages of such a source."""
        if self._feeder is None:
            yield
            return
        group = anyio.create_task_group()
        await group.__aenter__()
        group.start_soon(self._feed, self._feeder)
        try:
            yield
        finally:
            # The task group would wrap the block's own exception, so the exception is not passed through it.
            self._feeder.leave()
            group.cancel_scope.cancel()
            await group.__aexit__(None, None, None)

    async def _feed(self, feeder: Feeder[SmsRequest]) -> None:
        with suppress(Exception):  # `feeder.failure` keeps the source's error, and `_read_async` raises it
            await feeder.run()

    async def next(self) -> Item | None:
        """Returns the next message that may have to be sent; None at the end and after `stop`."""
        if self._feeder is not None:
            item = self._ahead.popleft() if self._ahead else await self._read_async(self._feeder)
        elif self._known is None:
            item = self._ahead.popleft() if self._ahead else self._read()
        else:
            async with self._turn:
                if not self._ahead:
                    await self._fill()
                item = self._ahead.popleft() if self._ahead else None
        if item is None or self.stopped:
            return None
        self._tally.taken += 1
        return item

    def take(self, most: int) -> list[Item] | None:
        """Returns up to `most` next messages, if they are there without a wait; None if `next` may have to wait."""
        if self._feeder is not None or self._known is not None:
            return None
        items: list[Item] = []
        while len(items) < most:
            item = self._ahead.popleft() if self._ahead else self._read()
            if item is None or self.stopped:
                break
            self._tally.taken += 1
            items.append(item)
        return items

    async def more_than(self, number: int) -> bool:
        """Whether the input has more than `number` messages. Reads that far ahead, so call it before `next`."""
        while len(self._ahead) <= number and not self.ended and not self.stopped:
            item = self._read() if self._feeder is None else await self._read_async(self._feeder)
            if item is not None:
                self._ahead.append(item)
        if self._known is not None:
            whole, self._ahead = self._ahead, deque()
            await self._sift(whole)
        return self._place > number

    async def _fill(self) -> None:
        while not self._ahead and not self.ended and not self.stopped:
            page: deque[Item] = deque()
            while len(page) < PAGE and (item := self._read()) is not None:
                page.append(item)
            await self._sift(page)

    async def _sift(self, page: deque[Item]) -> None:
        if self._known is None or not page:
            self._ahead.extend(page)
            return
        settled = await self._known([Met(item.identity, item.place, item.scheduled) for item in page])
        self._tally.taken += len(settled)
        self._tally.known += len(settled)
        self._ahead.extend(item for item in page if item.place not in settled)

    def _read(self) -> Item | None:
        if self.ended or self.stopped or self._sync is None:
            return None
        request = next(self._sync, END)
        if isinstance(request, End):
            self.ended = True
            return None
        return self._item(self._place if self._placed is None else self._placed.message_place, request)

    async def _read_async(self, feeder: Feeder[SmsRequest]) -> Item | None:
        taken = await feeder.next()
        if not isinstance(taken, End):
            return self._item(*taken)
        self.ended = feeder.exhausted
        failure, feeder.failure = feeder.failure, None
        if failure is not None:
            raise failure
        return None

    def _item(self, place: int, request: object) -> Item:
        """Makes the item with index `place`.

        The items of an async source may arrive here in another order than in the source.
        """
        message = check_message(request)
        item = Item(place, message, self._keys.of(message))
        if place >= self._place:
            self._place = place + 1
        return item


def not_iterable(messages: object) -> InvalidRequestError:
    kind = type(messages).__name__
    return InvalidRequestError("messages", f"must be an iterable or async iterable of SmsRequest, not {kind}")
