"""Calls that a hook or a mock could see go through httpx: it sees each of them, and `sent` stays true."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING, Any
from unittest import mock

import anyio
import httpx
import pytest
from conftest import KEY, SUBACCOUNT
from forwarding import closed_port
from patience import PATIENCE, seen
from proxies import Proxy
from scripted import QUEUED, ScriptedServer, answer

from eightbyeight_async import (
    AsyncConnectClient,
    ClientClosedError,
    EightByEightError,
    RetryPolicy,
    Sent,
    SmsRequest,
    TransportError,
    UnexpectedResponseError,
)

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    import trustme

    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

SMS = SmsRequest(destination="+6598765432", text="Hello")
BODY = QUEUED.partition(b"\r\n\r\n")[2]
ONCE = RetryPolicy.none()
DROP: Any = None


class MockedError(AssertionError):
    """The exception that the mocks of these tests raise."""


async def failure(client: AsyncConnectClient) -> EightByEightError:
    with pytest.raises(EightByEightError) as caught:
        await client.sms.send(SMS)
    return caught.value


# Functions that an application's test replaces, and the number of calls that it expects there.
PATCHED = [
    "httpx.AsyncClient.post",
    "httpx.AsyncClient.request",
    "httpx.AsyncClient.send",
    "httpx.AsyncClient._send_single_request",
    "httpx.AsyncClient._transport_for_url",
    "httpx.AsyncClient.build_request",
    "httpx.AsyncHTTPTransport.handle_async_request",
    "httpcore.AsyncConnectionPool.handle_async_request",
    "httpcore.AsyncHTTPConnection.handle_async_request",
    "httpcore.AsyncHTTP11Connection.handle_async_request",
    "httpx.AsyncClient",
    "httpx.AsyncHTTPTransport",
]


@pytest.mark.anyio
@pytest.mark.parametrize("target", PATCHED)
async def test_whatever_is_patched_sees_the_call_and_what_raises_lets_nothing_out(
    serve: Serve, connect: Connect, target: str
) -> None:
    with serve() as server:
        async with connect(server) as client:
            assert (await client.sms.send(SMS)).ok
            with mock.patch(target, side_effect=MockedError) as patched:
                with pytest.raises(MockedError):
                    await client.sms.send(SMS)
                assert patched.call_count == 1
            assert len(server.received) == 1
            assert (await client.sms.send(SMS)).ok
        assert len(server.received) == 2


@pytest.mark.anyio
@pytest.mark.parametrize("target", ["post", "request"])
@pytest.mark.parametrize("given", [False, True])
async def test_the_usual_mock_of_a_unit_test_answers(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, target: str, given: bool
) -> None:
    with serve() as server:
        async with contextlib.AsyncExitStack() as stack:
            options = {"http_client": await stack.enter_async_context(httpx.AsyncClient(verify=tls))} if given else {}
            client = await stack.enter_async_context(connect(server, **options))
            response = httpx.Response(200, content=BODY)
            with mock.patch.object(httpx.AsyncClient, target, mock.AsyncMock(return_value=response)) as patched:
                assert (await client.sms.send(SMS)).ok
            assert patched.await_count == 1
        assert server.received == []


@pytest.mark.anyio
async def test_a_mock_on_the_clients_own_httpx_client(serve: Serve, connect: Connect) -> None:
    with serve() as server:
        async with connect(server) as client:
            for name in ("send", "post", "request"):
                refusing = mock.AsyncMock(side_effect=MockedError)
                with mock.patch.object(client.http, name, refusing), pytest.raises(MockedError):
                    await client.sms.send(SMS)
            assert server.received == []
            assert (await client.sms.send(SMS)).ok


@pytest.mark.anyio
@pytest.mark.parametrize("workers", [1, 7])
async def test_a_mock_that_begins_and_ends_in_the_middle_of_a_fan_out(
    serve: Serve, connect: Connect, workers: int
) -> None:
    """Each message goes either to the mock or to the server, and none to both."""
    mocked: list[str] = []

    async def stand_in(_: Any, request: httpx.Request) -> httpx.Response:
        mocked.append(request.content.decode())
        return httpx.Response(200, content=BODY)

    patch = mock.patch.object(httpx.AsyncHTTPTransport, "handle_async_request", stand_in)

    async def messages() -> AsyncIterator[SmsRequest]:
        for number in range(60):
            if number == 20:
                patch.start()
            if number == 40:
                patch.stop()
            yield SmsRequest(destination="+6598765432", text=f"text {number}")

    with serve() as server:
        async with connect(server) as client, client.sms.send_each(messages(), max_concurrency=workers) as results:
            assert [result.error async for result in results] == [None] * 60
        sent = [request.body.decode() for request in server.received]
    assert len({*mocked, *sent}) == len(mocked) + len(sent) == 60
    if workers == 1:
        assert (len(mocked), len(sent)) == (20, 40)
    else:
        assert len(mocked) >= 10


@pytest.mark.anyio
async def test_hooks_of_the_constructor_see_every_call(serve: Serve, connect: Connect) -> None:
    requests: list[httpx.Request] = []
    responses: list[httpx.Response] = []

    async def on_request(request: httpx.Request) -> None:
        request.headers["X-Trace"] = "t1"
        requests.append(request)

    async def on_response(response: httpx.Response) -> None:
        responses.append(response)

    hooks = {"request": [on_request], "response": [on_response]}
    with serve() as server:
        async with connect(server, event_hooks=hooks) as client:
            for _ in range(3):
                assert (await client.with_options(retry=ONCE).sms.send(SMS)).ok
    assert len(requests) == len(responses) == len(server.received) == server.connections == 3
    assert server.received[0].headers["x-trace"] == "t1"


@pytest.mark.anyio
async def test_hooks_and_headers_set_on_the_clients_httpx_client(serve: Serve, connect: Connect) -> None:
    seen_by_hook: list[httpx.Request] = []

    async def hook(request: httpx.Request) -> None:
        seen_by_hook.append(request)

    with serve() as server:
        async with connect(server) as client:
            await client.sms.send(SMS)
            view = client.with_options(retry=ONCE)
            assert isinstance(client.http, httpx.AsyncClient)
            assert client.http is view.http
            client.http.event_hooks["request"].append(hook)
            client.http.headers["X-App"] = "shop"
            client.http.cookies.set("a", "b")
            await view.sms.send(SMS)
            client.http.event_hooks["request"].clear()
            await client.sms.send(SMS)
        assert client.http.is_closed
    assert len(seen_by_hook) == 1
    assert [request.headers.get("x-app") for request in server.received] == [None, "shop", "shop"]
    assert server.received[1].headers["cookie"] == "a=b"
    assert server.received[1].headers["authorization"] == f"Bearer {KEY}"


@pytest.mark.anyio
async def test_a_mock_transport_is_a_test_without_network() -> None:
    """Downloads use the mock transport, too. It is closed with the client."""
    paths: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        paths.append(request.url.path)
        if request.url.path.endswith("/job"):
            return httpx.Response(200, json={"status": "succeeded", "data": ["https://files.example/1"]})
        if request.url.host == "files.example":
            return httpx.Response(200, content=b"umid,clientmessageid\r\nu1,m1\r\n")
        return httpx.Response(200, content=BODY)

    transport = httpx.MockTransport(handler)
    async with AsyncConnectClient(KEY, SUBACCOUNT, transport=transport) as client:
        assert (await client.sms.send(SMS)).ok
        assert [row async for row in client.sms.iter_log_rows("job")] == [{"umid": "u1", "clientmessageid": "m1"}]
    assert len(paths) == 3
    assert client.http.is_closed


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [httpx.ConnectError("x"), httpx.ReadError("x"), KeyError("x"), MockedError()])
async def test_the_failures_of_a_given_transport_may_come_after_the_send(kind: Exception) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        raise kind

    async with AsyncConnectClient(KEY, SUBACCOUNT, transport=httpx.MockTransport(handler)) as client:
        if isinstance(kind, MockedError):
            with pytest.raises(MockedError):
                await client.sms.send(SMS)
        else:
            error = await failure(client)
            assert (type(error), error.sent) == (TransportError, Sent.MAYBE)


async def nothing(_: Any) -> None:
    """A hook that does nothing."""


HOOKED: dict[str, Any] = {"event_hooks": {"request": [nothing]}}


@pytest.mark.anyio
async def test_a_refused_connection_was_not_sent_and_a_lost_answer_may_have_been(
    serve: Serve, connect: Connect
) -> None:
    nowhere = f"https://127.0.0.1:{closed_port()}"
    with serve(DROP) as server:
        async with connect(server, sms_base_url=nowhere, **HOOKED) as client:
            assert (await failure(client)).sent is Sent.NO
        async with connect(server, **HOOKED) as client:
            assert (await failure(client)).sent is Sent.MAYBE
        for answered, sent in ((b"HTTP/1.1 407 No\r\n\r\n", Sent.NO), (b"HTTP/1.1 200 Yes\r\n\r\n", Sent.MAYBE)):
            with Proxy("http", answer=answered) as proxy:
                async with connect(server, proxy=proxy.url, **HOOKED) as client:
                    assert (await failure(client)).sent is sent
                assert len(proxy.asked) == 1
    assert len(server.received) == 2


@pytest.mark.anyio
async def test_a_certificate_nobody_trusts_was_not_sent(serve: Serve, connect: Connect) -> None:
    with serve(certificate_for="other.example") as server:
        async with connect(server, **HOOKED) as client:
            assert (await failure(client)).sent is Sent.NO
    assert server.received == []


@pytest.mark.anyio
@pytest.mark.parametrize("kind", [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError])
@pytest.mark.parametrize("how", ["hook", "wrapper", "second attempt", "trace taken", "mount"])
async def test_an_exception_after_the_send_that_says_not_sent_is_not_believed(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, kind: type[httpx.TransportError], how: str
) -> None:
    original = httpx.AsyncHTTPTransport.handle_async_request

    async def hook(_: httpx.Response) -> None:
        raise kind("the hook's own server")

    async def take_trace(request: httpx.Request) -> None:
        async def other(event: str, info: object) -> None: ...

        request.extensions["trace"] = other

    async def wrapper(self: Any, request: httpx.Request) -> httpx.Response:
        response = await original(self, request)
        if how == "second attempt":
            await response.aread()
            await response.aclose()
        raise kind("the wrapper's second attempt")

    class Liar(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            async with httpx.AsyncClient(verify=tls) as http:
                await http.post(request.url, content=request.content)
            raise kind("although it was sent")

    options: dict[str, Any] = {}
    with serve() as server, contextlib.ExitStack() as stack:
        if how in ("hook", "trace taken"):
            options["event_hooks"] = {"response": [hook]}
            if how == "trace taken":
                options["event_hooks"]["request"] = [take_trace]
        elif how != "mount":
            stack.enter_context(mock.patch.object(httpx.AsyncHTTPTransport, "handle_async_request", wrapper))
        async with connect(server, **options) as client:
            if how == "mount":
                client.http._mounts = {**client.http._mounts, httpx._utils.URLPattern("all://"): Liar()}  # type: ignore[attr-defined]
            error = await failure(client)
    assert (len(server.received), error.sent) == (1, Sent.MAYBE)


@pytest.mark.anyio
async def test_a_mocked_refusal_was_not_sent(serve: Serve, connect: Connect) -> None:
    """A unit test can mock each kind of failure."""
    with serve() as server:
        async with connect(server) as client:
            for kind, sent in ((httpx.ConnectError, Sent.NO), (httpx.ReadTimeout, Sent.MAYBE)):
                with mock.patch.object(httpx.AsyncHTTPTransport, "handle_async_request", side_effect=kind("mocked")):
                    assert (await failure(client)).sent is sent
    assert server.received == []


@pytest.mark.anyio
async def test_a_stray_answer_is_nobodys_and_a_large_one_is_bounded(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    stray = answer(200, '{"umid": "stray", "status": {"code": "QUEUED"}}')
    with serve(QUEUED + stray) as server:
        async with connect(server, **HOOKED) as client:
            for _ in range(5):
                assert (await client.sms.send(SMS)).umid != "stray"
        assert server.connections == len(server.received) == 5
    monkeypatch.setattr("eightbyeight_async.transport.httpx_call.MAX_BODY", 1000)
    with serve(answer(200, b"x" * 2000)) as server:
        async with connect(server, **HOOKED) as client:
            assert isinstance(await failure(client), UnexpectedResponseError)


@pytest.mark.anyio
async def test_closing_ends_the_calls_in_flight(serve: Serve, connect: Connect) -> None:
    never = threading.Event()
    with serve(never) as server:
        client = connect(server, **HOOKED)
        errors: list[EightByEightError] = []

        async def send() -> None:
            errors.append(await failure(client))

        async with anyio.create_task_group() as group:
            group.start_soon(send)
            await seen(lambda: server.received)
            await client.aclose()
        never.set()
        assert [error.sent for error in errors] == [Sent.MAYBE]
        with pytest.raises(ClientClosedError):
            await client.sms.send(SMS)
        with pytest.raises(ClientClosedError):
            [row async for row in client.sms.iter_log_rows("job")]


def test_loops_in_several_threads_share_the_httpx_client(serve: Serve, connect: Connect) -> None:
    with serve() as server:
        client = connect(server, **HOOKED)
        results: list[bool] = []

        async def sends() -> None:
            results.extend([(await client.sms.send(SMS)).ok for _ in range(10)])

        threads = [threading.Thread(target=asyncio.run, args=(sends(),)) for _ in range(4)]
        threads.append(threading.Thread(target=anyio.run, args=(sends,), kwargs={"backend": "trio"}))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        asyncio.run(client.aclose())
    assert results == [True] * 50
    assert len(server.received) == 50


IMPORTED_UNDER_A_MOCK = """
import asyncio, os, ssl, sys
from unittest import mock
import httpx
if sys.argv[1] == "package":
    import eightbyeight_async.client
