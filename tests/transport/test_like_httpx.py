"""FastTransport reads the same bytes as httpx's own transport does, however they are cut into pieces.

Hypothesis writes answers, damages them and cuts them up. The outcome is (status, headers, body) or a class of error.
`DIFFERENCES` lists all allowed differences, with reasons.
"""

from __future__ import annotations

import asyncio
import itertools
import re
import ssl
from typing import TYPE_CHECKING, NamedTuple

import httpx
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from patience import PATIENCE
from transport.as_httpx import AsHttpx
from transport.raw_server import Peer, RawServer

from eightbyeight_async.transport.fast import FastTransport

if TYPE_CHECKING:
    from collections.abc import Iterator


class Difference(NamedTuple):
    what: str
    why: str
    sign: re.Pattern[bytes]  # searched in the answer's bytes
    stricter: bool  # True: we refuse what httpx accepts; False: httpx refuses what we accept


HEAD_END = rb"(?s:.*?)"
DIFFERENCES = [
    Difference(
        "a control character in a trailer, or LF alone between chunks",
        "never legal; h11 lets most through",
        re.compile(rb"[\x01-\x08\x0e-\x1f\x7f]|(?<!\r)\n"),
        stricter=True,
    ),
    Difference(
        "a chunk extension that is no token=value",
        "h11 takes anything after the semicolon",
        re.compile(rb"\n[0-9A-Fa-f]+[ \t]*;"),
        stricter=True,
    ),
    Difference(
        "a space between a chunk's size and its extension",
        "the price of taking spaces after a size, which servers do send",
        re.compile(rb"\n[0-9A-Fa-f]+[ \t]+;"),
        stricter=False,
    ),
    Difference(
        "blank lines between a 1xx and the answer",
        "llhttp skips them; before the first line of all we do refuse them",
        re.compile(rb"HTTP/\d\.\d 1\d\d(?s:.*?)\r\n\r\n[\r\n]"),
        stricter=False,
    ),
]

NAMES = [b"X-A", b"Content-Type", b"Date", b"Connection", b"Upgrade", b"Keep-Alive", b"x_y"]
VALUES = [b"", b"a", b"close", b"keep-alive", b"Upgrade", b"TLS/1.3", b"a, b", b'"q\xc3\xa9"', b"x" * 300, b"a\tb"]
INFORMED = [b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"]
INTERIM_HEADERS = [b"", b"Content-Length: 3\r\n", b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n"]
CHUNKED = [b"chunked", b"Chunked", b"chunked\t", b"\tchunked", b"chunked "]
SPOILERS = [b"\r", b"\n", b"\r\n", b" ", b"\t", b":", b";", b",", b"\x00", b"\x01", b"\x0b", b"\x7f", b"\xff"]
SPOILERS += [b"0", b"1", b"9", b"f", b"-", b"+", b"H", b"HTTP/1.1", b"/", b"chunked", b"Content-Length: 3\r\n"]


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    version = draw(st.sampled_from([b"1.1", b"1.1", b"1.1", b"1.0", b"2.0", b"1.3"]))
    status = draw(st.sampled_from([200, 200, 200, 201, 204, 205, 304, 400, 426, 500, 999]))
    reason = draw(st.sampled_from([b" OK", b"", b" ", b" Not So Good", b" \xc3\xa9"]))
    headers = draw(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(VALUES)), max_size=4))
    body = draw(st.binary(max_size=40))
    framing = draw(st.sampled_from(["length", "length", "chunked", "chunked", "none", "both"]))
    if framing in ("length", "both"):
        length = b"%d" % len(body)
        headers.append(
            (b"Content-Length", draw(st.sampled_from([length, length, length + b", " + length, length + b"\t"])))
        )
        headers += [(b"Content-Length", length)] * draw(st.sampled_from([0, 0, 0, 1]))
    if framing in ("chunked", "both"):
        headers.append(
            (
                b"Transfer-Encoding",
                draw(st.sampled_from(CHUNKED)),
            )
        )
        size = draw(st.integers(1, 10))
        chunks = [body[at : at + size] for at in range(0, len(body), size)]
        extension = draw(st.sampled_from([b"", b"", b";a=b", b" "]))
        trailer = draw(st.sampled_from([b"", b"", b"X-T: y\r\n"]))
        body = b"".join(b"%x%s\r\n%s\r\n" % (len(c), extension, c) for c in chunks) + b"0\r\n" + trailer + b"\r\n"
    if status in (204, 304) and framing != "none" and draw(st.booleans()):
        body = b""
    head = b"HTTP/%s %d%s\r\n" % (version, status, reason) + b"".join(b"%s: %s\r\n" % pair for pair in headers)
    interim = draw(st.sampled_from(INFORMED))
    if draw(st.booleans()):  # any other 1xx, with any framing
        number = draw(st.integers(100, 199))
        interim += b"HTTP/1.1 %d Info\r\n%s\r\n" % (number, draw(st.sampled_from(INTERIM_HEADERS)))
    return interim + head + b"\r\n" + body


