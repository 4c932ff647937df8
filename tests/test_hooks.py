"""`on_attempt` and `on_wait`: one event for every attempt of every operation, on every transport, without secrets."""

from __future__ import annotations

import contextlib
import functools
import gc
import json
import logging
import sys
import threading
import weakref
from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock, MagicMock

import anyio
import attrs
import httpx
import pytest
import respx
from answers import ODD, SUCCESSES, success
from conftest import KEY, SUBACCOUNT
from frame_locals import CODE, NUMBER, TEXT, leaks, secrets_in
from patience import PATIENCE, all_blocked, seen
from proxies import Proxy
from scripted import QUEUED, ScriptedServer, answer
from test_every_operation import EACH, OPERATIONS, TWICE, UMID

from eightbyeight_async import (
    APIError,
    AsyncConnectClient,
    AttemptEvent,
    BatchSmsRequest,
    ClientClosedError,
    EightByEightError,
    InvalidRequestError,
    LogExportError,
    RetryPolicy,
    Sent,
    SmsRequest,
    SmsTemplate,
    TransportError,
    TransportTimeoutError,
    WaitEvent,
)
from eightbyeight_async.bulk import Campaign
from eightbyeight_async.call_hooks import _origin

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]
    Clients = Callable[..., AbstractAsyncContextManager[AsyncConnectClient]]

pytestmark = pytest.mark.anyio

SMS = SmsRequest(destination=NUMBER, text=TEXT)
INTERNAL = answer(500, '{"code": 2000, "message": "internal"}')
RATE = answer(429, '{"code": 429, "message": "slow down"}', {"Retry-After": "1"})
AT_ONCE = RetryPolicy(initial_delay=0.0, max_delay=0.0)
WAY_NAMES = ["default", "event_hooks", "http_client", "proxy", "http2"]
WAYS: Any = pytest.mark.parametrize("way", WAY_NAMES)


class Heard:
    """The events that the hooks of a client got."""

    def __init__(self) -> None:
        self.attempts: list[AttemptEvent] = []
        self.waits: list[WaitEvent] = []

    @property
    def hooks(self) -> dict[str, Any]:
        return {"on_attempt": self.attempts.append, "on_wait": self.waits.append}

    @property
    def attempt(self) -> AttemptEvent:
        (event,) = self.attempts
        return event

    def take(self) -> tuple[list[AttemptEvent], list[WaitEvent]]:
        """Returns the events since the last call of `take`."""
        taken = self.attempts[:], self.waits[:]
        self.attempts.clear()
        self.waits.clear()
        return taken


@pytest.fixture
def heard() -> Iterator[Heard]:
    """At the end of each test, checks that the events show no secret."""
    found = Heard()
    yield found
    shown = repr([attrs.asdict(event) for event in (*found.attempts, *found.waits)])
    assert secrets_in(shown) == []


