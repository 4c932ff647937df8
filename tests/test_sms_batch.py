"""Batches of SMS: the rules of the request, and which answer belongs to which message."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import schemas
from hypothesis import given
from hypothesis import strategies as st
from test_wire import AWARE, REQUESTS, RESPONSES, TEXT

from eightbyeight_async import (
    BatchSmsRequest,
    BatchSmsResponse,
    InvalidRequestError,
    SmsRequest,
    SmsResponse,
    SmsStatus,
    SmsTemplate,
    wire,
)
from eightbyeight_async.calls.answer import read_answer
from eightbyeight_async.calls.sms_batch import send_batch
from eightbyeight_async.models.sms_batch import paired

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ONE = SmsRequest(destination="+6598765432", text="Hello", client_message_id="1001")
TEMPLATE = SmsTemplate(source="ACME", text="Message to the world", encoding="AUTO")

# Transcribed from the OpenAPI file of the SMS API, schema BatchSmsResponse.
SAMPLE = {
    "batchId": "f1ea5276-a824-e711-8146-022a22cc1c71",
    "clientBatchId": "SmsApi-Demo1",
    "acceptedCount": 3,
    "rejectedCount": 1,
    "messages": [
        {
            "umid": "f2ea5276-a824-e711-8146-022a22cc1c71",
            "clientMessageId": "SmsApi-Demo1/6500000001",
            "destination": "6500000001",
            "encoding": "GSM7",
            "status": {"code": "QUEUED", "description": "SMS is accepted and queued for processing"},
        }
    ],
}


def test_a_batch_of_messages_on_the_wire() -> None:
    request = BatchSmsRequest(
        messages=[ONE, SmsRequest(destination="2025550308", country="US")],
        template=TEMPLATE,
        client_batch_id="SmsApi demo",
        include_messages_in_response=False,
        client_ip="203.0.113.9",
    )
    call = send_batch("acme_hq", request, lambda: NOW)
    assert (call.method, call.path) == ("POST", "/api/v1/subaccounts/acme_hq/messages/batch")
    assert schemas.check(call.body, "sms", "BatchSmsRequest") == {
        "messages": [
            {"destination": "+6598765432", "text": "Hello", "clientMessageId": "1001"},
            {"destination": "2025550308", "country": "US"},
        ],
        "template": {"source": "ACME", "text": "Message to the world", "encoding": "AUTO"},
        "clientBatchId": "SmsApi demo",
        "includeMessagesInResponse": False,
        "clientIp": "203.0.113.9",
    }


def test_a_batch_of_destinations_on_the_wire() -> None:
    request = BatchSmsRequest(destinations=["+6598765432", "6598765433"], template=TEMPLATE)
    assert schemas.check(send_batch("acme_hq", request, lambda: NOW).body, "sms", "BatchSmsRequest") == {
        "destinations": ["+6598765432", "6598765433"],
        "template": {"source": "ACME", "text": "Message to the world", "encoding": "AUTO"},
    }


@pytest.mark.parametrize(
    ("field", "options"),
    [
        ("messages", {}),
        ("messages", {"messages": []}),
        ("messages", {"messages": "text"}),
        ("messages", {"messages": 5}),
        ("messages", {"messages": [ONE] * 10_001}),
        ("messages[1]", {"messages": [ONE, "x"]}),
        ("messages[1].text", {"messages": [ONE, SmsRequest(destination="6598765432")]}),
        ("messages[0].text", {"messages": [SmsRequest(destination="6598765432")], "template": SmsTemplate(source="A")}),
        ("destinations", {"messages": [ONE], "destinations": ["6598765432"], "template": TEMPLATE}),
        ("destinations", {"destinations": [], "template": TEMPLATE}),
        ("destinations", {"destinations": ["6598765432"] * 10_001, "template": TEMPLATE}),
        ("destinations", {"destinations": "6598765432", "template": TEMPLATE}),
        ("destinations[1]", {"destinations": ["6598765432", "x"], "template": TEMPLATE}),
        ("destinations[0]", {"destinations": [6598765432], "template": TEMPLATE}),
        ("template.text", {"destinations": ["6598765432"]}),
        ("template.text", {"destinations": ["6598765432"], "template": SmsTemplate(source="ACME")}),
        ("template", {"messages": [ONE], "template": {"text": "x"}}),
        ("client_batch_id", {"messages": [ONE], "client_batch_id": "x" * 21}),
        ("include_messages_in_response", {"messages": [ONE], "include_messages_in_response": "yes"}),
        ("client_ip", {"messages": [ONE], "client_ip": "nowhere"}),
    ],
)
def test_a_batch_outside_the_rules_is_refused_by_place(field: str, options: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        BatchSmsRequest(**options)
    assert caught.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [("text", ""), ("source", "x" * 17), ("encoding", "utf8"), ("scheduled", "now"), ("dlr_callback_url", "x")],
)
def test_a_template_keeps_the_rules_of_a_message(field: str, value: Any) -> None:
    with pytest.raises(InvalidRequestError, match=f"^{field}: "):
        SmsTemplate(**{field: value})


def test_ten_thousand_are_a_batch() -> None:
    request = BatchSmsRequest(messages=(ONE for _ in range(10_000)), client_batch_id="x" * 20)  # type: ignore[arg-type]
    assert request.messages is not None
    assert len(request.messages) == 10_000
    assert repr(request).startswith("BatchSmsRequest(messages=<10000>, ")


def test_schedules_of_a_batch_are_at_most_seven_days_ahead() -> None:
    late = NOW + timedelta(days=8)
    one = SmsRequest(destination="6598765432", text="x", scheduled=late)
    for field, request in (
        ("messages[1].scheduled", BatchSmsRequest(messages=[ONE, one])),
        ("template.scheduled", BatchSmsRequest(messages=[ONE], template=SmsTemplate(scheduled=late))),
    ):
        with pytest.raises(InvalidRequestError) as caught:
            send_batch("acme_hq", request, lambda: NOW)
        assert caught.value.field == field


def test_the_sample_answer_is_read() -> None:
    call = send_batch("acme_hq", BatchSmsRequest(messages=[ONE]), lambda: NOW)
    answer = read_answer(call, 200, {}, json.dumps(SAMPLE).encode())
    assert (answer.batch_id, answer.client_batch_id) == ("f1ea5276-a824-e711-8146-022a22cc1c71", "SmsApi-Demo1")
    assert (answer.accepted_count, answer.rejected_count) == (3, 1)
    assert answer.messages is not None
    assert answer.messages[0].umid == "f2ea5276-a824-e711-8146-022a22cc1c71"


def test_an_unreadable_batch_answer_names_the_place() -> None:
    for messages, problem in (
        ("x", "messages must be an array, not a string"),
        ({}, "messages must be an array, not an object"),
        ([{"umid": "1", "status": {"code": "QUEUED"}}, {"umid": "2"}], "messages[1].status is missing"),
    ):
        with pytest.raises(wire.UnreadableError) as caught:
            wire.structure({**SAMPLE, "messages": messages}, BatchSmsResponse)
        assert str(caught.value) == problem


def numbered(number: int, *, reference: bool = True, **more: Any) -> SmsRequest:
    reference_id = f"id-{number}" if reference else None
    return SmsRequest(destination=f"+65987650{number:02}", text="x", client_message_id=reference_id, **more)


def answered(number: int, code: str = "QUEUED", *, reference: bool = True) -> SmsResponse:
    return SmsResponse(
        umid=f"u{number}",
        status=SmsStatus(code=code),
        destination=f"65987650{number:02}",
        client_message_id=f"id-{number}" if reference else None,
    )


def pair(requests: list[SmsRequest], answers: list[SmsResponse] | None) -> BatchSmsResponse:
    messages = None if answers is None else tuple(answers)
    response = BatchSmsResponse(batch_id="b", accepted_count=0, rejected_count=1, messages=messages)
    return paired(BatchSmsRequest(messages=requests), response)


@given(st.permutations(range(8)), st.booleans())
def test_answers_in_any_order_find_their_messages(order: list[int], reference: bool) -> None:
    requests = [numbered(n, reference=reference) for n in range(8)]
    found = pair(requests, [answered(n, reference=reference) for n in order])
    assert [(r.index, r.request, r.response and r.response.umid) for r in found.results] == [
        (n, requests[n], f"u{n}") for n in range(8)
    ]


def test_a_missing_answer_shifts_no_other() -> None:
    found = pair([numbered(n) for n in range(4)], [answered(0), answered(1), answered(3)])
    assert [r.response and r.response.umid for r in found.results] == ["u0", "u1", None, "u3"]
    assert [r.ok for r in found.results] == [True, True, False, True]


def test_a_doubtful_answer_is_paired_with_none() -> None:
    """Two messages to one number without references, one answer: nobody can say whose it is."""
    twins = [numbered(1, reference=False), numbered(1, reference=False)]
    assert [r.response for r in pair(twins, [answered(1, reference=False)]).results] == [None, None]


def test_twins_in_order_are_paired_by_place() -> None:
    twins = [numbered(1, reference=False), numbered(1, reference=False)]
    answers = [answered(1, reference=False), answered(1, "REJECTED", reference=False)]
    assert [r.ok for r in pair(twins, answers).results] == [True, False]


def test_a_number_in_national_format_is_known_by_its_end() -> None:
    national = SmsRequest(destination="98765001", country="SG", text="x")
    assert pair([national], [answered(1, reference=False)]).results[0].ok


def test_the_rejected_ones_with_their_requests() -> None:
    found = pair([numbered(0), numbered(1)], [answered(0), answered(1, "REJECTED")])
    assert [(r.index, r.request.client_message_id) for r in found.rejected] == [(1, "id-1")]
    assert pair([numbered(0)], None).rejected == ()


def test_destinations_are_paired_with_the_message_the_template_makes() -> None:
    request = BatchSmsRequest(destinations=["+6598765000", "+6598765001"], template=TEMPLATE)
    response = BatchSmsResponse(
        batch_id="b",
        accepted_count=2,
        rejected_count=0,
        messages=(answered(0, reference=False), answered(1, reference=False)),
    )
    assert [r.request.text for r in paired(request, response).results] == ["Message to the world"] * 2


TEMPLATES = st.builds(
    SmsTemplate,
    text=TEXT,
    source=st.none() | TEXT.filter(lambda text: len(text) <= 16),
    scheduled=st.none() | AWARE,
    expiry=st.none() | AWARE,
)
BATCHES = st.builds(
    BatchSmsRequest,
    messages=st.lists(REQUESTS, min_size=1, max_size=4),
    template=TEMPLATES,
    client_batch_id=st.none() | TEXT.filter(lambda text: len(text) <= 20),
    include_messages_in_response=st.none() | st.booleans(),
)
ANSWERS = st.builds(
    BatchSmsResponse,
    batch_id=st.uuids().map(str),
    accepted_count=st.integers(0, 10_000),
    rejected_count=st.integers(0, 10_000),
    client_batch_id=st.none() | TEXT,
    messages=st.none() | st.lists(RESPONSES, max_size=3).map(tuple),
)


@given(TEMPLATES | BATCHES | ANSWERS)
def test_every_model_survives_the_round_trip(model: Any) -> None:
    body = wire.dump(model)
    assert wire.structure(json.loads(body), type(model)) == model
    assert None not in json.loads(body).values()


@given(BATCHES)
def test_every_batch_keeps_the_schema(batch: BatchSmsRequest) -> None:
    schemas.check(wire.dump(batch), "sms", "BatchSmsRequest")


@given(REQUESTS)
def test_every_message_keeps_the_schema(request: SmsRequest) -> None:
    if request.text is not None:
        schemas.check(wire.dump(request), "sms", "SmsRequest")
