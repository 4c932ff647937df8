"""Look-ups, feedback and log exports, over real TLS; the answers are transcribed from 8x8's reference."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
import schemas
from answers import coded
from conftest import KEY
from scripted import ScriptedServer, answer

from eightbyeight_async import (
    APIError,
    AsyncConnectClient,
    EightByEightError,
    InvalidRequestError,
    LogExportError,
    LogExportJob,
    LogExportRequest,
    LogExportState,
    LogExportStatus,
    MessageDetails,
    MessageState,
    MessageStatus,
    NotFoundError,
    Outcome,
    Price,
    RateLimitError,
    RetryPolicy,
    Sent,
    TransportError,
    UnexpectedResponseError,
    wire,
)
from eightbyeight_async.calls.sms_follow_up import send_feedback, start_log_export
from eightbyeight_async.models.sms_feedback import SmsFeedback

if TYPE_CHECKING:
    from collections.abc import Callable

    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

PATH = "/api/v1/subaccounts/acme_hq/messages"
UMID = "dec02e44-c76f-4a0a-b69f-6ac2a4386eb9"
JOB = "F1T6z9C5tW2QV1pdMzO9xpMXrYEmfnvqORGqpePJGpgzjTJ80TSaZEE7aX2wrgix"

# Transcribed from the OpenAPI file of the SMS API, operation get-sms-message-details.
DETAILS = (
    '{"umid":"dec02e44-c76f-4a0a-b69f-6ac2a4386eb9","subAccountId":"sub-account","direction":"outbound",'
    '"country":"SG","status":{"state":"delivered","detail":"delivered_to_recipient",'
    '"timestamp":"2020-06-17T04:17:21.06Z"},"msisdn":"+63922110xxxx","source":"Seller","body":"**MASKED**",'
    '"encoding":"GSM8","createdAt":"2020-06-17T04:17:21.06Z","smsCount":2,'
    '"price":{"total":0.0024,"perSms":0.0012,"currency":"EUR"},"clientMessageId":"some-client-identifier"}'
)
CSV = (
    '\ufeffumid,clientmessageid,status_value,body\r\nu1,m1,delivered,"two\r\nlines, ""quoted"""\r\nu2,,undelivered,\r\n'
)


@pytest.mark.anyio
async def test_details_as_documented(serve: Serve, connect: Connect) -> None:
    with serve(answer(200, DETAILS)) as server:
        async with connect(server) as client:
            details = await client.sms.get(UMID)
    moment = datetime(2020, 6, 17, 4, 17, 21, 60000, tzinfo=UTC)
    assert details == MessageDetails(
        umid=UMID,
        sub_account_id="sub-account",
        direction="outbound",
        country="SG",
        status=MessageStatus(state=MessageState.DELIVERED, detail="delivered_to_recipient", timestamp=moment),
        msisdn="+63922110xxxx",
        source="Seller",
        body="**MASKED**",
        encoding="GSM8",
        created_at=moment,
        sms_count=2,
        price=Price(total=Decimal("0.0024"), per_sms=Decimal("0.0012"), currency="EUR"),
        client_message_id="some-client-identifier",
    )
    assert details.status.state is MessageState.DELIVERED
    assert [(r.method, r.target, r.body) for r in server.received] == [("GET", f"{PATH}/{UMID}", b"")]


def test_a_price_keeps_its_digits() -> None:
    price = wire.structure(wire.load(b'{"total": 0.1, "perSms": 12345678901234567.123456789}'), Price)
    assert (price.total, price.per_sms) == (Decimal("0.1"), Decimal("12345678901234567.123456789"))


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("step", "error"),
    [
        (answer(404, coded(1300)), NotFoundError),
        (answer(429, coded(429), {"Retry-After": "1"}), RateLimitError),
        (answer(500, coded(2000)), APIError),
        (answer(502, "<html>"), UnexpectedResponseError),
        (None, TransportError),
    ],
)
async def test_a_look_up_that_fails_sent_nothing(
    serve: Serve, connect: Connect, step: bytes | None, error: type[EightByEightError]
) -> None:
    with serve(step) as server:
        async with connect(server, retry=RetryPolicy.none()) as client:
            with pytest.raises(error) as caught:
                await client.sms.get(UMID)
    assert caught.value.sent is Sent.NO


@pytest.mark.anyio
async def test_feedback_as_documented(serve: Serve, connect: Connect) -> None:
    moment = datetime(2019, 2, 17, 15, 31, 55, 600000, tzinfo=UTC)
    with serve(answer(200, b"")) as server:
        async with connect(server) as client:
            await client.sms.send_feedback(UMID, Outcome.SUCCESS, moment)
            await client.sms.send_feedback(UMID, "failure")
    bodies = [schemas.check(request.body, "sms", "SmsFeedback") for request in server.received]
    assert bodies == [
        {"outcome": "success", "timestamp": "2019-02-17T15:31:55.600000+00:00"},
        {"outcome": "failure"},
    ]
    assert {(r.method, r.target) for r in server.received} == {("POST", f"{PATH}/{UMID}/feedback")}


