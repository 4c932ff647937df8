"""The reader of answers without a socket: bytes in, an answer or an error out."""

from __future__ import annotations

import tracemalloc

import pytest

from eightbyeight_async.transport.answer import MAX_HEAD, AnswerReader
from eightbyeight_async.transport.wire_errors import RemoteProtocolError

LENGTH = b"HTTP/1.1 200 OK\r\nX-A: \r\nx-b:  b b \t\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 201 Cre ated\r\nTransfer-Encoding: Chunked\r\n\r\n2;x=y\r\nhe\r\n003 \r\nllo\r\n0\r\nTrailer: t\r\n\r\n"
)
INFORMED = b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\nHTTP/1.1 103 Hints\r\nLink: x\r\n\r\n" + LENGTH
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


def reader(limit: int = 1000) -> AnswerReader:
    made = AnswerReader(limit)
    made.expect()
    return made


def told(made: AnswerReader) -> list[tuple[bytes, bytes]]:
    """Returns the headers without the blanks after their values."""
    return [(name, value.rstrip(b" \t")) for name, value in made.headers]


def refusal(data: bytes, **options: int) -> str:
    made = reader(**options)
    with pytest.raises(RemoteProtocolError) as caught:
        assert not made.feed(data)
    return str(caught.value)


@pytest.mark.parametrize(
    ("data", "status", "reason", "body", "headers"),
    [
        (LENGTH, 200, b"OK", b"hello", [(b"X-A", b""), (b"x-b", b"b b"), (b"Content-Length", b"5")]),
        (CHUNKED, 201, b"Cre ated", b"hello", [(b"Transfer-Encoding", b"Chunked")]),
        (INFORMED, 200, b"OK", b"hello", [(b"X-A", b""), (b"x-b", b"b b"), (b"Content-Length", b"5")]),
        (EMPTY, 204, b"No Content", b"", []),
    ],
    ids=["length", "chunked", "informed", "empty"],
)
def test_wherever_the_bytes_are_cut_the_answer_is_the_same(
    data: bytes, status: int, reason: bytes, body: bytes, headers: list[tuple[bytes, bytes]]
) -> None:
    for cut in range(1, len(data)):
        made = reader()
        assert made.feed(data[:cut]) is False
        assert made.feed(data[cut:]) is True
        assert (made.status, made.reason, made.body, told(made)) == (status, reason, body, headers)
        assert made.reusable
    made = reader()
    assert [made.feed(data[at : at + 1]) for at in range(len(data))] == [False] * (len(data) - 1) + [True]
    assert (made.status, made.reason, made.body, told(made)) == (status, reason, body, headers)


FINAL = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
ODD_HEADS = {
    "lines that end in LF": b"HTTP/1.1 200 OK\nContent-Length: 2\n\nhi",
    "a folded header": b"HTTP/1.1 200 OK\r\nX: a\r\n b\r\nContent-Length: 2\r\n\r\nhi",
    "the same length twice": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
    "a list of the same length": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nhi",
    "a tab after chunked": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
}
INTERIM = {
    f"{status} with {header.decode()!r}": b"HTTP/1.1 %d Info\r\n%s\r\n" % (status, header) + FINAL
    for status in (100, 102, 103, 104, 110, 199)
    for header in (b"Content-Length: 49\r\n", b"Transfer-Encoding: chunked\r\n", b"Content-Length: 0\r\n", b"X: y\r\n")
}


@pytest.mark.parametrize("data", [*ODD_HEADS.values(), *INTERIM.values()], ids=[*ODD_HEADS, *INTERIM])
def test_an_odd_head_is_read_as_httpx_reads_it(data: bytes) -> None:
    """RFC 9112, section 6.3: a 1xx ends at its blank line, independent of its headers."""
    for size in (len(data), 1, 3, 17):
        made = reader()
        done = [made.feed(data[at : at + size]) for at in range(0, len(data), size)]
        assert (done[-1], made.status, made.body) == (True, 200, b"hi")
        assert not any(done[:-1])


@pytest.mark.parametrize("data", ODD_HEADS.values(), ids=ODD_HEADS)
def test_a_connection_with_an_odd_head_is_not_used_again(data: bytes) -> None:
    made = reader()
    assert made.feed(data + FINAL)
    assert (made.body, made.reusable) == (b"hi", False)


