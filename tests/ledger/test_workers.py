"""Chunks of a file in PgQueuer's queue: each is queued once, one process has it, and others take over chunks of dead
processes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import psycopg
import pytest
from patience import PATIENCE, seen

from eightbyeight_async import RetryPolicy, SmsRequest
from eightbyeight_async.bulk import Campaign, JournalError
from eightbyeight_async.cli.bulk.shared_file import SharedFile
from eightbyeight_async.cli.reading.row_to_request import Row
from eightbyeight_async.ledger import Ledger, LedgerError
from eightbyeight_async.ledger.workers import Chunks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def named(postgres: str, name: str) -> AsyncIterator[str]:
    """Yields the name of an existing campaign."""
    async with Ledger(postgres, name):
        yield name


def never() -> bool:
    return False


async def test_a_file_is_put_into_the_queue_once_and_its_chunks_come_in_order(postgres: str, named: str) -> None:
    async with Chunks(postgres, named) as one, Chunks(postgres, named) as two:
        runs = {await one.begin("digest", 25, 10), await two.begin("digest", 25, 10)}
        assert len(runs) == 1, "the second joins the run of the first"
        taken = [await queue.take(never) for queue in (one, two, one)]
        assert [(chunk.first, chunk.count) for chunk in taken if chunk] == [(0, 10), (10, 10), (20, 5)]
        assert await two.left() == 3
        for chunk in taken:
            assert chunk is not None
            await one.done(chunk)
        assert await two.take(never) is None
        assert await one.begin("another file", 5, 10) > max(runs), "all is done: this begins a new run"


async def test_two_that_begin_at_once_make_one_run(postgres: str, named: str) -> None:
    runs: list[int] = []

    async def begin() -> None:
        async with Chunks(postgres, named) as chunks:
            runs.append(await chunks.begin("digest", 100, 10))
            assert await chunks.left() == 10

    async with anyio.create_task_group() as group:
        for _ in range(5):
            group.start_soon(begin)
    assert len(set(runs)) == 1


async def test_another_file_is_refused_while_chunks_are_left(postgres: str, named: str) -> None:
    async with Chunks(postgres, named) as chunks:
        await chunks.begin("digest", 25, 10)
        with pytest.raises(LedgerError, match="another file under this name"):
            await chunks.begin("another", 25, 10)


async def test_the_chunk_of_a_dead_process_is_taken_by_another_and_that_of_a_living_one_is_not(
    postgres: str, named: str
) -> None:
    """The test sets the heartbeats back by an hour. `living` beats every sixth of a second."""
    async with Chunks(postgres, named) as dead, Chunks(postgres, named, heartbeat=1.0) as living:
        await dead.begin("digest", 20, 10)
        lost = await dead.take(never)
        kept = await living.take(never)
        assert lost is not None
        assert kept is not None
        with psycopg.connect(postgres, autocommit=True) as admin:
            admin.execute("UPDATE eightbyeight.pgqueuer SET heartbeat=now() - interval '1 hour'")
            async with Chunks(postgres, named) as other, living.working(kept):
                fresh = "SELECT heartbeat > now() - interval '30 s' FROM eightbyeight.pgqueuer WHERE id=%s"
                await seen(lambda: admin.execute(fresh, [kept.job.id]).fetchone() == (True,))
                with anyio.fail_after(PATIENCE):
                    taken = await other.take(never)
                assert taken is not None
                assert taken.first == lost.first == 0
                await other.done(taken)
                with anyio.move_on_after(0.5):
                    assert await other.take(never) is None
                    pytest.fail("nobody works on the second chunk any more")


async def test_a_chunk_that_is_given_back_is_there_at_once(postgres: str, named: str) -> None:
    async with Chunks(postgres, named) as one, Chunks(postgres, named) as two:
        await one.begin("digest", 10, 10)
        chunk = await one.take(never)
        assert chunk is not None
        await one.give_back(chunk)
        again = await two.take(never)
        assert again is not None
        assert again.first == 0
        assert await two.take(lambda: True) is None


async def test_a_name_without_a_campaign_is_refused(postgres: str, name: str) -> None:
    with pytest.raises(LedgerError, match="no campaign of this name"):
        async with Chunks(postgres, name):
            pass


def rows(count: int, **fields: Any) -> list[Row]:
    return [
        Row(
            line=number + 2,
            number=number + 1,
            request=SmsRequest(destination=f"+6581{number:06d}", text="Your code", **fields),
        )
        for number in range(count)
    ]


async def test_the_rest_of_a_dead_process_is_sent_by_the_others_and_nothing_twice(
    postgres: str, named: str, sandbox: Sandbox
) -> None:
    """One process dies after half of its chunk. Two other processes work at the same time."""
    count, size = 400, 40
    sent: list[int] = []

    async def work(dies: bool) -> None:
        options: dict[str, Any] = {"mode": "each", "max_rate": None, "max_concurrency": 10}
        async with (
            sandbox.client(retry=RetryPolicy.none(), timeout=PATIENCE) as client,
            Campaign(client, ledger=postgres, name=named, **options) as campaign,
            Chunks(postgres, named, heartbeat=1.0) as chunks,
        ):
            if dies:
                part_of = await chunks.begin("digest", count, size)
                chunk = await chunks.take(never)
                assert chunk is not None
                half = (row.request for row in rows(count)[chunk.first : chunk.first + size // 2])
                await campaign.send(half, part_of=part_of)
                return
            file = SharedFile(lambda: rows(count), "digest", messages=count, size=size, stopped=never)
            await file.send(campaign, chunks, fingerprint="f")
            report = file.report(campaign)
            assert report is not None
            assert report.complete
            sent.append(report.accepted)

    await work(dies=True)
    async with anyio.create_task_group() as group:
        for _ in range(2):
            group.start_soon(work, False)
    assert sum(sent) == count - size // 2
    assert len(sandbox.messages) == count
    assert set(sandbox.accepted_counts.values()) == {1}


async def test_copies_are_told_apart_over_chunks_and_processes(postgres: str, named: str, sandbox: Sandbox) -> None:
    """The same message at two times is two messages, even if the second one is in another chunk. If a chunk is sent
    again, none of its messages goes out twice.
    """
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    given = [
        SmsRequest(destination="+6581000001", text="Take your pill", scheduled=now + timedelta(hours=hours))
        for hours in (1, 2, 1)
    ]
    async with (
        sandbox.client() as client,
        Campaign(client, ledger=postgres, name=named, mode="each") as one,
        Campaign(client, ledger=postgres, name=named, mode="each") as two,
        Chunks(postgres, named) as chunks,
    ):
        part_of = await chunks.begin("digest", 3, 1)

        class Placed:
            """A message with its place in the input."""

            cut_off = True

            def __init__(self, place: int) -> None:
                self.message_place = place
                self._left = [given[place]]

            def __iter__(self) -> Placed:
                return self

            def __next__(self) -> SmsRequest:
                if not self._left:
                    raise StopIteration
                return self._left.pop()

        reports = [
            await campaign.send(Placed(place), part_of=part_of)
            for campaign, place in ((one, 0), (two, 1), (one, 2), (two, 0), (one, 1), (two, 1))
        ]
    counts = [(report.accepted, report.known, report.duplicates) for report in reports]
    assert counts == [(1, 0, 0), (1, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 0), (0, 1, 0)]
    assert len(sandbox.messages) == 2


async def test_a_journal_has_no_parts(sandbox: Sandbox, tmp_path: Path) -> None:
    async with sandbox.client() as client, Campaign(client, tmp_path / "run.db") as campaign:
        with pytest.raises(JournalError, match="part_of is for ledgers"):
            await campaign.send([SmsRequest(destination="+6581000001", text="Hi")], part_of=1)
