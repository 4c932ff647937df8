"""Settings, life cycle, views, and an application's own httpx client."""

from __future__ import annotations

import asyncio
import math
import ssl
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest
from conftest import KEY, SUBACCOUNT
from patience import PATIENCE, seen
from scripted import QUEUED, ScriptedServer, answer

from eightbyeight_async import (
    AsyncConnectClient,
    BatchSmsRequest,
    ClientClosedError,
    EightByEightError,
    InvalidRequestError,
    LongTextWarning,
    Region,
    RetryPolicy,
    Sent,
    SmsRequest,
    SmsTemplate,
    TextPolicy,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

PLAIN = ssl.create_default_context()
REQUEST = SmsRequest(destination="+6598765432", text="Hello")


def hosts(client: AsyncConnectClient) -> tuple[str, ...]:
    return tuple(client._exchange.bases.values())


@pytest.mark.parametrize(
    ("region", "sms", "chatapps"),
    [
        (None, "https://sms.8x8.com", "https://chatapps.8x8.com"),
        (Region.ASIA_PACIFIC, "https://sms.8x8.com", "https://chatapps.8x8.com"),
        (Region.NORTH_AMERICA, "https://sms.us.8x8.com", "https://chatapps.us.8x8.com"),
        (Region.EUROPE, "https://sms.8x8.uk", "https://chatapps.8x8.uk"),
        (Region.INDONESIA, "https://sms.8x8.id", "https://chatapps.8x8.id"),
        ("EUROPE", "https://sms.8x8.uk", "https://chatapps.8x8.uk"),
        ("north-america", "https://sms.us.8x8.com", "https://chatapps.us.8x8.com"),
    ],
)
def test_a_region_picks_both_hosts(region: Any, sms: str, chatapps: str) -> None:
    assert hosts(AsyncConnectClient(KEY, SUBACCOUNT, region=region)) == (sms, chatapps)


def test_what_is_not_given_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "API_KEY": "environment-key",
        "SUBACCOUNT_ID": "from_env",
        "REGION": "EUROPE",
        "CHATAPPS_BASE_URL": "https://proxy.example.com/chatapps/",
        "SMS_BASE_URL": "",
    }.items():
        monkeypatch.setenv(f"EIGHTBYEIGHT_{name}", value)
    client = AsyncConnectClient()
    assert hosts(client) == ("https://sms.8x8.uk", "https://proxy.example.com/chatapps")
    assert "from_env" in repr(client)
    assert client._exchange._headers["Authorization"] == "Bearer environment-key"
    explicit = AsyncConnectClient(
        "other", "given", region=Region.ASIA_PACIFIC, chatapps_base_url="http://127.0.0.1:1/x"
    )
    assert hosts(explicit) == ("https://sms.8x8.com", "http://127.0.0.1:1/x")
    assert explicit._exchange._headers["Authorization"] == "Bearer other"


