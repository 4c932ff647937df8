"""A call that is cancelled while its connection is being opened closes the socket and gives back its place."""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING, Any, Self

import anyio
import httpx
import pytest
from conftest import KEY, SUBACCOUNT
from patience import PATIENCE, seen
from proxies import Proxy

from eightbyeight_async import AsyncConnectClient, SmsRequest

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

pytestmark = pytest.mark.anyio

SMS = SmsRequest(destination="+6598765432", text="Hello")


class SilentServer:
    """A server that accepts connections, reads the first bytes of each, and never answers.

    Attributes:
        begun: how many connections have sent bytes.
        ended: how many connections their clients have closed.
    """

    def __init__(self) -> None:
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
                self._start(self._listen, self._listener.accept()[0])

    def _listen(self, connection: socket.socket) -> None:
        with connection:
            if connection.recv(65_536):
                self.begun += 1
            with contextlib.suppress(OSError):
                while connection.recv(65_536):
                    pass
            self.ended += 1


@pytest.mark.parametrize("proxy", [None, "http", "socks5"])
@pytest.mark.parametrize("way", ["default", "event_hooks", "http2", "http_client", "download"])
async def test_the_socket_is_closed_and_the_place_is_free(tls: ssl.SSLContext, way: str, proxy: str | None) -> None:
    """The server sees each connection end while the client is open. A place that stays taken would stop the next call.

    In the application's own httpx client, a cancelled handshake through a proxy keeps its place in httpx's pool.
    """

    async def hook(_: httpx.Request) -> None:
        pass

    async with contextlib.AsyncExitStack() as stack:
        server = stack.enter_context(SilentServer())
        route = None if proxy is None else stack.enter_context(Proxy(proxy)).url
        base = f"https://localhost:{server.port}"
        options: dict[str, Any] = {"proxy": route, "ssl_context": tls, "http2": way == "http2"}
        if way == "event_hooks":
            options["event_hooks"] = {"request": [hook]}
        if way == "http_client":
            http = await stack.enter_async_context(httpx.AsyncClient(verify=tls, proxy=route))
            options = {"http_client": http}
        client = AsyncConnectClient(
            KEY, SUBACCOUNT, sms_base_url=base, chatapps_base_url=base, max_concurrency=1, timeout=PATIENCE, **options
        )
        await stack.enter_async_context(client)

        async def call() -> None:
            if way == "download":
                await client._exchange.downloader.fetch(f"{base}/log.csv", bytearray().extend, patience=PATIENCE)
            else:
                await client.sms.send(SMS)

        for number in range(1, 4):
            async with anyio.create_task_group() as calls:
                calls.start_soon(call)
                await seen(lambda number=number: server.begun == number)
                calls.cancel_scope.cancel()
            await seen(lambda number=number: server.ended == number)
