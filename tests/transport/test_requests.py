"""A request as bytes: the part that all requests of an operation share, and errors before a connection is opened."""

from __future__ import annotations

import pytest

from eightbyeight_async.transport.request import Origin, Outgoing, Prepared
from eightbyeight_async.transport.wire_errors import NothingWrittenError, RequestRefusedError

HEADERS = {"Authorization": "Bearer s3cr3t", "User-Agent": "x/1"}
URL = "https://sms.8x8.com/api/v1/subaccounts/acme/messages"


def test_the_bytes_of_a_request_with_a_body() -> None:
    assert Outgoing(Prepared("POST", URL, HEADERS), b'{"a": 1}').data() == (
        b"POST /api/v1/subaccounts/acme/messages HTTP/1.1\r\nHost: sms.8x8.com\r\nAuthorization: Bearer s3cr3t\r\n"
        b"User-Agent: x/1\r\nAccept-Encoding: gzip, deflate\r\nContent-Type: application/json\r\n"
        b'Content-Length: 8\r\n\r\n{"a": 1}'
    )


@pytest.mark.parametrize("body", [b"", b"%d %s", b"\r\n", b"x" * 70_000])
def test_a_body_is_written_as_it_is(body: bytes) -> None:
    data = Outgoing(Prepared("POST", URL, {"Authorization": "Bearer 100%b%d"}), body).data()
    head, _, rest = data.partition(b"\r\n\r\n")
    assert rest == body
    assert head.endswith(b"Content-Length: %d" % len(body))
    assert b"Bearer 100%b%d\r\n" in head


def test_a_request_without_a_body_declares_none() -> None:
    data = Outgoing(Prepared("DELETE", URL, HEADERS), None).data()
    assert data.endswith(b"Accept-Encoding: gzip, deflate\r\n\r\n")
    assert b"Content" not in data


@pytest.mark.parametrize(
    ("url", "origin", "host", "target"),
    [
        ("https://sms.8x8.com", Origin("https", "sms.8x8.com", None), b"sms.8x8.com", b"/"),
        ("https://sms.8x8.com:443/a", Origin("https", "sms.8x8.com", None), b"sms.8x8.com", b"/a"),
        ("https://SMS.8x8.com:8443/A", Origin("https", "sms.8x8.com", 8443), b"sms.8x8.com:8443", b"/A"),
        ("http://127.0.0.1:80/a/b%2Fc", Origin("http", "127.0.0.1", None), b"127.0.0.1", b"/a/b%2Fc"),
        ("http://[::1]:8080/a", Origin("http", "::1", 8080), b"[::1]:8080", b"/a"),
        ("https://h/a?x=1&y=%26", Origin("https", "h", None), b"h", b"/a?x=1&y=%26"),
        ('https://h/"a"<b>', Origin("https", "h", None), b"h", b"/%22a%22%3Cb%3E"),
    ],
)
def test_the_parts_of_a_url(url: str, origin: Origin, host: bytes, target: bytes) -> None:
    made = Prepared("GET", url, {})
    assert made.origin == origin
    lines = made.bare.split(b"\r\n")
    assert lines[0] == b"GET " + target + b" HTTP/1.1"
    assert lines[1] == b"Host: " + host


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nb", "a\0", "\x7f", " a", "a ", "\u20ac", "a\tb"])
def test_no_value_can_end_a_header(value: str) -> None:
    with pytest.raises(RequestRefusedError, match="Authorization") as caught:
        Prepared("GET", URL, {"Authorization": value})
    assert isinstance(caught.value, NothingWrittenError)
    assert str(caught.value) == "the value of the header Authorization has characters that are not allowed"


def test_nothing_of_it_is_shown() -> None:
    prepared = Prepared("POST", URL, HEADERS)
    assert "s3cr3t" not in repr(prepared) + repr(Outgoing(prepared, b"secret"))
    assert "secret" not in repr(Outgoing(prepared, b"secret"))
