"""Errors and retries over real TLS: how often a request is sent, and what each failure says about the message."""

from __future__ import annotations

import gc
import gzip
import logging
import socket
import ssl
import threading
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from answers import CASES, Case, coded
from conftest import KEY
from forwarding import closed_port
from patience import PATIENCE, seen
from scripted import QUEUED, ScriptedServer, answer

from eightbyeight_async import (
    AsyncConnectClient,
    BadRequestError,
    EightByEightError,
    RetryPolicy,
    Sent,
    ServerError,
    SmsRequest,
    SmsStatusCode,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from eightbyeight_async.transport.httpx_call import MAX_BODY, send_through

if TYPE_CHECKING:
    from collections.abc import Callable

    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

pytestmark = pytest.mark.anyio

REQUEST = SmsRequest(destination="+6598765432", text="Hello", source="ACME")
AT_ONCE = RetryPolicy(initial_delay=0.0, max_delay=0.0)


async def error_of(client: AsyncConnectClient) -> EightByEightError:
    with pytest.raises(EightByEightError) as caught:
        await client.sms.send(REQUEST)
    return caught.value


async def test_a_send_as_the_server_sees_it(serve: Serve, connect: Connect) -> None:
    with serve() as server:
        async with connect(server) as client:
            receipt = await client.sms.send(REQUEST)
    assert receipt.umid == "bda3d56d-1424-e711-813c-06ed3428fe67"
    assert receipt.status.code is SmsStatusCode.QUEUED
    (request,) = server.received
    assert (request.method, request.target) == ("POST", "/api/v1/subaccounts/acme_hq/messages")
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["accept"] == "application/json"
    assert request.headers["user-agent"].startswith("eightbyeight-async/")
    assert request.body == b'{"destination":"+6598765432","text":"Hello","source":"ACME"}'


async def test_the_cancellations_as_the_server_sees_them(serve: Serve, connect: Connect) -> None:
    with serve(answer(200, '{"cancelledCount": 10}')) as server:
        async with connect(server) as client:
            counts = [
                (await client.sms.cancel_batch("b-1")).cancelled_count,
                (await client.chatapps.cancel("u-1")).cancelled_count,
                (await client.sms.cancel("u-2")).cancelled_count,
                (await client.chatapps.cancel_batch("b-2")).cancelled_count,
            ]
    assert counts == [10] * 4
    prefix = "/api/v1/subaccounts/acme_hq/messages"
    assert [(r.method, r.target) for r in server.received] == [
        ("DELETE", f"{prefix}/batch/b-1"),
        ("DELETE", f"{prefix}/u-1"),
        ("DELETE", f"{prefix}/u-2"),
        ("DELETE", f"{prefix}/batch/b-2"),
    ]
    for request in server.received:
        assert request.body == b""
        assert "content-type" not in request.headers


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_table_of_answers_over_tls(serve: Serve, connect: Connect) -> None:
    async def check(case: Case) -> None:
        with serve(answer(case.status, case.body if case.status not in (204, 304) else b"")) as server:
            async with connect(server, retry=AT_ONCE) as client:
                error = await error_of(client)
        found = (type(error), error.sent, error.attempts, len(server.received))
        assert found == (case.error, case.sent, case.attempts, case.attempts), case.id

    for case in CASES:
        await check(case)


async def test_a_2000_is_retried_until_it_is_fine(serve: Serve, connect: Connect) -> None:
    with serve(answer(500, coded(2000)), answer(200, coded(2001)), QUEUED) as server:
        async with connect(server, retry=AT_ONCE) as client:
            assert (await client.sms.send(REQUEST)).umid
    assert len(server.received) == 3
    assert len({request.body for request in server.received}) == 1


async def test_a_refusal_after_a_2000_may_still_have_been_sent(serve: Serve, connect: Connect) -> None:
    with serve(answer(500, coded(2000)), answer(400, coded(1002))) as server:
        async with connect(server, retry=AT_ONCE) as client:
            error = await error_of(client)
    assert type(error) is BadRequestError
    assert (error.sent, error.attempts) == (Sent.MAYBE, 2)


async def test_a_429_is_never_retried(serve: Serve, connect: Connect) -> None:
    with serve(answer(429, b"", {"Retry-After": "0"})) as server:
        async with connect(server, retry=AT_ONCE) as client:
            error = await error_of(client)
    assert (error.sent, error.attempts, len(server.received)) == (Sent.NO, 1, 1)


async def test_a_redirect_is_not_followed(serve: Serve, connect: Connect) -> None:
    with serve(QUEUED) as elsewhere:
        for status in (301, 302, 303, 307, 308):
            with serve(answer(status, b"", {"Location": f"{elsewhere.url}/x"})) as server:
                async with connect(server, retry=AT_ONCE) as client:
                    error = await error_of(client)
            assert type(error) is UnexpectedResponseError
            assert error.sent is Sent.MAYBE
            assert "redirect" in str(error)
    assert not elsewhere.received


# On trio, calls use httpx's own transport. Its half-read streams warn when they are collected.
ASYNCIO = pytest.mark.parametrize("anyio_backend", ["asyncio"])


@ASYNCIO
@pytest.mark.parametrize("encoding", [None, "gzip"])
@pytest.mark.parametrize("injected", [False, True])
async def test_a_huge_answer_is_not_gathered(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, encoding: str | None, injected: bool
) -> None:
    body = b" " * (MAX_BODY + 1_000_000)
    huge = answer(200, body) if encoding is None else answer(200, gzip.compress(body), {"Content-Encoding": "gzip"})
    with serve(huge) as server:
        async with (
            httpx.AsyncClient(verify=tls) as http,
            connect(server, **({"http_client": http} if injected else {})) as client,
        ):
            error = await error_of(client)
    assert type(error) is UnexpectedResponseError
    assert (error.sent, error.status_code, error.attempts) == (Sent.MAYBE, 200, 1)
    assert str(error).startswith("HTTP 200: the body ")


async def test_a_compressed_answer_is_read(serve: Serve, connect: Connect) -> None:
    body = gzip.compress(QUEUED.partition(b"\r\n\r\n")[2])
    with serve(answer(200, body, {"Content-Encoding": "gzip"})) as server:
        async with connect(server) as client:
            assert (await client.sms.send(REQUEST)).status.code is SmsStatusCode.QUEUED


@ASYNCIO
async def test_an_encoding_that_cannot_be_undone(serve: Serve, connect: Connect) -> None:
    with serve(answer(200, b"not gzip at all", {"Content-Encoding": "gzip"})) as server:
        async with connect(server) as client:
            error = await error_of(client)
    assert type(error) is UnexpectedResponseError
    assert (error.sent, error.attempts) == (Sent.MAYBE, 1)


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(None, id="accepted, then dropped"),
        pytest.param(QUEUED[:-20], id="cut off in the body"),
        pytest.param(QUEUED[:30], id="cut off in the head"),
        pytest.param(b"SMTP/1.0 hello\r\n\r\n", id="not HTTP"),
        pytest.param(b"\x00" * 1000, id="zeros"),
    ],
)
async def test_what_breaks_after_the_request_left_may_have_been_sent(
    serve: Serve, connect: Connect, step: bytes | None
) -> None:
    with serve(step, close_after_answer=True) as server:
        async with connect(server, retry=AT_ONCE) as client:
            error = await error_of(client)
    assert isinstance(error, TransportError)
    assert (error.sent, error.attempts, len(server.received)) == (Sent.MAYBE, 1, 1)
    assert "may have been sent" in str(error)


