"""`ShortcutClient.send` against `httpx.AsyncClient.send`: nobody can tell the difference."""

from __future__ import annotations

import gzip
import http.cookiejar
import inspect
import logging
import pickle
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from patience import PATIENCE
from transport.raw_server import OK, RawServer, answering, polite

import eightbyeight_async.transport
from eightbyeight_async.transport.shortcut import ShortcutClient

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from eightbyeight_async.transport.fast import FastTransport

    Make = Callable[..., FastTransport]

pytestmark = pytest.mark.anyio

JSON = b'{"umid": "x", "text": "\xc3\xa9"}'
PACKED = gzip.compress(JSON)


def answer(*headers: bytes, body: bytes = JSON, status: bytes = b"200 OK") -> bytes:
    head = b"".join(header + b"\r\n" for header in headers)
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d\r\n\r\n%s" % (status, head, len(body), body)


ANSWERS = {
    "json": answer(b"Content-Type: application/json"),
    "latin": answer(b"Content-Type: text/plain; charset=latin-1"),
    "no type": answer(),
    "empty": b"HTTP/1.1 204 No Content\r\n\r\n",
    "chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
    "gzip": answer(b"Content-Encoding: gzip", body=PACKED),
    "bad gzip": answer(b"Content-Encoding: gzip", body=b"rubbish"),
    "cookie": answer(b"Set-Cookie: a=b; Path=/"),
    "redirect": answer(b"Location: /elsewhere", status=b"303 See Other"),
    "location": answer(b"Location: /made", status=b"201 Created"),
    "error": answer(b"Content-Type: application/json", status=b"500 Oops"),
}


def seen(response: httpx.Response, client: httpx.AsyncClient, request: httpx.Request) -> dict[str, Any]:
    """Everything public of a response that can be compared, and what it did to the client and the request."""
    names = [
        "status_code",
        "reason_phrase",
        "http_version",
        "content",
        "text",
        "encoding",
        "charset_encoding",
        "default_encoding",
        "is_closed",
        "is_stream_consumed",
        "is_success",
        "is_error",
        "has_redirect_location",
        "history",
        "num_bytes_downloaded",
        "url",
        "links",
    ]
    told: dict[str, Any] = {"pickled": pickle.loads(pickle.dumps(response)).content}  # noqa: S301
    told |= {name: getattr(response, name) for name in names}
    told["headers"] = response.headers.raw
    told["cookies"] = dict(response.cookies)
    told["jar"] = dict(client.cookies)
    told["request"] = response.request is request
    told["elapsed"] = response.elapsed.total_seconds() > 0
    told["next"] = None if response.next_request is None else str(response.next_request.url)
    told["extensions"] = sorted(response.extensions)
    told["timeout"] = request.extensions["timeout"]
    told["repr"] = repr(response)
    told["bytes"] = list(response.iter_bytes())
    told["pairs"] = list(response.iter_bytes(2))
    told["lines"] = list(response.iter_lines())
    return told


@pytest.fixture
async def clients(transport: Make) -> AsyncIterator[tuple[httpx.AsyncClient, httpx.AsyncClient]]:
    """A shortcut client that has been used once (its first request goes the long way), and httpx's own."""
    async with (
        ShortcutClient(transport=transport(), timeout=7) as ours,
        httpx.AsyncClient(transport=transport(), timeout=7) as theirs,
    ):
        async with RawServer(polite) as server:
            for client in (ours, theirs):
                await client.get(server.url)
        yield ours, theirs


@pytest.mark.parametrize("name", ANSWERS)
async def test_field_by_field(
    clients: tuple[httpx.AsyncClient, httpx.AsyncClient], caplog: pytest.LogCaptureFixture, name: str
) -> None:
    caplog.set_level(logging.INFO, "httpx")
    told = []
    async with RawServer(answering(ANSWERS[name])) as server:
        for client in clients:
            caplog.clear()
            request = client.build_request("POST", server.url + "/path?q=1", json={"a": 1})
            try:
                response = await client.send(request)
            except httpx.DecodingError as error:
                told.append({"error": type(error), "request": error.request is request, "log": caplog.messages})
                continue
            told.append({**seen(response, client, request), "log": caplog.messages})
            assert await response.aread() == response.content
            assert [piece async for piece in response.aiter_bytes()] == list(response.iter_bytes())
            with pytest.raises(httpx.StreamConsumed):
                list(response.iter_raw())
            await response.aclose()
    assert told[0] == told[1]
    assert any("HTTP Request: POST" in line for line in told[0]["log"])


