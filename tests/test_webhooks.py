"""A webhook's body becomes an event or a clear error. Only requests with the secret count. No error shows data."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhook_samples import CHATAPPS_INBOUND, CHATAPPS_RECEIPT, KNOWN, SMS_INBOUND, SMS_RECEIPT, TEMPLATE_UPDATE, UMID

from eightbyeight_async import EightByEightError, InvalidRequestError, Sent, webhooks, wire
from eightbyeight_async.webhooks import (
    ChannelUser,
    DeliveryReceipt,
    DeliveryState,
    DeliveryStatus,
    InboundMessage,
    Namespace,
    Price,
    Recipient,
    UnknownEvent,
    WebhookAuthorizationError,
    WebhookError,
    parse,
)

STATUS = "payload.status"


def body(event: object) -> bytes:
    return json.dumps(event).encode()


def changed(sample: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Returns the sample with another value at the path; `...` removes the field."""
    event = copy.deepcopy(sample)
    *parents, last = path.split(".")
    place = event
    for name in parents:
        place = place[name]
    if value is ...:
        del place[last]
    else:
        place[last] = value
    return event


def test_the_receipt_of_an_sms() -> None:
    assert parse(body(SMS_RECEIPT)) == DeliveryReceipt(
        namespace=Namespace.SMS,
        umid=UMID,
        batch_id="3e09ac86-bd74-5465-851d-1eb5a5fdbb9b",
        client_message_id="1e09ac86-bd74-5465-851d-1eb5a5fdbb9b",
        client_batch_id="2e09ac86-bd74-5465-851d-1eb5a5fdbb9b",
        sub_account_id="SubAccount-1",
        source="8x8",
        destination="+12025550293",
        status=DeliveryStatus(
            state=DeliveryState.UNDELIVERED,
            detail="rejected_by_operator",
            timestamp=datetime(2016, 1, 1, tzinfo=UTC),
            error_code=15,
            error_message="Invalid destination",
        ),
        price=Price(total=Decimal("0.0375"), per_sms=Decimal("0.0125"), currency="USD"),
        sms_count=3,
    )


def test_the_receipt_of_a_chatapps_message() -> None:
    receipt = parse(body(CHATAPPS_RECEIPT))
    assert receipt == DeliveryReceipt(
        namespace=Namespace.CHATAPPS,
        umid="9f1c2e7a-6b40-4de1-8a2c-1f0d9e7c5b31",
        sub_account_id="SubAccount-1",
        channel="whatsapp",
        user=ChannelUser(msisdn="+6512345678", channel_user_id="6512345678"),
        status=DeliveryStatus(state="read", timestamp=datetime(2025, 5, 17, 6, 27, 52, 450000, tzinfo=UTC)),
    )
    assert isinstance(receipt, DeliveryReceipt)
    assert (receipt.state, receipt.final) == (DeliveryState.READ, True)


def test_an_inbound_sms() -> None:
    message = parse(body(SMS_INBOUND))
    assert message == InboundMessage(
        namespace=Namespace.SMS,
        umid=UMID,
        sub_account_id="SubAccount-1",
        timestamp=datetime(2016, 1, 1, 14, 34, 56, 17000, tzinfo=UTC),
        source="+6581968289",
        destination="+4534735477",
        body="Test MO message",
        encoding="GSM7",
        sms_count=2,
        price=Price(total=Decimal("0.0446592"), per_sms=Decimal("0.0446592"), currency="EUR"),
    )
    assert isinstance(message, InboundMessage)
    assert (message.sender, message.text) == ("+6581968289", "Test MO message")


def test_an_inbound_chatapps_message() -> None:
    message = parse(body(CHATAPPS_INBOUND))
    assert message == InboundMessage(
        namespace=Namespace.CHATAPPS,
        umid=UMID,
        sub_account_id="SubAccount-1",
        timestamp=datetime(2016, 1, 1, 14, 34, 56, 17000, tzinfo=UTC),
        user=ChannelUser(msisdn="+12025550023", channel_user_id="12025550023", name="Ann Example"),
        recipient=Recipient(channel="whatsapp", channel_id="269a57f4-3522-eb11-8278-00155d9f27ac"),
        type="Text",
        content={"text": "Test message"},
        reply_to_umid="777a57f4-bd74-eb11-851d-00155d9fe255",
    )
    assert isinstance(message, InboundMessage)
    assert (message.sender, message.text) == ("+12025550023", "Test message")
    assert hash(message) == hash(parse(body(CHATAPPS_INBOUND)))


