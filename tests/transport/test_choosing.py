"""Which transport serves a client, and a request through each transport."""

from __future__ import annotations

import asyncio
import importlib.util
import ssl
from functools import partial
from typing import Any

import anyio
import httpx
import pytest
from patience import PATIENCE, seen
from transport.as_httpx import AsHttpx
from transport.raw_server import OK, Peer, RawServer, answering, polite

from eightbyeight_async.loops import running
from eightbyeight_async.transport import anyio_transport
from eightbyeight_async.transport.anyio_transport import AnyioTransport
from eightbyeight_async.transport.choose import make_sender
from eightbyeight_async.transport.fast import FastTransport
from eightbyeight_async.transport.proxy_routes import proxy_for, proxy_routes
from eightbyeight_async.transport.request import Origin

PROXY_NAMES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle connections are reused without a rest."""
    monkeypatch.setattr(anyio_transport, "_REST", 0.0)


class Chosen(httpx.AsyncBaseTransport):
    """The transport that is chosen at the first request, as a transport of httpx."""

    def __init__(self, tls: ssl.SSLContext, proxy: str | None = None, **options: Any) -> None:
        routes = proxy_routes(tls, None if proxy is None else httpx.Proxy(proxy))
        self.make = partial(make_sender, ssl_context=tls, max_connections=5, routes=routes, **options)
        self.here: dict[object, AsHttpx] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        loop = running()
        if loop not in self.here:
            self.here[loop] = AsHttpx(self.make())
        return await self.here[loop].handle_async_request(request)

    async def aclose(self) -> None:
        if (chosen := self.here.pop(running(), None)) is not None:
            await chosen.aclose()


def client(tls: ssl.SSLContext, **options: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=Chosen(tls, **options), timeout=PATIENCE)


def is_fast(http: Any) -> bool:
    (chosen,) = http._transport.here.values()
    return isinstance(chosen.sender, FastTransport)


class Tunnel:
    """An HTTP proxy that records the targets of CONNECT and forwards the bytes."""

    def __init__(self) -> None:
        self.asked: list[bytes] = []

    async def __call__(self, peer: Peer) -> None:
        head, _ = await peer.request()
        self.asked.append(head.split(b"\r\n")[0])
        host, port = head.split()[1].split(b":")
        reader, writer = await asyncio.open_connection(host.decode(), int(port))
        await peer.send(b"HTTP/1.1 200 Connected\r\n\r\n")

        async def pipe(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
            while data := await source.read(65536):
                sink.write(data)
            sink.write_eof()

        ends = asyncio.gather(pipe(peer.reader, writer), pipe(reader, peer.writer), return_exceptions=True)
        try:
            await ends
        finally:
            writer.close()


@pytest.mark.anyio
async def test_nothing_special_is_the_fast_one(tls: ssl.SSLContext, server_tls: ssl.SSLContext) -> None:
    async with RawServer(polite, tls=server_tls) as server, client(tls) as http:
        for _ in range(3):
            assert (await http.get(server.url)).text == "hi"
        assert is_fast(http)
        await asyncio.gather(*[http.get(server.url) for _ in range(100)])
        assert server.open_at_most == 5


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["argument", "HTTPS_PROXY", "ALL_PROXY"])
async def test_a_proxy_is_used_for_https_and_never_for_plain_http(
    tls: ssl.SSLContext, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    tunnel = Tunnel()
    async with (
        RawServer(polite, tls=server_tls) as server,
        RawServer(polite) as plain,
        RawServer(tunnel) as proxy,
    ):
        if how != "argument":
            monkeypatch.setenv(how, proxy.url)
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
        async with client(tls, proxy=proxy.url if how == "argument" else None) as http:
            for _ in range(3):
                assert (await http.get(server.url)).text == "hi"
                assert (await http.get(plain.url)).text == "hi"
        assert tunnel.asked == [b"CONNECT 127.0.0.1:%d HTTP/1.1" % server.port]
        assert plain.requests == 3


@pytest.mark.anyio
async def test_no_proxy_is_respected(
    tls: ssl.SSLContext, server_tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    tunnel = Tunnel()
    async with RawServer(polite, tls=server_tls) as server, RawServer(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        for excluded, fast in (("127.0.0.1", False), ("*", True), ("other.example, *", True)):
            monkeypatch.setenv("NO_PROXY", excluded)
            async with client(tls) as http:
                assert (await http.get(server.url)).text == "hi"
                assert is_fast(http) is fast
        assert tunnel.asked == []


@pytest.mark.anyio
async def test_http_2_is_httpxs_business(tls: ssl.SSLContext, server_tls: ssl.SSLContext) -> None:
    if importlib.util.find_spec("h2") is None:
        with pytest.raises(ImportError, match="httpx\\[http2\\]"):
            make_sender(ssl_context=tls, max_connections=1, routes={}, http2=True)
        return
    async with RawServer(polite, tls=server_tls) as server, client(tls, http2=True) as http:
        response = await http.get(server.url)  # this server supports only HTTP/1.1, and the request still succeeds
        assert response.text == "hi"


def test_trio_is_served_by_anyio_transports(tls: ssl.SSLContext, threaded_server: RawServer) -> None:
    pytest.importorskip("trio")
    http = client(tls)

    async def main() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(40):
                group.start_soon(http.get, threaded_server.url)
        assert threaded_server.open_at_most == 5
        with anyio.move_on_after(0.001):
            await http.get(threaded_server.url)
        assert (await http.get(threaded_server.url)).text == "hi"
        assert not is_fast(http)
        await http.aclose()

    anyio.run(main, backend="trio")


@pytest.mark.anyio
async def test_anyio_transports_are_bounded_and_come_back(tls: ssl.SSLContext) -> None:
    gate = asyncio.Event()

    async def script(peer: Peer) -> None:
        while True:
            await peer.request()
            await gate.wait()
            await peer.send(OK)

    async with RawServer(script) as server, AsHttpx(AnyioTransport(ssl_context=tls, max_connections=2)) as slow:
        tasks = [asyncio.ensure_future(slow.handle_async_request(server.post())) for _ in range(6)]
        await seen(lambda: server.open_now == 2)
        tasks[0].cancel()
        gate.set()
        results = await asyncio.gather(*tasks, return_exceptions=True)
        assert sum(isinstance(result, httpx.Response) for result in results) == 5
        assert server.open_at_most <= 3


@pytest.mark.anyio
async def test_anyio_transports_have_the_body_limit_too(tls: ssl.SSLContext) -> None:
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n" + b"x" * 2000
    async with RawServer(answering(large)) as server, AsHttpx(AnyioTransport(ssl_context=tls, max_body=1000)) as slow:
        with pytest.raises(httpx.RemoteProtocolError, match="larger than 1000"):
            await slow.handle_async_request(server.post())


HOSTS = [
    Origin("https", host, port)
    for host in ("sms.8x8.com", "8x8.com", "x8x8.com", "localhost", "127.0.0.1", "::1", "chatapps.us.8x8.com")
    for port in (None, 8443)
] + [Origin("http", "127.0.0.1", None), Origin("http", "localhost", 8443)]
EXCLUDED = [
    "", "8x8.com", ".8x8.com", "sms.8x8.com", "SMS.8x8.com", "localhost", "127.0.0.1", "::1", "127.0.0.1/8",
    "us.8x8.com", "8x8.com:8443", "8x8.com:443", "https://sms.8x8.com", "http://sms.8x8.com", "all://*.8x8.com", "https://*8x8.com:8443",
    "com", "sms.8x8.com, localhost", "https://", "all://", "https://*",
]  # fmt: skip


@pytest.mark.parametrize("given", ["https_proxy", "all_proxy"])
@pytest.mark.parametrize("excluded", EXCLUDED)
def test_the_proxy_of_an_origin_is_the_one_that_httpx_chooses(
    tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch, given: str, excluded: str
) -> None:
    monkeypatch.setenv(given, "http://proxy.example:3128")
    monkeypatch.setenv("no_proxy", excluded)
    routes = proxy_routes(tls, None)
    marks = {pattern: httpx.MockTransport(lambda _, proxy=proxy: httpx.Response(200, extensions={"proxy": proxy}))
             for pattern, proxy in {"all://": None, **routes}.items()}  # fmt: skip
    with httpx.Client(mounts=marks, verify=tls, trust_env=False) as theirs:
        for origin in HOSTS:
            host = f"[{origin.host}]" if ":" in origin.host else origin.host
            url = f"{origin.scheme}://{host}" + (f":{origin.port}" if origin.port else "")
            assert proxy_for(routes)(origin) is theirs.get(url).extensions["proxy"], (routes, origin)
