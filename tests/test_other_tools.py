"""Real tools: mocks, recorders and tracers of httpx see every call, and a mocked call is not sent.

A real TLS server counts the requests. A tool that patches permanently runs in a process of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import respx
import vcr
from conftest import KEY, SUBACCOUNT
from frame_locals import NUMBER, TEXT, leaks
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from patience import PATIENCE
from proxies import Proxy
from scripted import QUEUED, ScriptedServer, answer
from vcr.errors import CannotOverwriteExistingCassetteException

from eightbyeight_async import AsyncConnectClient, RetryPolicy, ServerError, SmsRequest, TransportError

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable, Iterator
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

    import trustme

    Serve = Callable[..., ScriptedServer]
    Clients = Callable[[str, ScriptedServer], AbstractAsyncContextManager[AsyncConnectClient]]

SMS = SmsRequest(destination=NUMBER, text=TEXT)
BODY = QUEUED.partition(b"\r\n\r\n")[2]
INTERNAL = answer(500, '{"code": 2000, "message": "internal"}')
WAYS: Any = pytest.mark.parametrize("way", ["default", "http_client", "proxy", "http2"])
MODES: Any = pytest.mark.parametrize("mode", ["httpcore", "httpx"])

pytestmark = pytest.mark.anyio


@pytest.fixture
def clients(tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch) -> Iterator[Clients]:
    """`async with clients(way, server) as client`."""
    with Proxy("http") as proxy:

        @contextlib.asynccontextmanager
        async def make(way: str, server: ScriptedServer, **options: Any) -> AsyncIterator[AsyncConnectClient]:
            async with contextlib.AsyncExitStack() as stack:
                if way == "http_client":
                    options["http_client"] = await stack.enter_async_context(httpx.AsyncClient(verify=tls))
                else:
                    options["ssl_context"] = tls
                if way == "proxy":
                    monkeypatch.setenv("HTTPS_PROXY", proxy.url)
                options["http2"] = way == "http2"
                options["timeout"] = PATIENCE
                options["retry"] = RetryPolicy(initial_delay=0.001, max_delay=0.001)
                client = AsyncConnectClient(KEY, SUBACCOUNT, sms_base_url=server.url, **options)
                yield await stack.enter_async_context(client)
                assert bool(proxy.asked) is (way == "proxy" and bool(server.received))

        yield make


@WAYS
@MODES
async def test_respx_switched_on_and_off(serve: Serve, clients: Clients, way: str, mode: str) -> None:
    with serve() as server:
        async with clients(way, server) as client:
            assert (await client.sms.send(SMS)).ok
            for _ in range(2):
                with respx.mock(using=mode) as router:
                    route = router.post(f"{server.url}/api/v1/subaccounts/{SUBACCOUNT}/messages")
                    route.mock(return_value=httpx.Response(200, content=BODY))
                    async with client.sms.send_each([SMS] * 20) as results:
                        assert [result.error async for result in results] == [None] * 20
                    assert route.call_count == 20
                    assert json.loads(route.calls.last.request.content)["text"] == TEXT
                assert (await client.sms.send(SMS)).ok
        assert len(server.received) == 3


@WAYS
@MODES
async def test_the_guard_of_respx_lets_nothing_out(serve: Serve, clients: Clients, way: str, mode: str) -> None:
    with serve() as server:
        async with clients(way, server) as client:
            with respx.mock(using=mode, assert_all_called=False) as router:
                router.get("https://other.example").mock(return_value=httpx.Response(200))
                with pytest.raises(AssertionError, match="not mocked") as caught:
                    await client.sms.send(SMS)
                with pytest.raises(AssertionError, match="not mocked"):
                    async with client.sms.send_each([SMS] * 3) as results:
                        [result async for result in results]
            assert leaks(caught.value) == []
        assert server.received == []


@WAYS
async def test_respx_sees_each_retry(serve: Serve, clients: Clients, way: str) -> None:
    with serve() as server:
        async with clients(way, server) as client:
            with respx.mock as router:
                internal = httpx.Response(500, json={"code": 2000, "message": "internal"})
                route = router.post(url__startswith=server.url).mock(return_value=internal)
                with pytest.raises(ServerError):
                    await client.sms.send(SMS)
                assert route.call_count == RetryPolicy().max_attempts
        assert server.received == []


@pytest.mark.parametrize("way", ["default", "http_client", "http2"])
async def test_respx_passes_through(serve: Serve, clients: Clients, way: str) -> None:
    """Without proxies, because respx cannot read the target of CONNECT, and refuses it."""
    with serve() as server:
        async with clients(way, server) as client:
            with respx.mock as router:
                route = router.route(host="localhost").pass_through()
                assert (await client.sms.send(SMS)).ok
                assert route.called
        assert len(server.received) == 1


@WAYS
async def test_vcr_records_and_replays_without_server_and_key(
    serve: Serve, clients: Clients, tmp_path: Path, way: str
) -> None:
    cassette = str(tmp_path / "cassette.yaml")
    recorder = vcr.VCR(filter_headers=["authorization"])
    with serve(INTERNAL, QUEUED) as server:
        async with clients(way, server) as client:
            with recorder.use_cassette(cassette) as tape:
                assert (await client.sms.send(SMS)).ok
                assert len(tape) == 2
            assert len(server.received) == 2
            assert KEY not in (tmp_path / "cassette.yaml").read_text()
        url = server.url
    async with AsyncConnectClient("another-key", SUBACCOUNT, sms_base_url=url) as client:
        with recorder.use_cassette(cassette, record_mode="none") as tape:
            assert (await client.with_options(retry=RetryPolicy(initial_delay=0.001)).sms.send(SMS)).ok
            assert tape.play_count == 2
            with pytest.raises(TransportError) as caught:
                await client.sms.send(SMS)
        assert leaks(caught.value) == []
        assert isinstance(caught.value.__cause__, CannotOverwriteExistingCassetteException)


@pytest.fixture
def tracing() -> tuple[TracerProvider, InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return provider, exporter


@WAYS
async def test_opentelemetry_for_all_clients_switched_on_and_off(
    serve: Serve, clients: Clients, tracing: tuple[TracerProvider, InMemorySpanExporter], way: str
) -> None:
    provider, exporter = tracing
    with serve() as server:
        async with clients(way, server) as client:
            await client.sms.send(SMS)
            HTTPXClientInstrumentor().instrument(tracer_provider=provider)
            try:
                async with client.sms.send_each([SMS] * 20) as results:
                    assert [result.error async for result in results] == [None] * 20
            finally:
                HTTPXClientInstrumentor().uninstrument()
            await client.sms.send(SMS)
        assert len(server.received) == 22
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == ["POST"] * 20
    assert len([request for request in server.received if "traceparent" in request.headers]) == 20


@WAYS
async def test_opentelemetry_for_one_client(
    serve: Serve, clients: Clients, tracing: tuple[TracerProvider, InMemorySpanExporter], way: str
) -> None:
    provider, exporter = tracing
    with serve(QUEUED, INTERNAL, None) as server:
        async with clients(way, server) as client:
            HTTPXClientInstrumentor().instrument_client(client.http, tracer_provider=provider)
            assert (await client.sms.send(SMS)).ok
            with pytest.raises(TransportError) as caught:
                await client.sms.send(SMS)
            assert leaks(caught.value) == []
            assert len(exporter.get_finished_spans()) == 3
            HTTPXClientInstrumentor().uninstrument_client(client.http)
            with pytest.raises(TransportError):
                await client.sms.send(SMS)
        assert len(server.received) == 4
    assert len(exporter.get_finished_spans()) == 3


# Each tool switches itself on, and when it is switched off it prints the calls that it saw.
CHILD = """
import asyncio, contextlib, os, sys
ORDER, TOOL = sys.argv[1:]