@pytest.mark.parametrize(
    ("content", "text"),
    [({"url": "https://example.com/x.jpg"}, None), ({"text": 5}, None), ({}, None), (None, None), ({"text": ""}, "")],
)
def test_what_has_no_words_has_no_text(content: object, text: str | None) -> None:
    message = parse(body(changed(CHATAPPS_INBOUND, "payload.content", content)))
    assert isinstance(message, InboundMessage)
    assert message.text == text


def test_a_location_keeps_its_digits() -> None:
    raw = body(changed(CHATAPPS_INBOUND, "payload.content", {"location": {"latitude": 1.5}}))
    message = parse(raw.replace(b"1.5", b"1.3521000000000000001"))
    assert isinstance(message, InboundMessage)
    assert message.content == {"location": {"latitude": Decimal("1.3521000000000000001")}}


@pytest.mark.parametrize(
    "event",
    [
        TEMPLATE_UPDATE,
        changed(SMS_RECEIPT, "namespace", "Voice"),
        changed(SMS_RECEIPT, "eventType", "message_expired"),
        {"namespace": "SMS", "eventType": "ping"},
        {"eventType": "ping", "payload": [1.5]},
    ],
)
def test_an_event_of_an_unknown_kind_is_kept_as_it_came(event: dict[str, Any]) -> None:
    found = parse(body(event))
    raw = json.loads(json.dumps(event), parse_float=Decimal)
    assert found == UnknownEvent(event_type=event["eventType"], namespace=event.get("namespace"), raw=raw)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("0.1", Decimal("0.1")),
        ("0.10", Decimal("0.10")),
        ("1", Decimal(1)),
        ("0.1000000000000000055511151231257827", Decimal("0.1000000000000000055511151231257827")),
        ("1.25e-2", Decimal("0.0125")),
        ("0", Decimal(0)),
    ],
)
def test_a_price_is_the_number_as_written_never_a_float(written: str, read: Decimal) -> None:
    raw = body(changed(SMS_RECEIPT, "payload.price.total", 77777)).replace(b"77777", written.encode())
    receipt = parse(raw)
    assert isinstance(receipt, DeliveryReceipt)
    assert receipt.price is not None
    assert str(receipt.price.total) == str(read)


@pytest.mark.parametrize("price", [{}, {"total": 0.5, "currency": "USD"}, {"total": None}])
def test_a_price_may_lack_anything(price: dict[str, Any]) -> None:
    receipt = parse(body(changed(SMS_RECEIPT, "payload.price", price)))
    assert isinstance(receipt, DeliveryReceipt)
    assert receipt.price is not None
    assert receipt.price.per_sms is None


@pytest.mark.parametrize(
    ("written", "read"),
    [(15, 15), (0, 0), (-1, -1), ("15", 15), ("0015", 15), ("EX-15", "EX-15"), ("", ""), ("-1", "-1"), (None, None)],
)
def test_an_error_code_is_an_integer_or_the_string_that_is_none(written: object, read: object) -> None:
    receipt = parse(body(changed(SMS_RECEIPT, "payload.status.errorCode", written)))
    assert isinstance(receipt, DeliveryReceipt)
    assert receipt.status.error_code == read
    assert type(receipt.status.error_code) is type(read)


@pytest.mark.parametrize("digits", ["", ".06", ".060", ".0600", ".06000", ".060000", ".0600001"])
@pytest.mark.parametrize("zone", ["Z", "+00:00", "+08:00"])
def test_timestamps_of_every_documented_shape_are_read(digits: str, zone: str) -> None:
    receipt = parse(body(changed(SMS_RECEIPT, "payload.status.timestamp", f"2020-06-17T04:17:21{digits}{zone}")))
    hour = 20 if zone == "+08:00" else 4
    day = 16 if zone == "+08:00" else 17
    assert isinstance(receipt, DeliveryReceipt)
    expected = datetime(2020, 6, day, hour, 17, 21, 60000 if digits else 0, tzinfo=UTC)
    assert receipt.status.timestamp == expected


