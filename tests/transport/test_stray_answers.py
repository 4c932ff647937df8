"""A stray answer (bytes after an answer, before the next request) is never read as the next answer, on any loop or
proxy.

Real sockets and TLS; the server counts the requests. If a stray answer arrives after the next request is written, no
client can tell it from the answer. So the tests wait until it has arrived, or send it together with the answer.
"""

from __future__ import annotations

import json
import random
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from patience import PATIENCE, seen
from proxies import Proxy
from scripted import Received, ScriptedServer, answer
from transport.as_httpx import AsHttpx
from transport.conftest import LOOPS

from eightbyeight_async import AsyncConnectClient, EightByEightError, RetryPolicy, Sent, SmsRequest
from eightbyeight_async.transport import anyio_transport

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    import trustme

    from eightbyeight_async.transport.anyio_socket import AnyioLine

    Connect = Callable[..., AsyncConnectClient]
    Serve = Callable[..., ScriptedServer]
    Settled = Callable[[], bool]

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("collected")]

WAYS = ["direct", "http", "https", "socks5", "NO_PROXY", "http2", "http2+http"]
OWN = answer(200, '{"umid": "own", "status": {"code": "QUEUED"}}')
STRAYS = {
    "accepted": answer(200, json.dumps({"umid": "stray", "status": {"code": "QUEUED"}})),
    "to be repeated": answer(500, '{"code": 2000, "message": "internal"}'),
    "not HTTP": b"\x00" * 40,
}
WHEN = ["in the same record", "in its own record", "in the same segment", "while idle"]
# Without a proxy: each kind at each moment. Through each proxy: each moment, with the kinds in turn.
CASES = [("direct", kind, when) for kind in STRAYS for when in WHEN]
CASES += [(way, [*STRAYS][(a + b) % 3], when) for a, way in enumerate(WAYS[1:]) for b, when in enumerate(WHEN)]


@pytest.fixture(params=[*LOOPS, pytest.param(("trio", {}), id="trio")])
def anyio_backend(request: pytest.FixtureRequest) -> Any:
    return request.param