def sentry():
    import sentry_sdk
    from sentry_sdk.transport import Transport
    spans = []
    class Keeping(Transport):
        def capture_envelope(self, envelope):
            for item in envelope.items:
                spans.extend(span for span in item.payload.json.get("spans", []) if span["op"] == "http.client")
    from sentry_sdk.integrations.httpx import HttpxIntegration
    # By itself, Sentry imports every library that it knows, which takes a second of CPU time. Once is enough.
    itself = ORDER == "before"
    sentry_sdk.init(
        dsn="http://key@127.0.0.1:9/1", transport=Keeping, traces_sample_rate=1.0,
        auto_enabling_integrations=itself, integrations=[] if itself else [HttpxIntegration()],
    )
    @contextlib.contextmanager
    def on():
        with sentry_sdk.start_transaction(name="sends"):
            yield
        print("seen", len(spans))
    return on

def opentelemetry():
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    HTTPXClientInstrumentor().instrument(tracer_provider=provider)
    @contextlib.contextmanager
    def on():
        yield
        print("seen", len(exporter.get_finished_spans()))
        HTTPXClientInstrumentor().uninstrument()
    return on

def respx():
    import httpx, respx
    route = respx.post(url__startswith=os.environ["T_URL"])
    route.mock(return_value=httpx.Response(200, json={"umid": "u", "status": {"code": "QUEUED"}}))
    respx.mock.start()
    @contextlib.contextmanager
    def on():
        yield
        print("seen", route.call_count)
        respx.mock.stop()
    return on

on = globals()[TOOL]() if ORDER == "before" else None
import ssl
import anyio
from eightbyeight_async import AsyncConnectClient, SmsRequest

async def main():
    context = ssl.create_default_context(cafile=os.environ["T_CA"])
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    request = SmsRequest(destination="+6598765432", text="Hello")
    async with AsyncConnectClient("key", "acme_hq", sms_base_url=os.environ["T_URL"], ssl_context=context) as client:
        if ORDER == "after":
            assert (await client.sms.send(request)).ok
        with (on or globals()[TOOL]())():
            async with client.sms.send_each([request] * 10) as results:
                assert [result.ok async for result in results] == [True] * 10
        assert (await client.sms.send(request)).ok