def test_an_unknown_state_stays_its_string_and_is_not_final() -> None:
    receipt = parse(body(changed(SMS_RECEIPT, "payload.status.state", "expired")))
    assert isinstance(receipt, DeliveryReceipt)
    assert (receipt.state, receipt.final) == ("expired", False)


def test_which_states_are_final() -> None:
    assert {state for state in DeliveryState if state.final} == {
        DeliveryState.REJECTED,
        DeliveryState.DELIVERED,
        DeliveryState.UNDELIVERED,
        DeliveryState.FAILED,
        DeliveryState.READ,
    }


@pytest.mark.parametrize(
    ("state", "detail", "only"),
    [
        ("delivered", "delivered_to_operator", True),
        ("delivered", "delivered_to_recipient", False),
        ("delivered", None, False),
        ("undelivered", "delivered_to_operator", False),
        ("Delivered", "delivered_to_operator", True),
        ("DELIVERED", "delivered_to_recipient", False),
    ],
)
def test_whose_word_a_delivery_is(state: str, detail: str | None, only: bool) -> None:
    receipt = parse(body(changed(SMS_RECEIPT, STATUS, {"state": state, "detail": detail})))
    assert isinstance(receipt, DeliveryReceipt)
    assert receipt.status.operator_only is only
    assert receipt.final


@pytest.mark.parametrize("sample", KNOWN)
def test_only_the_umid_and_the_state_are_needed(sample: dict[str, Any]) -> None:
    payload: dict[str, Any] = {"umid": UMID}
    if "status" in sample["payload"]:
        payload["status"] = {"state": "sent"}
    event = parse(body({**sample, "payload": payload}))
    assert isinstance(event, DeliveryReceipt | InboundMessage)
    assert event.umid == UMID


def with_more(value: Any) -> Any:
    """Returns the data with an unknown field in every object."""
    if isinstance(value, dict):
        return {**{name: with_more(inner) for name, inner in value.items()}, "aNewField": {"x": [1, None]}}
    return value


@pytest.mark.parametrize("sample", [SMS_RECEIPT, CHATAPPS_RECEIPT, SMS_INBOUND])
def test_unknown_fields_are_ignored_everywhere(sample: dict[str, Any]) -> None:
    assert parse(body(with_more(sample))) == parse(body(sample))


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (b"", "the body is empty"),
        (b" \n", "the body is empty"),
        (b"<root><namespace>SMS</namespace></root>", "the body is not JSON"),
        (b'{"namespace": "SMS", "eventType": "out', "the body is not JSON"),
        (b"\xff\xfe\xfa", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b'{"eventType": "x", "y": ' + b"9" * 5000 + b"}", "the body is not JSON"),
        (b'{"eventType": "x", "y": NaN}', "the body is not JSON"),
        (b'{"eventType": "x", "y": -Infinity}', "the body is not JSON"),
        (b'{"eventType": "x", "y": 1e99999999999999999999}', "the body is not JSON"),
        (b"[]", "the body must be an object, not an array"),
        (b'"SMS"', "the body must be an object, not a string"),
        (b"1.5", "the body must be an object, not a number"),
    ],
)
def test_rubbish_is_named_and_not_shown(raw: bytes, problem: str) -> None:
    with pytest.raises(WebhookError) as caught:
        parse(raw)
    assert str(caught.value) == caught.value.reason == problem
    assert caught.value.sent is Sent.NO


