"""An application's own client, of httpx or of httpx2, real or mocked. The two libraries have different classes."""

from __future__ import annotations

import gzip
import json
import socket
from typing import TYPE_CHECKING, Any

import anyio
import anyio.to_thread
import httpx
import httpx2
import pytest
import respx
from conftest import KEY, SUBACCOUNT
from forwarding import closed_port
from patience import PATIENCE
from scripted import QUEUED, ScriptedServer, answer

from eightbyeight_async import (
    AsyncConnectClient,
    EightByEightError,
    InvalidRequestError,
    RetryPolicy,
    Sent,
    ServerError,
    SmsRequest,
    TransportError,
    TransportTimeoutError,
    UnexpectedResponseError,
)
from eightbyeight_async.transport.failures import transport_error, wire_failure

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

SMS = SmsRequest(destination="+6598765432", text="Hello")
BOTH: Any = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
AT_ONCE = RetryPolicy(initial_delay=0.001, max_delay=0.001)
INTERNAL = answer(500, '{"code": 2000, "message": "internal"}')


async def failure(client: AsyncConnectClient) -> EightByEightError:
    with pytest.raises(EightByEightError) as caught:
        await client.sms.send(SMS)
    return caught.value


@BOTH
@pytest.mark.anyio
async def test_it_sends_and_is_not_closed(serve: Serve, connect: Connect, tls: ssl.SSLContext, library: Any) -> None:
    with serve(INTERNAL, QUEUED) as server:
        async with library.AsyncClient(verify=tls, headers={"X-App": "shop"}) as http:
            async with connect(server, http_client=http, retry=AT_ONCE) as client:
                assert (await client.sms.send(SMS)).ok
                assert (await client.sms.send(SMS)).ok
            assert not http.is_closed
    assert len(server.received) == 3
    assert server.received[0].headers["x-app"] == "shop"


