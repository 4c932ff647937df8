"""The operations of the ChatApps host: the requests, and the meaning of each documented answer, also over real TLS."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import schemas
from answers import HTML, coded
from conftest import KEY
from scripted import ScriptedServer, answer

from eightbyeight_async import (
    APIError,
    AsyncConnectClient,
    AuthenticationError,
    BadRequestError,
    EightByEightError,
    InvalidRequestError,
    NotFoundError,
    RateLimitError,
    RetryPolicy,
    Sent,
    ServerError,
    TransportError,
    UnexpectedResponseError,
    wire,
)
from eightbyeight_async.calls.chatapps import get_details, send_batch, send_message
from eightbyeight_async.calls.read_response import read_response
from eightbyeight_async.hosts import Product
from eightbyeight_async.models.chatapps_batch import (
    BatchChatAppsRequest,
    BatchChatAppsResponse,
    BatchChatAppsResult,
    ChatAppsTemplate,
    paired,
)
from eightbyeight_async.models.chatapps_content import RawContent, TextContent
from eightbyeight_async.models.chatapps_details import ChatAppsMessageDetails, ChatAppsMessageRecord
from eightbyeight_async.models.chatapps_message import Channel, ChannelFallback, ChatAppsRequest, ChatAppsUser
from eightbyeight_async.models.chatapps_response import ChatAppsResponse, ChatAppsStatus
from eightbyeight_async.models.message_details import MessageState

if TYPE_CHECKING:
    from collections.abc import Callable

    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

PATH = "/api/v1/subaccounts/acme_hq/messages"
UMID = "dec02e44-c76f-4a0a-b69f-6ac2a4386eb9"
AT_ONCE = RetryPolicy(initial_delay=0.0, max_delay=0.0)
REQUEST = ChatAppsRequest(user=ChatAppsUser(msisdn="+6512341234"), content=TextContent(text="Hello"))
BARE = ChatAppsRequest(user=ChatAppsUser(msisdn="+6512341235"), client_message_id="aaa-2")
BATCH = BatchChatAppsRequest(
    messages=[
        ChatAppsRequest(
            user=ChatAppsUser(msisdn="+6500000000"), content=TextContent(text="Hello"), client_message_id="aaa-1"
        ),
        ChatAppsRequest(user=ChatAppsUser(msisdn="+65000001"), client_message_id="aaa-2"),
    ],
    template=ChatAppsTemplate(content=TextContent(text="to all"), channels=[ChannelFallback(channel="WhatsApp")]),
    client_batch_id="aaa_batch",
    include_messages_in_response=True,
)

# Transcribed from the OpenAPI file of the Messaging Apps API: Send-Message, send-message-many,
# get-chatapps-message-details, answers 200.
SENT: dict[str, Any] = {
    "umid": "82188ee0-109f-e811-8150-020897df5459",
    "user": {"msisdn": "+6512341234"},
    "clientMessageId": "1234_id",
    "status": {"state": "queued", "timestamp": "2021-01-04T08:19:45.99Z"},
}
BATCH_SENT: dict[str, Any] = {
    "batchId": "cf3cbbf5-3e2d-ea11-815d-020897df5459",
    "clientBatchId": "aaa_batch",
    "acceptedCount": 1,
    "rejectedCount": 1,
    "messages": [
        {
            "umid": "d03cbbf5-3e2d-ea11-815d-020897df5459",
            "user": {"msisdn": "+6500000000"},
            "clientMessageId": "aaa-1",
            "status": {"state": "queued", "timestamp": "2020-01-04T08:19:45.99Z"},
        },
        {
            "umid": "15bb8ad1-d06e-418c-8dc7-ac8a00ffeb70",
            "user": {"msisdn": "+65000001"},
            "clientMessageId": "aaa-2",
            "status": {
                "state": "rejected",
                "timestamp": "2020-01-04T08:19:45.99Z",
                "errorCode": 3038,
                "errorMessage": "Template not found for provided name and language",
            },
        },
    ],
}
RECORD: dict[str, Any] = {
    "umid": UMID,
    "subAccountId": "sub_account_id",
    "channel": "WhatsApp",
    "channelId": "904d1303-5754-e911-8154-020897df5459",
    "direction": "Outbound",
    "status": {"state": "read", "timestamp": "2020-06-17T04:25:21.06Z"},
    "contentType": "Text",
    "createdAt": "2020-06-17T04:15:21.06Z",
    "step": 2,
    "country": "SG",
    "user": {"msisdn": "+63922110xxxx", "channelUserId": "PH.26717025731320236"},
    "content": "**MASKED**",
    "clientMessageId": "client message id",
    "clientBatchId": "client batch id",
    "batchId": "c9c01382-38bf-4e27-8962-ae0684ab56c3",
}


def now() -> datetime:
    return datetime.now(UTC)


def moment(*fields: int) -> datetime:
    return datetime(*fields, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_a_send() -> None:
    call = send_message("R&D", REQUEST, now)
    assert (call.product, call.method, call.path) == (
        Product.CHATAPPS,
        "POST",
        "/api/v1/subaccounts/R%26D/messages",
    )
    assert schemas.check(call.body, "chatapps", "ChatAppsRequest") == {
        "user": {"msisdn": "+6512341234"},
        "type": "text",
        "content": {"text": "Hello"},
    }
    assert call.unknown is Sent.MAYBE


def test_a_batch() -> None:
    call = send_batch("acme_hq", BATCH, now)
    assert (call.product, call.method, call.path) == (Product.CHATAPPS, "POST", f"{PATH}/batch")
    data = schemas.check(call.body, "chatapps", "BatchChatAppsRequest")
    assert data == {
        "clientBatchId": "aaa_batch",
        "includeMessagesInResponse": True,
        "template": {"type": "text", "content": {"text": "to all"}, "channels": [{"channel": "WhatsApp"}]},
        "messages": [
            {
                "user": {"msisdn": "+6500000000"},
                "type": "text",
                "content": {"text": "Hello"},
                "clientMessageId": "aaa-1",
            },
            {"user": {"msisdn": "+65000001"}, "clientMessageId": "aaa-2"},
        ],
    }
    schemas.check(json.dumps(data["messages"][0]).encode(), "chatapps", "ChatAppsRequest")


def test_a_look_up() -> None:
    call = get_details("acme_hq", UMID)
    assert (call.product, call.method, call.path, call.body) == (Product.CHATAPPS, "GET", f"{PATH}/{UMID}", None)
    assert call.unknown is Sent.NO


@pytest.mark.parametrize("umid", ["", "..", "a/b", "a?b", "a#b", "%2e", "a\n", None, 5])
def test_no_id_can_change_the_path_of_a_look_up(umid: Any) -> None:
    with pytest.raises(InvalidRequestError, match="^umid: "):
        get_details("acme_hq", umid)


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: send_message("acme_hq", BARE, now), "content"),
        (lambda: send_message("acme_hq", {"user": {}}, now), "request"),  # type: ignore[arg-type]
        (lambda: send_message("acme_hq", BATCH, now), "request"),  # type: ignore[arg-type]
        (lambda: send_batch("acme_hq", REQUEST, now), "request"),  # type: ignore[arg-type]
        (lambda: BatchChatAppsRequest(messages=[]), "messages"),
        (lambda: BatchChatAppsRequest(messages=[REQUEST] * 10_001), "messages"),
        (lambda: BatchChatAppsRequest(messages=REQUEST), "messages"),  # type: ignore[arg-type]
        (lambda: BatchChatAppsRequest(messages=[REQUEST, "x"]), "messages[1]"),  # type: ignore[list-item]
        (lambda: BatchChatAppsRequest(messages=[REQUEST, BARE]), "messages[1].content"),
        (lambda: BatchChatAppsRequest(messages=[BARE], template=ChatAppsTemplate()), "messages[0].content"),
        (lambda: BatchChatAppsRequest(messages=[BARE], template={}), "template"),  # type: ignore[arg-type]
        (lambda: BatchChatAppsRequest(messages=[REQUEST], client_batch_id="x" * 101), "client_batch_id"),
        (
            lambda: BatchChatAppsRequest(messages=[REQUEST], include_messages_in_response="yes"),  # type: ignore[arg-type]
            "include_messages_in_response",
        ),
        (lambda: ChatAppsTemplate(content=TextContent(text="")), "content.text"),
        (lambda: ChatAppsTemplate(content="Hello"), "content"),  # type: ignore[arg-type]
        (lambda: ChatAppsTemplate(dlr_callback_url="x"), "dlr_callback_url"),
        (lambda: ChatAppsTemplate(channels=[ChannelFallback(channel="Fax")]), "channels[0].channel"),
    ],
)
def test_a_request_that_cannot_be_right_is_refused(make: Callable[[], Any], field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        make()
    assert (caught.value.field, caught.value.sent) == (field, Sent.NO)


def test_a_batch_takes_any_iterable_and_as_many_as_documented() -> None:
    batch = BatchChatAppsRequest(messages=(REQUEST for _ in range(10_000)), client_batch_id="x" * 100)
    assert len(batch.messages) == 10_000
    assert "messages=<10000>" in repr(batch)
    raw = ChatAppsTemplate(content=RawContent(type="richCard", content={"richCard": {}}))
    data = json.loads(wire.dump(BatchChatAppsRequest(messages=[BARE], template=raw)))
    assert data["template"] == {"type": "richCard", "content": {"richCard": {}}}


def test_the_sample_answers_are_read() -> None:
    assert read_response(send_message("acme_hq", REQUEST, now), 200, {}, json.dumps(SENT).encode()) == ChatAppsResponse(
        umid="82188ee0-109f-e811-8150-020897df5459",
        user=ChatAppsUser(msisdn="+6512341234"),
        client_message_id="1234_id",
        status=ChatAppsStatus(state=MessageState.QUEUED, timestamp=moment(2021, 1, 4, 8, 19, 45, 990_000)),
    )
    batch = read_response(send_batch("acme_hq", BATCH, now), 200, {}, json.dumps(BATCH_SENT).encode())
    assert (batch.batch_id, batch.client_batch_id) == ("cf3cbbf5-3e2d-ea11-815d-020897df5459", "aaa_batch")
    assert (batch.accepted_count, batch.rejected_count) == (1, 1)
    assert batch.messages is not None
    assert batch.messages[1].status == ChatAppsStatus(
        state="rejected",
        timestamp=moment(2020, 1, 4, 8, 19, 45, 990_000),
        error_code=3038,
        error_message="Template not found for provided name and language",
    )
    details = read_response(get_details("acme_hq", UMID), 200, {}, json.dumps({"data": [RECORD]}).encode())
    assert details.records == (
        ChatAppsMessageRecord(
            umid=UMID,
            sub_account_id="sub_account_id",
            channel=Channel.WHATSAPP,
            channel_id="904d1303-5754-e911-8154-020897df5459",
            direction="Outbound",
            status=ChatAppsStatus(state=MessageState.READ, timestamp=moment(2020, 6, 17, 4, 25, 21, 60_000)),
            content_type="Text",
            created_at=moment(2020, 6, 17, 4, 15, 21, 60_000),
            step=2,
            country="SG",
            user=ChatAppsUser(msisdn="+63922110xxxx", channel_user_id="PH.26717025731320236"),
            content="**MASKED**",
            client_message_id="client message id",
            client_batch_id="client batch id",
            batch_id="c9c01382-38bf-4e27-8962-ae0684ab56c3",
        ),
    )
    for secret in ("63922110", "26717025731320236", "**MASKED**"):
        assert secret not in repr(details)
    assert "Template not found" not in repr(batch.messages)


def test_what_an_answer_leaves_out_is_none_and_what_nobody_knows_is_kept() -> None:
    future = {"umid": "u", "status": {"state": "held", "eta": 3}, "region": [1]}
    response = wire.structure(future, ChatAppsResponse)
    assert response == ChatAppsResponse(umid="u", status=ChatAppsStatus(state="held"))
    assert not response.status.refused
    assert wire.structure({"umid": "u", "status": {}}, ChatAppsResponse).status.state is None
    record = wire.structure({"umid": "u", "status": {}, "channel": "Kakao"}, ChatAppsMessageRecord)
    assert (record.channel, record.step) == ("Kakao", None)


@pytest.mark.parametrize("state", MessageState)
def test_every_state_is_known_and_two_of_them_are_refusals(state: MessageState) -> None:
    status = wire.structure({"state": state.value}, ChatAppsStatus)
    assert status.state is state
    assert status.refused == (state.value in {"rejected", "failed"})


@pytest.mark.parametrize(
    ("data", "cls", "problem"),
    [
        ({"status": {}}, ChatAppsResponse, "umid is missing"),
        ({"umid": "u"}, ChatAppsResponse, "status is missing"),
        ({"umid": "u", "status": "queued"}, ChatAppsResponse, "status must be an object, not a string"),
        ({}, ChatAppsMessageDetails, "data is missing"),
        ({"data": {}}, ChatAppsMessageDetails, "data must be an array, not an object"),
        ({"data": [RECORD, {"umid": "u"}]}, ChatAppsMessageDetails, "data[1].status is missing"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_json_path(data: Any, cls: type, problem: str) -> None:
    with pytest.raises(wire.UnreadableError) as caught:
        wire.structure(data, cls)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("data", "cls", "place", "read"),
    [
        ({"umid": "u", "status": {"errorCode": "3038"}}, ChatAppsResponse, "status.error_code", None),
        ({"umid": "u", "status": {"timestamp": ""}}, ChatAppsResponse, "status.timestamp", None),
        ({"umid": "u", "status": {}, "user": {"msisdn": 6598765432}}, ChatAppsResponse, "user.msisdn", None),
        ({"umid": "u", "status": {}, "user": "x"}, ChatAppsResponse, "user", None),
        ({"data": [{**RECORD, "step": "2"}]}, ChatAppsMessageDetails, "records.0.step", None),
        ({"data": [{**RECORD, "createdAt": "2020-06-17"}]}, ChatAppsMessageDetails, "records.0.created_at", None),
        (
            {**BATCH_SENT, "messages": [SENT, {**SENT, "umid": 1}]},
            BatchChatAppsResponse,
            "messages.0.umid",
            SENT["umid"],
        ),
        (
            {**BATCH_SENT, "messages": [SENT, {**SENT, "umid": 1}]},
            BatchChatAppsResponse,
            "batch_id",
            BATCH_SENT["batchId"],
        ),
        ({**BATCH_SENT, "messages": "x"}, BatchChatAppsResponse, "messages", None),
    ],
)
def test_an_optional_that_cannot_be_read_loses_nothing_else(data: Any, cls: type, place: str, read: object) -> None:
    value = wire.structure(data, cls)
    for step in place.split("."):
        value = value[int(step)] if step.isdigit() else getattr(value, step)
    assert value == read


def test_what_cannot_be_read_of_a_batch_is_left_out_of_its_messages() -> None:
    found = wire.structure({**BATCH_SENT, "messages": [{**SENT, "umid": 1}, SENT, None, []]}, BatchChatAppsResponse)
    assert found.messages is not None
    assert [message.umid for message in found.messages] == [SENT["umid"]]


def record(step: int | None, umid: str) -> ChatAppsMessageRecord:
    return ChatAppsMessageRecord(umid=umid, status=ChatAppsStatus(), step=step)


@pytest.mark.parametrize(
    ("steps", "latest"),
    [([], None), ([1], 0), ([1, 2, 3], 2), ([3, 1, 2], 0), ([2, 2], 1), ([None, 1], 1), ([None, None], 1)],
)
def test_the_latest_record_is_the_one_of_the_last_step(steps: list[int | None], latest: int | None) -> None:
    details = ChatAppsMessageDetails(records=tuple(record(step, str(place)) for place, step in enumerate(steps)))
    assert details.latest == (None if latest is None else details.records[latest])


def asked(*users: Any) -> BatchChatAppsRequest:
    """Returns a batch of messages to each (msisdn, reference)."""
    return BatchChatAppsRequest(
        messages=[
            ChatAppsRequest(
                user=ChatAppsUser(msisdn=msisdn) if msisdn else ChatAppsUser(channel_user_id="SG.1"),
                content=TextContent(text="t"),
                client_message_id=reference,
            )
            for msisdn, reference in users
        ]
    )


def told(*answers: Any) -> BatchChatAppsResponse:
    """Returns a batch response for each (msisdn, reference). The umid is the index."""
    return BatchChatAppsResponse(
        batch_id="b",
        accepted_count=len(answers),
        rejected_count=0,
        messages=tuple(
            ChatAppsResponse(
                umid=str(place),
                status=ChatAppsStatus(state=MessageState.QUEUED),
                user=ChatAppsUser(msisdn=msisdn) if msisdn else ChatAppsUser(channel_user_id="SG.1"),
                client_message_id=reference,
            )
            for place, (msisdn, reference) in enumerate(answers)
        ),
    )


A, B, C = "+6500000001", "+6500000002", "+6500000003"


@pytest.mark.parametrize(
    ("request_", "response", "places"),
    [
        (asked((A, None), (B, None)), told((A, None), (B, None)), ["0", "1"]),
        (asked((A, None), (A, None)), told((A, None), (A, None)), ["0", "1"]),
        (asked((A, None), (B, None)), told((B, None), (A, None)), [None, None]),
        (asked((A, "1"), (B, "2")), told((B, "2"), (A, "1")), ["1", "0"]),
        (asked((A, "1"), (B, "2"), (C, None)), told((B, "2"), (A, "1"), (C, None)), ["1", "0", "2"]),
        (asked((A, "1"), (B, "1")), told((B, "1"), (A, "1")), [None, None]),
        (asked((A, "1"), (B, "2")), told((B, "2")), [None, "0"]),
        (asked((A, "1"), (B, "1"), (C, "2")), told((B, "1"), (C, "2")), [None, None, "1"]),
        (asked((A, "1")), told((A, None)), ["0"]),
        (asked((A, None), (None, None)), told(("6500000001", None), (None, None)), ["0", "1"]),
        (asked((None, "x")), told((A, None)), ["0"]),
    ],
)
def test_an_answer_goes_to_the_message_it_belongs_to_or_to_none(
    request_: BatchChatAppsRequest, response: BatchChatAppsResponse, places: list[str | None]
) -> None:
    results = paired(request_, response).results
    assert [result.response and result.response.umid for result in results] == places
    assert [result.request for result in results] == list(request_.messages)
    assert [result.index for result in results] == list(range(len(places)))
    assert [result.ok for result in results] == [place is not None for place in places]


def test_a_person_that_contradicts_the_place_gets_no_answer() -> None:
    request = BatchChatAppsRequest(
        messages=[ChatAppsRequest(user=ChatAppsUser(channel_user_id="SG.2"), content=TextContent(text="t"))]
    )
    assert paired(request, told((None, None))).results[0].response is None


def test_a_national_number_is_answered_by_its_international_form() -> None:
    user = ChatAppsUser(msisdn="098765432", country="TH")
    request = BatchChatAppsRequest(messages=[ChatAppsRequest(user=user, content=TextContent(text="t"))])
    assert paired(request, told(("+6698765432", None))).results[0].ok
    assert not paired(request, told(("+6611111111", None))).results[0].ok


def test_a_batch_answer_without_messages_has_no_results() -> None:
    response = BatchChatAppsResponse(batch_id="b", accepted_count=1, rejected_count=1)
    assert paired(BATCH, response) == response
    assert (response.results, response.rejected) == ((), ())


@pytest.mark.anyio
async def test_the_operations_as_the_server_sees_them(serve: Serve, connect: Connect) -> None:
    script = [answer(200, json.dumps(body)) for body in (SENT, BATCH_SENT, {"data": [RECORD, {**RECORD, "step": 1}]})]
    with serve(*script) as server:
        async with connect(server, sms_base_url="https://nowhere.invalid") as client:
            response = await client.chatapps.send(REQUEST)
            batch = await client.chatapps.send_batch(BATCH)
            details = await client.chatapps.get(UMID)
    assert response.status.state is MessageState.QUEUED
    assert batch.batch_id == "cf3cbbf5-3e2d-ea11-815d-020897df5459"
    assert [result.ok for result in batch.results] == [True, False]
    assert batch.rejected == (
        BatchChatAppsResult(index=1, request=BATCH.messages[1], response=batch.results[1].response),
    )
    assert details.latest == details.records[0]
    assert [(r.method, r.target) for r in server.received] == [
        ("POST", PATH),
        ("POST", f"{PATH}/batch"),
        ("GET", f"{PATH}/{UMID}"),
    ]
    assert server.received[0].body == wire.dump(REQUEST)
    for received in server.received:
        assert received.headers["authorization"] == f"Bearer {KEY}"


OPERATIONS: dict[str, Callable[[AsyncConnectClient], Any]] = {
    "send": lambda client: client.chatapps.send(REQUEST),
    "send_batch": lambda client: client.chatapps.send_batch(BATCH),
    "get": lambda client: client.chatapps.get(UMID),
}
NO, MAYBE = Sent.NO, Sent.MAYBE
# status, body, class, `sent` of a send, attempts. A look-up sends no message, so its `sent` is always NO.
ANSWERS: list[tuple[int, bytes, type[EightByEightError], Sent, int]] = [
    (400, coded(1000, message="Invalid umid."), BadRequestError, NO, 1),
    (400, coded(1001), BadRequestError, NO, 1),
    *[(400, coded(code), BadRequestError, NO, 1) for code in (3001, 3002, 3010, 3038, 3060)],
    (401, coded(1200), AuthenticationError, NO, 1),
    (404, coded(1300), NotFoundError, NO, 1),
    (429, coded(1400), RateLimitError, NO, 1),
    (429, b"", RateLimitError, NO, 1),
    (500, coded(2000), ServerError, MAYBE, 4),
    (500, coded(1001), BadRequestError, NO, 1),
    (502, HTML, UnexpectedResponseError, MAYBE, 1),
    (200, b"{}", UnexpectedResponseError, MAYBE, 1),
    (200, b'{"umid":"u","status":[]}', UnexpectedResponseError, MAYBE, 1),
    (200, b'{"data":5}', UnexpectedResponseError, MAYBE, 1),
]


@pytest.mark.anyio
@pytest.mark.parametrize("name", OPERATIONS)
async def test_the_table_of_answers(serve: Serve, connect: Connect, name: str) -> None:
    for status, body, cls, sent, attempts in ANSWERS:
        with serve(answer(status, body)) as server:
            async with connect(server, retry=AT_ONCE) as client:
                with pytest.raises(EightByEightError) as caught:
                    await OPERATIONS[name](client)
        error = caught.value
        expected = (cls, NO if name == "get" else sent, attempts, attempts)
        assert (type(error), error.sent, error.attempts, len(server.received)) == expected, (status, body)
        if isinstance(error, APIError):
            assert "Invalid umid" not in str(error)


@pytest.mark.anyio
@pytest.mark.parametrize("name", OPERATIONS)
async def test_a_connection_that_breaks_is_never_tried_again(serve: Serve, connect: Connect, name: str) -> None:
    with serve(None) as server:
        async with connect(server, retry=AT_ONCE) as client:
            with pytest.raises(TransportError) as caught:
                await OPERATIONS[name](client)
    assert (caught.value.attempts, len(server.received)) == (1, 1)
    if name != "get":
        assert caught.value.sent is MAYBE


@pytest.mark.anyio
@pytest.mark.parametrize("name", ["send", "send_batch"])
async def test_what_cannot_be_right_never_reaches_the_server(serve: Serve, connect: Connect, name: str) -> None:
    with serve() as server:
        async with connect(server) as client:
            with pytest.raises(InvalidRequestError):
                await getattr(client.chatapps, name)(BARE)
    assert (server.received, server.connections) == ([], 0)