@pytest.mark.parametrize(
    ("sample", "path", "value", "problem"),
    [
        (SMS_RECEIPT, "namespace", ..., "namespace is missing"),
        (SMS_RECEIPT, "namespace", None, "namespace must be a string, not null"),
        (SMS_RECEIPT, "namespace", {}, "namespace must be a string, not an object"),
        (SMS_RECEIPT, "payload", ..., "payload is missing"),
        (SMS_RECEIPT, "payload", None, "payload must be an object, not null"),
        (SMS_RECEIPT, "payload", [], "payload must be an object, not an array"),
        (SMS_RECEIPT, "payload.umid", ..., "payload.umid is missing"),
        (SMS_RECEIPT, "payload.umid", 6598765432, "payload.umid must be a string, not a number"),
        (SMS_RECEIPT, "payload.umid", "", "payload.umid must not be empty"),
        (SMS_RECEIPT, "payload.status", ..., "payload.status is missing"),
        (SMS_RECEIPT, "payload.status", "sent", "payload.status must be an object, not a string"),
        (SMS_RECEIPT, "payload.status.state", ..., "payload.status.state is missing"),
        (SMS_RECEIPT, "payload.status.state", 4, "payload.status.state must be a string, not a number"),
        (CHATAPPS_RECEIPT, "payload.status.state", None, "payload.status.state must be a string, not null"),
        (SMS_INBOUND, "namespace", 1, "namespace must be a string, not a number"),
        (SMS_INBOUND, "payload.umid", None, "payload.umid must be a string, not null"),
        (CHATAPPS_INBOUND, "payload.umid", [], "payload.umid must be a string, not an array"),
        (CHATAPPS_INBOUND, "payload", "Hello", "payload must be an object, not a string"),
    ],
)
def test_what_is_wrong_is_named_by_its_path(sample: dict[str, Any], path: str, value: object, problem: str) -> None:
    with pytest.raises(WebhookError) as caught:
        parse(body(changed(sample, path, value)))
    assert caught.value.reason == problem


@pytest.mark.parametrize(
    ("sample", "path", "value"),
    [
        *((SMS_RECEIPT, f"{STATUS}.timestamp", odd) for odd in ("now", "", "2016-01-01T00:00:00", 1451606400, {})),
        (SMS_RECEIPT, f"{STATUS}.timestamp", "2016-01-01T00:00:60Z"),
        *((SMS_RECEIPT, f"{STATUS}.errorCode", odd) for odd in (True, 1.5, 15.0, [15], {})),
        *((SMS_RECEIPT, f"{STATUS}.errorMessage", odd) for odd in (15, ["Invalid"], {})),
        (SMS_RECEIPT, f"{STATUS}.detail", 4),
        *((SMS_RECEIPT, "payload.price", odd) for odd in (5, "0.0375", [])),
        *((SMS_RECEIPT, "payload.price.total", odd) for odd in ("cheap", "", True, 1e300, "1e300", "NaN", [])),
        (SMS_RECEIPT, "payload.price.currency", 840),
        *((SMS_RECEIPT, "payload.smsCount", odd) for odd in (1.5, 3.0, "three", True, [])),
        *((SMS_RECEIPT, f"payload.{name}", 7) for name in ("batchId", "clientMessageId", "clientBatchId", "source")),
        *((SMS_RECEIPT, f"payload.{name}", 6598765432) for name in ("destination", "subAccountId")),
        *((CHATAPPS_RECEIPT, "payload.user", odd) for odd in ("+6512345678", [], 1)),
        *((CHATAPPS_RECEIPT, f"payload.user.{name}", 6512345678) for name in ("msisdn", "channelUserId")),
        (CHATAPPS_RECEIPT, "payload.channel", {}),
        *((SMS_INBOUND, "payload.body", odd) for odd in ([], 1234)),
        (SMS_INBOUND, "payload.timestamp", "2016-01-01T14:34:56.017"),
        (SMS_INBOUND, "payload.smsCount", 2.0),
        *((CHATAPPS_INBOUND, "payload.content", odd) for odd in ("Test message", ["Test message"], 5)),
        *((CHATAPPS_INBOUND, f"payload.{name}", []) for name in ("recipient", "type", "replyToUmid")),
        (CHATAPPS_INBOUND, "payload.recipient.channelId", 269),
    ],
)
def test_an_optional_field_that_cannot_be_read_costs_only_itself(
    sample: dict[str, Any], path: str, value: object
) -> None:
    odd = parse(body(changed(sample, path, value)))
    assert isinstance(odd, DeliveryReceipt | InboundMessage)
    assert odd == parse(body(changed(sample, path, ...)))
    assert odd != parse(body(sample))


