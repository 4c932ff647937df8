"""A log file is complete and valid, or it is an error: after reconciling by an incomplete file, messages are sent
again.
"""

from __future__ import annotations

import gc
import gzip
import json
import zlib
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedServer, answer

from eightbyeight_async import (
    AsyncConnectClient,
    EightByEightError,
    InvalidRequestError,
    LogExportError,
    Sent,
    SmsRequest,
    UnexpectedResponseError,
    download,
)
from eightbyeight_async.transport.inflate import Inflater

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

pytestmark = pytest.mark.anyio

HEAD = b"umid,clientmessageid,status_value\r\n"
ROWS = b"".join(b"u%d,m%d,delivered\r\n" % (number, number) for number in range(3000))
GZIP = {"Content-Encoding": "gzip"}


async def read(
    server: ScriptedServer, connect: Connect, file: bytes, limits: dict[str, Any] | None = None, **options: Any
) -> list[dict[str, str]]:
    server._script.clear()
    server._script.extend([answer(200, json.dumps({"status": "succeeded", "data": [f"{server.url}/file"]})), file])
    async with connect(server, **options) as client:
        return [row async for row in client.sms.iter_log_rows("job", **(limits or {}))]


def gzipped(data: bytes) -> bytes:
    """Compresses to the same bytes in every run; by default gzip writes the time."""
    return gzip.compress(data, mtime=0)


@pytest.mark.parametrize(
    "file",
    [
        answer(200, HEAD + ROWS),
        answer(200, b"\xef\xbb\xbf" + HEAD + ROWS + b"\r\n"),
        answer(200, gzipped(HEAD + ROWS), GZIP),
        answer(200, gzipped(HEAD) + gzipped(ROWS), {"Content-Encoding": "x-gzip"}),
        answer(200, HEAD + ROWS, {"Content-Encoding": "identity"}),
    ],
    ids=["plain", "BOM and empty line", "gzip", "two gzips", "identity"],
)
async def test_a_whole_file_is_read_to_its_end(serve: Serve, connect: Connect, file: bytes) -> None:
    with serve() as server:
        rows = await read(server, connect, file)
    assert len(rows) == 3000
    assert rows[-1] == {"umid": "u2999", "clientmessageid": "m2999", "status_value": "delivered"}


async def test_only_the_header_is_a_log_without_rows(serve: Serve, connect: Connect) -> None:
    with serve() as server:
        assert await read(server, connect, answer(200, HEAD)) == []