class InThread(httpx.AsyncBaseTransport):
    """A transport of an application that uses httpx's synchronous transport, with the request's extensions."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        self._inner = httpx.HTTPTransport(verify=tls)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        def send() -> httpx.Response:
            parts = {"headers": request.headers, "content": request.content, "extensions": request.extensions}
            response = self._inner.handle_request(httpx.Request(request.method, request.url, **parts))
            return httpx.Response(response.status_code, headers=response.headers, content=response.read())

        return await anyio.to_thread.run_sync(send)

    async def aclose(self) -> None:
        self._inner.close()


@pytest.mark.anyio
@pytest.mark.parametrize("way", ["http_client", "transport"])
async def test_a_transport_may_be_synchronous(serve: Serve, tls: ssl.SSLContext, way: str) -> None:
    with serve() as server:
        transport = InThread(tls)
        async with httpx.AsyncClient(transport=transport) as http:
            options: dict[str, Any] = {"http_client": http} if way == "http_client" else {"transport": transport}
            bases = {"sms_base_url": server.url, "chatapps_base_url": server.url}
            async with AsyncConnectClient(KEY, SUBACCOUNT, **bases, **options) as client:
                assert (await client.sms.send(SMS)).ok


@pytest.mark.anyio
async def test_it_keeps_its_own_trace(serve: Serve, connect: Connect, tls: ssl.SSLContext) -> None:
    events: list[str] = []

    async def trace(event: str, _: object) -> None:
        events.append(event)

    class Traced(httpx.AsyncClient):
        def build_request(self, *args: Any, **options: Any) -> httpx.Request:
            request = super().build_request(*args, **options)
            request.extensions["trace"] = trace
            return request

    with serve() as server:
        async with Traced(verify=tls) as http, connect(server, http_client=http) as client:
            await client.sms.send(SMS)
            assert "http11.send_request_body.complete" in events
            events.clear()
            link = f"{server.url}/log.csv"
            await client._exchange.downloader.fetch(link, bytearray().extend, patience=PATIENCE)
            assert "http11.send_request_body.complete" in events


@BOTH
@pytest.mark.anyio
@pytest.mark.parametrize("hooked", [False, True])
@pytest.mark.parametrize("encoding", [None, "gzip"])
async def test_its_responses_are_read(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, library: Any, hooked: bool, encoding: str | None
) -> None:
    """The response is streamed, or a hook has already read it; compressed or not."""
    body = QUEUED.partition(b"\r\n\r\n")[2]
    whole = answer(200, gzip.compress(body), {"Content-Encoding": "gzip"}) if encoding else QUEUED

    async def read(response: Any) -> None:
        await response.aread()

    with serve(whole) as server:
        hooks = {"response": [read]} if hooked else {}
        async with library.AsyncClient(verify=tls, event_hooks=hooks) as http:
            assert (await connect(server, http_client=http).sms.send(SMS)).ok


@BOTH
@pytest.mark.anyio
async def test_no_connection_and_no_answer(serve: Serve, connect: Connect, tls: ssl.SSLContext, library: Any) -> None:
    """Every failure is MAYBE, because the phase of a failure in its transport is unknown. The words and the class are
    httpx's.
    """
    nowhere = f"https://127.0.0.1:{closed_port()}"
    async with library.AsyncClient(verify=tls) as http:
        error = await failure(AsyncConnectClient("key", "acme_hq", sms_base_url=nowhere, http_client=http))
        assert (type(error), error.sent) == (TransportError, Sent.MAYBE)
        assert "no connection to" in str(error)
    with serve(None) as server:
        async with library.AsyncClient(verify=tls) as http:
            error = await failure(connect(server, http_client=http))
    assert (type(error), error.sent) == (TransportError, Sent.MAYBE)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        url = f"http://127.0.0.1:{mute.getsockname()[1]}"
        async with library.AsyncClient(verify=tls) as http:
            error = await failure(
                AsyncConnectClient("key", "acme_hq", sms_base_url=url, http_client=http, timeout=0.05)
            )
    assert (type(error), error.sent) == (TransportTimeoutError, Sent.MAYBE)


@BOTH
@pytest.mark.anyio
@pytest.mark.parametrize("read", [True, False])
async def test_a_hook_that_raises_for_the_status(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, library: Any, read: bool
) -> None:
    async def hook(response: Any) -> None:
        if read:
            await response.aread()
        response.raise_for_status()

    with serve(INTERNAL) as server:
        async with library.AsyncClient(verify=tls, event_hooks={"response": [hook]}) as http:
            error = await failure(connect(server, http_client=http, retry=AT_ONCE))
    assert isinstance(error, ServerError if read else UnexpectedResponseError)
    assert error.sent is Sent.MAYBE
    assert len(server.received) == (AT_ONCE.max_attempts if read else 1)


@BOTH
@pytest.mark.anyio
async def test_a_log_is_downloaded(serve: Serve, connect: Connect, tls: ssl.SSLContext, library: Any) -> None:
    rows = b"umid,clientmessageid\r\nu1,m1\r\n"
    with serve() as server:
        link = json.dumps({"status": "succeeded", "data": [f"{server.url}/file"]})
        redirect = answer(302, b"", {"Location": "/there"})
        server._script.clear()
        server._script.extend([answer(200, link), redirect, answer(200, rows), answer(200, link), None])
        async with library.AsyncClient(verify=tls) as http:
            client = connect(server, http_client=http)
            found = [row async for row in client.sms.iter_log_rows("job")]
            assert found == [{"umid": "u1", "clientmessageid": "m1"}]
            with pytest.raises(TransportError) as caught:
                [row async for row in client.sms.iter_log_rows("job")]
    assert caught.value.sent is Sent.NO


class Shop(httpx2.Client):
    """An application's subclass of httpx's client."""


@pytest.mark.parametrize(
    ("given", "named"),
    [
        (httpx.Client(trust_env=False), "httpx.Client"),
        (httpx2.Client(trust_env=False), "httpx2.Client"),
        (Shop(trust_env=False), "Shop"),
        (httpx.AsyncClient, "the class httpx.AsyncClient"),
        (httpx2.AsyncClient, "the class httpx2.AsyncClient"),
        (httpx2.Client, "the class httpx2.Client"),
        (httpx2, "module"),
        (object(), "object"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_not_asynchronous_is_refused_by_name(given: Any, named: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        AsyncConnectClient("key", "acme_hq", http_client=given)
    assert caught.value.field == "http_client"
    assert "must be an httpx.AsyncClient or httpx2.AsyncClient, not " in str(caught.value)
    assert str(caught.value).endswith(named)


FAILURES = [
    name
    for name, kind in vars(httpx2).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and hasattr(httpx, name)
]


@pytest.mark.parametrize("name", sorted({*FAILURES} - {"HTTPStatusError", "CookieConflict"}))
def test_each_failure_of_httpx2_is_that_of_httpx(name: str) -> None:
    made = [kind.__new__(kind, "words") for kind in (getattr(httpx2, name), getattr(httpx, name))]
    assert wire_failure(made[0]) is wire_failure(made[1]) is (name != "HTTPError")
    for own in (True, False):
        there, here = (transport_error(error, host="h", timeout=1, own=own) for error in made)
        assert (type(there), there.sent, str(there)) == (type(here), here.sent, str(here))


@BOTH
@pytest.mark.anyio
@pytest.mark.parametrize("kind", [AssertionError, KeyError])
async def test_a_mocks_assertion_comes_out_as_itself(library: Any, kind: type[Exception]) -> None:
    """Any other exception of a handler may come after the send, like an exception of a transport."""
    trouble = kind("no mock for this request")

    def handler(request: Any) -> Any:
        raise trouble

    async with library.AsyncClient(transport=library.MockTransport(handler)) as http:
        client = AsyncConnectClient("key", "acme_hq", http_client=http)
        with pytest.raises(kind if kind is AssertionError else TransportError) as caught:
            await client.sms.send(SMS)
    assert trouble in (caught.value, caught.value.__cause__)


@pytest.mark.anyio
async def test_a_mocks_assertion_ends_send_each_and_a_download_too() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/job"):
            return httpx.Response(200, json={"status": "succeeded", "data": ["https://files.example/1"]})
        raise AssertionError("no mock")

    async with httpx.AsyncClient(transport=httpx.MockTransport(handler)) as http:
        client = AsyncConnectClient("key", "acme_hq", http_client=http)
        with pytest.raises(AssertionError, match="no mock"):
            async with client.sms.send_each([SMS] * 3) as results:
                [result async for result in results]
        with pytest.raises(AssertionError, match="no mock"):
            [row async for row in client.sms.iter_log_rows("job")]


@pytest.mark.anyio
async def test_respx_says_what_it_does_not_know() -> None:
    async with httpx.AsyncClient() as http:
        client = AsyncConnectClient("key", "acme_hq", http_client=http)
        with respx.mock:
            respx.get("https://sms.8x8.com/other").mock(return_value=httpx.Response(200))
            with pytest.raises(AssertionError, match="not mocked"):
                await client.sms.send(SMS)
            respx.post(host="sms.8x8.com").mock(
                return_value=httpx.Response(200, content=QUEUED.partition(b"\r\n\r\n")[2])
            )
            assert (await client.sms.send(SMS)).ok
            respx.reset()