class Fake(httpx.AsyncClient):
    async def send(self, *args, **options):
        raise AssertionError("mocked")
def client():
    context = ssl.create_default_context(cafile=os.environ["T_CA"])
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return AsyncConnectClient("key", "acme_hq", sms_base_url=os.environ["T_URL"], ssl_context=context)
async def send(client):
    return (await client.sms.send(SmsRequest(destination="+6598765432", text="Hello"))).ok
with mock.patch("httpx.AsyncClient", **({"new": Fake} if sys.argv[2] == "subclass" else {})):
    from eightbyeight_async import AsyncConnectClient, EightByEightError, SmsRequest
    first = client()
    try:
        asyncio.run(send(first))
    except (AssertionError, EightByEightError):
        print("mocked")
for one in (first, client()):
    assert asyncio.run(send(one))
    asyncio.run(one.aclose())
"""


@pytest.mark.parametrize("before", ["package", "nothing"])
@pytest.mark.parametrize("kind", ["mock", "subclass"])
def test_a_client_first_made_under_a_mock_of_the_class_is_a_real_one_afterwards(
    serve: Serve, authority: trustme.CA, tmp_path: Path, before: str, kind: str
) -> None:
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with serve() as server:
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", IMPORTED_UNDER_A_MOCK, before, kind],
            env={**os.environ, "T_CA": str(tmp_path / "ca.pem"), "T_URL": server.url},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert (done.stdout, done.stderr) == ("mocked\n", "")
        assert len(server.received) == 2


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.anyio
async def test_tls_is_pinned_behind_the_door_too(serve: Serve, connect: Connect, tls: ssl.SSLContext) -> None:
    import ssl

    def old(context: ssl.SSLContext) -> None:
        context.maximum_version = ssl.TLSVersion.TLSv1_2

    with serve(tls=old) as server:
        async with connect(server, **HOOKED) as client:
            error = await failure(client)
    assert "TLS" in str(error)
    assert (error.sent, server.received) == (Sent.NO, [])