@pytest.fixture
def through(tls: ssl.SSLContext, authority: trustme.CA, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """`with through("socks5", server) as client`: a client of the server through one of `WAYS`."""
    for name in ("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)

    @contextmanager
    def make(way: str, server: ScriptedServer, **options: Any) -> Iterator[tuple[AsyncConnectClient, Settled]]:
        options = {
            "sms_base_url": server.url,
            "chatapps_base_url": server.url,
            "ssl_context": tls,
            "timeout": PATIENCE,
            "http2": way.startswith("http2"),
            "retry": RetryPolicy(initial_delay=0.001, max_delay=0.001),
            **options,
        }
        scheme = way.removeprefix("http2+")
        if scheme in ("http", "https", "socks5"):
            with Proxy(scheme, authority=authority) as proxy:
                options["proxy"] = httpx.Proxy(proxy.url, ssl_context=tls if scheme == "https" else None)
                yield AsyncConnectClient("key", "acme_hq", **options), proxy.settled
                assert proxy.asked
        else:
            if way == "NO_PROXY":
                monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
                monkeypatch.setenv("NO_PROXY", "localhost")
            yield AsyncConnectClient("key", "acme_hq", **options), lambda: True

    return make


@pytest.fixture
def _no_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    """Idle connections are reused without a rest, so only the check before reuse protects them."""
    monkeypatch.setattr(anyio_transport, "_REST", 0.0)


def sms(number: int = 0) -> SmsRequest:
    return SmsRequest(destination=f"+6598765{number:03}", text="Hello", client_message_id=f"message-{number}")


@pytest.mark.usefixtures("_no_rest")
@pytest.mark.parametrize(("way", "kind", "when"), CASES)
async def test_a_stray_answer_is_nobodys(
    serve: Serve, through: Callable[..., Any], way: str, kind: str, when: str
) -> None:
    """The second message gets its own answer, is written once, and uses a new connection."""
    stray = STRAYS[kind]
    idle = threading.Event()
    answers = {
        "in the same record": (OWN + stray,),
        "in its own record": (OWN, stray),
        "in the same segment": (OWN, stray),
        "while idle": (OWN, idle, stray),
    }[when]
    with (
        serve(answers, OWN, corked=when == "in the same segment") as server,
        through(way, server) as (client, settled),
    ):
        async with client:
            first = await client.sms.send(sms())
            idle.set()
            await seen(lambda: server.sent == sum(isinstance(part, bytes) for part in answers) and settled())
            second = await client.sms.send(sms())
        assert first.umid == second.umid == "own"
        assert len(server.received) == 2
        assert server.connections == 2


@pytest.mark.usefixtures("_no_rest")
@pytest.mark.parametrize("way", ["direct", "http", "https", "socks5", "NO_PROXY"])
async def test_a_connection_without_stray_bytes_is_used_again(
    serve: Serve, through: Callable[..., Any], way: str
) -> None:
    with serve(OWN) as server, through(way, server) as (client, _):
        async with client:
            for _ in range(5):
                await client.sms.send(sms())
        assert (len(server.received), server.connections) == (5, 1)


@pytest.mark.parametrize("way", ["http", "socks5", "NO_PROXY"])
async def test_a_connection_rests_between_two_requests(
    serve: Serve, through: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """During the rest other connections are opened, but never more than the limit."""
    monkeypatch.setattr(anyio_transport, "_REST", PATIENCE)
    with serve(OWN) as server, through(way, server, max_concurrency=3) as (client, _):
        async with client:
            for _number in range(6):
                await client.sms.send(sms())
            pools = client._exchange._wires.here().sender._pools.values()
            assert sum(len(pool._idle) for pool in pools) == 3
        assert (len(server.received), server.connections) == (6, 6)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("together", [True, False])
async def test_many_sends_with_strays_between_them(
    serve: Serve,
    through: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    anyio_backend_name: str,
    way: str,
    together: bool,
) -> None:
    """A random test with a fixed seed. Each answer names its request, so the test notices a wrong answer.

    `together`: each stray comes in the TCP segment of the answer, and connections have no rest. Otherwise strays come
    at any time, and connections rest.
    """
    if (anyio_backend_name, way, together) == ("asyncio", "direct", False):
        return  # connections of FastTransport have no rest
    monkeypatch.setattr(anyio_transport, "_REST", 0.0 if together else PATIENCE)
    dice = random.Random(f"strays of {way}")  # noqa: S311
    lock = threading.Lock()

    def script(request: Received) -> tuple[bytes, ...]:
        message = json.loads(request.body)
        number = int(message["clientMessageId"].removeprefix("message-"))
        with lock:
            fate, kind, joined = dice.random(), dice.choice(list(STRAYS)), dice.random() < 0.5
        own = answer(200, json.dumps({"umid": f"umid-{number}", "status": {"code": "QUEUED"}}))
        if number % 7 == 3:
            own = answer(400, '{"code": 1001, "message": "wrong"}')
        if fate < 0.5:
            return (own,)
        return (own + STRAYS[kind],) if joined else (own, STRAYS[kind])

    outcomes: dict[int, str] = {}
    count = 30  # about 15 of them have a stray: each kind five times, in 40 cases
    with serve(script, corked=together) as server, through(way, server, max_concurrency=8) as (client, _):
        async with client, client.sms.send_each([sms(number) for number in range(count)]) as results:
            async for result in results:
                if result.response is not None:
                    outcomes[result.index] = result.response.umid
                else:
                    assert result.error is not None
                    outcomes[result.index] = f"{type(result.error).__name__} {result.error.sent.name}"
        written = [json.loads(request.body)["clientMessageId"] for request in server.received]
    assert len(written) == len(set(written)) == count
    expected = {number: "BadRequestError NO" if number % 7 == 3 else f"umid-{number}" for number in range(count)}
    assert outcomes == expected


@pytest.mark.parametrize("way", ["http", "socks5"])
@pytest.mark.parametrize("kind", STRAYS)
async def test_what_comes_before_the_first_request_is_no_answer_to_it(
    serve: Serve, through: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, way: str, kind: str
) -> None:
    """The server sends bytes after the handshake, and then the client writes the request. The error says: not sent."""
    opened = anyio_transport.open_line

    async def slowly(*args: Any) -> AnyioLine:
        line = await opened(*args)
        await seen(lambda: server.sent == 1 and settled())
        return line

    monkeypatch.setattr(anyio_transport, "open_line", slowly)
    with serve(OWN, greeting=STRAYS[kind]) as server, through(way, server) as (client, settled):
        async with client:
            with pytest.raises(EightByEightError) as caught:
                await client.sms.send(sms())
        assert caught.value.sent is Sent.NO
        assert server.received == []


@pytest.mark.parametrize("way", ["direct", "http"])
@pytest.mark.parametrize(("status", "taken"), [(200, False), (413, True)])
async def test_a_success_before_the_request_was_written_is_not_its_answer(
    serve: Serve, through: Callable[..., Any], tls: ssl.SSLContext, way: str, status: int, taken: bool
) -> None:
    """A server can refuse a request that it has not read to the end. It cannot have accepted it."""
    early = answer(status, '{"umid": "x", "status": {"code": "QUEUED"}}')
    body = b"x" * 30_000_000
    with serve(OWN, greeting=early, deaf=True) as server, through(way, server) as (client, _):
        async with client:
            sending = httpx.AsyncClient(transport=AsHttpx(client._exchange._wires.here().sender)).post(
                server.url, content=body
            )
            if taken:
                assert (await sending).status_code == status
            else:
                with pytest.raises(httpx.RemoteProtocolError, match="before it had the whole request"):
                    await sending
