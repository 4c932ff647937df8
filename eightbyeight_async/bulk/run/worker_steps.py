"""One run of a campaign: the state that its workers share, and the steps of each worker: wait, claim, settle.

Rules:
- A worker waits for its turn before it claims. So no claim is held during a pause, and after a kill only the messages
  of requests in flight are in doubt.
- Nothing is sent before `claim` has returned.
- Results are written in the background; at most `most_pending` of them wait for their commit.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, TypeVar

import anyio
import attrs

from eightbyeight_async.bulk.judging.claims import Next, next_step
from eightbyeight_async.bulk.judging.input_conflicts import id_conflict
from eightbyeight_async.bulk.judging.message_keys import own_reference
from eightbyeight_async.bulk.judging.outcomes import Action, State, Verdict
from eightbyeight_async.bulk.run.adaptive_rate import AdaptiveRate
from eightbyeight_async.bulk.run.network import Network
from eightbyeight_async.bulk.store.records import CLAIMED, Claim, Result
from eightbyeight_async.errors import EightByEightError
from eightbyeight_async.models.sms import SmsRequest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from eightbyeight_async.bulk.judging.message_keys import Keys
    from eightbyeight_async.bulk.report import RunCounts
    from eightbyeight_async.bulk.run.claim_lease import ClaimLease
    from eightbyeight_async.bulk.run.group_rates import GroupRates
    from eightbyeight_async.bulk.run.input_pages import Intake, Item
    from eightbyeight_async.bulk.run.rate_across_processes import SharedTurns
    from eightbyeight_async.bulk.store.records import Claimed
    from eightbyeight_async.bulk.store.writer_thread import Writer
    from eightbyeight_async.client import AsyncConnectClient

__all__ = ["Run", "Settled"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Settled:
    """One message and its outcome, for `on_result`.

    Attributes:
        place: its index in the input, from 0.
        key: its key in the journal.
        request: as the caller gave it.
        state: the outcome that the journal gets.
        umid: 8x8's id of the message; None: no answer gave one.
        batch_id: 8x8's id of its batch; None: no answer gave one.
        code: the API's error code; None: there is none.
        error: the error that the request raised; None: no error.
    """

    place: int
    key: str
    request: SmsRequest
    state: State
    umid: str | None = None
    batch_id: str | None = None
    code: int | None = None
    error: EightByEightError | None = None


class Run:
    """One run, shared by its workers.

    Attributes:
        stopped: why the run takes no more messages; None: it still takes messages.
        error: the error that stopped it; None: no error did.
        abort: whether `Campaign.send` raises that error.
        filling: lock; the worker that fills its batch holds it.
        network: whether the API can be reached.
        lease: how long claims are held; None: as long as this process lives.
    """

    def __init__(
        self,
        *,
        client: AsyncConnectClient,
        writer: Writer,
        keys: Keys,
        pace: AdaptiveRate | SharedTurns,
        groups: GroupRates,
        tally: RunCounts,
        intake: Intake,
        clock: Callable[[], float],
        next_id: Callable[[], int],
        copies: bool,
        opted_out: Callable[[SmsRequest], bool] | None,
        private: bool,
        max_pause: float,
        keep_trying: float,
        on_result: Callable[[Settled], object] | None,
        lease: ClaimLease | None = None,
    ) -> None:
        self.lease = lease
        self.client = client
        self.pace = pace
        self._groups = groups
        self.tally = tally
        self.intake = intake
        self.clock = clock
        self.stopped: str | None = None
        self.error: EightByEightError | None = None
        self.abort: bool = False
        self.filling: anyio.Lock = anyio.Lock()
        self._halt = anyio.Event()
        self._writer = writer
        self._keys = keys
        self._next_id = next_id
        self._copies = copies
        self._opted_out = opted_out
        self._private = private
        self._max_pause = max_pause
        self._on_result = on_result
        self.network: Network = Network(clock, keep_trying)

    def stop(self, why: str, error: EightByEightError | None = None, *, abort: bool = False) -> None:
        """Takes no more messages; the requests in flight finish.

        Keeps the first reason, but an abort replaces a reason that is not an abort.
        """
        if self.stopped is None or (abort and not self.abort):
            self.stopped, self.error, self.abort = why, error, abort
        self.intake.stop()
        self._halt.set()

    async def group_turn(self, item: Item) -> bool:
        """Waits for the turn of the message's group. False: the run was stopped meanwhile, so do not send."""
        if (wait := self._groups.reserve(item.request)) > 0:
            await self._pause(wait)
        return not self._halt.is_set()

    async def turn(self) -> bool:
        """Waits for the next moment to send. False: the run was stopped meanwhile, so do not send."""
        if not isinstance(self.pace, AdaptiveRate):
            return await self.pace.turn(self._halt)
        wait = self.pace.reserve()
        while True:
            if wait > 0:
                await self._pause(wait)
            if self._halt.is_set():
                return False
            if self.pace.paused_for() > 0:  # another worker got a 429 while this one waited
                wait = self.pace.reserve()
            elif (wait := self.pace.start()) <= 0:
                return True

    async def _pause(self, seconds: float) -> None:
        """Waits for `seconds`, or until the run is stopped."""
        with anyio.move_on_after(seconds):
            await self._halt.wait()

    async def claim(self, items: Sequence[Item]) -> list[Item]:
        """Claims items. Returns the items that this run must send, and counts the others."""
        mine: list[Item] = []
        try:
            await self._claim(list(items), mine)
        except BaseException:
            self.release(mine)  # Cancelled while copies are claimed again: the claims granted before that are released.
            raise
        return mine

    async def _claim(self, ask: list[Item], mine: list[Item]) -> None:
        while ask:
            claimed = 0.0 if self.lease is None else self.lease.clock()
            for item in ask:
                item.id, item.claimed = self._next_id(), claimed
            answers = await self._writer.claim(self._claims_of(ask))
            again: list[Item] = []
            for item, answer in zip(ask, answers, strict=True):
                if answer is CLAIMED:  # almost always
                    mine.append(item)
                elif self._refused_for_now(item, answer, mine):
                    again.append(item)
            ask = again

    def expired(self, items: Sequence[Item]) -> bool:
        """Whether the claims of these items are too old for a send to begin. If so, the claims are released."""
        if self.lease is None or self.lease.may_begin(min(item.claimed for item in items)):
            return False
        self.release(items)
        return True

    async def within_lease(self, items: Sequence[Item], call: Callable[[], Awaitable[T]]) -> T:
        """Makes a call, and cancels it when the lease of these items' claims ends."""
        return await (call() if self.lease is None else self.lease.within(min(item.claimed for item in items), call))

    def _claims_of(self, items: Sequence[Item]) -> list[Claim]:
        # Most campaigns have no opt-out check and no `store_private`.
        if self._opted_out is None and not self._private:
            return [Claim(item.id, item.identity, item.place, item.scheduled) for item in items]
        return [self._claim_of(item) for item in items]

    def _claim_of(self, item: Item) -> Claim:
        out = self._opted_out is not None and self._opted_out(item.request)
        number, text = (item.request.destination, item.request.text) if self._private else (None, None)
        return Claim(item.id, item.identity, item.place, item.scheduled, number, text, out)

    def _refused_for_now(self, item: Item, answer: Claimed, mine: list[Item]) -> bool:
        """Handles the answer to a claim. True: the item got another identity and must be claimed again."""
        own_id = own_reference(item.request) is not None
        step = next_step(answer, item.occurrence, own_id=own_id, send_copies=self._copies)
        match step.next:
            case Next.SEND:
                mine.append(item)
                return False
            case Next.CLAIM_AGAIN:
                item.occurrence = step.occurrence
                item.identity = self._keys.of(item.request, item.occurrence)
                return True
            case Next.SETTLED:
                self.tally.known += 1
            case Next.DUPLICATE:
                self.tally.duplicates += 1
            case Next.SAME_NUMBER:
                self.tally.same_number += 1
            case Next.OPTED_OUT:
                self.tally.opted_out += 1
            case Next.STOPPED:
                self.tally.count(State.NOT_SENT)
                self.stop(str(answer.stopped))
            case Next.CONFLICT:
                self._conflict(item, answer)
        self.pace.give_back()
        return False

    def _conflict(self, item: Item, answer: Claimed) -> None:
        """Ends the run: two different messages have the same id, and only the caller can know which is right."""
        self.tally.count(State.NOT_SENT)
        error = id_conflict(item.place, answer.place)
        self.stop(str(error), error, abort=True)

    async def settle(
        self,
        results: Sequence[tuple[Item, State, str | None]],
        batch_id: str | None = None,
        verdict: Verdict | None = None,
        error: EightByEightError | None = None,
    ) -> None:
        """Counts and journals results (item, state, umid). Waits while too many results are not committed."""
        self.settle_now(results, batch_id, verdict, error)
        await self.room()

    async def room(self) -> None:
        """Waits while too many results are not committed."""
        if self._writer.full:
            await self._writer.room()

    def settle_now(
        self,
        results: Sequence[tuple[Item, State, str | None]],
        batch_id: str | None = None,
        verdict: Verdict | None = None,
        error: EightByEightError | None = None,
    ) -> None:
        code = None if verdict is None else verdict.code
        self._writer.record(
            [Result(item.id, item.key, item.place, state, umid, batch_id, code) for item, state, umid in results]
        )
        # Most calls have one result, and a Counter would take longer than the rest of this method.
        if len(results) == 1:
            self.tally.count(results[0][1])
        else:
            for state, number in Counter([state for _, state, _ in results]).items():
                self.tally.count(state, number)
        if self._on_result is not None:
            for item, state, umid in results:
                self._on_result(
                    Settled(
                        place=item.place,
                        key=item.key,
                        request=item.request,
                        state=state,
                        umid=umid,
                        batch_id=batch_id,
                        code=code,
                        error=error,
                    )
                )

    def release(self, items: Sequence[Item]) -> None:
        """Releases the claims of these items. Counts nothing, because the items are claimed again."""
        self._writer.record([Result(item.id, item.key, item.place, State.NOT_SENT) for item in items])

    def not_tried(self, items: Sequence[Item]) -> None:
        """Counts items that were taken from the input, but neither claimed nor sent."""
        self.tally.count(State.NOT_SENT, len(items))

    def obey(self, verdict: Verdict, error: EightByEightError, sent_at: float) -> bool:
        """Applies an error to the run: continue, slow down, or stop.

        Returns whether to try the messages of the request again: they did not go out, and the reason was not in the
        messages.
        """
        match verdict.action:
            case Action.SLOW_DOWN:
                retry_after: float | None = getattr(error, "retry_after", None)
                if retry_after is not None and retry_after > self._max_pause:
                    most = f"a run waits for at most {self._max_pause:g} s: go on later"
                    self.stop(f"the API asks for a pause of {retry_after:.9g} s, {most}", error)
                self.pace.refused(sent_at, retry_after)
                return verdict.state is State.NOT_SENT
            case Action.ABORT:
                self.stop(str(error), error, abort=True)
            case Action.UNREACHABLE:
                wait = self.network.failed(sent_at)
                if wait is not None:
                    self.pace.pause(wait)
                    return True
                if self.network.given_up:
                    self.stop(f"the API cannot be reached: {error}", error)
            case Action.GO_ON:
                self.network.answered()
        return False

    def answered(self) -> None:
        self.network.answered()
