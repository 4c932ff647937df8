"""The ChatApps host has its own form of a status and its own codes (30xx)."""

import re
from typing import Any
from uuid import UUID

import pytest


def test_the_documents_answer_has_its_own_status_shape(api: Any) -> None:
    answer = api.chat(user={"msisdn": "+6512341234"}, clientMessageId="1234_id")
    body = answer.json()
    assert answer.status_code == 200
    UUID(body.pop("umid"))
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d\dZ", body["status"].pop("timestamp"))
    assert body == {"user": {"msisdn": "+6512341234"}, "clientMessageId": "1234_id", "status": {"state": "queued"}}
    [message] = api.sandbox.messages
    assert (message.product, message.destination, message.text) == ("chatapps", "+6512341234", "Hello")
    assert api.sandbox.violations == []


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"user": None}, 3001),
        ({"user": "+6512341234"}, 3001),
        ({"user": {}}, 3002),
        ({"user": {"msisdn": ""}}, 3002),
        ({"user": {"msisdn": 1}}, 1000),
        ({"user": {"msisdn": "+0"}}, 3003),
        ({"user": {"msisdn": "+6512341234", "country": "SGP"}}, 3018),
        ({"content": None}, 3004),
        ({"content": {}}, 3005),
        ({"content": {"text": ""}}, 3005),
        ({"content": {"text": "t" * 35_001}}, 3006),
        ({"type": "image", "content": {}}, 3007),
        ({"type": "image", "content": {"url": "nowhere"}}, 3008),
        ({"clientMessageId": "c" * 51}, 3009),
        ({"type": "smoke"}, 3010),
        ({"type": None}, 3010),
        ({"content": {"text": "a", "sms": {"source": "S" * 17}}}, 3011),
        ({"content": {"text": "a", "sms": {"encoding": "X"}}}, 1003),
        ({"content": {"text": "a", "fallbackText": "t" * 35_001}}, 3017),
        ({"dlrCallbackUrl": "nowhere"}, 3020),
        ({"type": "location", "content": {"location": {"latitude": 91, "longitude": 0}}}, 3021),
        ({"type": "location", "content": {}}, 3021),
        ({"channels": [{"channel": "Pigeon"}]}, 3022),
        ({"channels": [{"channel": "SMS", "fallbackAfter": 9}]}, 3023),
        ({"channels": [{"channel": "SMS", "successStatus": "read"}]}, 3024),
        ({"type": "template", "content": {}}, 3030),
        ({"type": "template", "content": {"template": {"name": "n"}}}, 3036),
        *[
            (
                {
                    "type": "template",
                    "content": {
                        "template": {"name": "n", "language": "en", "components": [{"parameters": [{"text": t}]}]}
                    },
                },
                3041,
            )
            for t in ("a\nb", "a\tb", "a     b")
        ],
        ({"type": "interactive", "content": {}}, 3004),
        ({"context": 5}, 1000),
        ({"context": {"umid": 5}}, 1000),
        ({"scheduled": "2016-11-07T19:20:30+08:00"}, 1011),
        ({"expiry": "2016-11-07T19:20:30+08:00"}, 1006),
    ],
)
def test_a_broken_rule_is_refused_with_its_code(api: Any, fields: dict[str, Any], code: int) -> None:
    answer = api.chat(**fields)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert api.sandbox.messages == []


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("text", {"text": "t" * 35_000, "fallbackText": "f", "sms": {"encoding": "AUTO", "source": "ACME"}}),
        ("file", {"url": "https://example.com/a.pdf"}),
        ("location", {"location": {"latitude": 1.3, "longitude": 103.8, "name": "n", "address": "a"}}),
        ("template", {"template": {"name": "n", "language": "en", "components": []}}),
        ("interactive", {"interactive": {"type": "button", "action": {"buttons": []}}}),
    ],
)
def test_every_kind_of_content_is_taken(api: Any, kind: str, content: dict[str, Any]) -> None:
    channels = [{"channel": "WhatsApp", "fallbackAfter": 10, "successStatus": "Delivered"}, {"channel": "SMS"}]
    assert api.chat(type=kind, content=content, channels=channels).status_code == 200
    assert api.sandbox.violations == []


def test_users_without_a_number(api: Any) -> None:
    assert api.chat(user={"lineUserId": "U123"}).status_code == 200
    assert api.chat(user={"channelUserId": "SG.abc123"}).status_code == 200
    assert [m.destination for m in api.sandbox.messages] == ["U123", "SG.abc123"]


def test_a_batch_takes_its_template_and_rejects_one_by_one(api: Any) -> None:
    batch = {
        "clientBatchId": "b" * 100,
        "template": {"type": "text", "content": {"text": "to all"}},
        "messages": [
            {"user": {"msisdn": "+6500000000"}, "clientMessageId": "aaa-1"},
            {"user": {"msisdn": "+0"}, "clientMessageId": "aaa-2"},
            {"user": {"msisdn": "+999123456"}},
        ],
        "includeMessagesInResponse": True,
    }
    body = api.post("/messages/batch", batch, product="chatapps").json()
    assert (body["clientBatchId"], body["acceptedCount"], body["rejectedCount"]) == ("b" * 100, 1, 2)
    states = [(m["status"]["state"], m["status"].get("errorCode")) for m in body["messages"]]
    assert states == [("queued", None), ("rejected", 3003), ("rejected", 3003)]
    assert [m.get("clientMessageId") for m in body["messages"]] == ["aaa-1", "aaa-2", None]
    assert [m.text for m in api.sandbox.messages] == ["to all"]
    assert api.sandbox.violations == []


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        ({}, 3012),
        ({"messages": []}, 3012),
        ({"messages": [{}] * 10_001}, 3013),
        ({"messages": [{}], "clientBatchId": "b" * 101}, 3014),
        ({"messages": "x"}, 1000),
    ],
)
def test_a_bad_batch_is_refused_whole(api: Any, batch: dict[str, Any], code: int) -> None:
    answer = api.post("/messages/batch", batch, product="chatapps")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