def test_every_optional_field_may_be_odd_at_once() -> None:
    kept = {"payload.umid": UMID, STATUS: {"state": "delivered", "timestamp": "soon", "errorCode": 0.5, "detail": 1}}
    event = copy.deepcopy(SMS_RECEIPT)
    event["payload"] = {name: [1] for name in event["payload"]}
    for path, value in kept.items():
        event = changed(event, path, value)
    assert parse(body(event)) == DeliveryReceipt(
        namespace=Namespace.SMS, umid=UMID, status=DeliveryStatus(state=DeliveryState.DELIVERED)
    )


def test_a_price_in_quotes_is_as_exact_as_one_without() -> None:
    price = {"total": "0.0375", "perSms": "0.01250", "currency": "USD"}
    receipt = parse(body(changed(SMS_RECEIPT, "payload.price", price)))
    assert isinstance(receipt, DeliveryReceipt)
    assert receipt.price is not None
    assert (str(receipt.price.total), str(receipt.price.per_sms)) == ("0.0375", "0.01250")


def test_the_receipt_of_a_chatapps_message_may_have_a_price() -> None:
    receipt = parse(body(changed(CHATAPPS_RECEIPT, "payload.price", {"total": 0.05, "currency": "USD"})))
    assert isinstance(receipt, DeliveryReceipt)
    assert receipt.price == Price(total=Decimal("0.05"), currency="USD")


def test_a_username_is_kept_and_not_shown() -> None:
    message = parse(body(changed(CHATAPPS_INBOUND, "payload.user.username", "ann.example")))
    assert isinstance(message, InboundMessage)
    assert message.user is not None
    assert message.user.username == "ann.example"
    assert "ann.example" not in repr(message)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"surveyId": "s", "msisdn": "+6598765432", "answers": [{"question": 1, "answer": "yes"}]},  # SMS Engage
        {"umid": "u", "status": "delivered", "destination": "+6598765432"},  # a flat receipt
        *(changed(SMS_RECEIPT, "eventType", odd) for odd in (..., None, 7, {}, [])),
    ],
)
def test_a_post_without_a_type_is_an_unknown_event(event: dict[str, Any]) -> None:
    found = parse(body(event))
    raw = json.loads(json.dumps(event), parse_float=Decimal)
    assert found == UnknownEvent(event_type=None, namespace=event.get("namespace"), raw=raw)
    assert "6598765432" not in repr(found)


def test_a_post_of_null_is_an_unknown_event() -> None:
    assert parse(b"null") == UnknownEvent(event_type=None, raw={})


@pytest.mark.parametrize("sample", KNOWN)
@pytest.mark.parametrize("case", [str.upper, str.lower, str.title])
def test_upper_and_lower_case_of_namespace_and_state_do_not_matter(
    sample: dict[str, Any], case: Callable[[str], str]
) -> None:
    expected = parse(body(sample))
    event = changed(sample, "namespace", case(sample["namespace"]))
    if "status" in event["payload"]:
        event = changed(event, STATUS + ".state", case(sample["payload"]["status"]["state"]))
    assert parse(body(event)) == expected


@pytest.mark.parametrize(
    ("given", "count"), [("3", 3), (3, 3), ("", None), ("three", None), ("-1", None), (True, None)]
)
def test_a_count_of_parts_in_quotes_is_a_number(given: object, count: int | None) -> None:
    for sample in (SMS_RECEIPT, SMS_INBOUND):
        event = parse(body(changed(sample, "payload.smsCount", given)))
        assert isinstance(event, DeliveryReceipt | InboundMessage)
        assert event.sms_count == count


def test_a_namespace_that_cannot_be_read_does_not_matter_where_none_is_needed() -> None:
    event = changed(TEMPLATE_UPDATE, "namespace", 5)
    assert parse(body(event)) == UnknownEvent(event_type="template_status_update", namespace=None, raw=event)


def test_the_size_is_bounded_before_anything_is_read() -> None:
    raw = body(SMS_RECEIPT)
    assert parse(raw, max_size=len(raw)) == parse(raw)
    with pytest.raises(WebhookError) as caught:
        parse(raw, max_size=len(raw) - 1)
    assert caught.value.reason == f"the body is larger than {len(raw) - 1} bytes"
    with pytest.raises(WebhookError, match="larger than 1048576 bytes"):
        parse(b" " * (webhooks.MAX_BODY + 1))


