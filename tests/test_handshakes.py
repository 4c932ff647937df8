"""A call that ends while its connection is being opened, because it is cancelled or the other side is silent."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any, Self

import anyio
import pytest
from conftest import KEY, SUBACCOUNT
from forwarding import closed_port
from patience import PATIENCE, seen
from proxies import Proxy

from eightbyeight_async import AsyncConnectClient, RetryPolicy, SmsRequest, TransportTimeoutError
from eightbyeight_async.hosts import Product

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Callable

    import httpx

pytestmark = pytest.mark.anyio

SMS = SmsRequest(destination="+6598765432", text="Hello")


class SilentServer:
    """A server that accepts connections, reads the first bytes of each, and never answers.

    Attributes:
        accepted: how many connections it has accepted.
        begun: how many connections have sent bytes.
        ended: how many connections their clients have closed.
    """

    def __init__(self) -> None:
        self.accepted = 0
        self.begun = 0
        self.ended = 0
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(PATIENCE)
            assert not thread.is_alive()
        self._listener.close()

    def _start(self, act: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=act, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                self.accepted += 1
                self._start(self._listen, connection)

    def _listen(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            if connection.recv(65_536):
                self.begun += 1
            while connection.recv(65_536):
                pass
        self.ended += 1


@contextlib.asynccontextmanager
async def connected(way: str, port: int, tls: ssl.SSLContext, proxy: str | None) -> AsyncIterator[AsyncConnectClient]:
    """A client with one place, of which the calls go to a port of this machine."""

    async def hook(_: httpx.Request) -> None:
        pass

    async with contextlib.AsyncExitStack() as stack:
        base = f"https://localhost:{port}"
        options: dict[str, Any] = {"proxy": proxy, "ssl_context": tls, "http2": way == "http2"}
        if way == "event_hooks":
            options["event_hooks"] = {"request": [hook]}
        client = AsyncConnectClient(
            KEY, SUBACCOUNT, sms_base_url=base, chatapps_base_url=base, max_concurrency=1, timeout=PATIENCE, **options
        )
        yield await stack.enter_async_context(client)


async def call(client: AsyncConnectClient, way: str, seconds: float = PATIENCE) -> None:
    if way == "download":
        exchange = client._exchange
        link = f"{exchange.bases[Product.SMS]}/log.csv"
        await exchange.downloader.fetch(link, bytearray().extend, patience=seconds)
    else:
        await client.with_options(timeout=seconds, retry=RetryPolicy.none()).sms.send(SMS)


WAYS = ["default", "event_hooks", "http2", "download"]


@pytest.mark.parametrize("proxy", [None, "http", "socks5"])
@pytest.mark.parametrize("way", WAYS)
async def test_a_cancelled_handshake_leaves_no_socket(tls: ssl.SSLContext, way: str, proxy: str | None) -> None:
    """The server sees each connection end while the client is open. A place that stays taken would stop the next."""
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(SilentServer())
        route = None if proxy is None else stack.enter_context(Proxy(proxy)).url
        async with connected(way, server.port, tls, route) as client:
            for number in range(1, 4):
                async with anyio.create_task_group() as calls:
                    calls.start_soon(call, client, way)
                    await seen(lambda number=number: server.begun == number)
                    calls.cancel_scope.cancel()
                await seen(lambda number=number: server.ended == number)


@pytest.mark.parametrize("scheme", ["http", "socks5"])
@pytest.mark.parametrize("way", WAYS)
async def test_a_silent_proxy_is_a_timeout(tls: ssl.SSLContext, way: str, scheme: str) -> None:
    """The test doubles the timeout until the proxy has got bytes, because a slow machine needs longer."""
    timeout = 0.1
    with SilentServer() as proxy:
        async with connected(way, closed_port(), tls, f"{scheme}://localhost:{proxy.port}") as client:
            with anyio.fail_after(PATIENCE):
                while not proxy.begun:
                    with pytest.raises(TransportTimeoutError):
                        await call(client, way, timeout)
                    timeout *= 2
            await seen(lambda: proxy.ended == proxy.accepted)
