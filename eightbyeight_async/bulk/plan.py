"""`Planner`: computes what a run would do. It uses the decisions of the run's own code, and sends nothing.

It claims the messages page by page in a temporary store, and treats each claim as sent. The API's answers cannot be
planned: refused messages, refused batches, and pauses that the API asks for.
"""

from __future__ import annotations

from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING

import attrs
from anyio import to_thread

from eightbyeight_async.bulk.judging.claims import Next, next_step
from eightbyeight_async.bulk.judging.input_conflicts import id_conflict
from eightbyeight_async.bulk.judging.message_keys import Keys, check_message, own_reference
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.report import Plan
from eightbyeight_async.bulk.run.choose_mode import FEW, choose_mode
from eightbyeight_async.bulk.run.input_pages import PAGE, Item, not_iterable
from eightbyeight_async.bulk.store.records import CLAIMED, Claim
from eightbyeight_async.calls.times import MAX_AHEAD, check_times
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.number_plus import lacks_plus
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.models.sms_batch import MAX_BATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from eightbyeight_async.bulk.judging.message_keys import Fingerprint
    from eightbyeight_async.bulk.run.choose_mode import Mode
    from eightbyeight_async.bulk.store.plan_store import PlanStore
    from eightbyeight_async.bulk.store.records import Claimed

__all__ = ["Planner", "plan_messages"]


_COUNTED = (
    "new", "again_unknown", "again_failed", "late", "settled", "in_doubt", "duplicates", "same_number",
    "opted_out", "opted_in", "scheduled", "second", "without_plus",
)  # fmt: skip
_NEW = (Next.SEND, CLAIMED)


class Planner:
    """Plans an input: `add` every message in order, `decide` when a page is full, then `finish`.

    Args:
        store: receives the claims; the planner begins a run in it.
        send_copies: whether copies of a message are sent, too.
        mode, batch_size: those of the run.
        one_by_one: whether the run reads an async source. Such a run has no pages, so settled messages take places in
            its batches.
        on_send: called with every message that would be sent.
        on_left_out: called for every duplicate, for every message whose number has another one, and for every message
            of a person who has opted out. Gets the message's index, the reason, and the index of the message that a
            duplicate repeats.
        opted_out: whether the person of a message has opted out; None: nobody has.
        on_conflict: called with the indexes of two messages with the same id but different content; None:
            InvalidRequestError is raised.
    """

    def __init__(
        self,
        store: PlanStore,
        *,
        send_copies: bool = False,
        mode: Mode = "auto",
        batch_size: int = MAX_BATCH,
        one_by_one: bool = False,
        on_send: Callable[[SmsRequest], object] = lambda _: None,
        on_left_out: Callable[[int, Next, int], object] = lambda *_: None,
        on_conflict: Callable[[int, int], object] | None = None,
        opted_out: Callable[[SmsRequest], bool] | None = None,
    ) -> None:
        self._opted_out = opted_out
        self._store = store
        self._keys = Keys(store.salt)
        fresh = store.begin_run()
        self._sifts = not fresh and not one_by_one
        self._send_copies = send_copies
        self._mode: Mode = mode
        self._batch_size = batch_size
        self._on_send = on_send
        self._on_left_out = on_left_out
        self._on_conflict = on_conflict
        self._last_id = store.last_id
        self._page: list[Item] = []
        self._late: set[int] = set()  # indexes of the page's late messages
        self._messages = 0
        self._counts = dict.fromkeys(_COUNTED, 0)
        self._batches = self._filled = 0  # number of full batches; number of messages in the batch that is being filled
        self._posts = False  # whether the batch that is being filled has a message to send

    def add(self, request: SmsRequest, place: int | None = None, *, late: bool = False) -> bool:
        """Adds the next message. Returns True if the page is full: call `decide` now.

        Args:
            request: the message.
            place: its index; None: the number of messages before it.
            late: whether its `scheduled` or `expiry` has passed; then it is not sent.

        Raises:
            InvalidRequestError: `request` is not a SmsRequest.
        """
        message = check_message(request)
        item = Item(self._messages if place is None else place, message, self._keys.of(message))
        self._page.append(item)
        self._messages += 1
        if late:
            self._late.add(item.place)
        return len(self._page) >= PAGE

    def finish(self) -> Plan:
        """Returns the plan of all messages that were added."""
        self.decide()
        mode, why = choose_mode(self._mode, self._messages > FEW)
        people, repeated = self._store.people()
        plan = Plan(
            **self._counts,
            messages=self._messages,
            people=people,
            repeated_numbers=repeated,
            missing=self._store.missing(),
            mode=mode,
            why=why,
        )
        return attrs.evolve(plan, requests=plan.to_send if mode == "each" else self._batches + self._posts)

    def decide(self) -> None:
        """Claims the messages of the page and counts them.

        Raises:
            InvalidRequestError: a message has the id of another message.
        """
        page, self._page = self._page, []
        others: dict[int, tuple[Next, Claimed]] = {}  # by index: answers other than a plain CLAIMED
        ask = page
        while ask:
            for item in ask:
                self._last_id += 1
                item.id = self._last_id
            claims = self._claims(ask)
            answers = self._store.transact(lambda: self._store.claim(claims))  # noqa: B023 - called at once
            ask = [
                item
                for item, answer in zip(ask, answers, strict=True)
                if answer is not CLAIMED and self._asks_again(item, answer, others)
            ]
        reached = self._store.reached(item.identity.who for item in page)
        if not others and not reached and not self._late:
            self._count_new(page)
            return
        for item in page:
            self._count(item, *others.get(item.place, _NEW), second=item.identity.who in reached)
        self._late.clear()

    def _claims(self, items: Sequence[Item]) -> list[Claim]:
        has_opted_out = self._opted_out
        if has_opted_out is None:
            return [Claim(item.id, item.identity, item.place, item.scheduled) for item in items]
        return [
            Claim(item.id, item.identity, item.place, item.scheduled, opted_out=has_opted_out(item.request))
            for item in items
        ]

    def _count_new(self, page: Sequence[Item]) -> None:
        """Counts a page whose messages are all new. Most pages are of this kind."""
        self._counts["new"] += len(page)
        for item in page:
            self._count_sent(item)
        self._fill(len(page), sends=True)

    def _asks_again(self, item: Item, answer: Claimed, others: dict[int, tuple[Next, Claimed]]) -> bool:
        own_id = own_reference(item.request) is not None
        step = next_step(answer, item.occurrence, own_id=own_id, send_copies=self._send_copies)
        if step.next is not Next.CLAIM_AGAIN:
            others[item.place] = step.next, answer
            return False
        item.occurrence = step.occurrence
        item.identity = self._keys.of(item.request, step.occurrence)
        return True

    def _count(self, item: Item, step: Next, answer: Claimed, *, second: bool) -> None:
        if step is Next.CONFLICT:
            if self._on_conflict is None:
                raise id_conflict(item.place, answer.place)
            self._on_conflict(item.place, answer.place)
            return
        kind = _kind(step, answer)
        sends = step is Next.SEND
        if sends and item.place in self._late:
            kind, sends = "late", False
        counts = self._counts
        counts[kind] += 1
        if sends:
            if second and kind == "new":
                counts["second"] += 1
            if answer.before is State.OPTED_OUT:
                counts["opted_in"] += 1
            self._count_sent(item)
        elif step in (Next.DUPLICATE, Next.SAME_NUMBER, Next.OPTED_OUT):
            self._on_left_out(item.place, step, answer.place)
        # The run drops a page's settled messages before it fills a batch. Every other message takes a place in a batch.
        if step is not Next.SETTLED or item.occurrence or not self._sifts:
            self._fill(1, sends=sends)

    def _count_sent(self, item: Item) -> None:
        if item.scheduled is not None:
            self._counts["scheduled"] += 1
        if lacks_plus(item.request):
            self._counts["without_plus"] += 1
        self._on_send(item.request)

    def _fill(self, messages: int, *, sends: bool) -> None:
        """Adds messages to the batch. Each takes a place, even if it is not sent after all."""
        full, self._filled = divmod(self._filled + messages, self._batch_size)
        if not full:
            self._posts |= sends
            return
        self._batches += full if sends else self._posts
        self._posts = sends and self._filled > 0