async def test_no_answer_in_time_may_have_been_sent(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call uses an open connection, because opening one may take longer than this timeout."""
    monkeypatch.setattr("eightbyeight_async.transport.anyio_transport._REST", 0.0)
    never = threading.Event()
    with serve(QUEUED, never) as server:
        async with connect(server) as client:
            await client.sms.send(REQUEST)
            timeout, tries = 0.2, 1
            error = await error_of(client.with_options(timeout=timeout))
            while error.sent is Sent.NO:  # a slow machine needs longer for the write
                timeout, tries = 2 * timeout, tries + 1
                error = await error_of(client.with_options(timeout=timeout))
            await seen(lambda: len(server.received) == 2)
        never.set()
    assert type(error) is TransportTimeoutError
    assert (error.sent, error.attempts) == (Sent.MAYBE, 1)
    assert server.connections <= tries
    assert f"within {timeout:g} s" in str(error)


async def test_a_refused_connection_was_not_sent(connect: Connect) -> None:
    client = AsyncConnectClient(KEY, "acme_hq", sms_base_url=f"https://127.0.0.1:{closed_port()}")
    async with client:
        error = await error_of(client)
    assert type(error) is TransportError
    assert (error.sent, error.attempts) == (Sent.NO, 1)
    assert "not sent" in str(error)


async def test_a_name_nobody_knows_was_not_sent(nowhere: str) -> None:
    async with AsyncConnectClient(KEY, "acme_hq", sms_base_url=f"https://{nowhere}") as client:
        error = await error_of(client)
    assert (type(error), error.sent) == (TransportError, Sent.NO)


async def test_a_handshake_that_never_ends_was_not_sent(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"https://127.0.0.1:{mute.getsockname()[1]}"
        async with AsyncConnectClient(KEY, "acme_hq", sms_base_url=url, timeout=0.2) as client:
            error = await error_of(client)
    assert (type(error), error.sent) == (TransportTimeoutError, Sent.NO)


async def test_under_an_injected_client_every_transport_failure_may_have_been_sent(tls: Any) -> None:
    url = f"https://127.0.0.1:{closed_port()}"
    async with httpx.AsyncClient(verify=tls) as http:
        error = await error_of(AsyncConnectClient(KEY, "acme_hq", sms_base_url=url, http_client=http))
    assert (type(error), error.sent) == (TransportError, Sent.MAYBE)


def failing(error: Exception) -> Callable[[httpx.Response], Any]:
    async def hook(response: httpx.Response) -> None:
        raise error

    return hook


async def raise_for_status(response: httpx.Response) -> None:
    response.raise_for_status()


async def read_and_raise_for_status(response: httpx.Response) -> None:
    await response.aread()
    response.raise_for_status()


async def test_an_applications_hook_that_raises_for_the_status(serve: Serve, connect: Connect, tls: Any) -> None:
    """If the hook has read the body, the code decides as usual. Otherwise the status decides, and the request is not
    repeated.
    """
    for hook, attempts, kind in (
        (read_and_raise_for_status, 2, SmsStatusCode),
        (raise_for_status, 1, UnexpectedResponseError),
    ):
        with serve(answer(500, coded(2000)), QUEUED) as server:
            async with httpx.AsyncClient(verify=tls, event_hooks={"response": [hook]}) as http:
                client = connect(server, http_client=http, retry=AT_ONCE)
                if kind is SmsStatusCode:
                    assert (await client.sms.send(REQUEST)).status.code is SmsStatusCode.QUEUED
                else:
                    error = await error_of(client)
                    assert (type(error), error.sent) == (kind, Sent.MAYBE)
        assert len(server.received) == attempts


async def test_whatever_an_injected_client_raises_may_have_been_sent(serve: Serve, connect: Connect, tls: Any) -> None:
    for trouble in (KeyError("bug"), RuntimeError("closed"), ValueError("x"), TimeoutError()):
        with serve() as server:
            async with httpx.AsyncClient(verify=tls, event_hooks={"response": [failing(trouble)]}) as http:
                error = await error_of(connect(server, http_client=http, retry=AT_ONCE))
        assert (type(error), error.sent, len(server.received)) == (TransportError, Sent.MAYBE, 1)
        assert error.__cause__ is trouble


@pytest.mark.parametrize("trouble", [ValueError("semaphore released too many times"), KeyError(1), OSError("x")])
async def test_whatever_http2_raises_may_have_been_sent(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    """A cancelled call can leave httpx's HTTP/2 connection in such a state, for calls that the server has got."""

    async def send_through(*_: object, **__: object) -> object:
        raise trouble

    monkeypatch.setattr("eightbyeight_async.transport.http2.send_through", send_through)
    with serve() as server:
        error = await error_of(connect(server, http2=True))
    assert (type(error), error.sent) == (TransportError, Sent.MAYBE)


@pytest.mark.parametrize("trouble", [ValueError("semaphore"), httpx.LocalProtocolError("too many streams")])
async def test_a_wrong_state_of_http2_ends_with_the_call_that_finds_it(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    """httpx would use the connection again. A call in flight on it is not disturbed, even if it cannot be closed."""
    used: list[httpx.AsyncClient] = []

    async def sending(http: httpx.AsyncClient, *args: Any, **options: Any) -> Any:
        used.append(http)
        if len(used) == 2:
            raise trouble
        return await send_through(http, *args, **options)

    monkeypatch.setattr("eightbyeight_async.transport.http2.send_through", sending)
    gate = threading.Event()
    with serve(gate=gate) as server:
        async with connect(server, http2=True) as client:
            async with anyio.create_task_group() as first:
                first.start_soon(client.sms.send, REQUEST)
                await seen(lambda: server.received)
                assert (await error_of(client)).sent is Sent.MAYBE
                assert used[0] is used[1]
                assert not used[0].is_closed
                close = used[0].aclose

                async def aclose() -> None:
                    await close()
                    raise trouble

                monkeypatch.setattr(used[0], "aclose", aclose)
                gate.set()
            assert used[0].is_closed
            await client.sms.send(REQUEST)
            assert used[2] is not used[0]
            assert not used[2].is_closed
        assert used[2].is_closed


async def test_cancelled_sends_leave_the_next_ones_alone(serve: Serve, connect: Connect) -> None:
    """A cancelled send keeps no place, and leaves no socket to the garbage collector."""
    with serve() as server:
        async with connect(server, max_concurrency=3) as client:
            for round_ in range(40):
                async with anyio.create_task_group() as group:
                    for number in range(6):

                        async def send(patience: float = (round_ + number) % 7 * 0.0007) -> None:
                            with anyio.move_on_after(patience):
                                await client.sms.send(REQUEST)

                        group.start_soon(send)
            with anyio.fail_after(PATIENCE):
                for _ in range(6):
                    assert (await client.sms.send(REQUEST)).umid
    gc.collect()  # a leaked socket warns here, not in a later test


async def test_the_waits_are_the_policys_and_a_cancellation_ends_them(serve: Serve, connect: Connect) -> None:
    """The first retry would come after an hour. The cancellation ends the wait at once."""
    with serve(answer(500, coded(2000), {"Retry-After": "7200"})) as server:
        async with connect(server, retry=RetryPolicy(max_delay=3600.0)) as client:
            sleep, waits = client._exchange.sleep, []

            async def note(seconds: float) -> None:
                waits.append(seconds)
                scope.cancel()
                await sleep(seconds)

            client._exchange.sleep = note
            with anyio.CancelScope() as scope:
                await client.sms.send(REQUEST)
            assert scope.cancelled_caught
            assert (waits, len(server.received)) == ([3600.0], 1)
            # The place is free again: a client with one place can send.
            one = connect(server, retry=RetryPolicy.none(), max_concurrency=1)
            async with one:
                for _ in range(2):
                    assert type(await error_of(one)) is ServerError


async def test_the_sleeper_gets_what_was_decided(serve: Serve, connect: Connect) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    failing = [answer(500, coded(2000)), answer(500, coded(2000), {"Retry-After": "3"}), answer(500, coded(2000))]
    with serve(*failing, QUEUED) as server:
        async with connect(server) as client:
            client._exchange.sleep = sleep  # Exchange takes its clock and random numbers as arguments
            client._exchange._random_fraction = lambda: 0.5
            await client.sms.send(REQUEST)
    assert waits == [0.125, 3.0, 0.5]


async def test_a_retry_is_logged_without_secrets(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "eightbyeight_async")
    with serve(answer(500, coded(2000)), QUEUED) as server:
        async with connect(server, retry=AT_ONCE) as client:
            await client.sms.send(REQUEST)
    lines = [r.getMessage() for r in caplog.records if r.name == "eightbyeight_async"]
    assert lines == ["code 2000 after attempt 1 of 4, retry in 0.00 s"]


async def test_cancelled_in_flight_the_connection_goes_and_the_place_comes_back(serve: Serve, connect: Connect) -> None:
    never = threading.Event()
    with serve(never, QUEUED) as server:
        async with connect(server, max_concurrency=1) as client:
            async with anyio.create_task_group() as group:
                group.start_soon(client.sms.send, REQUEST)
                await seen(lambda: server.received)
                group.cancel_scope.cancel()
            assert (await client.sms.send(REQUEST)).umid
        never.set()
    assert (len(server.received), server.connections) == (2, 2)
