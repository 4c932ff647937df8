"""Every operation with every answer, over real TLS: the request, the result, and the class of each error.

Documented answers are those that the OpenAPI files name for the operation. The odd answers and the codes may come to
any operation. The bodies are in `answers.py`. Every body that is sent is checked against the schemas of `schemas/`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs
import pytest
import schemas
from answers import (
    CODES,
    INTERNAL,
    KEY,
    MSISDN,
    NO_JOB,
    NO_MESSAGE,
    NO_UMID,
    ODD,
    POSTPAID,
    QUOTA,
    SUCCESSES,
    TLS,
    Documented,
    coded,
    success,
)
from conftest import ACCOUNT
from conftest import KEY as API_KEY
from scripted import ScriptedServer, answer

from eightbyeight_async import (
    AccountBalance,
    Amount,
    APIError,
    AsyncConnectClient,
    BatchChatAppsRequest,
    BatchChatAppsResponse,
    BatchSmsRequest,
    BatchSmsResponse,
    CancelResponse,
    ChannelFallback,
    ChatAppsMessageDetails,
    ChatAppsMessageRecord,
    ChatAppsRequest,
    ChatAppsResponse,
    ChatAppsStatus,
    ChatAppsTemplate,
    ChatAppsUser,
    CountryPrices,
    Encoding,
    InboundPrices,
    LogExportJob,
    LogExportRequest,
    LogExportState,
    LogExportStatus,
    MessageDetails,
    MessageState,
    MessageStatus,
    MobileNetwork,
    NumberPrice,
    OperatorPrice,
    Price,
    PriceList,
    ReplyContext,
    RetryPolicy,
    Sent,
    SmsFallback,
    SmsRequest,
    SmsResponse,
    SmsStatus,
    SmsStatusCode,
    SmsTemplate,
    SubaccountPrices,
    TextContent,
    Track,
)

if TYPE_CHECKING:
    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

pytestmark = pytest.mark.anyio

UMID = "dec02e44-c76f-4a0a-b69f-6ac2a4386eb9"
JOB = "F1T6z9C5tW2QV1pdMzO9xpMXrYEmfnvqORGqpePJGpgzjTJ80TSaZEE7aX2wrgix"
PATH = "/api/v1/subaccounts/acme_hq/messages"
SOON = datetime.now(UTC) + timedelta(days=1)
LATER = SOON + timedelta(days=1)
CALLBACK = "https://example.com/dlr"


def moment(written: str) -> datetime:
    return datetime.fromisoformat(written)


# The requests have every field of their operation, so that the schemas check all fields.
SMS = SmsRequest(
    destination="+12025550275",
    text="Hello",
    country="US",
    source="ACME",
    client_message_id="client-message-id",
    encoding=Encoding.AUTO,
    scheduled=SOON,
    expiry=LATER,
    dlr_callback_url=CALLBACK,
    client_ip="203.0.113.9",
    track=Track.OUTCOME,
)
SMS_TEMPLATE = SmsTemplate(
    text="Hello", source="ACME", encoding=Encoding.GSM7, scheduled=SOON, expiry=LATER, dlr_callback_url=CALLBACK
)
NUMBERS = ("6598760001", "659876002", "33509750003", "+1123456789")
REFERENCES = ("Demo#1001/6598760001", "id_100001", "id_100002", "id_100003")
BATCH: dict[str, Any] = {
    "template": SMS_TEMPLATE,
    "client_batch_id": "Demo#1001",
    "include_messages_in_response": True,
    "client_ip": "203.0.113.9",
}
SMS_BATCH = BatchSmsRequest(
    messages=[
        SmsRequest(destination=number, client_message_id=reference)
        for number, reference in zip(NUMBERS, REFERENCES, strict=True)
    ],
    **BATCH,
)
CHAT = ChatAppsRequest(
    user=ChatAppsUser(
        msisdn="+6512341234", country="SG", line_user_id="U4af4980629", channel_user_id="US.13491208655302741918"
    ),
    content=TextContent(text="Hello", fallback_text="Hi", sms=SmsFallback(encoding="AUTO", source="ACME")),
    client_message_id="1234_id",
    scheduled=SOON,
    expiry=LATER,
    dlr_callback_url=CALLBACK,
    channels=[
        ChannelFallback(channel="WhatsApp", fallback_after=60, success_status="Delivered"),
        ChannelFallback(channel="SMS"),
    ],
    context=ReplyContext(umid=UMID),
)
CHAT_BATCH = BatchChatAppsRequest(
    messages=[
        ChatAppsRequest(user=ChatAppsUser(msisdn="+6500000000"), client_message_id="aaa-1"),
        ChatAppsRequest(user=ChatAppsUser(msisdn="+65000001"), client_message_id="aaa-2"),
    ],
    template=ChatAppsTemplate(
        content=TextContent(text="Hello"), dlr_callback_url=CALLBACK, channels=[ChannelFallback(channel="WhatsApp")]
    ),
    client_batch_id="aaa_batch",
    include_messages_in_response=True,
)
EXPORT = LogExportRequest(
    from_=moment("2020-07-01T13:00:00+00:00"),
    to=moment("2020-07-02T00:00:00+08:00"),
    phone_number="6511111111",
    countries=["US", "SG"],
    limit=100,
)

# The objects that the documented successes are read as.
ACCEPTED = SmsStatus(code=SmsStatusCode.QUEUED, description="accepted")
SMS_ANSWERS = tuple(
    SmsResponse(umid=umid, destination=number, client_message_id=reference, encoding=encoding, status=status)
    for umid, number, reference, encoding, status in zip(
        (f"f{n}ea5276-a824-e711-8146-022a22cc1c71" for n in (2, 3, 3, 3)),
        NUMBERS,
        REFERENCES,
        (Encoding.GSM7, Encoding.GSM7, Encoding.UCS2, Encoding.GSM7),
        (ACCEPTED, ACCEPTED, ACCEPTED, SmsStatus(code=SmsStatusCode.REJECTED, description="refused")),
        strict=True,
    )
)
SMS_BATCH_ANSWER = BatchSmsResponse(
    batch_id="f1ea5276-a824-e711-8146-022a22cc1c71",
    client_batch_id="Demo#1001",
    accepted_count=3,
    rejected_count=1,
    messages=SMS_ANSWERS,
)
DETAILS = MessageDetails(
    umid=UMID,
    sub_account_id="sub-account",
    direction="outbound",
    country="SG",
    status=MessageStatus(
        state=MessageState.DELIVERED, detail="delivered_to_recipient", timestamp=moment("2020-06-17T04:17:21.060Z")
    ),
    msisdn="+63922110xxxx",
    source="Seller",
    body="**MASKED**",
    encoding="GSM8",
    created_at=moment("2020-06-17T04:17:21.060Z"),
    sms_count=2,
    price=Price(total=Decimal("0.0024"), per_sms=Decimal("0.0012"), currency="EUR"),
    client_message_id="some-client-identifier",
)
EXPORTED = LogExportStatus(
    status=LogExportState.SUCCEEDED,
    data=("https://sms.8x8.com/api/v1/subaccounts/acme_hq/messages/download/long-unique-token-here",),
    expires=moment("2020-10-25T06:58:41.740Z"),
)
CHAT_ANSWER = ChatAppsResponse(
    umid="82188ee0-109f-e811-8150-020897df5459",
    user=ChatAppsUser(msisdn="+6512341234"),
    client_message_id="1234_id",
    status=ChatAppsStatus(state=MessageState.QUEUED, timestamp=moment("2021-01-04T08:19:45.990Z")),
)
CHAT_BATCH_ANSWER = BatchChatAppsResponse(
    batch_id="cf3cbbf5-3e2d-ea11-815d-020897df5459",
    client_batch_id="aaa_batch",
    accepted_count=1,
    rejected_count=1,
    messages=(
        ChatAppsResponse(
            umid="d03cbbf5-3e2d-ea11-815d-020897df5459",
            user=ChatAppsUser(msisdn="+6500000000"),
            client_message_id="aaa-1",
            status=ChatAppsStatus(state=MessageState.QUEUED, timestamp=moment("2020-01-04T08:19:45.990Z")),
        ),
        ChatAppsResponse(
            umid="15bb8ad1-d06e-418c-8dc7-ac8a00ffeb70",
            user=ChatAppsUser(msisdn="+65000001"),
            client_message_id="aaa-2",
            status=ChatAppsStatus(
                state=MessageState.REJECTED,
                timestamp=moment("2020-01-04T08:19:45.990Z"),
                error_code=3038,
                error_message="no such template",
            ),
        ),
    ),
)
CHAT_DETAILS = ChatAppsMessageDetails(
    records=(
        ChatAppsMessageRecord(
            umid=UMID,
            sub_account_id="sub_account_id",
            channel="WhatsApp",
            channel_id="904d1303-5754-e911-8154-020897df5459",
            direction="Outbound",
            status=ChatAppsStatus(state=MessageState.READ, timestamp=moment("2020-06-17T04:25:21.060Z")),
            content_type="Text",
            created_at=moment("2020-06-17T04:15:21.060Z"),
            step=2,
            country="SG",
            user=ChatAppsUser(msisdn="+63922110xxxx", channel_user_id="PH.26717025731320236"),
            content="**MASKED**",
            client_message_id="client message id",
            client_batch_id="client batch id",
            batch_id="c9c01382-38bf-4e27-8962-ae0684ab56c3",
        ),
    )
)

SINGAPORE: dict[str, Any] = {"alpha2_code": "SG", "country_name": "Singapore", "dialing_prefix": "+65"}
PRICE = Amount(amount=Decimal("0.0099171"), currency="SGD")
PRICES = PriceList(
    sub_accounts=(
        SubaccountPrices(
            sub_account_id="example",
            outbound=(
                CountryPrices(
                    **SINGAPORE,
                    operators=tuple(
                        OperatorPrice(
                            operator_name=name,
                            operator_id=number,
                            hni=tuple(MobileNetwork(mcc="525", mnc=mnc) for mnc in codes),
                            price=PRICE,
                        )
                        for name, number, codes in (
                            ("SingTel", 525001, ("01", "02", "07")),
                            ("MobileOne", 525003, ("03",)),
                            ("Starhub", 525005, ("05", "06")),
                        )
                    ),
                ),
            ),
            inbound=(
                InboundPrices(
                    **SINGAPORE,
                    number_types=(
                        NumberPrice(type="tollFree", default_price=Amount(amount=Decimal("0.01"), currency="SGD")),
                        NumberPrice(type="shortCodeP2P", default_price=Amount(amount=Decimal("0.123"), currency="SGD")),
                    ),
                ),
            ),
        ),
    )
)


@attrs.frozen
class Operation:
    """One row of the table.

    Attributes:
        call: makes the call.
        method, path: of the request; `path` below the messages, or the whole path if it begins with /api.
        errors: the documented errors.
        expected: the object that the documented success is read as; a batch without its `results`.
        schema: product and schema of the request's body; None: the request has no body.
        looks: the operation only looks something up, so it never sends a message.
    """

    call: Callable[[AsyncConnectClient], Awaitable[Any]]
    method: str
    path: str
    errors: tuple[Documented, ...]
    expected: object
    schema: tuple[str, str] | None = None
    looks: bool = False


OPERATIONS = {
    "sms.send": Operation(
        lambda c: c.sms.send(SMS),
        "POST",
        "",
        (MSISDN, KEY, TLS, INTERNAL),
        SmsResponse(
            umid="bda3d56d-1424-e711-813c-06ed3428fe67",
            client_message_id="client-message-id",
            destination="12025550275",
            encoding=Encoding.GSM7,
            status=ACCEPTED,
        ),
        ("sms", "SmsRequest"),
    ),
    "sms.send_batch": Operation(
        lambda c: c.sms.send_batch(SMS_BATCH),
        "POST",
        "/batch",
        (MSISDN, KEY, TLS, INTERNAL),
        SMS_BATCH_ANSWER,
        ("sms", "BatchSmsRequest"),
    ),
    "sms.cancel": Operation(
        lambda c: c.sms.cancel(UMID),
        "DELETE",
        f"/{UMID}",
        (NO_UMID, KEY, NO_MESSAGE, TLS),
        CancelResponse(cancelled_count=1),
    ),
    "sms.cancel_batch": Operation(
        lambda c: c.sms.cancel_batch(UMID),
        "DELETE",
        f"/batch/{UMID}",
        (MSISDN, KEY, TLS, INTERNAL),
        CancelResponse(cancelled_count=10),
    ),
    "sms.get": Operation(
        lambda c: c.sms.get(UMID), "GET", f"/{UMID}", (NO_UMID, KEY, NO_MESSAGE, QUOTA), DETAILS, looks=True
    ),
    "sms.send_feedback": Operation(
        lambda c: c.sms.send_feedback(UMID, "success", moment("2019-02-17T15:31:55.600Z")),
        "POST",
        f"/{UMID}/feedback",
        (MSISDN, KEY, INTERNAL),
        None,
        ("sms", "SmsFeedback"),
    ),
    "sms.start_log_export": Operation(
        lambda c: c.sms.start_log_export(EXPORT),
        "POST",
        "/exports",
        (),
        LogExportJob(job_id=JOB),
        ("sms", "LogExportRequest"),
    ),
    "sms.get_log_export": Operation(
        lambda c: c.sms.get_log_export(JOB), "GET", f"/exports/{JOB}", (NO_JOB,), EXPORTED, looks=True
    ),
    "sms.cancel_log_export": Operation(
        lambda c: c.sms.cancel_log_export(JOB), "DELETE", f"/exports/{JOB}", (NO_JOB,), None
    ),
    "chatapps.send": Operation(
        lambda c: c.chatapps.send(CHAT),
        "POST",
        "",
        (MSISDN, KEY, INTERNAL),
        CHAT_ANSWER,
        ("chatapps", "ChatAppsRequest"),
    ),
    "chatapps.send_batch": Operation(
        lambda c: c.chatapps.send_batch(CHAT_BATCH),
        "POST",
        "/batch",
        (MSISDN, KEY, INTERNAL),
        CHAT_BATCH_ANSWER,
        ("chatapps", "BatchChatAppsRequest"),
    ),
    "chatapps.cancel": Operation(
        lambda c: c.chatapps.cancel(UMID),
        "DELETE",
        f"/{UMID}",
        (NO_UMID, KEY, NO_MESSAGE),
        CancelResponse(cancelled_count=1),
    ),
    "chatapps.cancel_batch": Operation(
        lambda c: c.chatapps.cancel_batch(UMID),
        "DELETE",
        f"/batch/{UMID}",
        (MSISDN, KEY, INTERNAL),
        CancelResponse(cancelled_count=10),
    ),
    # The OpenAPI file gives a missing message the code of a missing job. This code has no class of its own, so the
    # status decides.
    "chatapps.get": Operation(
        lambda c: c.chatapps.get(UMID), "GET", f"/{UMID}", (MSISDN, KEY, NO_JOB, QUOTA), CHAT_DETAILS, looks=True
    ),
    "account.prices": Operation(
        lambda c: c.account.prices(country="sg", subaccount_id="a&b", direction="outbound", mcc=525, mnc=1),
        "GET",
        f"/api/v1/accounts/{ACCOUNT}/prices?country=SG&mcc=525&mnc=1&direction=outbound&subAccountId=a%26b",
        (MSISDN, KEY, TLS, QUOTA, INTERNAL),
        PRICES,
        looks=True,
    ),
    "account.balance": Operation(
        lambda c: c.account.balance(),
        "GET",
        f"/api/v1/accounts/{ACCOUNT}/balance",
        (POSTPAID, QUOTA, INTERNAL),
        AccountBalance(balance=Decimal("149309.7985931"), currency="USD"),
        looks=True,
    ),
}
TWICE = RetryPolicy(max_attempts=2, max_delay=0.0)
EACH = pytest.mark.parametrize("name", OPERATIONS)


def check_requests(server: ScriptedServer, row: Operation) -> None:
    """Checks every request of the row's operation that came, retries included."""
    for request in server.received:
        path = row.path if row.path.startswith("/api") else PATH + row.path
        assert (request.method, request.target) == (row.method, path)
        assert request.headers["authorization"] == f"Bearer {API_KEY}"
        assert (request.headers.get("content-type") == "application/json") is (row.schema is not None)
    for body in {request.body for request in server.received}:
        if row.schema is None:
            assert body == b""
        else:
            assert nothing_is_none(schemas.check(body, *row.schema))


