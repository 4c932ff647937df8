"""The SMS host answers as in 8x8's documents: shapes from the OpenAPI examples, one code for each rule."""

import json
import re
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest


def in_time(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


# Transcribed from the OpenAPI example of SmsRequest.
SAMPLE = {"source": "AwesomeName", "destination": "6500000000", "text": "Hello world!", "clientMessageId": "1234"}


def test_the_documents_sample_is_queued(api: Any) -> None:
    answer = api.post("/messages", SAMPLE)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    body = answer.json()
    UUID(body.pop("umid"))
    assert body.pop("status")["code"] == "QUEUED"
    assert body == {"destination": "6500000000", "encoding": "GSM7", "clientMessageId": "1234"}


def test_every_field_at_its_limit_is_taken_and_kept(api: Any) -> None:
    expiry, scheduled = in_time(days=8), in_time(days=6.999)
    fields = {
        "destination": "+12025550275",
        "country": "US",
        "source": "S" * 16,
        "clientMessageId": "c" * 350,
        "text": "t" * 5000,
        "encoding": "UCS2",
        "scheduled": scheduled,
        "expiry": expiry,
        "dlrCallbackUrl": "https://example.com/dlr?x=1",
        "clientIp": "2001:db8::1",
        "track": "None",
    }
    answer = api.post("/messages", fields)
    assert (answer.status_code, answer.json()["encoding"]) == (200, "UCS2")
    [message] = api.sandbox.messages
    assert message.umid == answer.json()["umid"]
    assert (message.product, message.subaccount_id, message.state) == ("sms", "sandbox-account", "scheduled")
    assert (message.destination, message.source, message.text) == ("+12025550275", "S" * 16, "t" * 5000)
    assert message.scheduled == datetime.fromisoformat(scheduled)
    assert message.expiry == datetime.fromisoformat(expiry)
    assert (message.track, message.dlr_callback_url) == ("None", "https://example.com/dlr?x=1")
    assert message.body == fields
    assert api.sandbox.violations == []


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("destination", None, 1002),
        ("destination", "", 1002),
        ("destination", "+0123456789", 1002),
        ("destination", "+123456", 1002),
        ("destination", "+1234567890123456", 1002),
        ("destination", "+6598765432\n", 1002),
        ("destination", "+65 98765432", 1002),
        ("destination", "+\uff16598765432", 1002),
        ("destination", 6598765432, 1000),
        ("encoding", "gsm7", 1003),
        ("encoding", "UTF8", 1003),
        ("text", None, 1004),
        ("text", "", 1004),
        ("text", ["Hello"], 1000),
        ("source", "S" * 17, 1005),
        ("expiry", "2016-11-07T19:20:30+08:00", 1006),
        ("expiry", "tomorrow", 1006),
        ("expiry", "2099-01-01T00:00:00", 1006),
        ("clientMessageId", "c" * 351, 1008),
        ("country", "SGP", 1009),
        ("country", "6", 1009),
        ("scheduled", "2016-11-07T19:20:30+08:00", 1011),
        ("scheduled", "2099-02-30T00:00:00Z", 1011),
        ("scheduled", lambda: in_time(hours=1).removesuffix("+00:00"), 1011),
        ("scheduled", lambda: in_time(days=8), 1011),
        ("scheduled", lambda: in_time(minutes=-2), 1011),
        ("clientIp", "999.1.1.1", 1012),
        ("track", "outcome", 1000),
        ("track", True, 1000),
        ("dlrCallbackUrl", "not a url", 1000),
        ("dlrCallbackUrl", "ftp://example.com", 1000),
    ],
)
def test_a_broken_rule_is_refused_with_its_code_and_nothing_is_kept(
    api: Any, field: str, value: Any, code: int
) -> None:
    """The test computes values that depend on the time, so that its name is the same in every run."""
    answer = api.send(**{field: value() if callable(value) else value})
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert api.sandbox.messages == []


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"null", b"\xff", b'{"text": NaN}', b"[" * 100_000])
def test_what_is_no_json_object_is_1000(api: Any, body: bytes) -> None:
    answer = api.post("/messages", None, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (400, 1000)


def test_another_content_type_is_refused_and_noted(api: Any) -> None:
    answer = api.post("/messages", None, content=json.dumps(SAMPLE), headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (400, 1000)
    assert [str(v) for v in api.sandbox.violations] == ["sms send: header Content-Type is not application/json"]


@pytest.mark.parametrize(
    ("text", "asked", "settled"),
    [
        ("Hello {world} €", None, "GSM7"),
        ("Hello", "AUTO", "GSM7"),
        ("เป็นอย่างไร", "AUTO", "UCS2"),
        ("😀", None, "UCS2"),
        ("Hello", "UCS2", "UCS2"),
        ("`", None, "UCS2"),
    ],
)
def test_auto_settles_on_the_encoding_the_text_needs(api: Any, text: str, asked: str | None, settled: str) -> None:
    answer = api.send(text=text, **({} if asked is None else {"encoding": asked}))
    assert answer.json()["encoding"] == settled


def test_the_error_body_is_complete_and_its_timestamps_vary(api: Any) -> None:
    """Timestamps have 2 to 7 digits after the point, and "Z" or an offset. Every documented form occurs."""
    digits, zones, ids = set(), set(), set()
    for _ in range(12):
        body = api.send(text="").json()
        assert set(body) == {"code", "message", "errorId", "timestamp"}
        ids.add(UUID(body["errorId"]))
        moment = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.(\d{2,7})(Z|[+-]\d\d:\d\d)", body["timestamp"])
        assert moment is not None
        digits.add(len(moment[2]))
        zones.add(moment[3])
        when = datetime.fromisoformat(moment[1] + moment[3].replace("Z", "+00:00"))
        assert abs((when - datetime.now(UTC)).total_seconds()) < 60
    assert digits == {2, 3, 4, 5, 6, 7}
    assert "Z" in zones
    assert len(zones) > 1
    assert len(ids) == 12


@pytest.mark.parametrize("value", ["", "Bearer", "Bearer wrong", "Basic abc", "bearer  double", "Bearer schlüssel"])
def test_a_wrong_key_is_401_with_1200(api: Any, value: str) -> None:
    answer = api.post("/messages", SAMPLE, headers={"Authorization": value.encode()})
    assert (answer.status_code, answer.json()["code"]) == (401, 1200)


@pytest.mark.parametrize("subaccount", ["another-account", "ab", "x" * 51, "bad%20name", "sandbox-account%0A"])
def test_a_wrong_subaccount_is_1001(api: Any, subaccount: str) -> None:
    answer = api.call("POST", f"/api/v1/subaccounts/{subaccount}/messages", json=SAMPLE)
    assert (answer.status_code, answer.json()["code"]) == (400, 1001)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/", 404, 1300),
        ("POST", "/api/v2/subaccounts/sandbox-account/messages", 404, 1300),
        ("POST", "/api/v1/subaccounts/sandbox-account/messages/", 404, 1300),
        ("POST", "/api/v1/subaccounts//messages", 404, 1300),
        ("POST", "/api/v1/subaccounts/sandbox-account/message", 404, 1300),
        ("PUT", "/api/v1/subaccounts/sandbox-account/messages", 405, 1300),
        ("GET", "/api/v1/subaccounts/sandbox-account/messages/batch", 405, 1300),
        ("POST", "/api/v1/subaccounts/sandbox-account/messages/batch/x", 405, 1300),
    ],
)
def test_unknown_paths_and_methods(api: Any, method: str, path: str, status: int, code: int) -> None:
    answer = api.call(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ("allow" in answer.headers) == (status == 405)


def test_rejected_is_a_200_and_not_among_the_messages() -> None:
    import httpx

    from eightbyeight_async.sandbox import Sandbox

    with Sandbox(rejected_destinations=["+6591110001"]) as sandbox:
        url = f"{sandbox.sms_base_url}/api/v1/subaccounts/sandbox-account/messages"
        with httpx.Client(verify=sandbox.ssl_context()) as http:
            for number in ("6591110001", "+999123456"):
                answer = http.post(
                    url,
                    json={"destination": number, "text": "x"},
                    headers={"Authorization": f"Bearer {sandbox.api_key}"},
                )
                assert (answer.status_code, answer.json()["status"]["code"]) == (200, "REJECTED")
        assert sandbox.messages == []
        assert [m.state for m in sandbox.rejected] == ["rejected", "rejected"]


# Batches

# Transcribed from the OpenAPI example of BatchSmsRequest.
BATCH = {
    "clientBatchId": "SmsApi demo",
    "messages": [
        {"destination": "12025550288", "text": "SMS text", "clientMessageId": "1001"},
        {"destination": "+12025550308", "text": "SMS text", "clientMessageId": "1002"},
        {
            "destination": "2025550308",
            "country": "US",
            "clientMessageId": "1003",
            "source": "VIP",
            "text": "Custom message to this unique person! เป็นอย่างไรบ้าง?",
        },
    ],
    "template": {"source": "AwesomeName", "text": "Message to the world", "encoding": "AUTO"},
    "includeMessagesInResponse": False,
}


def test_the_documents_batch_is_accepted_without_its_messages(api: Any) -> None:
    answer = api.post("/messages/batch", BATCH)
    assert answer.status_code == 200
    body = answer.json()
    batch_id = body.pop("batchId")
    UUID(batch_id)
    assert body == {"clientBatchId": "SmsApi demo", "acceptedCount": 3, "rejectedCount": 0}
    messages = api.sandbox.messages
    assert [m.source for m in messages] == ["AwesomeName", "AwesomeName", "VIP"]
    assert [m.encoding for m in messages] == ["GSM7", "GSM7", "UCS2"]
    assert {(m.batch_id, m.client_batch_id) for m in messages} == {(batch_id, "SmsApi demo")}
    assert api.sandbox.violations == []


def test_a_bad_message_in_a_batch_is_rejected_alone(api: Any) -> None:
    batch = {
        "messages": [
            {"destination": "+6598760001", "text": "a"},
            {"destination": "+0", "text": "a", "clientMessageId": "bad"},
            {"destination": "+6598760002"},
            {"destination": "+6598760003", "text": "a", "source": "S" * 17},
            {"destination": "+999123456", "text": "a"},
        ],
        "includeMessagesInResponse": True,
    }
    body = api.post("/messages/batch", batch).json()
    assert (body["acceptedCount"], body["rejectedCount"]) == (1, 4)
    assert [m["status"]["code"] for m in body["messages"]] == ["QUEUED"] + ["REJECTED"] * 4
    assert all(m["status"]["description"] for m in body["messages"])
    assert body["messages"][1]["clientMessageId"] == "bad"
    assert "clientBatchId" not in body
    assert len(api.sandbox.messages) == 1
    assert len(api.sandbox.rejected) == 4


def test_destinations_take_the_template_and_messages_go_before_them(api: Any) -> None:
    template = {"text": "to all", "source": "ACME"}
    body = api.post("/messages/batch", {"destinations": ["+6598760001", "bad"], "template": template}).json()
    assert (body["acceptedCount"], body["rejectedCount"]) == (1, 1)
    assert [(m.text, m.source) for m in api.sandbox.messages] == [("to all", "ACME")]
    both = {"destinations": ["+6598760001"], "messages": [{"destination": "+6598760009"}], "template": template}
    assert api.post("/messages/batch", both).json()["acceptedCount"] == 1
    assert api.sandbox.messages[-1].destination == "+6598760009"


ONE = [{"destination": "+6598760001", "text": "a"}]


@pytest.mark.parametrize(
    ("batch", "code"),
    [
        ({}, 1000),
        ({"messages": {}}, 1000),
        ({"messages": ["+6598760001"]}, 1000),
        ({"messages": [{"destination": 1, "text": "a"}]}, 1000),
        ({"messages": []}, 1010),
        ({"destinations": []}, 1010),
        ({"destinations": [1], "template": {"text": "a"}}, 1000),
        ({"destinations": ["+6598760001"]}, 1007),
        ({"messages": ONE, "template": []}, 1007),
        ({"messages": ONE, "template": {"encoding": "X"}}, 1003),
        ({"messages": ONE, "template": {"source": "S" * 17}}, 1005),
        ({"messages": ONE, "template": {"scheduled": "2016-11-07T19:20:30+08:00"}}, 1011),
        ({"messages": ONE, "clientBatchId": "b" * 21}, 1008),
        ({"messages": ONE, "clientIp": "x"}, 1012),
        ({"messages": ONE, "includeMessagesInResponse": "yes"}, 1000),
        ({"messages": ONE * 10_001}, 1100),
        ({"destinations": ["+6598760001"] * 10_001, "template": {"text": "a"}}, 1100),
    ],
)
def test_a_bad_batch_is_refused_whole(api: Any, batch: dict[str, Any], code: int) -> None:
    answer = api.post("/messages/batch", batch)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert api.sandbox.messages == api.sandbox.rejected == []


@pytest.fixture
def steps() -> Iterator[list[int]]:
    """Counts the calls of Python and C functions in the threads that start in the test. The count is the same on any
    machine.
    """
    counted = [0]

    def step(_frame: object, event: str, _argument: object) -> None:
        counted[0] += event in ("call", "c_call")

    threading.setprofile(step)
    yield counted
    threading.setprofile(None)


def test_ten_thousand_messages_are_one_quick_request(steps: list[int], api: Any) -> None:
    """A message takes no more calls in a batch of 10,000 (about 35) than in a batch of 1,000."""
    taken = {}
    for count in (1_000, 10_000):
        api.sandbox.reset()
        messages = [
            {"destination": f"+65987{n:05}", "text": f"Hello {n}", "clientMessageId": str(n)} for n in range(count)
        ]
        before = steps[0]
        body = api.post("/messages/batch", {"messages": messages, "includeMessagesInResponse": True}).json()
        taken[count] = steps[0] - before
        assert body["acceptedCount"] == count
        assert [m["clientMessageId"] for m in body["messages"]] == [str(n) for n in range(count)]
        assert len({m.umid for m in api.sandbox.messages}) == count
        assert api.sandbox.traffic.requests == 1
    assert 10_000 < taken[10_000] < 11 * taken[1_000]
