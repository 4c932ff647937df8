"""Mode "batch": up to 10,000 messages in one request.

Rules:
- The claims of a chunk are committed before its POST.
- A response that does not mention a message leaves it UNKNOWN, unless the response counts all messages as accepted.
- A batch that the API refuses as a whole is halved until the bad message is alone. One bad message among 10,000 costs
  27 requests, and only that message fails.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.message_keys import own_reference
from eightbyeight_async.bulk.judging.outcomes import Action, State, Verdict, judge, state_of
from eightbyeight_async.calls.plain_batch import AllAccepted
from eightbyeight_async.errors import EightByEightError, InvalidRequestError
from eightbyeight_async.frame_privacy import private_coroutine
from eightbyeight_async.models.sms_batch import BatchSmsRequest, paired_with

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eightbyeight_async.bulk.run.input_pages import Item
    from eightbyeight_async.bulk.run.worker_steps import Run
    from eightbyeight_async.models.sms_batch import BatchSmsResponse

__all__ = ["outcomes", "send_batches", "to_halve"]

_FAILURES = 2  # Failed batches in a row until the run stops: each failure uses up to 10,000 messages of the input.


async def send_batches(run: Run, size: int) -> None:
    """The work of one worker: takes chunks until the input ends."""
    run.network.most = _FAILURES
    while chunk := await _chunk(run, size):
        while chunk:
            if not await run.turn():
                run.not_tried(chunk)
                break
            chunk = await _claim_and_post(run, chunk)
            await run.room()  # Waits here, not in `_post`, which would keep the batch's messages in memory meanwhile.


async def _claim_and_post(run: Run, chunk: list[Item]) -> list[Item]:
    """Claims and posts a chunk; returns what `_post` returns.

    It is a function of its own, so that no variable keeps 10,000 messages while the next chunk is filled.
    """
    mine = await run.claim(chunk)
    return await _post(run, mine) if mine else []


async def _chunk(run: Run, size: int) -> list[Item]:
    chunk: list[Item] = []
    # One worker fills a batch at a time: two would share the last messages and send two half-full batches.
    async with run.filling:
        ready = run.intake.take(size)
        if ready is not None:
            return ready
        while len(chunk) < size and (item := await run.intake.next()) is not None:
            chunk.append(item)
    return chunk


async def _post(run: Run, items: list[Item]) -> list[Item]:
    """Sends one batch. Returns the items that did not go out and must be tried again; their claims are released."""
    if run.expired(items):
        return items
    sent_at = run.clock()
    run.tally.requests += 1
    try:
        answer = await run.within_lease(items, lambda: _send(run, items))
    except EightByEightError as error:
        verdict = judge(error)
        if to_halve(verdict, error, len(items)):
            return await _halved(run, items)
        if run.obey(verdict, error, sent_at):
            run.release(items)
            return items
        await run.settle([(item, verdict.state, None) for item in items], None, verdict, error)
        return []
    except BaseException:
        run.settle_now([(item, State.UNKNOWN, None) for item in items])
        raise
    run.answered()
    run.settle_now(outcomes(items, answer), answer.batch_id)
    return []


@private_coroutine
async def _send(run: Run, items: Sequence[Item]) -> AllAccepted | BatchSmsResponse:
    sms = run.client.sms
    references = [own_reference(item.request) or item.key for item in items]
    answer = await sms._send_plain_batch([item.request for item in items], references)  # noqa: SLF001 - only for campaigns
    if answer is None:
        messages = [item.wire() for item in items]
        return await sms.send_batch(BatchSmsRequest(messages=messages, include_messages_in_response=True))
    return answer if isinstance(answer, AllAccepted) else paired_with([item.wire() for item in items], answer)


async def _halved(run: Run, items: list[Item]) -> list[Item]:
    half = len(items) // 2
    parts = [items[:half], items[half:]]
    back: list[Item] = []
    try:
        while parts:
            going = await run.turn()
            part = parts.pop(0)
            if going:
                back += await _post(run, part)
                await run.room()
            else:
                await run.settle([(item, State.NOT_SENT, None) for item in part])
    except BaseException:
        # Cancelled: parts that were not begun did not go out. `_post` has settled the part in flight.
        run.settle_now([(item, State.NOT_SENT, None) for part in parts for item in part])
        raise
    return back


def to_halve(verdict: Verdict, error: EightByEightError, size: int) -> bool:
    """Whether one bad message may be the reason for the refusal, so that the other messages can be sent without it."""
    blamed = verdict.state is State.FAILED or isinstance(error, InvalidRequestError)
    return blamed and verdict.action is Action.GO_ON and size > 1


def outcomes(items: Sequence[Item], answer: AllAccepted | BatchSmsResponse) -> list[tuple[Item, State, str | None]]:
    """Returns item, state and umid of each message. Pure."""
    if isinstance(answer, AllAccepted):
        return [(item, State.SENT, umid) for item, umid in zip(items, answer.umids, strict=True)]
    if answer.results:
        return [
            (item, state_of(result.response), None if result.response is None else result.response.umid)
            for item, result in zip(items, answer.results, strict=True)
        ]
    # The response has only counts. If all messages were accepted, each is SENT; otherwise it is unknown which were.
    every = answer.accepted_count == len(items) and answer.rejected_count == 0
    return [(item, State.SENT if every else State.UNKNOWN, None) for item in items]