def nothing_is_none(data: Any) -> bool:
    if isinstance(data, dict | list):
        return all(nothing_is_none(item) for item in (data.values() if isinstance(data, dict) else data))
    return data is not None


@EACH
async def test_the_documented_success(serve: Serve, connect: Connect, name: str) -> None:
    row = OPERATIONS[name]
    status = SUCCESSES[name][0]
    # A success is the same with any 2xx status.
    statuses = [status, *(other for other in (200, 201, 202) if other != status)]
    with serve(*(answer(status, success(name)) for status in statuses)) as server:
        async with connect(server) as client:
            for status in statuses:
                found = await row.call(client)
                if isinstance(found, BatchSmsResponse | BatchChatAppsResponse):
                    assert len(found.results) == len(found.messages or ()) > 0
                    found = attrs.evolve(found, results=())
                assert found == row.expected, status
    assert len(server.received) == len(statuses)
    check_requests(server, row)


@EACH
async def test_every_documented_error(serve: Serve, connect: Connect, name: str) -> None:
    row = OPERATIONS[name]
    script = [answer(one.status, one.body) for one in row.errors for _ in range(1 + one.retried)]
    with serve(*script) as server:
        async with connect(server, retry=TWICE) as client:
            for one in row.errors:
                with pytest.raises(one.error) as caught:
                    await row.call(client)
                found = caught.value
                assert type(found) is one.error
                assert (found.status_code, found.code) == (one.status, one.code)
                assert (found.error_id, found.timestamp) == (one.error_id, moment(one.timestamp)), one
                assert found.sent is (Sent.NO if row.looks else one.sent), one
                assert found.attempts == 1 + one.retried, one
    assert len(server.received) == (len(script) if row.errors else 0)
    check_requests(server, row)