@pytest.mark.parametrize(
    ("field", "settings"),
    [
        ("api_key", {"api_key": None}),
        ("api_key", {"api_key": ""}),
        ("api_key", {"api_key": "with space"}),
        ("api_key", {"api_key": "line\n"}),
        ("api_key", {"api_key": "kéy"}),
        ("api_key", {"api_key": b"bytes"}),
        ("subaccount_id", {"subaccount_id": None}),
        ("subaccount_id", {"subaccount_id": "ab"}),
        ("subaccount_id", {"subaccount_id": "x" * 51}),
        ("subaccount_id", {"subaccount_id": "acme\n"}),
        ("subaccount_id", {"subaccount_id": "a/../b"}),
        ("subaccount_id", {"subaccount_id": "acme hq"}),
        ("subaccount_id", {"subaccount_id": "acmé"}),
        *[
            ("account_id", {"account_id": value})
            for value in (
                "",
                "acme_hq",
                "2f1d6a0e-5c1b-4c57-9b0a-6d9f0f3b7a1",
                "2f1d6a0e-5c1b-4c57-9b0a-6d9f0f3b7a11\n",
                "2f1d6a0e-5c1b-4c57-9b0a-6d9f0f3b7a1g",
                "2f1d6a0e-5c1b-4c57-9b0a-6d9f0f3b7a\uff11",
                "../2f1d6a0e5c1b4c579b0a6d9f0f3b7a11",
                5,
            )
        ],
        ("region", {"region": "mars"}),
        ("region", {"region": 3}),
        *[
            ("sms_base_url", {"sms_base_url": url})
            for url in (
                "http://sms.8x8.com",
                "http://127.0.0.1.example.com",
                "http://10.0.0.1",
                "http://localhost.example.com",
                "ftp://127.0.0.1",
                "sms.8x8.com",
                "https://",
                "",
                "https://user:pw@sms.8x8.com",
                "https://sms.8x8.com?x=1",
                "https://sms.8x8.com#x",
                "https://sms.8x8.com/../x",
                "https://sms.8x8.com/ x",
                "https://sms.8x8.com\n",
                "https://sms.8x8.com:x",
                "https://a..b",
                "https://.",
                f"https://{'x' * 64}.com",
                "http://[::1]evil.com",
                "https://" + "x." * 1500,
                5,
            )
        ],
        ("chatapps_base_url", {"chatapps_base_url": "http://example.com"}),
        ("retry", {"retry": 3}),
        ("retry", {"retry": None}),
        *[("timeout", {"timeout": value}) for value in (0, -1, math.inf, math.nan, "30", None, True)],
        *[("deadline", {"deadline": value}) for value in (0, -1, math.inf, math.nan, "30", True)],
        *[("max_concurrency", {"max_concurrency": value}) for value in (0, -5, 1.5, "9", None, True)],
        *[("proxy", {"proxy": value}) for value in (5, "", "nonsense", "ftp://proxy:1", "http://user:with space@")],
        ("http2", {"http2": "yes"}),
        *[("http_client", {"http_client": value}) for value in ("x", httpx, httpx.Client(verify=PLAIN))],
        *[("long_text", {"long_text": value}) for value in ("shout", None, 5)],
        *[
            (name, {name: value, other: given})
            for other, given in (
                ("http_client", httpx.AsyncClient(verify=PLAIN)),
                ("transport", httpx.MockTransport(lambda _: httpx.Response(200))),
            )
            for name, value in (
                ("proxy", "http://proxy:1"),
                ("http2", True),
                ("ssl_context", PLAIN),
                ("event_hooks", {}),
                ("transport", httpx.MockTransport(lambda _: httpx.Response(200))),
            )
            if (other, name) not in (("transport", "event_hooks"), ("transport", "transport"))
        ],
        *[
            ("event_hooks", {"event_hooks": value})
            for value in ([], "x", {"requests": []}, {"request": print}, {"response": ["print"]}, {"request": None})
        ],
        *[("transport", {"transport": value}) for value in (5, httpx, httpx.MockTransport, httpx.HTTPTransport(PLAIN))],
        *[("max_rate", {"max_rate": value}) for value in (0, -5, math.inf, math.nan, "9", True)],
    ],
)
def test_a_bad_setting_is_refused_by_name(field: str, settings: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        AsyncConnectClient(**{"api_key": KEY, "subaccount_id": SUBACCOUNT, **settings})
    assert caught.value.field == field
    assert "with space" not in str(caught.value)


@pytest.mark.parametrize("url", ["http://localhost:8000", "http://127.0.0.1", "http://127.3.2.1:1", "http://[::1]:80"])
def test_plain_http_is_for_loopback(url: str) -> None:
    assert AsyncConnectClient(KEY, SUBACCOUNT, sms_base_url=url)


def test_a_missing_key_says_where_to_put_it() -> None:
    with pytest.raises(InvalidRequestError, match="EIGHTBYEIGHT_API_KEY"):
        AsyncConnectClient(subaccount_id=SUBACCOUNT)


def test_the_repr_has_no_key() -> None:
    client = AsyncConnectClient(KEY, SUBACCOUNT)
    assert repr(client) == (
        "<AsyncConnectClient subaccount_id='acme_hq', sms='https://sms.8x8.com', chatapps='https://chatapps.8x8.com'>"
    )


def test_constructible_outside_a_loop_and_used_in_one(serve: Serve, connect: Connect) -> None:
    with serve() as server:
        client = connect(server)

        async def use() -> None:
            async with client:
                await client.sms.send(REQUEST)

        asyncio.run(use())
    assert len(server.received) == 1


@pytest.mark.anyio
async def test_a_closed_client_refuses_and_closing_twice_is_fine(serve: Serve, connect: Connect) -> None:
    with serve() as server:
        client = connect(server)
        assert not client.closed
        await client.aclose()
        await client.aclose()
        assert client.closed
        assert "closed" in repr(client)
        view = client.with_options(timeout=1)
        for call in (client.sms.send(REQUEST), client.chatapps.cancel("u"), view.sms.cancel("u")):
            with pytest.raises(ClientClosedError, match="closed") as caught:
                await call
            assert isinstance(caught.value, RuntimeError)
            assert (caught.value.sent, caught.value.attempts) == (Sent.NO, 0)
        with pytest.raises(ClientClosedError):
            async with client:
                pass
    assert server.connections == 0


@pytest.mark.anyio
async def test_closing_while_calls_wait_and_fly(serve: Serve, connect: Connect) -> None:
    """A request in flight fails with "may have been sent", a waiting one with "not sent". No call hangs."""
    import threading

    gate = threading.Event()
    errors: list[EightByEightError] = []
    with serve(gate=gate) as server:
        client = connect(server, max_concurrency=2)

        async def send() -> None:
            with pytest.raises(EightByEightError) as caught:
                await client.sms.send(REQUEST)
            errors.append(caught.value)

        with anyio.fail_after(PATIENCE):
            async with anyio.create_task_group() as group:
                for _ in range(5):
                    group.start_soon(send)
                await seen(lambda: len(server.received) == 2)
                await client.aclose()
        gate.set()
    assert sorted(error.sent.name for error in errors) == ["MAYBE", "MAYBE", "NO", "NO", "NO"]
    assert len(server.received) == 2


@pytest.mark.anyio
@pytest.mark.usefixtures("no_rest")
async def test_with_options_is_a_view_on_the_same_pool(serve: Serve, connect: Connect) -> None:
    with serve(QUEUED, answer(200, '{"cancelledCount":1}')) as server:
        async with connect(server) as client:
            other = client.with_options(subaccount_id="other_one", timeout=5, retry=RetryPolicy.none())
            await client.sms.send(REQUEST)
            await other.sms.cancel("u1")
            await other.chatapps.cancel("u2")
            await other.aclose()  # closing a view does not close the client
            await client.sms.cancel("u3")
            assert client._options.subaccount_id == SUBACCOUNT
    assert [r.target.split("/")[4] for r in server.received] == [SUBACCOUNT, "other_one", "other_one", SUBACCOUNT]
    # one connection: SMS and ChatApps have the same origin here
    assert server.connections == 1


def test_a_bad_option_of_a_view_is_refused_by_name() -> None:
    client = AsyncConnectClient(KEY, SUBACCOUNT)
    options: list[dict[str, Any]] = [{"subaccount_id": "a/b"}, {"timeout": 0}, {"retry": 1}]
    for option in options:
        with pytest.raises(InvalidRequestError) as caught:
            client.with_options(**option)
        assert caught.value.field in option


@pytest.mark.anyio
async def test_an_injected_client_is_used_as_it_is_and_not_closed(
    serve: Serve, connect: Connect, tls: ssl.SSLContext
) -> None:
    seen: list[str] = []

    async def hook(request: httpx.Request) -> None:
        seen.append(request.headers["x-app"])

    hooks: Any = {"request": [hook]}
    with serve() as server:
        async with httpx.AsyncClient(verify=tls, headers={"X-App": "shop"}, event_hooks=hooks) as http:
            async with connect(server, http_client=http) as client:
                assert (await client.sms.send(REQUEST)).umid
            assert not http.is_closed
            assert (await http.get(server.url)).status_code == 200
    assert seen == ["shop", "shop"]
    assert server.received[0].headers["x-app"] == "shop"
    assert server.received[0].headers["authorization"] == f"Bearer {KEY}"


class OnlyPublic(httpx.AsyncClient):
    """Records the requests that it gets."""

    def __init__(self, **options: Any) -> None:
        self.asked: set[str] = set()
        super().__init__(**options)
        self.watching = True

    def __getattribute__(self, name: str) -> Any:
        if name not in {"asked", "watching", "__class__", "__dict__"} and "watching" in object.__getattribute__(
            self, "__dict__"
        ):
            import sys

            if sys._getframe(1).f_globals["__name__"].startswith("eightbyeight_async"):
                self.asked.add(name)
        return super().__getattribute__(name)


@pytest.mark.anyio
async def test_of_an_injected_client_only_build_request_and_send_are_used(
    serve: Serve, connect: Connect, tls: ssl.SSLContext
) -> None:
    with serve() as server:
        async with OnlyPublic(verify=tls) as http, connect(server, http_client=http) as client:
            await client.sms.send(REQUEST)
    assert http.asked == {"build_request", "send"}


@pytest.mark.anyio
async def test_an_injected_client_that_follows_redirects_does_not_send_twice(
    serve: Serve, connect: Connect, tls: ssl.SSLContext
) -> None:
    with serve(QUEUED) as elsewhere, serve(answer(307, b"", {"Location": elsewhere.url})) as server:
        async with httpx.AsyncClient(verify=tls, follow_redirects=True) as http:
            with pytest.raises(EightByEightError):
                await connect(server, http_client=http).sms.send(REQUEST)
    assert not elsewhere.received


@pytest.mark.long
@pytest.mark.anyio
@pytest.mark.usefixtures("no_rest")
async def test_ten_thousand_at_once_all_succeed(serve: Serve, connect: Connect, anyio_backend: str) -> None:
    """The limiter is in front of the pool. So no call times out in the pool, and no more requests are in flight than
    allowed.
    """
    count = 10_000 if anyio_backend == "asyncio" else 500
    done = 0
    with serve() as server:
        async with connect(server, max_concurrency=8) as client, anyio.create_task_group() as group:

            async def send() -> None:
                nonlocal done
                await client.sms.send(REQUEST)
                done += 1

            for _ in range(count):
                group.start_soon(send)
    assert (done, len(server.received)) == (count, count)
    assert server.connections <= 8
    assert server.peak <= 8


@pytest.mark.anyio
async def test_a_rate_paces_every_call(serve: Serve, connect: Connect) -> None:
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(seconds)

    with serve() as server:
        async with connect(server, max_rate=0.5) as client:
            pacer = client._exchange._pacer
            assert pacer is not None
            pacer._clock = lambda: 100.0 + sum(waits)
            client._exchange.sleep = sleep
            for _ in range(3):
                await client.sms.send(REQUEST)
    assert waits == [2.0, 2.0]  # the first one does not wait


@pytest.mark.anyio
async def test_plain_http_to_loopback_never_goes_through_a_proxy(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve(authority=None) as server, serve(authority=None) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        async with connect(server) as client:
            await client.sms.send(REQUEST)
    assert (len(server.received), len(proxy.received)) == (1, 0)


@pytest.mark.anyio
async def test_https_goes_through_the_proxy_of_the_argument(serve: Serve, connect: Connect) -> None:
    with serve() as server, serve(answer(403), authority=None) as proxy:
        async with connect(server, proxy=proxy.url) as client:
            with pytest.raises(EightByEightError, match="proxy") as caught:
                await client.sms.send(REQUEST)
    assert caught.value.sent is Sent.NO
    assert [r.method for r in proxy.received] == ["CONNECT"]
    assert not server.received


@pytest.mark.anyio
async def test_http2_is_served_too(serve: Serve, connect: Connect) -> None:
    """The server speaks only HTTP/1.1. The client's offer of HTTP/2 does no harm."""
    with serve() as server:
        async with connect(server, http2=True) as client:
            assert (await client.sms.send(REQUEST)).umid
    assert len(server.received) == 1


@pytest.mark.anyio
async def test_https_goes_through_the_proxy_of_the_environment(
    serve: Serve, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve() as server, serve(answer(403), authority=None) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        async with connect(server) as client:
            with pytest.raises(EightByEightError, match="proxy") as caught:
                await client.sms.send(REQUEST)
    assert caught.value.sent is Sent.NO
    assert [r.method for r in proxy.received] == ["CONNECT"]
    assert not server.received


LONG = SmsRequest(destination="+6598765432", text="x" * 1531)


@pytest.mark.anyio
async def test_a_text_that_would_be_truncated_is_warned_of_refused_or_allowed(serve: Serve, connect: Connect) -> None:
    with serve() as server:
        async with connect(server) as client:
            with pytest.warns(LongTextWarning, match="more than 10 parts") as warned:
                await client.sms.send(LONG)
            assert "xxx" not in str(warned[0].message)
            await client.sms.send(SmsRequest(destination="+6598765432", text="x" * 1530))
            await client.with_options(long_text="allow").sms.send(LONG)
        async with connect(server, long_text=TextPolicy.REFUSE) as strict:
            with pytest.raises(InvalidRequestError, match="^text: ") as caught:
                await strict.sms.send(LONG)
            assert caught.value.sent is Sent.NO
            batch = BatchSmsRequest(messages=[REQUEST, LONG])
            with pytest.raises(InvalidRequestError, match=r"^messages\[1\].text: "):
                await strict.sms.send_batch(batch)
            with pytest.raises(InvalidRequestError, match=r"^template.text: "):
                await strict.sms.send_batch(
                    BatchSmsRequest(destinations=["6598765432"], template=SmsTemplate(text="x" * 1531))
                )
            async with strict.sms.send_each([LONG, REQUEST]) as results:
                assert sorted([result.ok async for result in results]) == [False, True]
    assert len(server.received) == 4
