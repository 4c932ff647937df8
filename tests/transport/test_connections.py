"""One request over one connection: every course of an exchange, on real sockets, with TLS 1.3 and without TLS."""

from __future__ import annotations

import asyncio
import gzip
import random
import socket
import ssl
import zlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from forwarding import closed_port
from patience import seen
from transport.as_httpx import AsHttpx
from transport.manual_clock import ManualClock, hold
from transport.raw_server import OK, Peer, RawServer, answering, polite

from eightbyeight_async.transport import anyio_transport
from eightbyeight_async.transport.anyio_transport import AnyioTransport
from eightbyeight_async.transport.fast import FastTransport
from eightbyeight_async.transport.wire_errors import RequestRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable

    import trustme

    Make = Callable[..., FastTransport]

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("collected")]


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle connections are reused without a rest."""
    monkeypatch.setattr(anyio_transport, "_REST", 0.0)


class Anyio(AnyioTransport):
    """This transport checks its idle connections only when it needs one."""

    pools: dict[str, Any] = {}  # noqa: RUF012


@pytest.fixture(params=[FastTransport, Anyio])
def transport(request: pytest.FixtureRequest, tls: ssl.SSLContext) -> Make:
    return lambda **options: AsHttpx(request.param(ssl_context=tls, **options))


fast_alone = pytest.mark.parametrize("transport", [FastTransport], indirect=True)


@pytest.fixture(params=["tls", "plain"])
def server_side(request: pytest.FixtureRequest, server_tls: ssl.SSLContext) -> dict[str, Any]:
    return {"tls": server_tls if request.param == "tls" else None}


async def test_a_connection_is_used_again(transport: Make, server_side: dict[str, Any]) -> None:
    async with RawServer(polite, **server_side) as server, transport() as fast:
        for _ in range(5):
            response = await fast.handle_async_request(server.post())
            assert (response.status_code, await response.aread()) == (200, b"hi")
        assert len(server.peers) == 1


async def test_the_response_carries_what_httpx_carries(transport: Make, server_side: dict[str, Any]) -> None:
    answer = b"HTTP/1.1 202 All right\r\nContent-Length: 0\r\nX-A: b\r\n\r\n"
    async with RawServer(answering(answer), **server_side) as server, transport() as fast:
        response = await fast.handle_async_request(server.post())
        assert response.http_version == "HTTP/1.1"
        assert response.reason_phrase == "All right"
        assert response.headers.raw == [(b"Content-Length", b"0"), (b"X-A", b"b")]


async def test_an_answer_in_single_bytes(transport: Make, server_side: dict[str, Any]) -> None:
    async def script(peer: Peer) -> None:
        for _ in range(2):
            await peer.request()
            for byte in b"HTTP/1.1 100 Continue\r\n\r\n" + OK:
                await peer.send(bytes([byte]))
                await asyncio.sleep(0)

    async with RawServer(script, **server_side) as server, transport() as fast:
        for _ in range(2):
            response = await fast.handle_async_request(server.post())
            assert await response.aread() == b"hi"
        assert len(server.peers) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nhi",
        OK + b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad",
        OK + b"surplus",
    ],
    ids=["close", "1.0", "pipelined", "surplus"],
)
async def test_after_such_an_answer_there_is_a_new_connection(
    transport: Make, server_side: dict[str, Any], answer: bytes
) -> None:
    async with RawServer(answering(answer), **server_side) as server, transport() as fast:
        for _ in range(3):
            response = await fast.handle_async_request(server.post())
            assert await response.aread() == b"hi"
        assert len(server.peers) == 3


@fast_alone
@pytest.mark.parametrize("surplus", [b"\r\n", b"x", b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nbad"])
async def test_bytes_on_an_idle_connection_are_never_the_next_answer(
    transport: Make, server_side: dict[str, Any], surplus: bytes
) -> None:
    idle = asyncio.Event()

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await idle.wait()
        await peer.send(surplus)
        await peer.gone()

    async with RawServer(script, **server_side) as server, transport() as fast:
        for _ in range(3):
            idle.clear()
            response = await fast.handle_async_request(server.post())
            assert await response.aread() == b"hi"
            idle.set()
            await seen(lambda: all(pool.idle == pool.slots == 0 for pool in fast.pools.values()))
        assert len(server.peers) == 3


async def test_a_body_without_a_length_ends_with_the_connection(transport: Make, server_side: dict[str, Any]) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhel")
        await asyncio.sleep(0.01)
        await peer.send(b"lo")

    async with RawServer(script, **server_side) as server, transport() as fast:
        for _ in range(2):
            response = await fast.handle_async_request(server.post())
            assert await response.aread() == b"hello"
        assert len(server.peers) == 2


async def test_without_tls_goodbye_it_ends_all_the_same_as_under_httpx(
    transport: Make, tls: ssl.SSLContext, server_tls: ssl.SSLContext
) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(b"HTTP/1.1 200 OK\r\n\r\nhello")
        peer.cut()

    stock = httpx.AsyncHTTPTransport(verify=tls)
    async with RawServer(script, tls=server_tls) as server, transport() as fast, stock:
        bodies = []
        for one in (fast, stock):
            response = await one.handle_async_request(server.post())
            bodies.append(await response.aread())
            await response.aclose()
        assert bodies == [b"hello", b"hello"]


async def test_no_content_has_no_body(transport: Make, server_side: dict[str, Any]) -> None:
    answer = b"HTTP/1.1 204 No Content\r\nContent-Length: 100\r\n\r\n"
    async with RawServer(answering(answer), **server_side) as server, transport() as fast:
        response = await fast.handle_async_request(server.post())
        assert await response.aread() == b""


# The connection is closed in every phase.


async def test_closed_during_the_handshake_nothing_was_sent(transport: Make) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(1)

    async with RawServer(script) as server, transport() as fast:
        request = httpx.Request("POST", f"https://127.0.0.1:{server.port}/", headers={"Host": "x"})
        with pytest.raises(httpx.ConnectError) as caught:
            await fast.handle_async_request(request)
        assert "during the TLS handshake" in str(caught.value)


async def test_refused_and_unknown(transport: Make) -> None:
    async def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    loop = asyncio.get_running_loop()
    async with transport() as fast:
        for url in (f"https://127.0.0.1:{closed_port()}/", "https://nowhere.invalid/"):
            if "nowhere" in url:
                loop.getaddrinfo = unknown  # type: ignore[method-assign]
            with pytest.raises(httpx.ConnectError) as caught:
                await fast.handle_async_request(httpx.Request("GET", url))
            assert isinstance(caught.value.__cause__, OSError)
        assert all(pool.slots == 0 for pool in fast.pools.values())


async def test_closed_before_an_answer(transport: Make, server_side: dict[str, Any]) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()

    async with RawServer(script, **server_side) as server, transport() as fast:
        with pytest.raises(httpx.RemoteProtocolError, match="without sending"):
            await fast.handle_async_request(server.post())


@pytest.mark.parametrize("cut", [1, 12, len(OK) - 1])
@pytest.mark.parametrize("how", ["closed", "reset"])
async def test_closed_within_the_answer(transport: Make, server_side: dict[str, Any], cut: int, how: str) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK[:cut])
        if how == "reset":
            peer.cut()

    async with RawServer(script, **server_side) as server, transport() as fast:
        with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
            await fast.handle_async_request(server.post())
        assert all(pool.slots == 0 for pool in fast.pools.values())


async def test_reset_while_a_large_body_is_written(transport: Make, server_side: dict[str, Any]) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.read(1000)
        peer.cut()

    async with RawServer(script, **server_side) as server, transport() as fast:
        with pytest.raises((httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError)):
            await fast.handle_async_request(server.post(b"x" * 20_000_000))


@fast_alone
async def test_closed_while_idle_is_noticed_and_replaced(transport: Make, server_side: dict[str, Any]) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)

    async with RawServer(script, **server_side) as server, transport() as fast:
        for _ in range(3):
            await fast.handle_async_request(server.post())
            await seen(lambda: all(pool.idle == pool.slots == 0 for pool in fast.pools.values()))
        assert len(server.peers) == 3


async def test_closed_while_the_loop_was_busy_is_noticed_before_writing(transport: Make) -> None:
    """The socket has received the end, but the loop has not seen it yet. No request is lost."""
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))
    accepted: list[socket.socket] = []
    got: list[bytes] = []
    closed = threading.Event()

    def serve() -> None:
        for _ in range(2):
            connection, _ = listener.accept()
            accepted.append(connection)
            got.append(connection.recv(65536))
            connection.sendall(OK)
            if len(accepted) == 1:
                may_close.wait()
                connection.close()
                closed.set()

    may_close = threading.Event()
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        async with transport() as fast:
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
            for _ in range(2):
                response = await fast.handle_async_request(httpx.Request("GET", url))
                assert await response.aread() == b"hi"
                may_close.set()
                closed.wait()  # blocks the loop's thread on purpose, so that the loop sees no event
        assert len(got) == 2
    finally:
        thread.join()
        listener.close()
        for connection in accepted:
            connection.close()


async def test_a_server_that_speaks_first_is_not_answered(transport: Make) -> None:
    async def script(peer: Peer) -> None:
        await peer.send(b"220 smtp.example ESMTP\r\n")
        await peer.gone()

    async with RawServer(script) as server, transport() as fast:
        with pytest.raises((httpx.ConnectError, httpx.RemoteProtocolError)):
            await fast.handle_async_request(server.post())


# Timeouts.


def timeouts(**seconds: float) -> dict[str, float | None]:
    return {"connect": None, "read": None, "write": None, "pool": None, **seconds}


async def silent(peer: Peer) -> None:
    await peer.gone()


async def test_read_timeout(transport: Make, server_side: dict[str, Any]) -> None:
    async with RawServer(silent, **server_side) as server, transport() as fast:
        with pytest.raises(httpx.ReadTimeout):
            await fast.handle_async_request(server.post(timeout=timeouts(read=0.05)))
        assert all(pool.slots == 0 for pool in fast.pools.values())


async def arrives(peer: Peer, data: bytes, reads: list[int]) -> None:
    """Sends the data, and waits until the client has read it from its socket."""
    before = len(reads)
    await peer.send(data)
    await seen(lambda: len(reads) > before)


@fast_alone
async def test_read_timeout_is_between_bytes(transport: Make, server_side: dict[str, Any], reads: list[int]) -> None:
    """An answer that takes longer than the timeout is read, if no single pause is longer than the timeout."""
    clock: ManualClock

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        for at in range(0, len(OK), 4):
            await arrives(peer, OK[at : at + 4], reads)
            clock.advance(0.2)
        await peer.gone()

    async with RawServer(script, **server_side) as server, transport() as fast:
        await fast.handle_async_request(server.post())
        clock = hold(fast)
        response = await fast.handle_async_request(server.post(timeout=timeouts(read=0.3)))
        assert await response.aread() == b"hi"
        assert len(server.peers) == 1


@fast_alone
async def test_read_timeout_within_an_answer(transport: Make, server_side: dict[str, Any], reads: list[int]) -> None:
    """An answer with a longer pause fails, even if only few bytes are missing."""
    clock: ManualClock

    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.request()
        await arrives(peer, OK[:-1], reads)
        clock.advance(0.31)
        await peer.gone()

    async with RawServer(script, **server_side) as server, transport() as fast:
        await fast.handle_async_request(server.post())
        clock = hold(fast)
        with pytest.raises(httpx.ReadTimeout):
            await fast.handle_async_request(server.post(timeout=timeouts(read=0.3)))


async def test_a_shorter_timeout_on_a_used_connection_is_kept(transport: Make, server_side: dict[str, Any]) -> None:
    async def script(peer: Peer) -> None:
        await peer.request()
        await peer.send(OK)
        await peer.gone()

    async with RawServer(script, **server_side) as server, transport() as fast:
        await fast.handle_async_request(server.post(timeout=timeouts(read=100)))
        with pytest.raises(httpx.ReadTimeout):
            await fast.handle_async_request(server.post(timeout=timeouts(read=0.05)))
        assert len(server.peers) == 1


async def test_write_timeout(transport: Make, server_side: dict[str, Any]) -> None:
    async def script(peer: Peer) -> None:
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await peer.gone()

    async with RawServer(script, **server_side) as server, transport() as fast:
        with pytest.raises(httpx.WriteTimeout):
            await fast.handle_async_request(server.post(b"x" * 30_000_000, timeout=timeouts(write=0.1)))


async def test_connect_timeout_in_the_handshake(transport: Make) -> None:
    async with RawServer(silent) as server, transport() as fast:
        request = httpx.Request(
            "GET", f"https://127.0.0.1:{server.port}/", extensions={"timeout": timeouts(connect=0.05)}
        )
        with pytest.raises(httpx.ConnectTimeout):
            await fast.handle_async_request(request)
        assert all(pool.slots == 0 for pool in fast.pools.values())
        await seen(lambda: all(pool.sockets == 0 for pool in fast.pools.values()))


# Large and streamed bodies.


async def test_a_large_body_arrives_whole(transport: Make, server_side: dict[str, Any]) -> None:
    bodies = []

    async def script(peer: Peer) -> None:
        while True:
            bodies.append((await peer.request())[1])
            await peer.send(OK)

    body = random.Random(8).randbytes(5_000_000)  # noqa: S311
    async with RawServer(script, **server_side) as server, transport() as fast:
        for _ in range(2):
            await fast.handle_async_request(server.post(body))
        assert bodies == [body, body]
        assert len(server.peers) == 1


async def test_an_answer_before_the_body_is_out_is_the_answer(transport: Make, server_side: dict[str, Any]) -> None:
    async def script(peer: Peer) -> None:
        await peer.reader.readuntil(b"\r\n\r\n")
        peer.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await peer.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno")
        await peer.gone()

    async with RawServer(script, **server_side) as server, transport() as fast:
        response = await fast.handle_async_request(server.post(b"x" * 30_000_000))
        assert (response.status_code, await response.aread()) == (413, b"no")
        response = await fast.handle_async_request(server.post(b"x" * 30_000_000))
        assert response.status_code == 413
        assert len(server.peers) == 2, "the half-written connection was used again"


async def test_a_bad_header_costs_no_connection(transport: Make, server_side: dict[str, Any]) -> None:
    async with RawServer(polite, **server_side) as server, transport() as fast:
        request = httpx.Request("GET", server.url, headers=[(b"Host", b"x"), (b"Authorization", b"s3cr3t\r\nX: y")])
        with pytest.raises(RequestRefusedError) as caught:
            await fast.handle_async_request(request)
        assert "s3cr3t" not in str(caught.value)
        assert server.peers == []


# TLS.


async def test_an_untrusted_certificate_is_refused(server_tls: ssl.SSLContext) -> None:
    from eightbyeight_async.transport.fast import FastTransport
    from eightbyeight_async.transport.tls import pinned_context

    async with (
        RawServer(polite, tls=server_tls) as server,
        AsHttpx(FastTransport(ssl_context=pinned_context())) as fast,
    ):
        with pytest.raises(httpx.ConnectError, match="unable to get local issuer") as caught:
            await fast.handle_async_request(server.post())
        assert isinstance(caught.value.__cause__, ssl.SSLCertVerificationError)
        assert server.requests == 0


async def test_a_certificate_for_another_host_is_refused(transport: Make, authority: trustme.CA) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("other.example").configure_cert(context)
    async with RawServer(polite, tls=context) as server, transport() as fast:
        with pytest.raises(httpx.ConnectError, match="IP address mismatch"):
            await fast.handle_async_request(server.post())


async def test_tls_1_2_is_not_spoken(transport: Make, authority: trustme.CA) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with RawServer(polite, tls=context) as server, transport() as fast:
        # asyncio's server closes the connection without an alert; OpenSSL would send "protocol version".
        with pytest.raises(httpx.ConnectError, match="handshake"):
            await fast.handle_async_request(server.post())


async def test_session_tickets_do_not_disturb(transport: Make, authority: trustme.CA) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.num_tickets = 50
    authority.issue_cert("127.0.0.1").configure_cert(context)
    async with RawServer(polite, tls=context) as server, transport() as fast:
        for _ in range(5):
            await fast.handle_async_request(server.post())
        assert len(server.peers) == 1


async def test_rubbish_instead_of_tls_records(transport: Make, server_tls: ssl.SSLContext) -> None:
    """Bytes from a middlebox or a fault are an error, never an answer."""

    async def relay(peer: Peer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", behind.port)

        async def forward() -> None:
            while data := await peer.reader.read(65536):
                writer.write(data)

        up = asyncio.ensure_future(forward())
        try:
            seen = 0
            while data := await reader.read(65536):
                seen += 1
                await peer.send(data if seen == 1 else b"\x17\x03\x03\x00\x20" + b"rubbish!" * 4)
        finally:
            up.cancel()
            await asyncio.gather(up, return_exceptions=True)
            writer.close()

    async with RawServer(polite, tls=server_tls) as behind, RawServer(relay) as front, transport() as fast:
        request = httpx.Request("GET", f"https://127.0.0.1:{front.port}/")
        with pytest.raises((httpx.ReadError, httpx.ConnectError)) as caught:
            await fast.handle_async_request(request)
        assert "TLS" in str(caught.value)


async def test_goodbye_is_said_on_closing(transport: Make, server_tls: ssl.SSLContext) -> None:
    """When the pool closes an idle connection, it sends one more record: close_notify."""
    sent: list[int] = []

    async def relay(peer: Peer) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", behind.port)

        async def down() -> None:
            while data := await reader.read(65536):
                await peer.send(data)

        task = asyncio.ensure_future(down())
        while data := await peer.reader.read(65536):
            sent.append(len(data))
            writer.write(data)
        writer.close()
        await asyncio.gather(task, return_exceptions=True)

    async with RawServer(polite, tls=server_tls) as behind, RawServer(relay) as front:
        async with transport() as fast:
            request = httpx.Request("GET", f"https://127.0.0.1:{front.port}/")
            await fast.handle_async_request(request)
            before = list(sent)
        await seen(lambda: not front.open_now)
        assert len(sent) == len(before) + 1
        assert sent[-1] < 64


# Compressed bodies.


@pytest.mark.parametrize("name", ["gzip", "deflate", "raw", "twice"])
async def test_compressed_bodies_are_httpxs_business(transport: Make, server_side: dict[str, Any], name: str) -> None:
    text = b'{"umid": "x"}' * 100
    packed, encoding = {
        "gzip": (gzip.compress(text), b"gzip"),
        "deflate": (zlib.compress(text), b"deflate"),
        "raw": (zlib.compress(text)[2:-4], b"deflate"),
        "twice": (gzip.compress(zlib.compress(text)), b"deflate, gzip"),
    }[name]
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (encoding, len(packed))
    async with RawServer(answering(answer + packed), **server_side) as server, transport() as fast:
        response = await fast.handle_async_request(server.post())
        assert await response.aread() == text


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "twice"])
async def test_a_bomb_is_refused(transport: Make, encoding: str) -> None:
    text = bytes(5_000_000)
    packed, name = {
        "gzip": (gzip.compress(text), b"gzip"),
        "deflate": (zlib.compress(text)[2:-4], b"deflate"),
        "twice": (gzip.compress(gzip.compress(text)), b"gzip, gzip"),
    }[encoding]
    answer = b"HTTP/1.1 200 OK\r\nContent-Encoding: %s\r\nContent-Length: %d\r\n\r\n" % (name, len(packed))
    async with RawServer(answering(answer + packed)) as server, transport(max_body=1_000_000) as fast:
        with pytest.raises(httpx.RemoteProtocolError, match="unpacks to more"):
            await fast.handle_async_request(server.post())