@EACH
async def test_every_odd_answer(serve: Serve, connect: Connect, name: str) -> None:
    row = OPERATIONS[name]
    odd = [one for one in ODD if row.expected is not None or not one.reads]
    bodies = [success(name)[:-5] if one.body is None else one.body for one in odd]
    script = [
        answer(one.status, body, one.headers)
        for one, body in zip(odd, bodies, strict=True)
        for _ in range(1 + one.retried)
    ]
    with serve(*script) as server:
        async with connect(server, retry=TWICE) as client:
            for one in odd:
                with pytest.raises(one.error) as caught:
                    await row.call(client)
                found: Any = caught.value
                assert type(found) is one.error, one.name
                assert (found.status_code, getattr(found, "code", None)) == (one.status, one.code), one.name
                assert found.sent is (Sent.NO if row.looks else one.sent), one.name
                assert found.attempts == 1 + one.retried, one.name
                if "Retry-After" in one.headers:
                    assert found.retry_after == 7.0
    assert len(server.received) == len(script)
    check_requests(server, row)


@EACH
@pytest.mark.parametrize("anyio_backend", ["asyncio"])  # the table of codes is the same on every event loop
async def test_every_documented_code(serve: Serve, connect: Connect, name: str) -> None:
    row = OPERATIONS[name]
    script = [answer(status, coded(code)) for code, status, *_, retried in CODES for _ in range(1 + retried)]
    with serve(*script) as server:
        async with connect(server, retry=TWICE) as client:
            for code, status, kind, sent, retried in CODES:
                with pytest.raises(APIError) as caught:
                    await row.call(client)
                found = caught.value
                assert (type(found), found.code, found.status_code) == (kind, code, status)
                assert (found.sent, found.attempts) == (Sent.NO if row.looks else sent, 1 + retried), code
    assert len(server.received) == len(script)
    check_requests(server, row)


