"""What a call sends, and what its answers mean, without a socket."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from answers import CASES, Case, coded

from eightbyeight_async import (
    APIError,
    BadRequestError,
    CancelResponse,
    InvalidRequestError,
    RateLimitError,
    SmsRequest,
    SmsStatusCode,
    UnexpectedResponseError,
)
from eightbyeight_async.calls.cancel import cancel_batch, cancel_message
from eightbyeight_async.calls.read_response import read_response
from eightbyeight_async.calls.sms import send_sms
from eightbyeight_async.hosts import Product

NOW = datetime(2026, 1, 2, tzinfo=UTC)
REQUEST = SmsRequest(destination="+6598765432", text="Hello", source="ACME")
SEND = send_sms("acme_hq", REQUEST, lambda: NOW)


def test_send_sms() -> None:
    assert (SEND.product, SEND.method, SEND.path) == (Product.SMS, "POST", "/api/v1/subaccounts/acme_hq/messages")
    assert json.loads(SEND.body or b"") == {"destination": "+6598765432", "text": "Hello", "source": "ACME"}


@pytest.mark.parametrize("product", Product)
def test_the_cancellations(product: Product) -> None:
    umid = "bda3d56d-1424-e711-813c-06ed3428fe67"
    one, many = cancel_message(product, "acme_hq", umid), cancel_batch(product, "acme_hq", umid)
    assert one.path == f"/api/v1/subaccounts/acme_hq/messages/{umid}"
    assert many.path == f"/api/v1/subaccounts/acme_hq/messages/batch/{umid}"
    for call in (one, many):
        assert (call.product, call.method, call.body) == (product, "DELETE", None)
        assert read_response(call, 200, {}, b'{"cancelledCount": 10}') == CancelResponse(cancelled_count=10)


def test_a_legal_ampersand_of_a_subaccount_is_encoded() -> None:
    assert send_sms("R&D.x_-", REQUEST, lambda: NOW).path == "/api/v1/subaccounts/R%26D.x_-/messages"


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "a?b",
        "a#b",
        "%2e%2e",
        "%2E",
        "a%2fb",
        "a b",
        "a\n",
        "\na",
        "a\x00",
        "é",
        "x" * 201,
        "...",
        "a;b",
        "a&b",
        None,
        5,
        b"abc",
    ],
)
def test_no_id_can_change_the_path(value: str) -> None:
    for make, field in ((cancel_message, "umid"), (cancel_batch, "batch_id")):
        with pytest.raises(InvalidRequestError) as caught:
            make(Product.SMS, "acme_hq", value)
        assert caught.value.field == field


def test_a_single_send_needs_a_text() -> None:
    with pytest.raises(InvalidRequestError, match="^text: "):
        send_sms("acme_hq", SmsRequest(destination="+6598765432"), lambda: NOW)


def test_something_else_than_a_request_is_refused() -> None:
    with pytest.raises(
        InvalidRequestError,
        match=r"^request: must be of class SmsRequest, not dict: put the fields in SmsRequest\(\.\.\.\)$",
    ):
        send_sms("acme_hq", {"destination": "+6598765432"}, lambda: NOW)  # type: ignore[arg-type]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_the_table_of_answers(case: Case) -> None:
    with pytest.raises((APIError, UnexpectedResponseError)) as caught:
        read_response(SEND, case.status, {}, case.body)
    error = caught.value
    assert (type(error), error.sent, error.status_code) == (case.error, case.sent, case.status)
    if isinstance(error, APIError):
        assert error.code == case.code
    assert "upstream" not in str(error)
    assert "Provided" not in str(error)


def test_an_api_error_keeps_what_the_api_said() -> None:
    with pytest.raises(BadRequestError) as caught:
        read_response(SEND, 400, {}, coded(1002, message="Invalid MSISDN 6598765432"))
    error = caught.value
    assert error.message == "Invalid MSISDN 6598765432"
    assert error.error_id == "91b106f0-c0da-4aba-a43a-7af9c5893a80"
    assert error.timestamp == datetime(2017, 4, 19, 2, 31, 19, 429738, tzinfo=UTC)
    assert str(error) == (
        "the phone number is invalid (field destination) "
        "(code 1002, HTTP 400, error id 91b106f0-c0da-4aba-a43a-7af9c5893a80; not sent)"
    )


def test_one_odd_field_of_an_error_does_not_hide_the_others() -> None:
    with pytest.raises(BadRequestError) as caught:
        read_response(SEND, 500, {}, coded(1005, message=["x"], timestamp="now", errorId=5))
    error = caught.value
    assert (error.code, error.message, error.timestamp, error.error_id) == (1005, None, None, None)


def test_an_error_id_that_is_no_id_is_not_shown() -> None:
    with pytest.raises(BadRequestError) as caught:
        read_response(SEND, 400, {}, coded(1002, errorId="6598765432"))
    assert caught.value.error_id == "6598765432"
    assert "6598765432" not in f"{caught.value} {caught.value!r}"


def test_a_success_wins_over_a_code_beside_it() -> None:
    body = b'{"umid":"u1","status":{"code":"QUEUED"},"code":2000}'
    assert read_response(SEND, 200, {}, body).status.code is SmsStatusCode.QUEUED


def test_a_rejected_message_is_an_answer_not_an_error() -> None:
    body = b'{"umid":"u1","status":{"code":"REJECTED","description":"x"}}'
    assert read_response(SEND, 200, {}, body).status.code is SmsStatusCode.REJECTED


def test_an_unreadable_success_names_the_path() -> None:
    with pytest.raises(UnexpectedResponseError) as caught:
        read_response(SEND, 200, {}, b'{"umid":"u","status":{"code":6598765432}}')
    assert str(caught.value) == (
        "HTTP 200: a response that cannot be read: status.code must be a string, not a number (may have been sent)"
    )


YEAR = 31_536_000.0


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "3"}, 3.0),
        ({"retry-after": " 0 "}, 0.0),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "1e3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "999999999"}, YEAR),
        ({"retry-after": "1000000000"}, YEAR),  # ten digits
        ({"retry-after": "1.0000000000000"}, 1.0),
        ({"retry-after": "00000000000005"}, 5.0),
        ({"retry-after": "9" * 400}, YEAR),  # too large for a float
        ({"retry-after": "9" * 6000}, YEAR),  # Python reads no int with so many digits
        ({"retry-after": "0x10"}, None),
        ({"retry-after": "1_000"}, None),
        ({"retry-after": "+5"}, None),
        ({"retry-after": "5."}, None),
        ({"retry-after": "5, 10"}, None),
        ({"retry-after": "\uff11\uff12"}, None),  # full-width digits
        ({"retry-after": "\u0661\u0662"}, None),  # Arabic digits
        ({"x-retry-after": "5", "x-ratelimit-reset": "5", "retry-after-ms": "5000", "ratelimit-reset": "5"}, None),
        ({"retry-after": "Fri, 31 Dec 9999 23:59:59 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, YEAR),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:05 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 5.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:27:00 GMT", "date": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:05 GMT", "date": "yesterday"}, None),
    ],
)
def test_retry_after_is_seconds_or_a_date_against_the_answers_own(
    headers: dict[str, str], seconds: float | None
) -> None:
    with pytest.raises(RateLimitError) as caught:
        read_response(SEND, 429, headers, b"")
    assert caught.value.retry_after == seconds


def test_a_very_long_wait_is_told_in_digits() -> None:
    with pytest.raises(RateLimitError, match="retry after 31536000 s"):
        read_response(SEND, 429, {"retry-after": "10000000000"}, b"")