@pytest.mark.anyio
async def test_an_empty_answer_is_a_success_only_without_an_error_in_it(serve: Serve, connect: Connect) -> None:
    with serve(answer(200, b"OK"), answer(204), answer(200, coded(1001)), answer(500, b"")) as server:
        async with connect(server) as client:
            await client.sms.send_feedback(UMID, "success")
            await client.sms.send_feedback(UMID, "success")
            for error in (APIError, UnexpectedResponseError):
                with pytest.raises(error):
                    await client.sms.send_feedback(UMID, "success")


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("outcome", {"outcome": "maybe"}),
        ("outcome", {"outcome": None}),
        ("timestamp", {"outcome": "success", "timestamp": datetime(2026, 1, 1)}),  # noqa: DTZ001 - the point
    ],
)
def test_bad_feedback_is_refused(field: str, arguments: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{field}: "):
        SmsFeedback(**arguments)


@pytest.mark.parametrize("umid", ["", "../x", "a/b"])
def test_feedback_for_no_id_is_refused(umid: str) -> None:
    with pytest.raises(InvalidRequestError, match="^umid: "):
        send_feedback("acme_hq", umid, SmsFeedback(outcome="success"))


def test_an_export_request_on_the_wire() -> None:
    request = LogExportRequest(
        from_=datetime(2020, 7, 1, 13, tzinfo=UTC),
        to=datetime(2020, 7, 2, tzinfo=UTC),
        phone_number="6511111111",
        countries=["US", "SG"],
        limit=0,
    )
    body = start_log_export("acme_hq", request).body
    assert schemas.check(body, "sms", "LogExportRequest") == {
        "from": "2020-07-01T13:00:00+00:00",
        "to": "2020-07-02T00:00:00+00:00",
        "phoneNumber": "6511111111",
        "countries": ["US", "SG"],
        "limit": 0,
    }
    assert "6511111111" not in repr(request)
    assert json.loads(start_log_export("acme_hq", LogExportRequest()).body or b"") == {}


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("from_", {"from_": "2020-07-01"}),
        ("to", {"from_": datetime(2020, 7, 2, tzinfo=UTC), "to": datetime(2020, 7, 1, tzinfo=UTC)}),
        ("phone_number", {"phone_number": "none"}),
        ("countries", {"countries": "US"}),
        (r"countries\[1\]", {"countries": ["US", "USA"]}),
        ("limit", {"limit": -1}),
        ("limit", {"limit": True}),
    ],
)
def test_a_bad_export_request_is_refused(field: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{field}: "):
        LogExportRequest(**options)


@pytest.mark.anyio
async def test_an_export_is_started_looked_at_and_cancelled(serve: Serve, connect: Connect) -> None:
    done = {"status": "succeeded", "data": ["https://sms.8x8.com/x"], "expires": "2020-10-25T06:58:41.74Z"}
    with serve(answer(202, f'{{"jobId":"{JOB}"}}'), answer(200, json.dumps(done)), answer(204)) as server:
        async with connect(server) as client:
            job = await client.sms.start_log_export()
            assert job == LogExportJob(job_id=JOB)
            assert await client.sms.get_log_export(job.job_id) == LogExportStatus(
                status=LogExportState.SUCCEEDED,
                data=("https://sms.8x8.com/x",),
                expires=datetime(2020, 10, 25, 6, 58, 41, 740000, tzinfo=UTC),
            )
            await client.sms.cancel_log_export(job.job_id)
    exports = f"{PATH}/exports"
    assert [(r.method, r.target) for r in server.received] == [
        ("POST", exports),
        ("GET", f"{exports}/{JOB}"),
        ("DELETE", f"{exports}/{JOB}"),
    ]


def state(name: str, *links: str) -> bytes:
    return answer(200, json.dumps({"status": name, **({"data": links} if links else {})}))


async def rows_of(client: AsyncConnectClient, waits: list[float] | None = None, **options: Any) -> list[dict[str, str]]:
    async def sleep(seconds: float) -> None:
        if waits is not None:
            waits.append(seconds)

    client._exchange.sleep = sleep
    return [row async for row in client.sms.iter_log_rows(JOB, **options)]


@pytest.mark.anyio
async def test_rows_come_from_all_files_of_a_finished_export(serve: Serve, connect: Connect) -> None:
    waits: list[float] = []
    with serve() as server:
        link = f"{server.url}/download/1"
        script = [state("queued"), state("running"), state("paused by a future"), state("succeeded", link, link)]
        server._script.clear()
        server._script.extend([*script, answer(200, CSV), answer(200, CSV)])
        async with connect(server) as client:
            rows = await rows_of(client, waits, poll_interval=3)
    first = {"umid": "u1", "clientmessageid": "m1", "status_value": "delivered", "body": 'two\r\nlines, "quoted"'}
    second = {"umid": "u2", "clientmessageid": "", "status_value": "undelivered", "body": ""}
    assert rows == [first, second, first, second]
    assert waits == [3.0, 3.0, 3.0]
    assert all(r.headers["authorization"] == f"Bearer {KEY}" for r in server.received)


@pytest.mark.anyio
async def test_the_key_goes_to_the_apis_own_host_only(serve: Serve, connect: Connect) -> None:
    """A link to another host, a redirect to another host, and a redirect back: each request's own host decides about
    the key.
    """
    with serve() as server, serve() as storage:
        away = answer(302, b"", {"Location": f"{storage.url}/file"})
        server._script.clear()
        server._script.extend(
            [state("succeeded", f"{storage.url}/file", f"{server.url}/download"), away, answer(200, CSV)]
        )
        storage._script.clear()
        storage._script.extend(
            [answer(200, CSV), answer(307, b"", {"Location": f"{server.url}/again"}), answer(200, CSV)]
        )
        async with connect(server) as client:
            rows = await rows_of(client)
    assert len(rows) == 4
    assert [r.target for r in server.received][-2:] == ["/download", "/again"]
    assert all(r.headers["authorization"] == f"Bearer {KEY}" for r in server.received)
    assert [r.target for r in storage.received] == ["/file", "/file"]
    assert not [r for r in storage.received if "authorization" in r.headers or KEY in str(r)]


@pytest.mark.anyio
async def test_an_empty_export_has_no_rows(serve: Serve, connect: Connect) -> None:
    with serve(state("empty")) as server:
        async with connect(server) as client:
            assert await rows_of(client) == []


@pytest.mark.anyio
async def test_an_export_that_ends_badly_or_never(serve: Serve, connect: Connect) -> None:
    for name in ("failed", "cancelled", "error", "running"):
        with serve(state(name)) as server:
            async with connect(server) as client:
                with pytest.raises(LogExportError, match=name if name != "running" else "not finished after 10 s"):
                    await rows_of(client, patience=10, poll_interval=2)


@pytest.mark.anyio
async def test_by_default_an_export_is_polled_every_two_seconds_for_a_quarter_of_an_hour(
    serve: Serve, connect: Connect
) -> None:
    waits: list[float] = []
    began = datetime(2026, 1, 1, tzinfo=UTC)
    with serve(state("running")) as server:
        async with connect(server) as client:
            client._exchange.now = lambda: began + timedelta(seconds=100 * len(waits))  # each poll takes 98 s
            with pytest.raises(LogExportError, match="not finished after 900 s"):
                await rows_of(client, waits)
    assert waits == [2.0] * 9


@pytest.mark.anyio
@pytest.mark.parametrize(
    "link",
    ["http://storage.example.com/x", "ftp://x/y", "file:///etc/passwd", "/relative", "", "https://[", "nonsense"],
)
async def test_a_link_that_is_not_https_is_not_opened(serve: Serve, connect: Connect, link: str) -> None:
    with serve(state("succeeded", link)) as server:
        async with connect(server) as client:
            with pytest.raises(EightByEightError) as caught:
                await rows_of(client)
    assert caught.value.sent is Sent.NO
    assert len(server.received) == 1


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
@pytest.mark.parametrize(
    ("step", "error"),
    [
        (answer(404, coded(1300)), NotFoundError),
        (answer(200, CSV)[:-10], TransportError),
        (None, TransportError),
        (answer(500, "<html>"), UnexpectedResponseError),
        (answer(204), UnexpectedResponseError),
        (answer(302), UnexpectedResponseError),
    ],
)
async def test_a_file_that_cannot_be_fetched_is_an_error_not_a_shorter_log(
    serve: Serve, connect: Connect, step: bytes | None, error: type[EightByEightError]
) -> None:
    with serve(close_after_answer=True) as server:
        server._script.clear()
        server._script.extend([state("succeeded", f"{server.url}/download"), step])
        async with connect(server) as client:
            with pytest.raises(error) as caught:
                await rows_of(client)
    assert caught.value.sent is Sent.NO


@pytest.mark.anyio
async def test_an_endless_redirect_ends(serve: Serve, connect: Connect) -> None:
    with serve() as server:
        server._script.clear()
        server._script.extend([state("succeeded", server.url), answer(302, b"", {"Location": "/again"})])
        async with connect(server) as client:
            with pytest.raises(UnexpectedResponseError, match="redirects"):
                await rows_of(client)
    assert len(server.received) == 7