@pytest.mark.parametrize("wrong", ["{}", None, {"eventType": "x"}])
def test_a_body_that_is_no_bytes_is_the_callers_mistake(wrong: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse(wrong)
    assert caught.value.field == "body"


AUTHORIZATION = "Bearer 9QQhlsEb8VY"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (None, "is missing"),
        ("", "is not the expected one"),
        ("Bearer 9QQhlsEb8Vy", "is not the expected one"),
        ("bearer 9QQhlsEb8VY", "is not the expected one"),
        (AUTHORIZATION + " ", "is not the expected one"),
        (AUTHORIZATION[:-1], "is not the expected one"),
        (AUTHORIZATION + "\u6f22", "is not the expected one"),
        ("\ud800", "is not the expected one"),
        ("Bearer \xe9", "is not the expected one"),
    ],
)
def test_without_the_secret_nothing_is_read(given: str | None, problem: str) -> None:
    with pytest.raises(WebhookAuthorizationError) as caught:
        parse(b"not even looked at", authorization=given, expected_authorization=AUTHORIZATION)
    assert caught.value.reason == f"the Authorization header {problem}"
    assert "9QQ" not in str(caught.value) + repr(caught.value)
    assert isinstance(caught.value, EightByEightError)
    assert caught.value.sent is Sent.NO


def test_with_the_secret_it_is_read() -> None:
    assert parse(body(SMS_RECEIPT), authorization=AUTHORIZATION, expected_authorization=AUTHORIZATION) == parse(
        body(SMS_RECEIPT)
    )


def test_a_secret_that_is_not_ascii_is_known_however_the_server_decoded_it() -> None:
    agreed = "Bearer \u6f22\xe9"
    for seen in (agreed, agreed.encode().decode("latin-1")):
        event = parse(body(SMS_RECEIPT), authorization=seen, expected_authorization=agreed)
        assert event == parse(body(SMS_RECEIPT))
    with pytest.raises(WebhookAuthorizationError):
        parse(body(SMS_RECEIPT), authorization="Bearer ?\xe9", expected_authorization=agreed)


@pytest.mark.parametrize("agreed", [AUTHORIZATION, "Bearer \u6f22\xe9"])
def test_the_header_may_be_the_raw_bytes_of_asgi(agreed: str) -> None:
    event = parse(body(SMS_RECEIPT))
    raw = agreed.encode()
    for seen in (raw, agreed, raw.decode("latin-1")):
        for expected in (agreed, raw):
            assert parse(body(SMS_RECEIPT), authorization=seen, expected_authorization=expected) == event
    for wrong in (b"", raw[:-1], raw + b" ", raw.lower(), str(raw)):
        for expected in (agreed, raw):
            with pytest.raises(WebhookAuthorizationError, match="is not the expected one"):
                parse(body(SMS_RECEIPT), authorization=wrong, expected_authorization=expected)