@pytest.mark.parametrize(
    ("file", "error", "words"),
    [
        *[
            (answer(200, gzipped(HEAD + ROWS)[:-cut], GZIP), UnexpectedResponseError, "cut off")
            for cut in (1, 8, 12, 50, 2000)
        ],
        (answer(200, gzipped(HEAD) + gzipped(ROWS)[:9], GZIP), UnexpectedResponseError, "cut off"),
        (answer(200, HEAD, GZIP), UnexpectedResponseError, "not gzip, although"),
        (answer(200, gzipped(HEAD) + b"rubbish", GZIP), UnexpectedResponseError, "not gzip, although"),
        (
            answer(200, zlib.compress(HEAD), {"Content-Encoding": "deflate"}),
            UnexpectedResponseError,
            "was not requested",
        ),
        (answer(200, HEAD, {"Content-Encoding": "gzip, gzip"}), UnexpectedResponseError, "was not requested"),
        (answer(200, b"<html><body>Sign in</body></html>"), LogExportError, "is not a log"),
        (answer(200, b""), LogExportError, "is not a log"),
        (answer(200, b"umid,status_value\r\nu1,delivered\r\n"), LogExportError, "clientmessageid"),
        (answer(200, HEAD + b"u1,m1,delivered\r\nu2,m2\r\n"), LogExportError, "line 3 has 2 cells, not 3"),
        (answer(200, HEAD + b"u1,m1,delivered,x\r\n"), LogExportError, "line 2 has 4 cells, not 3"),
        (answer(200, HEAD + b'u1,m1,"deliv'), LogExportError, "line 2 is not CSV"),
        (answer(200, HEAD + b"u1,m1," + b"x" * 200_000 + b"\r\n"), LogExportError, "line 2 is not CSV"),
        (answer(200, HEAD + b"u1,m1,caf\xe9\r\n"), LogExportError, "UTF-8"),
        (answer(200, gzipped(HEAD + ROWS)), LogExportError, "UTF-8"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_broken_file_is_an_error_and_shows_nothing_of_it(
    serve: Serve, connect: Connect, file: bytes, error: type[EightByEightError], words: str
) -> None:
    with serve() as server, pytest.raises(error, match=words) as caught:
        await read(server, connect, file)
    assert caught.value.sent is Sent.NO
    assert caught.value.__context__ is None or caught.value.__suppress_context__
    assert "caf" not in str(caught.value)


async def test_rows_through_an_application_s_own_client_are_whole_too(
    serve: Serve, connect: Connect, tls: ssl.SSLContext
) -> None:
    with serve() as server:
        for hooks in ({}, {"response": [_read]}):
            async with httpx.AsyncClient(verify=tls, event_hooks=hooks) as http:
                rows = await read(server, connect, answer(200, gzipped(HEAD + ROWS), GZIP), http_client=http)
                assert len(rows) == 3000
        async with httpx.AsyncClient(verify=tls) as http:
            with pytest.raises(UnexpectedResponseError, match="cut off"):
                await read(server, connect, answer(200, gzipped(HEAD + ROWS)[:-20], GZIP), http_client=http)


async def _read(response: httpx.Response) -> None:
    await response.aread()


async def test_success_without_a_file_is_an_error(serve: Serve, connect: Connect) -> None:
    for body in ('{"status":"succeeded"}', '{"status":"succeeded","data":[]}', '{"status":"succeeded","data":"x"}'):
        with serve(answer(200, body)) as server:
            async with connect(server) as client:
                with pytest.raises(LogExportError, match="without a link"):
                    [row async for row in client.sms.iter_log_rows("job")]


async def test_a_port_that_cannot_be_is_refused(serve: Serve, connect: Connect) -> None:
    link = json.dumps({"status": "succeeded", "data": ["https://localhost:99999/file"]})
    with serve(answer(200, link)) as server:
        async with connect(server) as client:
            with pytest.raises(UnexpectedResponseError, match="https URL"):
                [row async for row in client.sms.iter_log_rows("job")]


async def test_a_refusal_of_another_host_is_not_blamed_on_the_key(serve: Serve, connect: Connect) -> None:
    with serve() as server, serve(answer(403, "<Error>expired</Error>")) as storage:
        server._script.clear()
        server._script.append(answer(200, json.dumps({"status": "succeeded", "data": [f"{storage.url}/file"]})))
        async with connect(server) as client:
            with pytest.raises(UnexpectedResponseError, match="HTTP 403: .* may have expired"):
                [row async for row in client.sms.iter_log_rows("job")]


async def test_looks_that_take_long_count_against_the_patience(serve: Serve, connect: Connect) -> None:
    from datetime import UTC, datetime, timedelta

    with serve(answer(200, '{"status":"running"}')) as server:
        async with connect(server) as client:
            now = datetime(2026, 1, 1, tzinfo=UTC)

            def clock() -> datetime:
                nonlocal now
                now += timedelta(seconds=30)  # the duration of each look
                return now

            async def sleep(_: float) -> None: ...

            client._exchange.now, client._exchange.sleep = clock, sleep
            with pytest.raises(LogExportError, match="not finished after"):
                [row async for row in client.sms.iter_log_rows("job", poll_interval=1, patience=100)]
        assert len(server.received) <= 5


@given(st.binary(min_size=1, max_size=2000), st.lists(st.integers(1, 400), max_size=12), st.integers(0, 60))
def test_however_a_gzip_is_cut_into_pieces_only_the_whole_is_whole(data: bytes, sizes: list[int], missing: int) -> None:
    packed = gzipped(data)
    packed = packed[: max(0, len(packed) - missing)]
    inflater = Inflater()
    out = []
    for size in [*sizes, len(packed)]:
        out.extend(inflater.pieces(packed[:size]))
        packed = packed[size:]
    assert inflater.whole is (missing == 0)
    if missing == 0:
        assert b"".join(out) == data


LARGE = HEAD + ROWS * 20  # 1.3 MB, which gzip compresses to a fifth


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("own", [True, False])
async def test_a_file_has_a_limit(serve: Serve, connect: Connect, tls: ssl.SSLContext, packed: bool, own: bool) -> None:
    """The limit counts unpacked bytes. Bytes beyond the limit are neither read nor kept."""
    file = answer(200, gzipped(LARGE), GZIP) if packed else answer(200, LARGE)
    with serve() as server:
        async with httpx.AsyncClient(verify=tls) as http:
            options = {} if own else {"http_client": http}
            limit = {"max_file_bytes": len(LARGE)}
            assert len(await read(server, connect, file, limit, **options)) == 60_000
            for less in (1, len(LARGE) // 2, len(LARGE) - 20):
                with pytest.raises(LogExportError, match="gave a file of more than") as caught:
                    await read(server, connect, file, {"max_file_bytes": len(LARGE) - less}, **options)
                assert caught.value.sent is Sent.NO
                assert caught.value.job_id == "job"
        gc.collect()


@pytest.mark.parametrize("limit", [0, -1, 1.5, "9", True, None])
async def test_a_bad_limit_is_refused(limit: Any, tls: ssl.SSLContext) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        AsyncConnectClient("key", "acme_hq", ssl_context=tls).sms.iter_log_rows("job", max_file_bytes=limit)
    assert caught.value.field == "max_file_bytes"


NOT_LINKS = [
    *("https://", "https:host", "https:", "https:///x", "https://:443/x", "https://?x", "https://@", "https://u:p@"),
    *("https://[", "https://[]", "https://[::1", "https://[::1]x", "https://host:x", "https://host:99999"),
    *("https://ho st", "https://a\nb", "https://\x00", "https://.", "https://..", "https://a..b", "https://.a"),
    *(
        "https://" + "a" * 64 + ".com",
        "https://" + "a." * 150 + "com",
        "https://" + "1" * 5000,
        "https://" + "x" * 70_000,
    ),
    *("https://xn--", "https://xn--a", "https://\u2603.\u2603\u2603\u2603", "https://%41", "https://host\\x"),
    *("//host/x", "/x", "", "host/x", "ftp://host/x", "http://host/x", "file:///etc/passwd"),
]


@pytest.mark.parametrize("where", ["link", "redirect"])
@pytest.mark.parametrize("own", [True, False])
async def test_what_is_no_link_is_refused(
    serve: Serve, connect: Connect, tls: ssl.SSLContext, where: str, own: bool
) -> None:
    """The error is one line without any part of the link. The client connects only to the API's own host."""
    for link in NOT_LINKS:
        if where == "redirect" and not (link.isprintable() and link.isascii() and "://" in link):
            continue  # not possible as a header's value, or a part of this server's own URL
        with serve() as server:
            links = [link] if where == "link" else [f"{server.url}/there"]
            server._script.clear()
            server._script.append(answer(200, json.dumps({"status": "succeeded", "data": links})))
            server._script.append(answer(302, b"", {"Location": link}))
            async with httpx.AsyncClient(verify=tls) as http:
                client = connect(server, **({} if own else {"http_client": http}))
                with pytest.raises(EightByEightError) as caught:
                    [row async for row in client.sms.iter_log_rows("job")]
                await client.aclose()
            assert caught.value.sent is Sent.NO
            assert "\n" not in str(caught.value)
            assert len(link) < 8 or link not in str(caught.value)
            if where == "link":
                assert "the link to the file is not an https URL" in str(caught.value)


async def test_links_of_every_kind_of_host_are_links() -> None:
    for link in ("https://a", "https://a.b.", "https://A_b-c.d1:65535/x?y#z", "https://[::1]:1/", "https://1.2.3.4"):
        assert download._url(link)
    assert download._url("https://b\u00fccher.example").host == "b\u00fccher.example"


async def test_a_redirect_to_no_host_is_an_answer_that_may_follow_a_send(serve: Serve, connect: Connect) -> None:
    """httpx parses the URL even if it does not follow the redirect, and the exception of idna is not one of httpx's."""
    for link in ("https://xn--", "https://xn--a/x", "https://[::1", "https://a..b"):
        with serve(answer(302, b"", {"Location": link})) as server:
            async with connect(server) as client:
                with pytest.raises(EightByEightError) as caught:
                    await client.sms.send(SmsRequest(destination="+6598765432", text="Hello"))
        assert caught.value.sent is Sent.MAYBE
        assert link not in str(caught.value)
        assert len(server.received) == 1
