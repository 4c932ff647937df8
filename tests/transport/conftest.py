"""Servers and clients of the transport's tests. Each test runs on asyncio's own loop and on uvloop."""

from __future__ import annotations

import gc
import importlib.util
import ssl
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from transport.as_httpx import AsHttpx
from transport.raw_server import RawServer, polite

from eightbyeight_async.transport.asyncio_socket import Line
from eightbyeight_async.transport.fast import FastTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOPS: list[Any] = [pytest.param(("asyncio", {}), id="asyncio")]
if importlib.util.find_spec("uvloop"):
    LOOPS.append(pytest.param(("asyncio", {"use_uvloop": True}), id="uvloop"))


@pytest.fixture(params=LOOPS)
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    authority.configure_trust(context)
    return context


@pytest.fixture
def transport(tls: ssl.SSLContext) -> Callable[..., AsHttpx]:
    """`async with transport(max_connections=5) as fast:`"""

    def make(**options: Any) -> AsHttpx:
        return AsHttpx(FastTransport(ssl_context=tls, **options))

    return make


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of all reads that the clients' sockets have made so far, in bytes."""
    sizes: list[int] = []
    take = Line.buffer_updated

    def note(self: Line, nbytes: int) -> None:
        take(self, nbytes)
        sizes.append(nbytes)

    monkeypatch.setattr(Line, "buffer_updated", note)
    return sizes


@pytest.fixture(scope="session")
def _settled() -> Iterator[None]:
    """Excludes the objects that exist before the tests from the garbage collection after each test."""
    import hypothesis  # noqa: F401 - it looks for its own objects through the collector, which hides frozen ones

    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@pytest.fixture
def collected(_settled: None) -> Iterator[None]:
    """Makes a leak show within its own test: a socket that nobody closed, an exception that nobody read."""
    yield
    gc.collect()


@pytest.fixture
def threaded_server(server_tls: ssl.SSLContext) -> Iterator[RawServer]:
    """A server with a loop and a thread of its own, for clients on other loops. It lives longer than those loops."""
    from anyio.from_thread import start_blocking_portal

    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(RawServer(polite, tls=server_tls)) as server,
    ):
        yield server