async def test_the_short_way_is_taken(
    clients: tuple[httpx.AsyncClient, httpx.AsyncClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else all comparisons here compare httpx with itself."""
    ours, _ = clients

    async def trap(*args: object, **options: object) -> httpx.Response:
        raise AssertionError("the long way")

    monkeypatch.setattr(httpx.AsyncClient, "send", trap)
    async with RawServer(polite) as server:
        assert (await ours.get(server.url)).text == "hi"
        assert (await ours.get(server.url, auth=None, follow_redirects=False)).text == "hi"
        ours.event_hooks = {"request": [trap], "response": []}
        with pytest.raises(AssertionError, match="the long way"):
            await ours.get(server.url)


async def test_nothing_is_formatted_when_nobody_listens(
    clients: tuple[httpx.AsyncClient, httpx.AsyncClient], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "httpx")
    async with RawServer(polite) as server:
        await clients[0].get(server.url)
    assert caplog.messages == []


async def test_hooks_set_later_are_called(clients: tuple[httpx.AsyncClient, httpx.AsyncClient]) -> None:
    called: list[str] = []

    async def on_request(request: httpx.Request) -> None:
        called.append("request")

    async def on_response(response: httpx.Response) -> None:
        called.append("response")

    ours, _ = clients
    async with RawServer(polite) as server:
        await ours.get(server.url)
        ours.event_hooks["request"].append(on_request)
        await ours.get(server.url)
        ours.event_hooks = {"response": [on_response]}
        await ours.get(server.url)
        ours.event_hooks = {}
        await ours.get(server.url)
    assert called == ["request", "response"]


async def test_auth_is_applied_wherever_it_is_given(clients: tuple[httpx.AsyncClient, httpx.AsyncClient]) -> None:
    heads: list[bytes] = []

    async def script(peer: Any) -> None:
        while True:
            heads.append((await peer.request())[0])
            await peer.send(OK)

    ours, _ = clients
    async with RawServer(script) as server:
        await ours.get(server.url, auth=("u", "p"))
        await ours.get(server.url.replace("//", "//u:p@"))
        ours.auth = ("u", "p")
        await ours.get(server.url)
        await ours.get(server.url, auth=None)
    assert [b"authorization: basic" in head.lower() for head in heads] == [True, True, True, False]


async def test_cookies_are_kept_and_sent(clients: tuple[httpx.AsyncClient, httpx.AsyncClient]) -> None:
    heads: list[bytes] = []

    async def script(peer: Any) -> None:
        while True:
            heads.append((await peer.request())[0])
            await peer.send(ANSWERS["cookie"])

    async with RawServer(script) as server:
        for client in clients:
            await client.get(server.url)
            await client.get(server.url)
    assert [b"a=b" in head for head in heads] == [False, True, False, True]


async def test_a_cookie_jar_of_ones_own_sees_every_answer(transport: Make) -> None:
    class Counting(http.cookiejar.CookieJar):
        answers = 0

        def extract_cookies(self, response: Any, request: Any) -> None:
            self.answers += 1
            super().extract_cookies(response, request)

    jar = Counting()
    async with RawServer(polite) as server, ShortcutClient(transport=transport()) as ours:
        ours.cookies = httpx.Cookies(jar)  # copies
        ours.cookies.jar = jar
        for _ in range(3):
            await ours.get(server.url)
    assert jar.answers == 3


async def test_redirects_are_followed_when_asked_for(clients: tuple[httpx.AsyncClient, httpx.AsyncClient]) -> None:
    async def script(peer: Any) -> None:
        while True:
            head, _ = await peer.request()
            await peer.send(OK if head.startswith(b"GET /elsewhere") else ANSWERS["redirect"])

    async with RawServer(script) as server:
        for client in clients:
            response = await client.post(server.url, follow_redirects=True)
            assert (response.text, len(response.history)) == ("hi", 1)
            client.follow_redirects = True
            assert (await client.post(server.url)).text == "hi"
            assert (await client.post(server.url, follow_redirects=False)).status_code == 303


async def test_streams_are_streams(clients: tuple[httpx.AsyncClient, httpx.AsyncClient]) -> None:
    async with RawServer(polite) as server:
        for client in clients:
            async with client.stream("GET", server.url) as response:
                assert not response.is_closed
                assert [piece async for piece in response.aiter_raw()] == [b"hi"]
            assert response.is_closed


async def test_errors_know_their_request(clients: tuple[httpx.AsyncClient, httpx.AsyncClient]) -> None:
    for client in clients:
        request = client.build_request("GET", "http://127.0.0.1:9/")
        with pytest.raises(httpx.ConnectError) as caught:
            await client.send(request)
        assert caught.value.request is request
        with pytest.raises(httpx.UnsupportedProtocol):
            await client.get("ftp://127.0.0.1/")
        with pytest.raises(RuntimeError, match="sync"):
            await client.post("http://127.0.0.1:9/", content=(b"x" for _ in "x"))  # type: ignore[arg-type]


async def test_mounts_are_followed(transport: Make) -> None:
    mock = httpx.MockTransport(lambda _: httpx.Response(418))
    async with ShortcutClient(transport=transport(), mounts={"http://127.0.0.1": mock}) as ours:
        for _ in range(2):
            assert (await ours.get("http://127.0.0.1:9/")).status_code == 418


async def test_other_transports_are_fine_too() -> None:
    mock = httpx.MockTransport(lambda _: httpx.Response(200, json={"a": 1}))
    async with ShortcutClient(transport=mock) as ours:
        for _ in range(2):
            assert (await ours.get("http://127.0.0.1:9/")).json() == {"a": 1}


async def test_a_function_that_guesses_encodings_is_asked(transport: Make) -> None:
    ours = ShortcutClient(transport=transport(), default_encoding=lambda _: "latin-1")
    ours = ShortcutClient(transport=transport(), default_encoding=lambda _: "latin-1")
    async with RawServer(answering(answer(b"Content-Type: text/plain", body=b"\xe9"))) as server, ours:
        for _ in range(2):
            assert (await ours.get(server.url)).text == "\xe9"


async def test_open_and_closed_are_httpxs(transport: Make) -> None:
    async with RawServer(polite) as server:
        ours = ShortcutClient(transport=transport())
        await ours.get(server.url)
        with pytest.raises(RuntimeError, match="more than once"):
            await ours.__aenter__()
        await ours.get(server.url)
        await ours.aclose()
        with pytest.raises(RuntimeError, match="has been closed"):
            await ours.get(server.url)


async def test_the_timeout_is_the_clients_unless_the_request_has_one(transport: Make) -> None:
    async def silent(peer: Any) -> None:
        await peer.gone()

    impatient = httpx.Timeout(PATIENCE, read=0.05)
    async with RawServer(silent) as server, ShortcutClient(transport=transport(), timeout=impatient) as ours:
        for _ in range(2):
            with pytest.raises(httpx.ReadTimeout):
                await ours.send(httpx.Request("GET", server.url))


def test_send_has_httpxs_signature() -> None:
    ours, theirs = (inspect.signature(cls.send) for cls in (ShortcutClient, httpx.AsyncClient))
    assert [(p.name, p.kind, p.default) for p in ours.parameters.values()] == [
        (p.name, p.kind, p.default) for p in theirs.parameters.values()
    ]


def test_nothing_private_of_httpx_is_touched() -> None:
    """No underscore behind a dot, but on what our own classes define."""
    for path in Path(eightbyeight_async.transport.__path__[0]).glob("*.py"):
        text = path.read_text()
        own = set(re.findall(r"(?:def |self\.|\")(_\w+)", text))
        used = set(re.findall(r"(?<!self)\.(_[a-z]\w*)", text))
        assert used <= own, (path.name, used - own)
        assert not re.search(r"httpx\._|httpcore\.|import httpcore|from httpx", text), path.name
    for name in ("shortcut.py", "complete.py"):  # subclasses of httpx's classes: every name of their own is mangled
        text = (Path(eightbyeight_async.transport.__path__[0]) / name).read_text().split("class _InHand")[0]
        assert not re.search(r"self\._[a-z]", text), name
