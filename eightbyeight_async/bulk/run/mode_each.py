"""Mode "each": one POST a message."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.outcomes import State, judge, state_of
from eightbyeight_async.errors import EightByEightError

if TYPE_CHECKING:
    from eightbyeight_async.bulk.run.input_pages import Item
    from eightbyeight_async.bulk.run.worker_steps import Run

__all__ = ["send_each"]


async def send_each(run: Run) -> None:
    """The work of one worker: takes messages until the input ends."""
    while (item := await run.intake.next()) is not None:
        while await _again(run, item):
            pass


async def _again(run: Run, item: Item) -> bool:
    """Sends one message. True: it did not go out and its claim is released, so the caller must try again."""
    if not await run.group_turn(item) or not await run.turn():
        run.not_tried([item])
        return False
    if not await run.claim([item]):
        return False
    if run.expired([item]):
        return True
    sent_at = run.clock()
    run.tally.requests += 1
    try:
        if run.lease is None:
            response = await run.client.sms.send(item.wire())
        else:
            response = await run.within_lease([item], lambda: run.client.sms.send(item.wire()))
    except EightByEightError as error:
        verdict = judge(error)
        if run.obey(verdict, error, sent_at):
            run.release([item])
            return True
        await run.settle([(item, verdict.state, None)], None, verdict, error)
        return False
    except BaseException:
        run.settle_now([(item, State.UNKNOWN, None)])  # cancelled, or a bug: the message may have gone out
        raise
    run.answered()
    await run.settle([(item, state_of(response), response.umid)])
    return False
