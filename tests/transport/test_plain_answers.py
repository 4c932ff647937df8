"""The fast reader of a plain answer gives the same result as llhttp, or leaves the bytes to llhttp."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eightbyeight_async.transport.answer import AnswerReader
from eightbyeight_async.transport.plain_answer import MAX_HEAD, read_plain

LIMIT = 1000
PLAIN = (
    b"HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    b"Connection: keep-alive\r\ncache-control: no-store\r\ncf-ray: 1\r\nPragma: x\r\nX-Empty:\r\nx-b:  b b  \r\n\r\nhi"
)
NAMES = [b"X-A", b"x_y", b"Date", b"Keep-Alive", b"Content-Type", b"content-type", b"Cache-Control", b"CF-RAY", b"c"]
NAMES += [b"Pragma", b"Trace", b"TE", b"Trailer", b"P3P", b"Via", b"!#$%&'*+-.^_`|~9", b"Contents", b"Uid", b""]
TELLING = [b"Connection", b"CONNECTION", b"Transfer-Encoding", b"transfer-encoding", b"Content-Encoding", b"Upgrade"]
TELLING += [b"Content-Length", b"content-length", b"CONTENT-LENGTH", b"Proxy-Connection", b"proxy-connection"]
VALUES = [b"", b"a", b"close", b"keep-alive", b"Keep-Alive", b"Upgrade", b"chunked", b"gzip", b"identity", b"2", b"h2c"]
VALUES += [b" a  b ", b"\xc3\xa9", b"a\tb", b"\t", b"keep-alive, close", b"x" * 300]
REASONS = [b" OK", b" OK", b"", b" ", b"  Two  blanks ", b" \xc3\xa9", b" a\tb"]
SPOILERS = [bytes([one]) for one in (*range(33), 127, 128, 255)] + [b"\r\n", b":", b"Content-Length: 2\r\n", b"H", b"1"]


@st.composite
def answers(draw: st.DrawFn) -> bytes:
    body = draw(st.binary(max_size=5))
    names = st.sampled_from(NAMES) if draw(st.booleans()) else st.sampled_from(NAMES + TELLING)
    headers = draw(st.lists(st.tuples(names, st.sampled_from(VALUES)), max_size=5))
    length = draw(st.sampled_from([b"%d", b"%d", b"%d", b"0%d", b"+%d", b" %d", b"%d ", b"%d1", b"%d, 2"])) % len(body)
    own = draw(st.sampled_from([b"Content-Length", b"content-length", b"Content-length", b"X-Length"]))
    headers.insert(draw(st.integers(0, len(headers))), (own, length))
    blank = draw(st.sampled_from([b": ", b": ", b":", b":  ", b" : ", b":\t"]))
    status = draw(st.sampled_from([200, 200, 200, 201, 203, 204, 205, 206, 304, 400, 426, 429, 500, 999, 101, 100]))
    version = draw(st.sampled_from([b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/2.0", b"http/1.1"]))
    data = b"%b %d%b\r\n" % (version, status, draw(st.sampled_from(REASONS)))
    data += b"".join(name + blank + value + b"\r\n" for name, value in headers) + b"\r\n" + body
    for _ in range(draw(st.integers(0, 1))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.sampled_from(SPOILERS)) + data[at + draw(st.integers(0, 1)) :]
    return data


@settings(max_examples=10 * settings.default.max_examples)
@given(data=answers())
@example(data=PLAIN)
def test_what_is_plain_means_the_same_to_llhttp(data: bytes) -> None:
    plain = read_plain(data, LIMIT)
    if plain is None:
        return
    thorough = AnswerReader(LIMIT)
    assert not thorough.feed(data[:1])  # an answer in pieces is not plain
    assert thorough.feed(data[1:])
    assert thorough.reusable
    other = thorough.answer()
    assert plain._replace(headers=other.headers) == other
    assert plain.headers.raw == other.headers.raw


@given(data=answers(), further=answers())
def test_an_answer_leaves_nothing_for_the_next(data: bytes, further: bytes) -> None:
    """One reader reads a plain answer and then any other answer. The second result is as in a fresh reader."""
    used, fresh = AnswerReader(LIMIT), AnswerReader(LIMIT)
    for _ in range(3):  # llhttp reads the first one
        used.expect()
        assert used.feed(PLAIN)
    assert outcome(used, data) == outcome(fresh, data)
    if used.reusable:
        assert outcome(used, further) == outcome(AnswerReader(LIMIT), further)


def outcome(reader: AnswerReader, data: bytes) -> object:
    reader.expect()
    try:
        complete = reader.feed(data) if data else False
    except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
        return type(error), str(error)
    seen = reader.status, reader.reason, reader.version, reader.headers, reader.body, reader.plain, reader.reusable
    return (complete, *seen) if complete else complete


@pytest.mark.parametrize("status", [200, 201, 202, 203, 400, 401, 429, 500, 503])
def test_the_usual_answers_are_plain(status: int) -> None:
    data = PLAIN.replace(b"200", b"%d" % status)
    found = read_plain(data, LIMIT)
    assert found is not None
    assert (found.status, found.body, found.headers["x-b"], found.headers["x-empty"]) == (status, b"hi", "b b", "")


TOLD = [b"Connection: close", b"connection: close", b"CONNECTION: x", b"Transfer-Encoding: chunked", b"tRansfer-x: y"]
TOLD += [b"Content-Encoding: gzip", b"Content-Length: 2", b"content-length: 3", b"Upgrade: h2c", b"Proxy-Connection: x"]
TOLD += [b" folded", b"no colon", b"X : y", b"X: \x01", b"X: \xff", b"X: a\tb", b"X: a\nb", b"X: a\rb"]


@pytest.mark.parametrize("line", TOLD)
def test_what_bears_on_the_framing_is_left_to_the_parser(line: bytes) -> None:
    for place in (b"Date", b"X-Empty"):
        assert read_plain(PLAIN.replace(place, line + b"\r\n" + place, 1), LIMIT) is None


def test_limits_and_ends_are_left_to_the_parser() -> None:
    assert read_plain(PLAIN, 2) is not None
    assert read_plain(PLAIN, 1) is None
    assert read_plain(PLAIN[:-1], LIMIT) is None
    assert read_plain(PLAIN + b"H", LIMIT) is None
    assert read_plain(PLAIN.replace(b"X-Empty:", b"X-Empty:" + b"x" * MAX_HEAD), 10 * MAX_HEAD) is None
