"""A campaign's async source holds a timeout open over its yields. The end of that timeout cancels no send."""

from __future__ import annotations

from typing import TYPE_CHECKING

import anyio
import pytest
from held import Held
from patience import seen

from eightbyeight_async import RetryPolicy, SmsRequest
from eightbyeight_async.bulk import Campaign, State, read_rows
from eightbyeight_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

pytestmark = pytest.mark.anyio
MODES = pytest.mark.parametrize("mode", ["each", "batch", "auto"])


def message(index: int) -> SmsRequest:
    return SmsRequest(destination=f"+6581{index:06d}", text="Your code")


class Source:
    """Yields messages without end under a timeout, until `expire` ends the timeout; then yields `after` more.

    Attributes:
        readers: ids of the tasks that read it.
    """

    def __init__(self, *, fails: bool, busy: bool = False, after: int = 0) -> None:
        self.expire: Callable[[], None] = lambda: None
        self.readers: set[int] = set()
        self.expired = False  # True when the block of the timeout has ended
        self._scope = anyio.fail_after if fails else anyio.move_on_after
        self._busy = busy
        self._after = after

    async def __aiter__(self) -> AsyncIterator[SmsRequest]:
        number = 0
        try:
            with self._scope(3600) as scope:
                self.expire = lambda: setattr(scope, "deadline", anyio.current_time() - 1)
                while True:
                    if self._busy and number == 3:
                        await anyio.sleep_forever()
                    self.readers.add(anyio.get_current_task().id)
                    number += 1  # before the yield: an interrupted yield does not continue
                    yield message(number - 1)
        finally:
            self.expired = True
        for _ in range(self._after):
            yield message(number)
            number += 1


@MODES
@pytest.mark.parametrize("fails", [True, False])
@pytest.mark.parametrize("busy", [True, False])
async def test_its_end_cancels_no_send(tmp_path: Path, mode: str, fails: bool, busy: bool) -> None:
    """Three messages are in flight. `busy`: the source waits for its next message; else the source waits to be read."""
    journal, source = tmp_path / "run.db", Source(fails=fails, busy=busy)
    with Sandbox() as sandbox:
        gate = Held(0)
        sandbox.faults.plan(gate.plan())

        async def expire() -> None:
            await seen(lambda: campaign.progress().in_flight == 3 and sandbox.traffic.requests)
            source.expire()
            await seen(lambda: source.expired)  # otherwise an answer could cause one more read of the source first
            gate.open()

        client = sandbox.client(retry=RetryPolicy.none())
        width = 4 if busy else 3
        async with (
            client,
            Campaign(client, journal, mode=mode, batch_size=1, max_concurrency=width, durability="process") as campaign,  # type: ignore[arg-type]
            anyio.create_task_group() as group,
        ):
            group.start_soon(expire)
            raised = None
            try:
                await campaign.send(source, expected=3)
            except TimeoutError as error:
                raised = error
        assert (raised is not None) is fails
        assert campaign.report is not None
        assert (campaign.report.accepted, campaign.report.unknown) == (3, 0)
        assert campaign.report.complete is not fails
        assert len(sandbox.messages) == 3
    assert [row.state for row in read_rows(journal)] == [State.SENT] * 3
    assert len(source.readers) == 1


@MODES
async def test_what_it_gives_after_its_timeout_is_sent(tmp_path: Path, mode: str) -> None:
    journal, source = tmp_path / "run.db", Source(fails=False, after=5)
    with Sandbox() as sandbox:
        gate = Held(0)
        sandbox.faults.plan(gate.plan())

        async def expire() -> None:
            await seen(lambda: campaign.progress().in_flight == 3 and sandbox.traffic.requests)
            source.expire()
            await seen(lambda: source.expired)  # otherwise an answer could cause one more read of the source first
            gate.open()

        client = sandbox.client()
        async with (
            client,
            Campaign(client, journal, mode=mode, batch_size=1, max_concurrency=3, durability="process") as campaign,  # type: ignore[arg-type]
            anyio.create_task_group() as group,
        ):
            group.start_soon(expire)
            report = await campaign.send(source, expected=8)
        assert (report.accepted, report.taken, report.complete) == (8, 8, True)
    assert sorted(row.place for row in read_rows(journal)) == list(range(8))


@pytest.mark.parametrize("how", ["stop", "cancel"])
async def test_leaving_early_closes_it_and_raises_nothing_of_its_own(tmp_path: Path, how: str) -> None:
    journal, source = tmp_path / "run.db", Source(fails=True, busy=True)
    with Sandbox() as sandbox:
        client = sandbox.client()
        async with client, Campaign(client, journal, mode="each", durability="process") as campaign:
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:

                    async def leave() -> None:
                        await seen(lambda: len(sandbox.messages) == campaign.progress().accepted == 3)
                        campaign.stop() if how == "stop" else scope.cancel()

                    group.start_soon(leave)
                    await campaign.send(source)
            assert scope.cancelled_caught is (how == "cancel")
        assert len(sandbox.messages) == 3


@MODES
async def test_the_sources_own_exception_comes_out_as_it_is(tmp_path: Path, mode: str) -> None:
    async def source() -> AsyncIterator[SmsRequest]:
        yield message(0)
        raise ZeroDivisionError("row 2")

    with Sandbox() as sandbox:
        client = sandbox.client()
        async with client, Campaign(client, tmp_path / "run.db", mode=mode) as campaign:  # type: ignore[arg-type]
            with pytest.raises(ZeroDivisionError, match="row 2"):
                await campaign.send(source())