async def test_the_answers_of_the_documented_batches_are_paired(serve: Serve, connect: Connect) -> None:
    numbers = BatchSmsRequest(destinations=NUMBERS, **BATCH)
    with serve(*(answer(200, success(n)) for n in ("sms.send_batch",) * 2 + ("chatapps.send_batch",))) as server:
        async with connect(server) as client:
            for asked in (SMS_BATCH, numbers):
                sms = await client.sms.send_batch(asked)
                assert [(r.index, r.request.destination, r.response) for r in sms.results] == [
                    (index, number, SMS_ANSWERS[index]) for index, number in enumerate(NUMBERS)
                ]
                assert [r.index for r in sms.rejected] == [3]
            chat = await client.chatapps.send_batch(CHAT_BATCH)
    assert [(r.request.client_message_id, r.ok) for r in chat.results] == [("aaa-1", True), ("aaa-2", False)]
    assert [r.response and r.response.status.error_code for r in chat.rejected] == [3038]
    bodies = [schemas.check(request.body, "sms", "BatchSmsRequest") for request in server.received[:2]]
    assert bodies[1]["destinations"] == list(NUMBERS)


def test_no_operation_is_left_out() -> None:
    """`send_each` and `iter_log_rows` call these operations."""
    client = AsyncConnectClient("key", "acme_hq")
    groups = {"sms": client.sms, "chatapps": client.chatapps, "account": client.account}
    public = {f"{g}.{n}" for g, group in groups.items() for n in dir(group) if not n.startswith("_")}
    assert public - {"sms.send_each", "sms.iter_log_rows"} == set(OPERATIONS) == set(SUCCESSES)