@pytest.mark.parametrize(
    ("given", "expected", "field"),
    [
        (5, AUTHORIZATION, "authorization"),
        ([], AUTHORIZATION, "authorization"),
        ([AUTHORIZATION], AUTHORIZATION, "authorization"),
        (AUTHORIZATION, [AUTHORIZATION], "expected_authorization"),
        (AUTHORIZATION, 5, "expected_authorization"),
    ],
)
def test_an_authorization_of_another_type_is_the_callers_mistake(given: Any, expected: Any, field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse(body(SMS_RECEIPT), authorization=given, expected_authorization=expected)
    assert caught.value.field == field
    assert "9QQ" not in str(caught.value)


def test_a_character_the_server_cannot_have_decoded_stands_for_no_other() -> None:
    for seen in ("Bearer \u6f22x", "Bearer \ud800x"):
        with pytest.raises(WebhookAuthorizationError):
            parse(body(SMS_RECEIPT), authorization=seen, expected_authorization="Bearer ?x")


def test_without_an_expectation_any_header_will_do() -> None:
    assert parse(body(SMS_RECEIPT), authorization="anything") == parse(body(SMS_RECEIPT))


@pytest.mark.parametrize("empty", ["", b""])
def test_an_empty_expectation_is_refused_not_met(empty: str | bytes) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        parse(body(SMS_RECEIPT), authorization=empty, expected_authorization=empty)
    assert caught.value.field == "expected_authorization"


PEOPLE = ("2025550293", "6581968289", "4534735477", "12345678", "2025550023", "Ann", "Test", "Invalid destination")


@pytest.mark.parametrize("sample", [*KNOWN, changed(SMS_INBOUND, "eventType", "new")])
def test_no_repr_shows_a_person(sample: dict[str, Any]) -> None:
    shown = repr(parse(body(sample)))
    assert not [secret for secret in PEOPLE if secret in shown]


def test_an_error_crosses_process_borders() -> None:
    error = pickle.loads(pickle.dumps(WebhookError("payload is missing")))  # noqa: S301
    assert (type(error), error.reason) == (WebhookError, "payload is missing")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
PLACES = [
    (sample, path)
    for sample in KNOWN
    for path in (
        "namespace",
        "eventType",
        "payload",
        *(f"payload.{name}" for name in sample["payload"]),
        *(f"payload.{n}.{m}" for n, v in sample["payload"].items() if isinstance(v, dict) for m in v),
    )
]


@given(st.sampled_from(PLACES), JSON)
def test_whatever_stands_anywhere_it_is_an_event_or_a_webhook_error(
    place: tuple[dict[str, Any], str], value: object
) -> None:
    sample, path = place
    try:
        outcome = repr(type(parse(body(changed(sample, path, value)))))
    except WebhookError as error:
        outcome = error.reason
    assert outcome.startswith((path, "<class 'eightbyeight_async.models.webhooks."))


@given(st.binary(max_size=40) | JSON.map(body))
def test_any_bytes_are_an_event_or_a_webhook_error(raw: bytes) -> None:
    with contextlib.suppress(WebhookError):
        parse(raw)


TEXT = st.text(max_size=12)
MOMENTS = st.datetimes(timezones=st.just(UTC))
PRICES = st.builds(
    Price,
    total=st.none() | st.decimals(-1000, 1000, places=5),
    per_sms=st.none() | st.decimals(0, 10, places=7),
    currency=st.none() | TEXT,
)
USERS = st.builds(
    ChannelUser,
    msisdn=st.none() | TEXT,
    channel_user_id=st.none() | TEXT,
    name=st.none() | TEXT,
    username=st.none() | TEXT,
)
RECEIPTS = st.builds(
    DeliveryReceipt,
    namespace=st.sampled_from(Namespace) | TEXT,
    umid=st.text(min_size=1, max_size=12),
    status=st.builds(
        DeliveryStatus,
        state=st.sampled_from(DeliveryState) | TEXT,
        detail=st.none() | TEXT,
        timestamp=st.none() | MOMENTS,
        error_code=st.none() | st.integers() | TEXT,
        error_message=st.none() | TEXT,
    ),
    client_message_id=st.none() | TEXT,
    destination=st.none() | TEXT,
    user=st.none() | USERS,
    price=st.none() | PRICES,
    sms_count=st.none() | st.integers(),
)
INBOUND = st.builds(
    InboundMessage,
    namespace=st.sampled_from(Namespace) | TEXT,
    umid=st.text(min_size=1, max_size=12),
    timestamp=st.none() | MOMENTS,
    body=st.none() | TEXT,
    user=st.none() | USERS,
    recipient=st.none() | st.builds(Recipient, channel=st.none() | TEXT, channel_id=st.none() | TEXT),
    content=st.none() | st.dictionaries(TEXT, TEXT, max_size=2),
)


@given(RECEIPTS | INBOUND)
def test_every_model_survives_the_round_trip(model: DeliveryReceipt | InboundMessage) -> None:
    data = wire.unstructure(model)
    assert None not in data.values()
    assert None not in data.get("status", {}).values()
    assert wire.structure(data, type(model)) == model


def test_the_export_list_is_what_it_says() -> None:
    for name in webhooks.__all__:
        assert getattr(webhooks, name).__doc__ or name == "OPT_OUT_WORDS"  # a string below it documents it
    public = {n for n, v in vars(webhooks).items() if not n.startswith("_") and isinstance(v, type)}
    assert public <= set(webhooks.__all__)
