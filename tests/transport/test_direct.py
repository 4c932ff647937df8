"""`DirectClient.send` against `httpx.AsyncClient.send`: the same answers give the same responses and log lines."""

from __future__ import annotations

import gzip
import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from transport.raw_server import RawServer, answering, polite

import eightbyeight_async.transport
from eightbyeight_async.transport.direct import DirectClient

if TYPE_CHECKING:
    from collections.abc import Callable

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


def seen(response: httpx.Response, request: httpx.Request) -> dict[str, Any]:
    names = ["status_code", "reason_phrase", "http_version", "content", "is_closed", "num_bytes_downloaded", "url"]
    told = {name: getattr(response, name) for name in names}
    return {**told, "headers": response.headers.raw, "request": response.request is request}


@pytest.mark.parametrize("name", ANSWERS)
async def test_field_by_field(transport: Make, caplog: pytest.LogCaptureFixture, name: str) -> None:
    caplog.set_level(logging.INFO, "httpx")
    told = []
    async with RawServer(answering(ANSWERS[name])) as server, httpx.AsyncClient(transport=transport()) as theirs:
        ours: Any = DirectClient(transport())
        for client in (ours, theirs):
            caplog.clear()
            request = theirs.build_request("POST", server.url + "/path?q=1", json={"a": 1})
            try:
                response = await client.send(request)
            except httpx.DecodingError as error:
                told.append({"error": type(error), "log": caplog.messages})
                continue
            told.append({**seen(response, request), "log": caplog.messages})
        await ours.aclose()
    assert told[0] == told[1]
    assert any("HTTP Request: POST" in line for line in told[0]["log"])


async def test_nothing_is_formatted_when_nobody_listens(transport: Make, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "httpx")
    ours = DirectClient(transport())
    async with RawServer(polite) as server:
        await ours.send(server.post())
        await ours.aclose()
    assert caplog.messages == []


async def test_closed_it_sends_nothing(transport: Make) -> None:
    ours = DirectClient(transport())
    async with RawServer(polite) as server:
        await ours.send(server.post())
        await ours.aclose()
        with pytest.raises(httpx.ConnectError, match="was closed"):
            await ours.send(server.post())
    assert server.requests == 1


def test_nothing_private_of_httpx_is_touched() -> None:
    """No underscore behind a dot, but on what our own classes define."""
    for path in Path(eightbyeight_async.transport.__path__[0]).glob("*.py"):
        text = path.read_text()
        own = set(re.findall(r"(?:def |self\.|\")(_\w+)", text))
        used = set(re.findall(r"(?<!self)\.(_[a-z]\w*)", text))
        assert used <= own, (path.name, used - own)
        assert not re.search(r"httpx\._|httpcore\.|import httpcore|from httpx", text), path.name
    for name in ("complete.py",):  # a subclass of httpx's class: every name of its own is mangled
        text = (Path(eightbyeight_async.transport.__path__[0]) / name).read_text()
        assert not re.search(r"self\._[a-z]", text), name