@st.composite
def spoiled(draw: st.DrawFn) -> bytes:
    data = draw(answers())
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        match draw(st.sampled_from(["insert", "replace", "delete", "truncate"])):
            case "insert":
                data = data[:at] + draw(st.sampled_from(SPOILERS)) + data[at:]
            case "replace":
                data = data[:at] + draw(st.sampled_from(SPOILERS)) + data[at + 1 :]
            case "delete":
                data = data[:at] + data[at + 1 :]
            case _:
                data = data[:at]
    return data


FRAMING = (b"content-length", b"transfer-encoding")


class Bench:
    """A server that sends the given bytes, and both transports."""

    def __init__(self) -> None:
        self.runner = asyncio.Runner()
        self.pieces: list[bytes] = []
        self.runner.run(self._start())

    async def _start(self) -> None:
        self.server = await RawServer(self._script).__aenter__()

    async def _script(self, peer: Peer) -> None:
        await peer.request()
        for piece in self.pieces:
            peer.writer.write(piece)
            await asyncio.sleep(0)
        peer.writer.write_eof()
        await peer.gone()

    def close(self) -> None:
        self.runner.run(self.server.__aexit__(None, None, None))
        self.runner.close()

    def outcome(self, transport: httpx.AsyncBaseTransport) -> tuple[object, ...]:
        return self.runner.run(self._outcome(transport))

    async def _outcome(self, transport: httpx.AsyncBaseTransport) -> tuple[object, ...]:
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), PATIENCE)
        request = httpx.Request("GET", self.server.url, headers={"Host": "x"}, extensions={"timeout": timeout})
        async with transport:
            try:
                response = await transport.handle_async_request(request)
                body = await response.aread()
                await response.aclose()
            except httpx.TransportError as error:
                return (type(error).__name__,)
            # httpx writes `Chunked` in lower case.
            headers = [pair for pair in response.headers.raw if pair[0].lower() not in FRAMING]
            return (response.status_code, response.http_version, response.reason_phrase, headers, body)


@pytest.fixture(scope="module")
def bench() -> Iterator[Bench]:
    made = Bench()
    yield made
    made.close()


def compare(bench: Bench, tls: ssl.SSLContext, data: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(data), *[cut % (len(data) + 1) for cut in cuts]})
    bench.pieces = [data[start:end] for start, end in itertools.pairwise(edges)]
    ours = bench.outcome(AsHttpx(FastTransport(ssl_context=tls)))
    theirs = bench.outcome(httpx.AsyncHTTPTransport(verify=tls))
    if ours == theirs:
        return
    # Only one of the two refuses the answer, and the reason is in the list.
    assert (len(ours) == 1) != (len(theirs) == 1), (data, ours, theirs)
    stricter = len(ours) == 1
    listed = [one.what for one in DIFFERENCES if one.stricter is stricter and one.sign.search(data)]
    assert listed, (data, ours, theirs)


@pytest.mark.long
@pytest.mark.parametrize("anyio_backend", ["none"])
@settings(
    max_examples=10 * settings.default.max_examples,  # no other test checks odd bytes, and an example takes only 5 ms
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=spoiled(), cuts=st.lists(st.integers(0, 1000), max_size=6))
@example(data=b"", cuts=[])
@example(data=b"HTTP/1.1 101 Switching Protocols\r\n\r\n", cuts=[])
@example(data=b"\r\nHTTP/1.1 200 OK\r\n\r\n", cuts=[])
def test_the_same_bytes_mean_the_same(
    bench: Bench, tls: ssl.SSLContext, anyio_backend: str, data: bytes, cuts: list[int]
) -> None:
    del anyio_backend
    compare(bench, tls, data, cuts)


WITNESSES = {
    "a control character in a trailer, or LF alone between chunks": b"HTTP/1.1 200 OK\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: \x01\r\n\r\n",
    "a chunk extension that is no token=value": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2; a = b\r\nhi\r\n0\r\n\r\n",
    "a space between a chunk's size and its extension": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"2 ;a=b\r\nhi\r\n0\r\n\r\n",
    "blank lines between a 1xx and the answer": b"HTTP/1.1 100 Continue\r\n\r\n\r\n"
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi",
}


@pytest.mark.parametrize("anyio_backend", ["none"])
@pytest.mark.parametrize("difference", DIFFERENCES, ids=lambda one: one.what)
def test_each_difference_is_still_one(
    bench: Bench, tls: ssl.SSLContext, anyio_backend: str, difference: Difference
) -> None:
    """If a line of the table is no longer true, it must be removed."""
    del anyio_backend
    data = WITNESSES[difference.what]
    assert difference.sign.search(data)
    bench.pieces = [data]
    ours = bench.outcome(AsHttpx(FastTransport(ssl_context=tls)))
    theirs = bench.outcome(httpx.AsyncHTTPTransport(verify=tls))
    assert (len(ours) == 1, len(theirs) == 1) == (difference.stricter, not difference.stricter)
