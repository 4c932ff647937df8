"""One converter: camelCase on the wire, no None, unknown data kept or ignored, errors with the JSON path."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eightbyeight_async import (
    CancelResponse,
    Encoding,
    ErrorBody,
    SmsRequest,
    SmsResponse,
    SmsStatus,
    SmsStatusCode,
    Track,
    wire,
)

# Transcribed from the OpenAPI file of the SMS API, operation Send-Sms-Single, answer 200.
SAMPLE = {
    "umid": "bda3d56d-1424-e711-813c-06ed3428fe67",
    "clientMessageId": "client-message-id",
    "destination": "12025550275",
    "encoding": "GSM7",
    "status": {"code": "QUEUED", "description": "SMS is accepted and queued for processing"},
}


def test_every_field_of_a_request_has_its_json_name() -> None:
    request = SmsRequest(
        destination="+6598765432",
        text="Hello",
        country="SG",
        source="ACME",
        client_message_id="1234",
        encoding="UCS2",
        scheduled=datetime(2016, 11, 7, 19, 20, 30, tzinfo=timezone(timedelta(hours=8))),
        expiry=datetime(2016, 11, 8, tzinfo=UTC),
        dlr_callback_url="https://example.com/dlr",
        client_ip="203.0.113.9",
        track=Track.OUTCOME,
    )
    assert json.loads(wire.dump(request)) == {
        "destination": "+6598765432",
        "text": "Hello",
        "country": "SG",
        "source": "ACME",
        "clientMessageId": "1234",
        "encoding": "UCS2",
        "scheduled": "2016-11-07T19:20:30+08:00",
        "expiry": "2016-11-08T00:00:00+00:00",
        "dlrCallbackUrl": "https://example.com/dlr",
        "clientIp": "203.0.113.9",
        "track": "Outcome",
    }


def test_what_is_none_is_left_out_but_track_none_is_sent() -> None:
    assert json.loads(wire.dump(SmsRequest(destination="6598765432", text="x"))) == {
        "destination": "6598765432",
        "text": "x",
    }
    assert json.loads(wire.dump(SmsRequest(destination="6598765432", text="x", track=Track.NONE)))["track"] == "None"


def test_text_travels_as_utf8() -> None:
    text = 'สวัสดี "quoted" \\ \N{GRINNING FACE}\n'
    body = wire.dump(SmsRequest(destination="6598765432", text=text))
    assert json.loads(body.decode("utf-8"))["text"] == text


def test_an_offset_with_seconds_becomes_utc() -> None:
    # the offset +06:55:25 is not allowed by RFC 3339
    old_singapore = datetime(1900, 1, 1, tzinfo=ZoneInfo("Asia/Singapore"))
    written = wire.unstructure(SmsRequest(destination="6598765432", text="x", expiry=old_singapore))["expiry"]
    assert written.endswith("+00:00")
    assert datetime.fromisoformat(written) == old_singapore


def test_the_sample_answer_is_read() -> None:
    assert wire.structure(SAMPLE, SmsResponse) == SmsResponse(
        umid="bda3d56d-1424-e711-813c-06ed3428fe67",
        client_message_id="client-message-id",
        destination="12025550275",
        encoding=Encoding.GSM7,
        status=SmsStatus(code=SmsStatusCode.QUEUED, description="SMS is accepted and queued for processing"),
    )


def test_unknown_fields_are_ignored_and_unknown_enum_values_kept() -> None:
    future = {**SAMPLE, "encoding": "UTF8", "region": {"x": [1]}, "status": {"code": "HELD", "eta": 3}}
    response = wire.structure(future, SmsResponse)
    assert response.encoding == "UTF8"
    assert response.status == SmsStatus(code="HELD", description=None)


def test_a_missing_or_null_optional_is_none() -> None:
    response = wire.structure({"umid": "1", "clientMessageId": None, "status": {"code": "QUEUED"}}, SmsResponse)
    assert response == SmsResponse(umid="1", status=SmsStatus(code=SmsStatusCode.QUEUED))


@pytest.mark.parametrize(
    ("data", "cls", "problem"),
    [
        ([], SmsResponse, "the body must be an object, not an array"),
        (None, SmsResponse, "the body must be an object, not null"),
        ("x", CancelResponse, "the body must be an object, not a string"),
        ({}, CancelResponse, "cancelledCount is missing"),
        ({"cancelledCount": "10"}, CancelResponse, "cancelledCount must be an integer, not a string"),
        ({"cancelledCount": True}, CancelResponse, "cancelledCount must be an integer, not a boolean"),
        ({"cancelledCount": 1.0}, CancelResponse, "cancelledCount must be an integer, not a number"),
        ({**SAMPLE, "umid": None}, SmsResponse, "umid must be a string, not null"),
        ({**SAMPLE, "umid": 6598765432}, SmsResponse, "umid must be a string, not a number"),
        ({**SAMPLE, "status": None}, SmsResponse, "status must be an object, not null"),
        ({**SAMPLE, "status": {}}, SmsResponse, "status.code is missing"),
        ({**SAMPLE, "status": {"code": 1}}, SmsResponse, "status.code must be a string, not a number"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_path_and_not_shown(data: object, cls: type, problem: str) -> None:
    with pytest.raises(wire.UnreadableError) as caught:
        wire.structure(data, cls)
    assert str(caught.value) == problem
    assert caught.value.__context__ is None


@pytest.mark.parametrize("odd", [{}, [], 5, True, 1.5])
def test_an_optional_that_cannot_be_read_is_as_if_it_were_not_there(odd: object) -> None:
    """The message was accepted. A bad field beside its id must not hide that."""
    response = wire.structure({**SAMPLE, "clientMessageId": odd, "encoding": odd}, SmsResponse)
    assert response == wire.structure({**SAMPLE, "clientMessageId": None, "encoding": None}, SmsResponse)
    assert response.umid == SAMPLE["umid"]


@pytest.mark.parametrize("odd", ["yesterday", "2020-06-18T06:42:57", "", 5])
def test_a_time_that_cannot_be_read_is_none(odd: object) -> None:
    assert wire.structure({"code": 1001, "timestamp": odd}, ErrorBody) == ErrorBody(code=1001)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2017-04-19T02:31:19.4297387+00:00", datetime(2017, 4, 19, 2, 31, 19, 429738, tzinfo=UTC)),
        ("2018-08-02T09:42:38.8988997+00:00", datetime(2018, 8, 2, 9, 42, 38, 898899, tzinfo=UTC)),
        ("2020-06-18T06:42:57.20Z", datetime(2020, 6, 18, 6, 42, 57, 200000, tzinfo=UTC)),
        ("2020-06-18T06:31:58.110Z", datetime(2020, 6, 18, 6, 31, 58, 110000, tzinfo=UTC)),
        ("2020-06-18T06:31:58.1101Z", datetime(2020, 6, 18, 6, 31, 58, 110100, tzinfo=UTC)),
        ("2020-06-18T06:31:58.11012Z", datetime(2020, 6, 18, 6, 31, 58, 110120, tzinfo=UTC)),
        ("2020-06-18T06:31:58.110123Z", datetime(2020, 6, 18, 6, 31, 58, 110123, tzinfo=UTC)),
        ("2020-06-18T06:31:58Z", datetime(2020, 6, 18, 6, 31, 58, tzinfo=UTC)),
        ("2016-11-07T19:20:30+08:00", datetime(2016, 11, 7, 11, 20, 30, tzinfo=UTC)),
    ],
)
def test_timestamps_of_every_documented_shape_are_read(written: str, read: datetime) -> None:
    found = wire.structure({"timestamp": written}, ErrorBody).timestamp
    assert found == read
    assert found is not None
    assert found.utcoffset() is not None


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"", "the body is empty"),
        (b" \r\n", "the body is empty"),
        (b"<html>", "the body is not JSON"),
        (b'{"umid": "bda3d5', "the body is not JSON"),
        (b"\xff\xfe\xfa", "the body is not JSON"),
        (b"[" * 100_000, "the body is not JSON"),
        (b"1" * 5000, "the body is not JSON"),
    ],
)
def test_rubbish_is_not_json_and_not_shown(body: bytes, problem: str) -> None:
    with pytest.raises(wire.UnreadableError) as caught:
        wire.load(body)
    assert str(caught.value) == problem
    assert caught.value.__context__ is None


TEXT = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
AWARE = st.datetimes(
    min_value=datetime(1990, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    timezones=st.sampled_from([UTC, timezone(timedelta(hours=8)), timezone(timedelta(hours=-3, minutes=-30))]),
)
REQUESTS = st.builds(
    SmsRequest,
    destination=st.from_regex(r"\+?[1-9][0-9]{6,14}", fullmatch=True),
    text=st.none() | TEXT,
    country=st.none() | st.sampled_from(["SG", "TH"]),
    source=st.none() | TEXT.filter(lambda text: len(text) <= 16 and text.isprintable() and bool(text.strip())),
    client_message_id=st.none() | TEXT,
    encoding=st.none() | st.sampled_from(Encoding),
    scheduled=st.none() | AWARE,
    expiry=st.none() | AWARE,
    dlr_callback_url=st.none() | st.just("https://example.com/"),
    client_ip=st.none() | st.ip_addresses().map(str),
    track=st.none() | st.sampled_from(Track),
)
RESPONSES = st.builds(
    SmsResponse,
    umid=st.uuids().map(str),
    status=st.builds(SmsStatus, code=st.sampled_from(SmsStatusCode) | TEXT, description=st.none() | TEXT),
    destination=st.none() | TEXT,
    encoding=st.none() | st.sampled_from(Encoding) | TEXT,
    client_message_id=st.none() | TEXT,
)


@given(REQUESTS | RESPONSES | st.builds(CancelResponse, cancelled_count=st.integers(0)))
def test_every_model_survives_the_round_trip(model: Any) -> None:
    data = json.loads(wire.dump(model))
    assert None not in data.values()
    assert None not in data.get("status", {}).values()
    assert wire.structure(data, type(model)) == model
