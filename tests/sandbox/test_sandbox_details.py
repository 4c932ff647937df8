"""Message details have the documented shape, follow the delivery, and have a rate limit if it is set."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from eightbyeight_async.sandbox import Delivery, Sandbox
from eightbyeight_async.sandbox.messages.part_count import count_parts

UNKNOWN = "7a4bbd96-19f0-4b6a-a7a4-cf0b0a5a7a3e"  # no message has this umid: the sandbox's umids are random


def test_sms_details_have_the_documented_shape(api: Any) -> None:
    umid = api.send(text="a" * 161, source="Seller", clientMessageId="some-client-identifier").json()["umid"]
    answer = api.get(f"/messages/{umid}")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json; charset=utf-8")
    body = answer.json()
    created, status = body.pop("createdAt"), body.pop("status")
    assert abs((datetime.fromisoformat(created) - datetime.now(UTC)).total_seconds()) < 60
    assert (status["state"], status["detail"]) == ("delivered", "delivered_to_recipient")
    assert set(status) == {"state", "detail", "timestamp"}
    assert body == {
        "umid": umid,
        "subAccountId": "sandbox-account",
        "direction": "outbound",
        "country": "SG",
        "msisdn": "+659876xxxx",
        "source": "Seller",
        "body": "**MASKED**",
        "encoding": "GSM7",
        "smsCount": 2,
        "price": {"total": 0.0024, "perSms": 0.0012, "currency": "EUR"},
        "clientMessageId": "some-client-identifier",
    }
    assert '"total":0.0024,' in answer.text  # a JSON number as in the documents, not 0.0023999…
    assert api.sandbox.violations == []


def test_details_of_a_batch_and_of_a_rejected_message(api: Any) -> None:
    batch = api.post(
        "/messages/batch",
        {
            "clientBatchId": "mine",
            "messages": [{"destination": "+999123456", "text": "a"}, {"destination": "2025550308", "country": "US"}],
            "template": {"text": "b"},
            "includeMessagesInResponse": True,
        },
    ).json()
    rejected, queued = (api.get(f"/messages/{m['umid']}").json() for m in batch["messages"])
    assert rejected["status"]["state"] == "failed"
    assert (rejected["status"]["errorCode"], bool(rejected["status"]["errorMessage"])) == (1002, True)
    assert "country" not in rejected
    assert (queued["msisdn"], queued["country"]) == ("+1202555xxxx", "US")
    assert {(d["batchId"], d["clientBatchId"]) for d in (rejected, queued)} == {(batch["batchId"], "mine")}


@pytest.mark.parametrize("product", ["sms", "chatapps"])
@pytest.mark.parametrize(
    ("umid", "status", "code"), [(UNKNOWN, 404, 1300), ("not-a-uuid", 400, 1000), (f"{UNKNOWN}%0A", 400, 1000)]
)
def test_unknown_and_malformed_umids(api: Any, product: str, umid: str, status: int, code: int) -> None:
    answer = api.get(f"/messages/{umid}", product=product)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.usefixtures("stopped_clock")
def test_the_state_follows_the_clock(api: Any) -> None:
    api.sandbox.deliveries.default = Delivery(sent_after=10, final_after=60)
    api.sandbox.deliveries.on_destination("6598760001", Delivery(outcome="undelivered", sent_after=5, final_after=20))
    api.sandbox.deliveries.on_destination("+6598760002", Delivery(outcome="unconfirmed"))
    in_an_hour = (api.sandbox.clock.now() + timedelta(hours=1)).isoformat()
    umids = [
        api.send(**fields).json()["umid"]
        for fields in (
            {},
            {"destination": "+6598760001"},
            {"destination": "6598760002"},
            {"scheduled": in_an_hour},
            {"scheduled": in_an_hour},
        )
    ]
    api.delete(f"/messages/{umids[4]}")

    def states() -> list[str]:
        return [api.get(f"/messages/{umid}").json()["status"]["state"] for umid in umids]

    assert states() == ["queued", "queued", "sent", "queued", "failed"]
    api.sandbox.clock.advance(11)
    assert states() == ["sent", "sent", "sent", "queued", "failed"]
    api.sandbox.clock.advance(50)
    assert states() == ["delivered", "undelivered", "sent", "queued", "failed"]
    api.sandbox.clock.advance(3600 - 61 + 11)
    assert states() == ["delivered", "undelivered", "sent", "sent", "failed"]
    api.sandbox.clock.advance(50)
    assert states() == ["delivered", "undelivered", "sent", "delivered", "failed"]
    undelivered, cancelled = (api.get(f"/messages/{umids[n]}").json()["status"] for n in (1, 4))
    assert undelivered["detail"] == "undelivered_to_recipient"
    assert isinstance(undelivered["errorCode"], int)
    assert cancelled["detail"] == "cancelled"
    assert [m.state for m in api.sandbox.messages] == ["queued", "queued", "queued", "sent", "cancelled"]


def test_times_are_utc_whatever_the_schedules_offset_was(api: Any) -> None:
    ahead = datetime.now(timezone(timedelta(hours=8))).replace(microsecond=0) + timedelta(hours=1)
    umid = api.send(scheduled=ahead.isoformat()).json()["umid"]
    api.sandbox.clock.advance(3601)
    shown = api.get(f"/messages/{umid}").json()["status"]["timestamp"]
    assert shown == f"{ahead.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.00Z"


def test_chatapps_details_are_a_list_with_a_step_for_every_channel_tried(api: Any) -> None:
    api.sandbox.deliveries.default = Delivery(read_after=30)
    api.sandbox.deliveries.on_destination("+6598760001", Delivery(outcome="undelivered"))
    channels = [{"channel": "Viber", "fallbackAfter": 60}, {"channel": "SMS"}]
    first = api.chat(channels=channels, clientMessageId="1").json()["umid"]
    second = api.chat(channels=channels, user={"msisdn": "+6598760001"}).json()["umid"]
    [entry] = api.get(f"/messages/{first}", product="chatapps").json()["data"]
    assert {"umid", "channelId", "createdAt", "country"} <= set(entry)
    assert (entry["step"], entry["channel"], entry["contentType"]) == (1, "Viber", "Text")
    assert (entry["user"], entry["content"]) == ({"msisdn": "+659876xxxx"}, "**MASKED**")
    assert (entry["status"]["state"], entry["clientMessageId"]) == ("delivered", "1")
    api.sandbox.clock.advance(31)
    [entry] = api.get(f"/messages/{first}", product="chatapps").json()["data"]
    assert entry["status"]["state"] == "read"
    tried = api.get(f"/messages/{second}", product="chatapps").json()["data"]
    assert [(e["step"], e["channel"], e["status"]["state"]) for e in tried] == [
        (1, "Viber", "undelivered"),
        (2, "SMS", "undelivered"),
    ]
    assert api.get(f"/messages/{first}").status_code == 404


def test_details_are_limited_where_asked(api: Any) -> None:
    umid = api.send().json()["umid"]
    assert [api.get(f"/messages/{umid}").status_code for _ in range(5)] == [200] * 5
    api.sandbox.details_limit = 1
    answers = [api.get(f"/messages/{umid}") for _ in range(3)]
    refused = [a for a in answers if a.status_code == 429]
    assert refused
    assert {(a.json()["code"], a.headers["retry-after"]) for a in refused} == {(429, "1")}
    assert api.send().status_code == 200
    with pytest.raises(ValueError, match="details_limit"):
        Sandbox(details_limit=0)


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", "GSM7", 1),
        ("a" * 160, "GSM7", 1),
        ("a" * 161, "GSM7", 2),
        ("a" * 306, "GSM7", 2),
        ("a" * 307, "GSM7", 3),
        ("€" * 80, "GSM7", 1),
        ("€" * 81, "GSM7", 2),
        ("a" * 152 + "€" + "a" * 152, "GSM7", 3),  # the escape sequence does not fit at the end of the first part
        ("[" * 81, "GSM7", 2),
        ("é" * 161, "GSM7", 2),
        ("ก" * 70, "UCS2", 1),
        ("ก" * 71, "UCS2", 2),
        ("😀" * 35, "UCS2", 1),
        ("😀" * 36, "UCS2", 2),
        ("😀" * 67, "UCS2", 3),  # 33 of them fit into a part, not 33.5
        ("a" * 100_000, "GSM7", 10),
    ],
)
def test_parts(text: str, encoding: str, parts: int) -> None:
    assert count_parts(text, encoding) == parts


def test_a_delivery_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="not in order"):
        Delivery(sent_after=2, final_after=1)
    with pytest.raises(ValueError, match="outcome"):
        Delivery(outcome="lost")  # type: ignore[arg-type]