anyio.run(main, backend=os.environ["T_BACKEND"])
"""


@pytest.fixture
def child(tmp_path: Path, authority: trustme.CA) -> Callable[..., str]:
    """Runs a Python program against a server. Returns its output."""
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    def run(server: ScriptedServer, *arguments: str, **values: str) -> str:
        names = {"T_URL": server.url, "T_CA": str(tmp_path / "ca.pem"), "PYTHONWARNINGS": "default", **values}
        done = subprocess.run(  # noqa: S603 - our own program
            [sys.executable, *arguments],
            cwd=tmp_path,
            env={**os.environ, **names},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run


@pytest.mark.parametrize(
    ("anyio_backend", "order", "tool", "sent"),
    [
        ("asyncio", "before", "sentry", 10),
        ("asyncio", "after", "sentry", 10),
        ("asyncio", "before", "opentelemetry", 10),
        ("asyncio", "after", "opentelemetry", 10),
        ("asyncio", "before", "respx", 0),
        ("asyncio", "after", "respx", 0),
        ("trio", "after", "sentry", 10),
        ("trio", "before", "opentelemetry", 10),
        ("trio", "after", "respx", 0),
    ],
)
async def test_switched_on_before_or_after_the_import(
    serve: Serve, child: Callable[..., str], anyio_backend_name: str, order: str, tool: str, sent: int
) -> None:
    with serve() as server:
        printed = child(server, "-c", CHILD, order, tool, T_BACKEND=anyio_backend_name)
        assert printed == "seen 10\n"
        assert len(server.received) == sent + 1 + (order == "after")


# mocket replaces the class of sockets and the TLS context, so the client is made inside mocket's block.
MOCKET = """
import asyncio, json, os
from mocket import Mocket, Mocketizer
from mocket.mocks.mockhttp import Entry
from eightbyeight_async import AsyncConnectClient, SmsRequest

async def main():
    url = os.environ["T_URL"]
    path = url + "/api/v1/subaccounts/acme_hq/messages"
    Entry.single_register(Entry.POST, path, body=json.dumps({"umid": "u", "status": {"code": "QUEUED"}}))
    async with AsyncConnectClient("key", "acme_hq", sms_base_url=url) as client:
        for _ in range(3):
            assert (await client.sms.send(SmsRequest(destination="+6598765432", text="Hello"))).ok
    print("seen", len(Mocket.request_list()))

with Mocketizer():
    asyncio.run(main())
"""


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_mocket(serve: Serve, child: Callable[..., str]) -> None:
    with serve() as server:
        assert child(server, "-c", MOCKET) == "seen 3\n"
        assert (server.received, server.connections) == ([], 0)


# The fixture of pytest-httpx, in the test suite of an application.
SUITE = """
import asyncio, os, ssl
import httpx
import pytest
from eightbyeight_async import AsyncConnectClient, SmsRequest, TransportTimeoutError

REQUEST = SmsRequest(destination="+6598765432", text="Hello")
ANSWER = {"umid": "u", "status": {"code": "QUEUED"}}

@pytest.fixture(scope="module")
def client():
    context = ssl.create_default_context(cafile=os.environ["T_CA"])
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return AsyncConnectClient("key", "acme_hq", sms_base_url=os.environ["T_URL"], ssl_context=context)

async def send(client):
    return (await client.sms.send(REQUEST)).ok

def test_before(client):
    assert asyncio.run(send(client))

@pytest.mark.parametrize("kind", ["shared", "own", "http_client", "http2", "trio"])
def test_mocked(httpx_mock, client, kind):
    httpx_mock.add_response(json=ANSWER, is_reusable=True)
    async def main(one):
        async with one.sms.send_each([REQUEST] * 10) as results:
            assert [result.ok async for result in results] == [True] * 10
    if kind != "shared":
        options = {"http2": True} if kind == "http2" else {}
        if kind == "http_client":
            options["http_client"] = httpx.AsyncClient()
        client = AsyncConnectClient("key", "acme_hq", sms_base_url=os.environ["T_URL"], **options)
    if kind == "trio":
        import trio
        trio.run(main, client)
    else:
        asyncio.run(main(client))
    assert len(httpx_mock.get_requests()) == 10

@pytest.mark.httpx_mock(assert_all_requests_were_expected=False)
def test_not_expected(httpx_mock, client):
    with pytest.raises(TransportTimeoutError):
        asyncio.run(send(client))
    assert len(httpx_mock.get_requests()) == 1

def test_after(client):
    assert asyncio.run(send(client))
"""


# the loop of this outer test; the inner suite runs on both loops
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize("proxied", [False, True])
async def test_pytest_httpx(serve: Serve, child: Callable[..., str], tmp_path: Path, proxied: bool) -> None:
    (tmp_path / "test_app.py").write_text(SUITE)
    with serve() as server, Proxy("http") as proxy:
        values = {"HTTPS_PROXY": proxy.url} if proxied else {}
        printed = child(server, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_app.py", **values)
        assert "8 passed" in printed
        assert len(server.received) == 2
        assert len(proxy.asked) == (2 if proxied else 0)