def test_an_odd_head_has_the_same_limits() -> None:
    made = reader(10)
    with pytest.raises(RemoteProtocolError, match="larger than 10 bytes"):
        made.feed(b"HTTP/1.1 200 OK\nContent-Length: 11\n\n" + b"x" * 11)
    made = reader(10)
    with pytest.raises(RemoteProtocolError):
        for _ in range(3 * MAX_HEAD // 16):
            made.feed(b"HTTP/1.1 200 OK\n" if not made._begun else b"X: aaaaaaaaaaaa\n")


def test_a_body_in_tiny_chunks_takes_the_memory_of_its_bytes() -> None:
    size = 1 << 20
    data = b"2\r\nhi\r\n" * (size // 2)
    made = reader(size)
    made.feed(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    tracemalloc.start()
    made.feed(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert made.feed(b"0\r\n\r\n")
    assert len(made.body) == size
    assert peak < 4 * size


def test_one_reader_reads_many_answers() -> None:
    made = reader()
    for data in (LENGTH, CHUNKED, INFORMED, EMPTY) * 3:
        made.expect()
        assert made.feed(data)
        assert made.reusable


@pytest.mark.parametrize("data", [LENGTH, CHUNKED, INFORMED])
def test_an_answer_cut_off_anywhere_is_an_error(data: bytes) -> None:
    for cut in range(len(data)):
        made = reader()
        if cut:
            assert not made.feed(data[:cut])
        with pytest.raises(RemoteProtocolError):
            made.eof()
        assert not made.complete


def test_a_body_without_a_length_ends_with_the_connection() -> None:
    made = reader()
    assert not made.feed(b"HTTP/1.1 200 OK\r\n\r\nhel")
    assert not made.feed(b"lo")
    made.eof()
    assert made.complete
    assert made.body == b"hello"
    assert not made.reusable


@pytest.mark.parametrize(
    "surplus", [b"H", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"x", b"\x00"], ids=["H", "whole", "x", "nul"]
)
@pytest.mark.parametrize("data", [LENGTH, CHUNKED, EMPTY])
def test_surplus_bytes_end_the_connection_and_change_nothing(data: bytes, surplus: bytes) -> None:
    made = reader()
    assert made.feed(data + surplus)
    status, reason, body, headers = made.status, made.reason, made.body, list(made.headers)
    clean = reader()
    clean.feed(data)
    assert (status, reason, body, headers) == (clean.status, clean.reason, clean.body, clean.headers)
    assert not made.reusable


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nConnection: close\r\n",
        b"HTTP/1.1 200 OK\r\nConnection: x, Close\r\n",
        b"HTTP/1.0 200 OK\r\n",
        b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\n",
        b"HTTP/2.0 200 OK\r\n",
    ],
)
def test_who_announces_the_end_is_not_used_again(head: bytes) -> None:
    made = reader()
    assert made.feed(head + b"Content-Length: 2\r\n\r\nhi")
    assert made.body == b"hi"
    assert not made.reusable


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "not HTTP"),
        (b"\r\n" + LENGTH, "not HTTP"),
        (b"HTTP/1.1 099 No\r\n\r\n", "below 100"),
        (b"HTTP/1.1 200 a\x00b\r\n\r\n", "control characters"),
        (b"HTTP/1.1 101 Switching\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", "switched protocols"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", "transfer encoding"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n", "transfer encoding"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "not HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n", "not HTTP"),
    ],
)
def test_what_is_no_http_is_refused_with_a_reason(data: bytes, why: str) -> None:
    assert why in refusal(data)


def test_a_refusal_of_an_upgrade_does_not_hit_the_426_of_the_api() -> None:
    made = reader()
    assert made.feed(
        b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: TLS/1.3\r\nConnection: Upgrade\r\nContent-Length: 2\r\n\r\n{}"
    )
    assert made.status == 426
    assert made.body == b"{}"


def test_the_body_limit_holds_for_every_framing() -> None:
    head = b"HTTP/1.1 200 OK\r\n"
    assert "larger than 10 bytes" in refusal(head + b"Content-Length: 11\r\n\r\n", limit=10)
    assert "larger than 10 bytes" in refusal(head + b"\r\n" + b"x" * 11, limit=10)
    chunks = b"6\r\nxxxxxx\r\n5\r\nxxxxx\r\n"
    assert "larger than 10 bytes" in refusal(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks, limit=10)
    assert reader(10).feed(head + b"Content-Length: 10\r\n\r\n" + b"x" * 10)


def test_the_head_limit_does_not_depend_on_the_cuts() -> None:
    many = b"".join(b"X-%d: y\r\n" % number for number in range(1000))
    assert reader().feed(b"HTTP/1.1 200 OK\r\n" + many + b"Content-Length: 0\r\n\r\n")
    large = b"HTTP/1.1 200 OK\r\nX: " + b"y" * MAX_HEAD + b"\r\nContent-Length: 0\r\n\r\n"
    assert "head of the answer" in refusal(large)
    made = reader()
    with pytest.raises(RemoteProtocolError, match="head of the answer"):
        for at in range(0, len(large), 1000):
            made.feed(large[at : at + 1000])


def test_forerunners_do_not_come_for_ever() -> None:
    made = reader()
    with pytest.raises(RemoteProtocolError, match="head of the answer"):
        for _ in range(MAX_HEAD):
            made.feed(b"HTTP/1.1 100 Continue\r\n\r\n")


def test_nor_do_trailers_and_chunk_extensions() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    for start, more in ((b"5;", b"a" * 1000), (b"0\r\n", b"X: y\r\n" * 100)):
        made = reader()
        made.feed(head + start)
        with pytest.raises(RemoteProtocolError, match="framing"):
            for _ in range(1000):
                made.feed(more)
    made = reader(100_000)
    made.feed(head)
    for _ in range(100_000):  # tiny chunks are allowed, and take five bytes each
        made.feed(b"1\r\nx\r\n")
    assert made.feed(b"0\r\n\r\n")
    assert len(made.body) == 100_000
