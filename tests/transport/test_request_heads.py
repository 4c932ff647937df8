"""What is refused before a byte of a request is written, and what is written otherwise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import h11
import httpx
import pytest

from eightbyeight_async.transport.head import Head, Heads, framed

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HOST = (b"Host", b"example.org")
SECRET = b"Bearer s3cr3t"


def test_a_request_reads_back_as_it_was_meant() -> None:
    headers = [
        HOST,
        (b"Authorization", SECRET),
        (b"X-Empty", b""),
        (b"X-8bit", b"\xff \t\xe9"),
        (b"content-length", b"2"),
    ]
    server = h11.Connection(h11.SERVER)
    server.receive_data(Head("POST", b"/a%20b?c=d", headers).with_body(b"hi"))
    request = server.next_event()
    assert isinstance(request, h11.Request)
    assert (request.method, request.target) == (b"POST", b"/a%20b?c=d")
    assert request.headers.raw_items() == headers
    assert server.next_event() == h11.Data(data=bytearray(b"hi"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *[(b"X-A", SECRET + bad + b"X-Evil: 1") for bad in (b"\r\n", b"\n", b"\r", b"\x00", b"\x0b", b"\x7f", b"\x1f")],
        (b"X-A", b" " + SECRET),
        (b"X-A", SECRET + b"\t"),
        (b"X-A", SECRET + b"\r\n\r\nGET / HTTP/1.1"),
        *[(bad, SECRET) for bad in (b"", b"X A", b"X:", b"X: y\r\nX-Evil", b"X\n", b"X\x00", b"\xff")],
        (b"Content-Length", b"2, 3"),
        (b"Content-Length", b"+2"),
        (b"Content-Length", b""),
        (b"Transfer-Encoding", b"gzip"),
        (b"Host", b"other.example"),
    ],
)
def test_nothing_is_smuggled_and_no_value_is_told(name: bytes, value: bytes) -> None:
    for headers in ([HOST, (name, value)], [(name, value), HOST, (b"X-Z", b"z")]):
        with pytest.raises(httpx.LocalProtocolError) as caught:
            Head("POST", b"/", headers)
        assert b"s3cr3t" not in str(caught.value).encode()


@pytest.mark.parametrize("method", ["", "GE T", "GET\r\n", "CONNECT", "G\u0119T"])
def test_a_method_is_a_token(method: str) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        Head(method, b"/", [HOST])


@pytest.mark.parametrize("target", [b"", b"/ x", b"/\r\nX: y", b"/\x00", b"/\xff"])
def test_a_target_has_no_spaces_and_controls(target: bytes) -> None:
    with pytest.raises(httpx.LocalProtocolError):
        Head("GET", target, [HOST])


def test_a_host_is_needed() -> None:
    with pytest.raises(httpx.LocalProtocolError):
        Head("GET", b"/", [])


def test_a_known_body_is_as_long_as_declared() -> None:
    with pytest.raises(httpx.LocalProtocolError):
        Head("POST", b"/", [HOST, (b"Content-Length", b"3")]).with_body(b"hi")
    with pytest.raises(httpx.LocalProtocolError):
        Head("POST", b"/", [HOST]).with_body(b"hi")
    assert Head("GET", b"/", [HOST]).with_body(b"").endswith(b"\r\n\r\n")


def test_a_known_body_may_be_chunked() -> None:
    head = Head("POST", b"/", [HOST, (b"Transfer-Encoding", b"chunked")])
    assert head.with_body(b"hi").endswith(b"\r\n\r\n2\r\nhi\r\n0\r\n\r\n")
    assert head.with_body(b"").endswith(b"\r\n\r\n0\r\n\r\n")


class Parts(httpx.AsyncByteStream):
    def __init__(self, *parts: bytes) -> None:
        self._parts = parts

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for part in self._parts:
            yield part


@pytest.mark.anyio
async def test_a_streamed_body_is_framed_as_declared() -> None:
    chunked = Head("POST", b"/", [HOST, (b"Transfer-Encoding", b"chunked")])
    assert [part async for part in framed(chunked, Parts(b"hi", b"", b"x" * 17))] == [
        b"2\r\nhi\r\n",
        b"11\r\n" + b"x" * 17 + b"\r\n",
        b"0\r\n\r\n",
    ]
    sized = Head("POST", b"/", [HOST, (b"Content-Length", b"4")])
    assert [part async for part in framed(sized, Parts(b"hi", b"ho"))] == [b"hi", b"ho"]
    for parts in ((b"hi", b"ho!"), (b"hi",)):
        with pytest.raises(httpx.LocalProtocolError):
            [part async for part in framed(sized, Parts(*parts))]


def test_a_head_is_made_once_and_never_stands_for_another() -> None:
    heads = Heads()
    headers = [HOST, (b"Authorization", SECRET), (b"Content-Length", b"2")]
    made = heads.head("POST", b"/a", list(headers))
    assert heads.head("POST", b"/a", list(headers)) is made
    others = [
        heads.head("PUT", b"/a", headers),
        heads.head("POST", b"/b", headers),
        heads.head("POST", b"/a", headers[:2]),
        heads.head("POST", b"/a", [*headers[:2], (b"Content-Length", b"3")]),
        heads.head("POST", b"/a", [headers[1], headers[0], headers[2]]),
        heads.head("POST", b"/a", [*headers, (b"X", b"1"), (b"X", b"2")]),
        heads.head("POST", b"/a", [*headers, (b"X", b"2")]),
    ]
    assert len({made.data, *(other.data for other in others)}) == 8
    for _ in range(2):
        with pytest.raises(httpx.LocalProtocolError):
            heads.head("POST", b"/a", [*headers, (b"X", b"a\r\nb")])


def test_so_many_heads_are_kept_and_no_more() -> None:
    heads = Heads()
    first = heads.head("GET", b"/0", [HOST])
    for number in range(1, 2000):
        assert heads.head("GET", b"/%d" % number, [HOST]).data.startswith(b"GET /%d " % number)
    assert heads.head("GET", b"/0", [HOST]) is not first
    assert len(heads) == 256


def test_a_large_head_is_not_kept() -> None:
    heads = Heads()
    headers = [HOST, (b"Cookie", b"x" * 10_000)]
    assert heads.head("GET", b"/", headers).data == heads.head("GET", b"/", headers).data
    assert len(heads) == 0