@pytest.fixture
def clients(tls: ssl.SSLContext, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """`async with clients(way, server, ...) as client`."""
    with Proxy("http") as proxy:

        @contextlib.asynccontextmanager
        async def make(way: str, server: ScriptedServer, **options: Any) -> AsyncIterator[AsyncConnectClient]:
            async with contextlib.AsyncExitStack() as stack:
                if way == "http_client":
                    options["http_client"] = await stack.enter_async_context(httpx.AsyncClient(verify=tls))
                if way == "event_hooks":
                    options["event_hooks"] = {"request": [AsyncMock(return_value=None)]}
                if way == "proxy":
                    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
                options["http2"] = way == "http2"
                yield await stack.enter_async_context(connect(server, **options))

        yield make


SIZES = {"sms.send_batch": 4, "chatapps.send_batch": 2}
IDS = {
    "sms.send": "bda3d56d-1424-e711-813c-06ed3428fe67",
    "chatapps.send": "82188ee0-109f-e811-8150-020897df5459",
    **dict.fromkeys(("sms.cancel", "sms.get", "sms.send_feedback", "chatapps.cancel", "chatapps.get"), UMID),
}


@WAYS
@EACH
async def test_each_success_gives_one_event(serve: Serve, clients: Clients, heard: Heard, name: str, way: str) -> None:
    with serve(answer(SUCCESSES[name][0], success(name))) as server:
        async with clients(way, server, **heard.hooks) as client:
            for _ in range(2):
                await OPERATIONS[name].call(client)
    assert heard.waits == []
    for event, request in zip(heard.attempts, server.received, strict=True):
        assert 0 < event.on_wire < PATIENCE
        assert attrs.evolve(event, on_wire=1.5) == AttemptEvent(
            operation=name,
            subaccount_id=SUBACCOUNT,
            attempt=1,
            status=SUCCESSES[name][0],
            code=None,
            error=None,
            sent=None,
            waited=0.0,
            on_wire=1.5,
            request_bytes=len(request.body),
            response_bytes=len(success(name)),
            umid=IDS.get(name),
            batch_size=SIZES.get(name),
        )


@WAYS
@EACH
async def test_each_failed_attempt_gives_one_event(
    serve: Serve, clients: Clients, heard: Heard, name: str, way: str
) -> None:
    """Documented errors, undocumented answers, and no answer; with a retry if the error is retried.

    An operation gets all of them on the default way, and a quarter of them on each other way. Together these are all.
    """
    row = OPERATIONS[name]
    odd = [one for one in ODD if row.expected is not None or not one.reads]
    steps: list[Any] = [(one.status, one.body, one.retried, {}) for one in row.errors]
    steps += [(o.status, success(name)[:-5] if o.body is None else o.body, o.retried, o.headers) for o in odd]
    if way != "default":
        steps = steps[WAY_NAMES.index(way) - 1 :: len(WAY_NAMES) - 1]
    script: list[Any] = [answer(s, body, headers) for s, body, retried, headers in steps for _ in range(1 + retried)]
    with serve(*script, None) as server:
        async with clients(way, server, retry=TWICE, **heard.hooks) as client:
            for status, body, retried, _ in (*steps, (None, b"", False, {})):
                with pytest.raises(EightByEightError) as caught:
                    await row.call(client)
                events, waits = heard.take()
                error: Any = caught.value
                assert len(events) == error.attempts == 1 + retried
                assert waits == []  # a pause of zero seconds is no wait
                for number, event in enumerate(events, 1):
                    assert (event.operation, event.attempt) == (name, number)
                    assert event.error == type(error).__name__
                    assert (event.status, event.code) == (status, getattr(error, "code", None))
                    assert event.sent is error.sent
                    assert event.request_bytes == len(server.received[-1].body)
                    assert event.response_bytes == len(body)
                    assert event.batch_size == SIZES.get(name)
                    assert event.umid == (None if name.endswith(".send") else IDS.get(name))


@WAYS
async def test_each_retry_gives_an_attempt_and_a_wait(serve: Serve, clients: Clients, heard: Heard, way: str) -> None:
    policy = RetryPolicy(initial_delay=0.002, max_delay=0.002, jitter=0.0)
    with serve(INTERNAL, INTERNAL, QUEUED) as server:
        async with clients(way, server, retry=policy, **heard.hooks) as client:
            assert (await client.sms.send(SMS)).ok
    told = [(e.attempt, e.status, e.code, e.error, e.sent, e.umid) for e in heard.attempts]
    failed = (500, 2000, "ServerError", Sent.MAYBE, None)
    assert told == [(1, *failed), (2, *failed), (3, 200, None, None, None, IDS["sms.send"])]
    assert [(w.operation, w.attempt, w.reason) for w in heard.waits] == [("sms.send", n, "retry") for n in (2, 3)]
    assert all(wait.seconds >= 0.002 for wait in heard.waits)


async def test_the_event_is_about_its_own_attempt_the_error_about_all(
    serve: Serve, connect: Connect, heard: Heard
) -> None:
    with serve(INTERNAL, RATE) as server:
        async with connect(server, retry=AT_ONCE, **heard.hooks) as client:
            with pytest.raises(APIError) as caught:
                await client.sms.send(SMS)
    assert caught.value.sent is Sent.MAYBE
    assert [(e.error, e.code, e.status, e.sent) for e in heard.attempts] == [
        ("ServerError", 2000, 500, Sent.MAYBE),
        ("RateLimitError", 429, 429, Sent.NO),
    ]


async def test_a_connection_that_is_refused(serve: Serve, connect: Connect, heard: Heard) -> None:
    with serve() as server:
        client = connect(server, **heard.hooks)
    async with client:
        with pytest.raises(TransportError):
            await client.sms.send(SMS)
    event = heard.attempt
    assert (event.error, event.sent, event.status, event.response_bytes) == ("TransportError", Sent.NO, None, 0)
    assert event.on_wire > 0


async def test_a_closed_client(serve: Serve, connect: Connect, heard: Heard) -> None:
    with serve() as server:
        async with connect(server, **heard.hooks) as client:
            pass
        with pytest.raises(ClientClosedError):
            await client.sms.send(SMS)
    event = heard.attempt
    assert (event.error, event.sent, event.on_wire, event.request_bytes) == ("ClientClosedError", Sent.NO, 0.0, 0)


class Clock:
    """A clock that advances one second at each look."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1.0
        return self.now


async def test_waited_is_what_the_waits_say(serve: Serve, connect: Connect, heard: Heard) -> None:
    gate = threading.Event()
    with serve(gate=gate) as server:
        async with connect(server, max_concurrency=1, max_rate=50.0, **heard.hooks) as client:
            client._exchange.watch.clock = Clock()
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(client.sms.send, SMS)
                await seen(lambda: client._exchange.limiter.waiting == 2)
                gate.set()
    assert [event.waited > 0 for event in heard.attempts] == [False, True, True]
    assert [wait.reason for wait in heard.waits].count("limiter") == 2
    assert sum(event.waited for event in heard.attempts) == sum(wait.seconds for wait in heard.waits)
    assert all(event.on_wire >= 1 for event in heard.attempts)


async def test_a_paced_call_waits_for_its_turn(serve: Serve, connect: Connect, heard: Heard) -> None:
    with serve() as server:
        async with connect(server, max_rate=1000.0, **heard.hooks) as client:
            slept = []
            sleep = client._exchange.sleep

            async def note(seconds: float) -> None:
                slept.append(seconds)
                await sleep(seconds)

            client._exchange.sleep = note
            async with client.sms.send_each([SMS] * 40) as results:
                assert [result.ok async for result in results] == [True] * 40
    assert len(heard.attempts) == 40
    assert slept
    assert {wait.reason for wait in heard.waits} == {"pace"}
    assert len([event for event in heard.attempts if event.waited > 0]) == len(heard.waits) <= len(slept)


async def cancelled(client: AsyncConnectClient, ready: Callable[[], bool], name: str = "sms.send") -> None:
    """Cancels a call as soon as `ready()` is true."""
    with anyio.CancelScope() as scope:
        async with anyio.create_task_group() as group:
            group.start_soon(OPERATIONS[name].call, client)
            await seen(ready)
            await all_blocked()
            scope.cancel()


@pytest.mark.parametrize("name", ["sms.send", "sms.send_batch", "sms.cancel", "sms.get"])
@pytest.mark.parametrize("way", ["default", "event_hooks"])
async def test_cancelled_on_the_wire(serve: Serve, clients: Clients, heard: Heard, way: str, name: str) -> None:
    with serve(gate=threading.Event()) as server:
        async with clients(way, server, **heard.hooks) as client:
            await cancelled(client, lambda: bool(server.received), name)
    event = heard.attempt
    assert (event.operation, event.error, event.status) == (name, "CancelledError", None)
    assert event.sent is (Sent.NO if OPERATIONS[name].looks else Sent.MAYBE)
    assert event.on_wire > 0
    assert event.request_bytes == len(server.received[0].body)
    assert heard.waits == []


async def test_cancelled_while_it_waits_for_its_place(serve: Serve, connect: Connect, heard: Heard) -> None:
    gate = threading.Event()
    with serve(gate=gate) as server:
        async with connect(server, max_concurrency=1, **heard.hooks) as client, anyio.create_task_group() as group:
            group.start_soon(client.sms.send, SMS)
            await seen(lambda: server.received)
            await cancelled(client, lambda: client._exchange.limiter.waiting == 1, "sms.cancel")
            ((event,), (wait,)) = heard.take()
            gate.set()
    assert (event.operation, event.error, event.sent) == ("sms.cancel", "CancelledError", Sent.NO)
    assert (event.on_wire, event.request_bytes, event.umid) == (0.0, 0, UMID)
    assert (wait.reason, wait.attempt) == ("limiter", 1)
    assert event.waited == wait.seconds > 0


async def test_cancelled_while_it_waits_for_its_turn(serve: Serve, connect: Connect, heard: Heard) -> None:
    with serve() as server:
        async with connect(server, max_rate=0.01, **heard.hooks) as client:
            await client.sms.send(SMS)
            heard.take()
            await cancelled(client, lambda: True)
    event, (wait,) = heard.attempt, heard.waits
    assert (event.error, event.sent, event.on_wire) == ("CancelledError", Sent.NO, 0.0)
    assert wait.reason == "pace"
    assert event.waited == wait.seconds > 0


async def test_cancelled_in_the_pause_before_a_retry(serve: Serve, connect: Connect, heard: Heard) -> None:
    policy = RetryPolicy(initial_delay=PATIENCE, max_delay=PATIENCE, jitter=0.0)
    with serve(INTERNAL) as server:
        async with connect(server, retry=policy, **heard.hooks) as client:
            await cancelled(client, lambda: bool(heard.attempts))
    assert heard.attempt.error == "ServerError"
    (wait,) = heard.waits
    assert (wait.reason, wait.attempt) == ("retry", 2)
    assert 0 < wait.seconds < PATIENCE


@pytest.mark.parametrize("way", ["default", "event_hooks"])
async def test_out_of_time_on_the_wire(serve: Serve, clients: Clients, heard: Heard, way: str) -> None:
    """The test doubles the deadline until the request has arrived, because a slow machine needs longer."""
    deadline = 0.1
    with serve(gate=threading.Event()) as server:
        async with clients(way, server, **heard.hooks) as client:
            while not server.received:
                heard.take()
                with pytest.raises(TransportTimeoutError) as caught:
                    await client.with_options(deadline=deadline).sms.send(SMS)
                deadline *= 2
    event = heard.attempt
    assert (event.error, event.sent, event.status) == ("TransportTimeoutError", Sent.MAYBE, None)
    assert caught.value.sent is Sent.MAYBE


async def test_out_of_time_while_it_waits_for_its_place(serve: Serve, connect: Connect, heard: Heard) -> None:
    gate = threading.Event()
    with serve(gate=gate) as server:
        async with connect(server, max_concurrency=1, **heard.hooks) as client, anyio.create_task_group() as group:
            group.start_soon(client.sms.send, SMS)
            await seen(lambda: server.received)
            with pytest.raises(TransportTimeoutError):
                await client.with_options(deadline=0.01).sms.send(SMS)
            ((event,), (wait,)) = heard.take()
            gate.set()
    assert (event.error, event.sent, event.on_wire) == ("TransportTimeoutError", Sent.NO, 0.0)
    assert (wait.reason, wait.seconds) == ("limiter", event.waited)


async def test_the_callers_own_time_limit_is_a_cancellation(serve: Serve, connect: Connect, heard: Heard) -> None:
    with serve(gate=threading.Event()) as server:
        async with connect(server, deadline=PATIENCE, **heard.hooks) as client:
            with anyio.move_on_after(0.05):
                await client.sms.send(SMS)
    assert heard.attempt.error == "CancelledError"


async def test_fan_outs_batches_and_campaigns(serve: Serve, connect: Connect, heard: Heard, tmp_path: Path) -> None:
    numbers = [f"+65987654{number:02}" for number in range(50)]
    requests = [SmsRequest(destination=number, text=TEXT) for number in numbers]
    queued = json.loads(QUEUED.partition(b"\r\n\r\n")[2])

    def reply(request: Any) -> tuple[bytes, ...]:
        asked = json.loads(request.body)
        if "messages" not in asked and "destinations" not in asked:
            return (answer(200, json.dumps({**queued, "destination": asked["destination"]})),)
        return (answer(200, '{"batchId": "b-1", "acceptedCount": 50, "rejectedCount": 0}'),)

    with serve(reply) as server:
        async with connect(server, **heard.hooks) as client:
            async with client.sms.send_each(requests) as results:
                assert len([result async for result in results if result.ok]) == 50
            events, _ = heard.take()
            assert [(e.operation, e.batch_size) for e in events] == [("sms.send", None)] * 50
            await client.sms.send_batch(BatchSmsRequest(messages=requests))
            await client.sms.send_batch(BatchSmsRequest(destinations=numbers, template=SmsTemplate(text=TEXT)))
            events, _ = heard.take()
            assert [(e.operation, e.batch_size, e.umid) for e in events] == [("sms.send_batch", 50, None)] * 2
            for mode in ("each", "batch"):
                async with Campaign(client, tmp_path / f"{mode}.db", mode=mode, max_rate=None) as campaign:
                    await campaign.send(requests)
                events, _ = heard.take()
                operation, count = {"each": ("sms.send", 50), "batch": ("sms.send_batch", 1)}[mode]
                assert [e.operation for e in events if e.operation.startswith("sms.send")] == [operation] * count


async def test_an_export_and_its_files(serve: Serve, connect: Connect, heard: Heard) -> None:
    rows = b"umid,clientmessageid\r\nu1,m1\r\n"
    with serve() as server:
        link = json.dumps({"status": "succeeded", "data": [f"{server.url}/one?token={CODE}", f"{server.url}/two"]})
        server._script.clear()
        server._script.extend([answer(200, link), answer(200, rows), answer(302, b"", {"Location": "/2"}), answer(404)])
        async with connect(server, **heard.hooks) as client:
            with pytest.raises(EightByEightError):
                [row async for row in client.sms.iter_log_rows("job")]
        failure = ("NotFoundError", Sent.NO, 404, 0)
        told = [(e.operation, e.error, e.sent, e.status, e.response_bytes) for e in heard.take()[0]]
        assert told == [
            ("sms.get_log_export", None, None, 200, len(link)),
            ("sms.download_log_file", None, None, 200, len(rows)),
            ("sms.download_log_file", *failure),
        ]
        server._script.extend([answer(200, link), answer(200, rows)])
        server._script.popleft()
        async with connect(server, **heard.hooks) as client:
            with pytest.raises(LogExportError):
                [row async for row in client.sms.iter_log_rows("job", max_file_bytes=10)]
    assert [(e.error, e.status) for e in heard.attempts] == [(None, 200), ("LogExportError", 200)]


async def test_a_download_that_is_cancelled(serve: Serve, connect: Connect, heard: Heard) -> None:
    async def read(client: AsyncConnectClient) -> None:
        [row async for row in client.sms.iter_log_rows("job")]

    with serve() as server:
        link = json.dumps({"status": "succeeded", "data": [f"{server.url}/one"]})
        server._script.clear()
        server._script.extend([answer(200, link), threading.Event()])
        async with connect(server, **heard.hooks) as client:
            with anyio.CancelScope() as scope:
                async with anyio.create_task_group() as group:
                    group.start_soon(read, client)
                    await seen(lambda: len(server.received) == 2)
                    scope.cancel()
        server._script[0].set()
    assert [(e.operation, e.error, e.sent) for e in heard.attempts] == [
        ("sms.get_log_export", None, None),
        ("sms.download_log_file", "CancelledError", Sent.NO),
    ]


@pytest.mark.parametrize(
    ("link", "origin"),
    [
        ("https://files.example.com:8443/a/token?signature=x", "https://files.example.com:8443"),
        ("https://user:secret@files.example.com/a", "https://files.example.com"),
        ("nonsense", "://"),
        ("https://[", ""),
    ],
)
def test_of_a_link_only_its_host_is_passed_on(link: str, origin: str) -> None:
    assert _origin(link) == origin


async def test_views_share_the_hooks_and_name_their_subaccount(serve: Serve, connect: Connect, heard: Heard) -> None:
    with serve() as server:
        async with connect(server, **heard.hooks) as client:
            await client.with_options(subaccount_id="other_hq").sms.send(SMS)
            await client.sms.send(SMS)
    assert [event.subaccount_id for event in heard.attempts] == ["other_hq", SUBACCOUNT]


@pytest.mark.parametrize("umid", ["batch", "exports", "feedback", "messages", "a~b.c-d_e", "prices"])
@pytest.mark.parametrize("subaccount_id", ["messages", "batch", "a&b_c"])
async def test_ids_and_subaccounts_that_look_like_paths(heard: Heard, umid: str, subaccount_id: str) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(404))
    options: dict[str, Any] = {"transport": transport, "retry": AT_ONCE, **heard.hooks}
    async with AsyncConnectClient("key", subaccount_id, **options) as client:
        for call in (client.sms.cancel, client.chatapps.cancel, client.sms.get, client.chatapps.get):
            with pytest.raises(EightByEightError):
                await call(umid)
        with pytest.raises(EightByEightError):
            await client.sms.send_feedback(umid, "success")
        for other in (client.sms.cancel_batch, client.sms.get_log_export, client.sms.cancel_log_export):
            with pytest.raises(EightByEightError):
                await other(umid)
    about = [(event.operation, event.umid) for event in heard.attempts]
    names = ("sms.cancel", "chatapps.cancel", "sms.get", "chatapps.get", "sms.send_feedback")
    others = ("sms.cancel_batch", "sms.get_log_export", "sms.cancel_log_export")
    assert about == [*((name, umid) for name in names), *((name, None) for name in others)]


async def test_a_number_given_as_an_id_is_not_told(serve: Serve, connect: Connect, heard: Heard) -> None:
    with serve(answer(404, '{"code": 1300}'), QUEUED.replace(b"bda3d56d-1424-e711-813c-06ed3428fe67", b"6" * 36)) as s:
        async with connect(s, **heard.hooks) as client:
            with pytest.raises(EightByEightError):
                await client.sms.cancel(NUMBER.removeprefix("+"))
            await client.sms.send(SMS)
    assert [event.umid for event in heard.attempts] == [None, None]


async def test_a_hook_runs_in_the_loop_of_its_call(serve: Serve, connect: Connect, anyio_backend_name: str) -> None:
    there: list[object] = []

    def note(_: AttemptEvent) -> None:
        there.append((threading.get_ident(), anyio.get_current_task().id))

    with serve() as server:
        client = connect(server, on_attempt=note)
        here: list[object] = []

        async def send() -> None:
            here.append((threading.get_ident(), anyio.get_current_task().id))
            await client.sms.send(SMS)

        threads = [threading.Thread(target=anyio.run, args=(send,), kwargs={"backend": anyio_backend_name})]
        for thread in threads:
            thread.start()
        await send()
        for thread in threads:
            await anyio.to_thread.run_sync(thread.join)
        await client.aclose()
    assert sorted(map(repr, there)) == sorted(map(repr, here))
    assert len({ident for ident, _ in there}) == 2  # type: ignore[misc]


def raises(event: AttemptEvent | WaitEvent) -> None:
    secret = f"{TEXT} to {NUMBER} with {KEY}"
    raise ValueError(secret)


@pytest.mark.parametrize("way", ["default", "event_hooks"])
async def test_a_hook_that_raises_is_logged_and_breaks_nothing(
    serve: Serve, clients: Clients, caplog: pytest.LogCaptureFixture, way: str
) -> None:
    policy = RetryPolicy(initial_delay=0.001, max_delay=0.001, jitter=0.0)
    with serve(INTERNAL, QUEUED, RATE) as server, caplog.at_level(logging.DEBUG, "eightbyeight_async"):
        async with clients(way, server, retry=policy, on_attempt=raises, on_wait=raises) as client:
            assert (await client.sms.send(SMS)).ok
            with pytest.raises(APIError) as caught:
                await client.sms.send(SMS)
    assert caught.value.status_code == 429
    assert caught.value.__context__ is None
    assert leaks(caught.value) == []
    records = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage().split(" (")[0] for record in records] == [
        "on_attempt raised ValueError",
        "on_wait raised ValueError",
        "on_attempt raised ValueError",
        "on_attempt raised ValueError",
    ]
    assert all(f"line {raises.__code__.co_firstlineno + 2} of {__file__}" in r.getMessage() for r in records)
    assert all(record.exc_info is None and record.name == "eightbyeight_async" for record in records)
    assert secrets_in(caplog.text) == []


async def test_a_hook_sees_no_exception(serve: Serve, connect: Connect) -> None:
    """A log line with `exc_info` and locals would show the frames of the call, which are emptied only at its end."""
    handled: list[object] = []

    def note(_: object) -> None:
        handled.append(sys.exc_info()[1])

    policy = RetryPolicy(initial_delay=0.001, max_delay=PATIENCE, jitter=0.0, multiplier=1e6)
    hooks: dict[str, Any] = {"on_attempt": note, "on_wait": note}
    with serve(INTERNAL, INTERNAL) as server:
        async with connect(server, retry=policy, **hooks) as client:
            await cancelled(client, lambda: len(handled) == 3)
    with serve(answer(200, json.dumps({"status": "succeeded", "data": ["http://x"]}))) as server:
        async with connect(server, **hooks) as client:
            with pytest.raises(EightByEightError) as caught:
                [row async for row in client.sms.iter_log_rows("job")]
    assert caught.value.__context__ is None
    assert handled == [None] * 6


async def test_a_failed_call_leaves_no_cycle(serve: Serve, connect: Connect, heard: Heard) -> None:
    with serve(answer(400, '{"code": 1002}')) as server:
        async with connect(server, **heard.hooks) as client:
            for _ in range(2):  # the first call opens the connection
                try:
                    await client.sms.send(SMS)
                except EightByEightError as error:
                    gone = weakref.ref(error)
                    gc.collect()
                    gc.disable()
            try:
                assert gone() is None
            finally:
                gc.enable()


async def test_a_hook_that_raises_does_not_hide_a_cancellation(serve: Serve, connect: Connect) -> None:
    with serve(gate=threading.Event()) as server:
        async with connect(server, on_attempt=raises) as client:
            await cancelled(client, lambda: bool(server.received))


@pytest.mark.parametrize("hook", ["on_attempt", "on_wait"])
async def test_what_is_no_exception_comes_out(serve: Serve, connect: Connect, hook: str) -> None:
    def stop(_: object) -> None:
        raise KeyboardInterrupt

    policy = RetryPolicy(initial_delay=0.001, max_delay=0.001, jitter=0.0)
    with serve(INTERNAL, QUEUED) as server:
        async with connect(server, retry=policy, **{hook: stop}) as client:
            with pytest.raises(KeyboardInterrupt):
                await client.sms.send(SMS)
            assert client._exchange.limiter.free == client._exchange.limiter.width
    assert len(server.received) == 1


async def test_an_assertion_of_a_mock_is_an_attempt(serve: Serve, connect: Connect, heard: Heard) -> None:
    with serve() as server:
        async with connect(server, **heard.hooks) as client:
            with respx.mock(assert_all_called=False) as router:
                router.get("https://other.example").mock(return_value=httpx.Response(200))
                with pytest.raises(AssertionError):
                    await client.sms.send(SMS)
    assert (heard.attempt.error, heard.attempt.sent) == ("AllMockedAssertionError", Sent.MAYBE)


async def test_a_transport_of_the_application(heard: Heard) -> None:
    def api(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=QUEUED.partition(b"\r\n\r\n")[2])

    transport = httpx.MockTransport(api)
    async with AsyncConnectClient("key", SUBACCOUNT, transport=transport, **heard.hooks) as client:
        await client.sms.send(SMS)
    assert (heard.attempt.status, heard.attempt.umid) == (200, IDS["sms.send"])


async def test_a_call_that_the_garbage_collector_ends_tells_nothing(
    serve: Serve, connect: Connect, heard: Heard
) -> None:
    """The coroutine is closed as if its loop were gone. It has no connection yet, because it may not await anything
    then.
    """
    with serve() as server:
        async with connect(server, max_rate=0.01, **heard.hooks) as client:
            await client.sms.send(SMS)
            heard.take()

            class Never:
                def __await__(self) -> Any:
                    yield

            async def sleep(_: float) -> None:
                await Never()

            client._exchange.sleep = sleep
            sending = client.sms.send(SMS)
            sending.send(None)
            sending.close()
            assert client._exchange.limiter.free == client._exchange.limiter.width
    assert heard.attempts == []


class AsyncObject:
    async def __call__(self, event: AttemptEvent) -> None: ...


async def plain(event: AttemptEvent) -> None: ...


async def generator(event: AttemptEvent) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize("name", ["on_attempt", "on_wait"])
@pytest.mark.parametrize(
    "hook", [plain, generator, AsyncObject(), functools.partial(plain), AsyncMock(), AsyncObject().__call__]
)
def test_an_async_hook_is_refused(name: str, hook: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        AsyncConnectClient("key", SUBACCOUNT, **{name: hook})
    assert str(caught.value) == f"{name}: must be a plain function, not an async one: a send does not wait for a hook"


@pytest.mark.parametrize("hook", [7, "print", [print], True])
def test_what_cannot_be_called_is_refused(hook: Any) -> None:
    with pytest.raises(InvalidRequestError, match="on_attempt: must be a function of one event, not "):
        AsyncConnectClient("key", SUBACCOUNT, on_attempt=hook)


@pytest.mark.parametrize("hook", [print, MagicMock(), [].append, functools.partial(print, "x"), lambda event: None])
def test_what_can_be_called_is_taken(hook: Any) -> None:
    AsyncConnectClient("key", SUBACCOUNT, on_attempt=hook, on_wait=hook)


async def test_a_coroutine_that_a_hook_returns_is_logged_and_closed(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    with serve() as server:
        async with connect(server, on_attempt=lambda event: plain(event)) as client:  # noqa: PLW0108 - hides it
            assert (await client.sms.send(SMS)).ok
    assert "on_attempt returned a coroutine, which is not run" in caplog.text


def test_events_are_frozen_and_named() -> None:
    event = WaitEvent(operation="sms.send", subaccount_id="a", attempt=1, reason="pace", seconds=0.5)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        event.seconds = 1.0  # type: ignore[misc]
    for kind in (AttemptEvent, WaitEvent):
        assert all(field.kw_only for field in attrs.fields(kind))
        assert not hasattr(event, "__dict__")


async def test_without_hooks_nothing_is_watched(serve: Serve, connect: Connect) -> None:
    with serve() as server:
        async with connect(server) as client:
            assert (await client.sms.send(SMS)).ok
            assert client._exchange.watch is None