def _kind(step: Next, answer: Claimed) -> str:
    """Returns the name of the count that a message belongs to."""
    match step:
        case Next.SEND if answer.before in (None, State.OPTED_OUT):
            return "new"
        case Next.SEND:
            return "again_unknown" if answer.before is State.UNKNOWN else "again_failed"
        case Next.SETTLED:
            return "in_doubt" if answer.state is State.UNKNOWN else "settled"
        case Next.DUPLICATE:
            return "duplicates"
        case Next.OPTED_OUT:
            return "opted_out"
        case _:
            return "same_number"


async def plan_messages(
    planner: Planner,
    messages: Iterable[SmsRequest] | AsyncIterable[SmsRequest],
    now: Callable[[], datetime],
    fingerprint: Fingerprint | None = None,
) -> Plan:
    """Plans a whole input. The store works in a thread.

    Args:
        planner: takes the messages and makes the plan.
        messages: the input.
        now: the clock that schedules are compared with.
        fingerprint: every message is added to this fingerprint, too; None: no fingerprint is needed.

    Raises:
        InvalidRequestError: an item is not a SmsRequest, or two messages have the same id.
        any exception that the iterable raises.
    """

    async def add(message: SmsRequest) -> None:
        full = planner.add(message, late=_is_late(message, now))
        if fingerprint is not None:
            fingerprint.add(message)
        if full:
            await to_thread.run_sync(planner.decide)

    if isinstance(messages, AsyncIterable):
        async for message in messages:
            await add(message)
    elif isinstance(messages, Iterable):
        for message in messages:
            await add(message)
    else:
        raise not_iterable(messages)
    return await to_thread.run_sync(planner.finish)


def _is_late(message: object, now: Callable[[], datetime]) -> bool:
    if not isinstance(message, SmsRequest) or (message.scheduled is None and message.expiry is None):
        return False
    try:
        check_times(message.scheduled, message.expiry, now(), ahead=MAX_AHEAD)
    except InvalidRequestError:
        return True
    return False
