"""Requests through proxies: what a proxy receives, and the error if a proxy refuses or breaks off. Real sockets and
TLS.
"""

from __future__ import annotations

import importlib.util
import socket
import threading
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from patience import PATIENCE, seen
from proxies import Proxy
from scripted import QUEUED, ScriptedServer
from transport.conftest import LOOPS

from eightbyeight_async import (
    AsyncConnectClient,
    EightByEightError,
    InvalidRequestError,
    Sent,
    SmsRequest,
    TransportTimeoutError,
)
from eightbyeight_async.transport import anyio_transport

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    import trustme

    Connect = Callable[..., AsyncConnectClient]
    Serve = Callable[..., ScriptedServer]

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("collected")]

SMS = SmsRequest(destination="+6598765432", text="Hello")


@pytest.fixture(params=[*LOOPS, pytest.param(("trio", {}), id="trio")])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle connections are reused without a rest."""
    monkeypatch.setattr(anyio_transport, "_REST", 0.0)


async def failing(connect: Connect, server: ScriptedServer, proxy: object, **options: Any) -> EightByEightError:
    async with connect(server, proxy=proxy, **options) as client:
        with pytest.raises(EightByEightError) as caught:
            await client.sms.send(SMS)
    return caught.value


async def test_connect_names_the_server_and_has_the_proxys_password(serve: Serve, connect: Connect) -> None:
    with serve() as server, Proxy("http") as proxy:
        through = httpx.Proxy(proxy.url, auth=("ann", "s3cr3t"), headers={"X-Team": "ops"})
        async with connect(server, proxy=through) as client:
            await client.sms.send(SMS)
        host = server.url.removeprefix("https://").encode()
    assert proxy.asked[0].split(b"\r\n") == [
        b"CONNECT %s HTTP/1.1" % host,
        b"Host: %s" % host,
        b"Accept: */*",
        b"Proxy-Authorization: Basic YW5uOnMzY3IzdA==",
        b"X-Team: ops",
        b"",
        b"",
    ]
    assert "authorization" in server.received[0].headers
    assert "x-team" not in server.received[0].headers


@pytest.mark.parametrize("password", [None, (b"ann", b"s3cr3t")])
async def test_socks5(serve: Serve, connect: Connect, password: tuple[bytes, bytes] | None) -> None:
    with serve() as server, Proxy("socks5", password=password) as proxy:
        async with connect(server, proxy=proxy.url) as client:
            for _ in range(3):
                await client.sms.send(SMS)
        assert proxy.asked == [server.url.removeprefix("https://").encode()]
    assert len(server.received) == 3


@pytest.mark.parametrize("scheme", ["http", "socks5"])
async def test_an_address_instead_of_a_name(serve: Serve, connect: Connect, scheme: str) -> None:
    with serve(certificate_for="127.0.0.1") as server, Proxy(scheme) as proxy:
        url = server.url.replace("localhost", "127.0.0.1")
        async with connect(server, sms_base_url=url, proxy=proxy.url) as client:
            await client.sms.send(SMS)
    assert b"127.0.0.1:" in proxy.asked[0]


async def test_a_context_that_a_client_with_http_2_shares(serve: Serve, connect: Connect, tls: ssl.SSLContext) -> None:
    """Each connection offers the protocols of its client, whatever the shared context offered before."""
    with serve(tls=lambda context: context.set_alpn_protocols(["h2", "http/1.1"])) as server, Proxy("http") as proxy:
        async with connect(server, proxy=proxy.url) as client:
            tls.set_alpn_protocols(["http/1.1", "h2"])
            await client.sms.send(SMS)
    assert len(server.received) == 1


@pytest.mark.parametrize("given", ["", "ann:wrong@"])
async def test_socks5_with_the_wrong_password(serve: Serve, connect: Connect, given: str) -> None:
    with serve() as server, Proxy("socks5", password=(b"ann", b"s3cr3t")) as proxy:
        url = f"socks5://{given}{proxy.url.rpartition('@')[2]}"
        error = await failing(connect, server, url)
    assert error.sent is Sent.NO
    assert "proxy refused" in str(error)
    assert "wrong" not in str(error)
    assert proxy.asked == []


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 502 Bad Gateway\r\n\r\n<html>",
        b"HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\nx",
        b"220 smtp.example ESMTP\r\n\r\n",
    ],
    ids=["407", "502", "an answer more", "a byte more", "not HTTP"],
)
async def test_a_proxy_that_refuses_has_sent_nothing(serve: Serve, connect: Connect, answer: bytes) -> None:
    with serve() as server, Proxy("http", answer=answer) as proxy:
        error = await failing(connect, server, proxy.url)
    assert error.sent is Sent.NO
    assert "the proxy refused to connect" in str(error)
    assert server.received == []


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
async def test_no_proxy_there(serve: Serve, connect: Connect, scheme: str) -> None:
    with serve() as server:
        error = await failing(connect, server, f"{scheme}://127.0.0.1:9")
    assert error.sent is Sent.NO


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
async def test_a_proxy_that_says_nothing_has_sent_nothing(serve: Serve, connect: Connect, scheme: str) -> None:
    """The timeout of connecting covers the whole way to the server."""
    with serve() as server, socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}"
        error = await failing(connect, server, url, timeout=0.1)
    assert isinstance(error, TransportTimeoutError)
    assert error.sent is Sent.NO


async def test_an_untrusted_https_proxy_is_not_used(serve: Serve, connect: Connect, authority: trustme.CA) -> None:
    with serve() as server, Proxy("https", authority=authority) as proxy:
        # the system's authorities decide about the proxy's certificate
        error = await failing(connect, server, proxy.url)
    assert error.sent is Sent.NO
    assert "not trusted" in str(error)
    assert proxy.asked == []


@pytest.mark.parametrize("scheme", ["http", "https", "socks5"])
async def test_a_cancelled_call_leaves_nothing_and_the_next_one_works(
    serve: Serve, connect: Connect, authority: trustme.CA, tls: ssl.SSLContext, scheme: str
) -> None:
    wait = threading.Event()
    with serve(wait, QUEUED) as server, Proxy(scheme, authority=authority) as proxy:
        through = httpx.Proxy(proxy.url, ssl_context=tls if scheme == "https" else None)
        async with connect(server, proxy=through, max_concurrency=1) as client:
            async with anyio.create_task_group() as group:
                group.start_soon(client.sms.send, SMS)
                await seen(lambda: server.received)
                group.cancel_scope.cancel()
            wait.set()
            await client.sms.send(SMS)
    assert server.connections == 2


async def test_closing_the_client_ends_its_calls(serve: Serve, connect: Connect) -> None:
    wait = threading.Event()
    errors: list[EightByEightError] = []
    with serve(wait) as server, Proxy("http") as proxy:
        client = connect(server, proxy=proxy.url)

        async def send() -> None:
            with pytest.raises(EightByEightError) as caught:
                await client.sms.send(SMS)
            errors.append(caught.value)

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as group:
                for _ in range(3):
                    group.start_soon(send)
                while len(server.received) < 3:
                    await anyio.sleep(0.002)
                await client.aclose()
        wait.set()
    assert [error.sent for error in errors] == [Sent.MAYBE] * 3


async def test_socks_without_its_package_is_refused_by_name(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download of a log uses httpx, and httpx needs the package."""
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    for proxy in ("socks5://127.0.0.1:9", httpx.Proxy("socks5h://127.0.0.1:9")):
        with serve() as server, pytest.raises(InvalidRequestError, match="httpx\\[socks\\]"):
            connect(server, proxy=proxy)
