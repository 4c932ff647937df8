"""A call ends at its deadline in any phase. The error says whether the message may have been sent."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import TYPE_CHECKING

import anyio
import pytest
from answers import coded
from anyio.from_thread import start_blocking_portal
from patience import PATIENCE, seen
from scripted import QUEUED, ScriptedServer, answer
from transport.raw_server import Peer, RawServer

from eightbyeight_async import AsyncConnectClient, RetryPolicy, Sent, SmsRequest, TransportTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable

    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

pytestmark = pytest.mark.anyio

SMS = SmsRequest(destination="+6598765432", text="Hello", source="ACME")
SOON = 0.3  # seconds
AT_ONCE = 0.05  # seconds; for waits whose length does not depend on the machine


async def expired(client: AsyncConnectClient, deadline: float) -> TransportTimeoutError:
    told = re.escape(f"deadline of {deadline:g} s")
    with anyio.fail_after(PATIENCE), pytest.raises(TransportTimeoutError, match=told) as caught:
        await client.with_options(deadline=deadline).sms.send(SMS)
    return caught.value


class Dripping:
    """Answers the first request of all, so that the second one reuses its connection."""

    def __init__(self) -> None:
        self._answered = False

    async def __call__(self, peer: Peer) -> None:
        await peer.request()
        if not self._answered:
            self._answered = True
            await peer.send(QUEUED)
            await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        while True:
            await peer.send(b" ")
            await asyncio.sleep(0.02)


@pytest.mark.usefixtures("no_rest")
async def test_a_dripping_answer_ends_at_the_deadline(connect: Connect) -> None:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(RawServer(Dripping())) as server,
    ):
        async with connect(server) as client:
            await client.sms.send(SMS)
            deadline = SOON
            while (await expired(client, deadline)).sent is Sent.NO:  # a slow machine needs longer for the write
                deadline *= 2


async def test_a_call_that_still_waits_for_a_place_was_not_sent(serve: Serve, connect: Connect) -> None:
    never = threading.Event()
    with serve(never) as server:
        async with connect(server, max_concurrency=1) as client, anyio.create_task_group() as group:
            group.start_soon(client.sms.send, SMS)
            await seen(lambda: server.received)
            error = await expired(client, AT_ONCE)
            async with client.with_options(deadline=AT_ONCE).sms.send_each([SMS] * 3) as results:
                sent = [result.sent async for result in results]
            group.cancel_scope.cancel()
        never.set()
    assert error.sent is Sent.NO
    assert sent == [Sent.NO] * 3
    assert len(server.received) == 1
    assert client._exchange.limiter.waiting == 0


async def test_a_call_that_still_waits_for_the_pace_was_not_sent(serve: Serve, connect: Connect) -> None:
    with serve() as server:
        async with connect(server, max_rate=0.001) as client:
            await client.sms.send(SMS)
            assert (await expired(client, AT_ONCE)).sent is Sent.NO
    assert len(server.received) == 1


async def test_the_pause_before_a_retry_counts(serve: Serve, connect: Connect) -> None:
    """The test doubles the deadline until the call reaches its pause, because a slow machine needs longer."""
    slowly = RetryPolicy(initial_delay=3 * PATIENCE, max_delay=3 * PATIENCE, jitter=0.0)
    pauses: list[float] = []

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        await anyio.sleep(seconds)

    deadline = 0.1
    with serve(QUEUED, answer(500, coded(2000))) as server:
        async with connect(server, retry=slowly) as client:
            client._exchange.sleep = pause
            await client.sms.send(SMS)
            while not pauses:
                assert deadline < PATIENCE
                deadline *= 2
                with pytest.raises(TransportTimeoutError) as caught:
                    await client.with_options(deadline=deadline).sms.send(SMS)
    assert (caught.value.sent, caught.value.attempts, pauses) == (Sent.MAYBE, 1, [3 * PATIENCE])


async def test_a_look_up_sends_no_message(serve: Serve, connect: Connect) -> None:
    never = threading.Event()
    with serve(never) as server:
        async with connect(server, deadline=SOON) as client:
            with pytest.raises(TransportTimeoutError) as caught:
                await client.sms.get("bda3d56d-1424-e711-813c-06ed3428fe67")
        never.set()
    assert caught.value.sent is Sent.NO


async def test_an_answer_before_the_deadline_is_the_answer(serve: Serve, connect: Connect) -> None:
    with serve(QUEUED) as server:
        async with connect(server, deadline=PATIENCE) as client:
            assert (await client.sms.send(SMS)).status.code == "QUEUED"


async def test_the_callers_own_limit_stays_the_callers(serve: Serve, connect: Connect) -> None:
    never = threading.Event()
    with serve(never) as server:
        async with connect(server, deadline=PATIENCE) as client:
            with anyio.move_on_after(SOON) as scope:
                await client.sms.send(SMS)
        never.set()
    assert scope.cancelled_caught
