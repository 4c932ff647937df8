"""Batches of SMS: the rules of the request, and the pairing of answers with messages."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest
import schemas
from hypothesis import given
from hypothesis import strategies as st
from test_every_operation import SMS_TEMPLATE

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
from eightbyeight_async.calls.read_response import read_response
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


def test_the_sample_answer_is_read() -> None:
    call = send_batch("acme_hq", BatchSmsRequest(messages=[ONE]), lambda: NOW)
    answer = read_response(call, 200, {}, json.dumps(SAMPLE).encode())
    assert (answer.batch_id, answer.client_batch_id) == ("f1ea5276-a824-e711-8146-022a22cc1c71", "SmsApi-Demo1")
    assert (answer.accepted_count, answer.rejected_count) == (3, 1)
    assert answer.messages is not None
    assert answer.messages[0].umid == "f2ea5276-a824-e711-8146-022a22cc1c71"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"batchId": ...}, "batchId is missing"),
        ({"batchId": None}, "batchId must be a string, not null"),
        ({"batchId": 7}, "batchId must be a string, not a number"),
        ({"acceptedCount": ...}, "acceptedCount is missing"),
        ({"acceptedCount": "3"}, "acceptedCount must be an integer, not a string"),
        ({"rejectedCount": 1.5}, "rejectedCount must be an integer, not a number"),
        ({"batchId": 7, "messages": "x"}, "batchId must be a string, not a number"),
    ],
)
def test_a_batch_answer_without_id_or_counts_names_the_place(change: dict[str, Any], problem: str) -> None:
    answer = {name: value for name, value in {**SAMPLE, **change}.items() if value is not ...}
    with pytest.raises(wire.UnreadableError) as caught:
        wire.structure(answer, BatchSmsResponse)
    assert str(caught.value) == problem


UNREADABLE = [
    {"umid": "u1"},
    {"umid": 1, "status": {"code": "QUEUED"}},
    {"status": {"code": "QUEUED"}, "clientMessageId": "id-1"},
    {"umid": "u1", "status": {"code": None}},
    {"umid": "u1", "status": "QUEUED"},
    "u1",
    None,
    [],
]


@pytest.mark.parametrize("item", UNREADABLE)
def test_one_unreadable_item_loses_neither_the_batch_id_nor_the_others(item: object) -> None:
    """Without its id, an accepted batch could not be cancelled."""
    asked = BatchSmsRequest(messages=[numbered(n) for n in range(4)], include_messages_in_response=True)
    items = [wire.unstructure(answered(n, "REJECTED" if n == 3 else "QUEUED")) for n in range(4)]
    items[1] = item
    body = json.dumps({"batchId": "b", "acceptedCount": 3, "rejectedCount": 1, "messages": items}).encode()
    found = paired(asked, read_response(send_batch("acme_hq", asked, lambda: NOW), 200, {}, body))
    assert (found.batch_id, found.accepted_count, found.rejected_count) == ("b", 3, 1)
    assert found.messages is not None
    assert [one.umid for one in found.messages] == ["u0", "u2", "u3"]
    assert [result.request for result in found.results] == list(asked.messages or ())
    assert [result.response and result.response.umid for result in found.results] == ["u0", None, "u2", "u3"]
    assert [result.index for result in found.rejected] == [3]


@pytest.mark.parametrize("messages", ["x", {}, 5, True, None])
def test_items_that_are_no_array_are_as_if_not_there(messages: object) -> None:
    found = wire.structure({**SAMPLE, "messages": messages}, BatchSmsResponse)
    assert (found.batch_id, found.accepted_count, found.messages) == (SAMPLE["batchId"], 3, None)


def test_items_none_of_which_can_be_read_are_an_empty_answer() -> None:
    found = wire.structure({**SAMPLE, "messages": UNREADABLE}, BatchSmsResponse)
    assert (found.batch_id, found.messages) == (SAMPLE["batchId"], ())
    assert [r.response for r in paired(BatchSmsRequest(messages=[numbered(0)]), found).results] == [None]


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
    """Two messages to one number without references get one answer. It could belong to either of them."""
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
    template = SMS_TEMPLATE  # the template has a value for every field
    request = BatchSmsRequest(destinations=["+6598765000", "+6598765001"], template=template)
    response = BatchSmsResponse(
        batch_id="b",
        accepted_count=2,
        rejected_count=0,
        messages=(answered(0, reference=False), answered(1, reference=False)),
    )
    made = [result.request for result in paired(request, response).results]
    assert [one.destination for one in made] == ["+6598765000", "+6598765001"]
    for name in [field.name for field in attrs.fields(SmsTemplate)]:
        assert getattr(template, name) is not None
        assert [getattr(one, name) for one in made] == [getattr(template, name)] * 2, name


def test_ten_thousand_destinations_are_paired() -> None:
    numbers = [str(6_590_000_000 + n) for n in range(10_000)]
    request = BatchSmsRequest(destinations=numbers, template=TEMPLATE)
    answers = tuple(
        SmsResponse(umid=f"u{n}", status=SmsStatus(code="QUEUED"), destination=number)
        for n, number in enumerate(numbers)
    )
    response = BatchSmsResponse(batch_id="b", accepted_count=10_000, rejected_count=0, messages=answers)
    results = paired(request, response).results
    assert all(result.ok and result.request.source == "ACME" for result in results)
    assert [result.request.destination for result in results] == numbers
