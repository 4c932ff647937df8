"""A cancel counts the messages that are still scheduled, by a clock that tests can move. Unknown ids have answers of
their own.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

UNKNOWN = "7a4bbd96-19f0-4b6a-a7a4-cf0b0a5a7a3e"  # no message has this umid: the sandbox's umids are random


def at(**ahead: float) -> str:
    return (datetime.now(UTC) + timedelta(**ahead)).isoformat()


@pytest.fixture(params=["sms", "chatapps"])
def product(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def send(api: Any, product: str, **fields: Any) -> str:
    answer = api.send(**fields) if product == "sms" else api.chat(**fields)
    assert answer.status_code == 200
    return str(answer.json()["umid"])


def send_batch(api: Any, product: str, times: list[str | None]) -> str:
    plain: dict[str, Any] = (
        {"destination": "+6598765432", "text": "a"}
        if product == "sms"
        else {"user": {"msisdn": "+6598765432"}, "type": "text", "content": {"text": "a"}}
    )
    messages = [plain if time is None else plain | {"scheduled": time} for time in times]
    answer = api.post("/messages/batch", {"messages": messages}, product=product)
    assert answer.json()["acceptedCount"] == len(times)
    return str(answer.json()["batchId"])


def test_a_scheduled_message_is_cancelled_once(api: Any, product: str) -> None:
    umid = send(api, product, scheduled=at(hours=1))
    assert [m.state for m in api.sandbox.messages] == ["scheduled"]
    first, second = (api.delete(f"/messages/{umid}", product=product) for _ in range(2))
    assert (first.status_code, first.json()) == (200, {"cancelledCount": 1})
    assert (second.status_code, second.json()) == (200, {"cancelledCount": 0})
    assert [m.state for m in api.sandbox.messages] == ["cancelled"]
    api.sandbox.clock.advance(7200)
    assert [m.state for m in api.sandbox.messages] == ["cancelled"]


def test_what_has_gone_out_counts_zero(api: Any, product: str) -> None:
    at_once = send(api, product)
    just_now = send(api, product, scheduled=at(seconds=-30))
    due = send(api, product, scheduled=at(hours=1))
    api.sandbox.clock.advance(timedelta(hours=1, seconds=1))
    for umid in (at_once, just_now, due):
        assert api.delete(f"/messages/{umid}", product=product).json() == {"cancelledCount": 0}
    assert [m.state for m in api.sandbox.messages] == ["queued", "queued", "sent"]


def test_a_batch_counts_those_still_scheduled(api: Any, product: str) -> None:
    batch_id = send_batch(api, product, [at(hours=1), at(hours=3), at(hours=3), None])
    api.sandbox.clock.advance(7200)
    umid = api.sandbox.messages[1].umid
    assert api.delete(f"/messages/{umid}", product=product).json() == {"cancelledCount": 1}
    assert api.delete(f"/messages/batch/{batch_id}", product=product).json() == {"cancelledCount": 1}
    assert api.delete(f"/messages/batch/{batch_id}", product=product).json() == {"cancelledCount": 0}
    assert [m.state for m in api.sandbox.messages] == ["sent", "cancelled", "cancelled", "queued"]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        (f"/messages/{UNKNOWN}", 404, 1300),
        ("/messages/not-a-uuid", 400, 1000),
        ("/messages/batch", 400, 1000),
        (f"/messages/%7B{UNKNOWN}%7D", 400, 1000),
        (f"/messages/{UNKNOWN}%0A", 400, 1000),
        (f"/messages/..%2F{UNKNOWN}", 400, 1000),
        (f"/messages/batch/{UNKNOWN}", 400, 1008),
        ("/messages/batch/x", 400, 1008),
    ],
)
def test_unknown_and_malformed_ids(api: Any, product: str, path: str, status: int, code: int) -> None:
    answer = api.delete(path, product=product)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_id_belongs_to_its_host_and_kind(api: Any, product: str) -> None:
    umid = send(api, product, scheduled=at(hours=1))
    batch_id = send_batch(api, product, [at(hours=1)])
    other = {"sms": "chatapps", "chatapps": "sms"}[product]
    assert api.delete(f"/messages/{umid}", product=other).status_code == 404
    assert api.delete(f"/messages/batch/{batch_id}", product=other).json()["code"] == 1008
    assert api.delete(f"/messages/{batch_id}", product=product).status_code == 404
    assert api.delete(f"/messages/batch/{umid}", product=product).json()["code"] == 1008
    assert api.delete(f"/messages/{umid.upper()}", product=product).json() == {"cancelledCount": 1}


def test_the_seven_days_are_counted_on_the_sandboxs_clock(api: Any) -> None:
    api.sandbox.clock.advance(timedelta(days=30))
    assert api.send(scheduled=at(days=1)).json()["code"] == 1011
    assert api.send(scheduled=at(days=36)).status_code == 200
    with pytest.raises(ValueError, match="forward"):
        api.sandbox.clock.advance(-1)
