"""Bad input is refused when the model is made, with field and rule, before it costs money."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from eightbyeight_async import (
    CancelResponse,
    Encoding,
    ErrorBody,
    InvalidRequestError,
    Sent,
    SmsRequest,
    SmsResponse,
    SmsStatus,
    SmsStatusCode,
    Track,
)

GOOD: dict[str, Any] = {"destination": "+6598765432", "text": "Hello"}
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("destination", "6598765432"),
        ("destination", "1234567"),
        ("destination", "123456789012345"),
        ("text", "x" * 5000),
        ("text", "\N{GRINNING FACE}"),
        ("text", None),
        ("country", "SG"),
        ("country", "sg"),
        ("source", "x" * 16),
        ("source", "A C M E"),
        ("source", "Müller & Söhne"),
        ("client_message_id", "x" * 350),
        ("encoding", "UCS2"),
        ("encoding", Encoding.GSM7),
        ("encoding", None),
        ("scheduled", NOW),
        ("expiry", datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=8)))),
        ("dlr_callback_url", "https://example.com/dlr?token=1"),
        ("dlr_callback_url", "http://127.0.0.1:8000/"),
        ("client_ip", "203.0.113.9"),
        ("client_ip", "2001:db8::1"),
        ("track", "None"),
        ("track", Track.OUTCOME),
    ],
)
def test_a_value_within_the_rules_is_kept(field: str, value: object) -> None:
    assert getattr(SmsRequest(**{**GOOD, field: value}), field) == value


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("destination", ""),
        ("destination", "+6598765432\n"),
        ("destination", "\n+6598765432"),
        ("destination", "++6598765432"),
        ("destination", "0598765432"),
        ("destination", "+0598765432"),
        ("destination", "123456"),
        ("destination", "1234567890123456"),
        ("destination", "+65 9876 5432"),
        ("destination", "+659876543a"),
        ("destination", "٦٥٩٨٧٦٥٤٣٢"),
        ("destination", 6598765432),
        ("destination", None),
        ("destination", b"6598765432"),
        ("text", ""),
        ("text", 5),
        ("text", b"Hello"),
        ("text", "half a pair: \ud83d"),
        ("country", "SGP"),
        ("country", "S"),
        ("country", "S1"),
        ("country", "SG\n"),
        ("country", ""),
        ("source", "x" * 17),
        ("source", 5),
        ("source", ""),
        ("source", "  "),
        ("source", "AC\tME"),
        ("source", "ACME\n"),
        ("source", "AC\u200bME"),
        ("source", "\x7f"),
        ("source", "\u202eACME"),
        ("client_message_id", "x" * 351),
        ("client_message_id", 17),
        ("encoding", "utf-8"),
        ("encoding", "gsm7"),
        ("encoding", 7),
        ("encoding", ["GSM7"]),
        ("scheduled", datetime(2026, 1, 1)),  # noqa: DTZ001 - the point
        ("scheduled", "2026-01-01T00:00:00Z"),
        ("expiry", datetime(2026, 1, 1)),  # noqa: DTZ001 - the point
        ("expiry", 1767225600),
        ("dlr_callback_url", "example.com/dlr"),
        ("dlr_callback_url", "ftp://example.com/"),
        ("dlr_callback_url", "https://"),
        ("dlr_callback_url", "https://exa mple.com/"),
        ("dlr_callback_url", "https://example.com/\n"),
        ("dlr_callback_url", "https://example.com:99999/"),
        ("client_ip", "203.0.113"),
        ("client_ip", "203.0.113.9\n"),
        ("client_ip", "fe80::1%eth0"),
        ("client_ip", 1),
        ("track", "outcome"),
        ("track", False),
    ],
)
def test_a_value_outside_the_rules_is_refused_by_field_and_without_the_value(field: str, value: object) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        SmsRequest(**{**GOOD, field: value})
    error = caught.value
    assert error.field == field
    assert error.reason
    assert error.sent is Sent.NO
    assert error.attempts == 0
    assert isinstance(error, ValueError)
    assert error.__context__ is None  # the error of a codec or an enum would contain the value
    if isinstance(value, str) and len(value) > 8:
        assert value not in str(error)


def test_strings_of_enums_become_members() -> None:
    request = SmsRequest(**GOOD, encoding="GSM7", track="None")
    assert request.encoding is Encoding.GSM7
    assert request.track is Track.NONE


def test_models_are_frozen_slotted_and_keyword_only() -> None:
    for model in (SmsRequest, SmsResponse, SmsStatus, CancelResponse, ErrorBody):
        assert all(field.kw_only for field in attrs.fields(model))
        assert not hasattr(model, "__dict__") or "__slots__" in vars(model)
    request: Any = SmsRequest(**GOOD)
    with pytest.raises(attrs.exceptions.FrozenInstanceError):
        request.text = "other"
    with pytest.raises((AttributeError, attrs.exceptions.FrozenInstanceError)):
        request.txt = "misspelt"
    with pytest.raises(TypeError):
        SmsRequest("+6598765432", "Hello")  # type: ignore[misc]


def test_models_compare_copy_and_pickle() -> None:
    request = SmsRequest(**GOOD, scheduled=NOW, track=Track.NONE)
    assert pickle.loads(pickle.dumps(request)) == request  # noqa: S301 - our own bytes
    assert copy.deepcopy(request) == request
    assert attrs.evolve(request, text="Bye") != request
    assert hash(request) == hash(copy.copy(request))


def test_an_unknown_value_of_an_answer_stays_its_string() -> None:
    response = SmsResponse(umid="1", status=SmsStatus(code="HELD"), encoding="UTF8")
    assert response.status.code == "HELD"
    assert response.encoding == "UTF8"
    assert SmsStatus(code="QUEUED").code is SmsStatusCode.QUEUED


def test_reprs_show_neither_text_nor_number() -> None:
    number, text = "+6598765432", "Your code is 424242"
    request = SmsRequest(
        destination=number,
        text=text,
        source="6591112222",
        client_message_id=f"otp/{number}",
        client_ip="203.0.113.9",
        dlr_callback_url="https://example.com/?token=s3cret",
    )
    response = SmsResponse(
        umid="u", destination=number, status=SmsStatus(code="REJECTED", description=f"bad {number}: {text}")
    )
    shown = f"{request!r} {request} {response!r} {ErrorBody(code=1002, message=f'{number} {text}')!r}"
    for secret in (number, number[1:], "98765432", text, "424242", "6591112222", "203.0.113.9", "s3cret"):
        assert secret not in shown
    assert "destination='+65******32'" in shown
    assert "text=<19 characters>" in shown
