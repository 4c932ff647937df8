"""A run without network stops soon, or waits with `keep_trying`. Nothing is lost and nothing is sent twice."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest
from forwarding import closed_port, forwarded

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import Campaign, status
from eightbyeight_async.bulk.run.network import Network
from eightbyeight_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PEOPLE = [SmsRequest(destination=f"+65800000{n:02}", text="Hi") for n in range(60)]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def base(port: int) -> dict[str, Any]:
    return {"sms_base_url": f"https://localhost:{port}"}


@pytest.mark.parametrize(("mode", "tried"), [("each", 20), ("batch", 20)])
def test_without_network_a_run_stops_before_it_has_taken_its_input(
    sandbox: Sandbox, tmp_path: Path, mode: Any, tried: int
) -> None:
    async def run() -> None:
        async with sandbox.client(**base(closed_port())) as client:
            options: dict[str, Any] = {"mode": mode, "batch_size": 10, "max_concurrency": 1}
            async with Campaign(client, tmp_path / "run.db", **options) as campaign:
                report = await campaign.send(iter(PEOPLE))
            assert "cannot be reached" in str(report.stopped)
            assert report.taken == tried

    asyncio.run(run())
    assert (status(tmp_path / "run.db").sent, status(tmp_path / "run.db").unknown) == (0, 0)


@pytest.mark.parametrize("mode", ["each", "batch"])
def test_a_run_waits_for_the_network_and_sends_everything_once(sandbox: Sandbox, tmp_path: Path, mode: Any) -> None:
    port = closed_port()

    async def run() -> None:
        options: dict[str, Any] = {"mode": mode, "batch_size": 10, "keep_trying": 60.0}
        with ExitStack() as network:
            async with (
                sandbox.client(**base(port)) as client,
                Campaign(client, tmp_path / "run.db", **options) as campaign,
            ):
                sending = asyncio.create_task(campaign.send(PEOPLE))
                while campaign.progress().unreachable is None:
                    await asyncio.sleep(0.01)
                assert 0 < (campaign.progress().unreachable or 0) <= 60
                network.enter_context(forwarded(port, sandbox.sms_base_url))
                report = await sending
            assert (report.stopped, report.accepted, report.unreachable) == (None, 60, None)

    asyncio.run(run())
    assert len({message.destination for message in sandbox.messages}) == len(sandbox.messages) == 60


def test_after_that_time_it_stops(sandbox: Sandbox, tmp_path: Path) -> None:
    async def run() -> None:
        now = [0.0]
        async with sandbox.client(**base(closed_port())) as client:
            network = Network(lambda: now[0], 100.0)
            waits = []
            while not network.given_up:
                wait = network.failed(now[0])
                waits.append(wait)
                now[0] += wait or 0.0
            assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, None]
            async with Campaign(client, tmp_path / "run.db", keep_trying=0.5) as campaign:
                report = await campaign.send(PEOPLE)
            assert "cannot be reached" in str(report.stopped)

    asyncio.run(run())


def test_failures_of_one_moment_make_one_pause() -> None:
    now = [0.0]
    network = Network(lambda: now[0], 100.0)
    assert [network.failed(0.0) for _ in range(3)] == [1.0, 1.0, 1.0]
    now[0] = 1.5
    assert network.failed(0.5) == 0.0, "it was begun before the pause"
    assert network.failed(1.0) == 2.0
    network.answered()
    assert (network.left, network.failed(4.0)) == (None, 1.0)
