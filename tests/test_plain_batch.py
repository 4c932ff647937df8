"""A campaign's batch without models: it makes the same request as with models, and reads the same outcome from every
response.
"""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eightbyeight_async import BatchSmsRequest, EightByEightError, InvalidRequestError, SmsRequest
from eightbyeight_async.bulk import State
from eightbyeight_async.bulk.judging.message_keys import with_reference
from eightbyeight_async.bulk.run.mode_batch import outcomes
from eightbyeight_async.calls.plain_batch import AllAccepted, send_plain_batch
from eightbyeight_async.calls.read_response import read_response
from eightbyeight_async.calls.sms_batch import send_batch
from eightbyeight_async.models.sms_batch import paired, paired_with

NOW = datetime(2026, 1, 2, tzinfo=UTC)
TIMES = st.sampled_from([None, None, *(NOW + timedelta(hours=hours) for hours in (-1, 1, 2, 24 * 8))])
TEXTS = st.sampled_from(["Hi", 'a "b" \\ c', "é\u2028\n\x00", "😀", "</x>"])
REFERENCES = ("k0", 'k"1', "ключ", "k\\3", "k4")
MESSAGES = st.lists(
    st.builds(
        SmsRequest,
        destination=st.sampled_from(["+6591110001", "6591110002"]),
        text=TEXTS,
        source=st.sampled_from([None, "ACME", "Ä B"]),
        country=st.sampled_from([None, "SG"]),
        encoding=st.sampled_from([None, "AUTO", "UCS2"]),
        client_message_id=st.sampled_from([None, " ", "own"]),
        scheduled=TIMES,
        expiry=TIMES,
        dlr_callback_url=st.sampled_from([None, "https://example.com/x?y=1"]),
        client_ip=st.sampled_from([None, "203.0.113.9"]),
        track=st.sampled_from([None, "Outcome"]),
    ),
    min_size=1,
    max_size=5,
)


def thoroughly(messages: list[SmsRequest]) -> BatchSmsRequest:
    named = [with_reference(one, reference) for one, reference in zip(messages, REFERENCES, strict=False)]
    return BatchSmsRequest(messages=named, include_messages_in_response=True)


def result(make: Any, *args: Any) -> Any:
    try:
        return make(*args)
    except EightByEightError as error:
        return type(error), str(error), error.sent, getattr(error, "field", None)


@given(MESSAGES)
def test_the_request_is_the_same(messages: list[SmsRequest]) -> None:
    plain = result(send_plain_batch, "acme_hq", messages, REFERENCES[: len(messages)], lambda: NOW)
    thorough = result(send_batch, "acme_hq", thoroughly(messages), lambda: NOW)
    if isinstance(thorough, tuple):
        assert plain == thorough
        return
    assert json.loads(plain.body) == json.loads(thorough.body)
    same = [field.name for field in attrs.fields(type(thorough)) if field.name not in {"body", "quick"}]
    assert [getattr(plain, name) for name in same] == [getattr(thorough, name) for name in same]


@attrs.frozen(kw_only=True)
class Derived(SmsRequest):
    campaign: str | None = None


@pytest.mark.parametrize(
    "message",
    [Derived(destination="+6591110001", text="Hi", campaign="x"), SmsRequest(destination="+6591110001")],
    ids=["a class of the application", "no text"],
)
def test_a_message_that_is_not_plain_takes_the_thorough_way(message: SmsRequest) -> None:
    plain = SmsRequest(destination="+6591110001", text="Hi")
    assert send_plain_batch("acme_hq", [plain, message], REFERENCES[:2], lambda: NOW) is None


ASKED = [
    SmsRequest(destination="+6591110001", text="Hi"),
    SmsRequest(destination="6591110002", text="Hi"),
    SmsRequest(destination="91110003", country="SG", text="Hi"),
]
GOOD = {
    "batchId": "f1ea5276",
    "clientBatchId": "mine",
    "acceptedCount": 3,
    "rejectedCount": 0,
    "messages": [
        {
            "umid": f"umid-{index}",
            "clientMessageId": reference,
            "destination": number,
            "encoding": "GSM7",
            "status": {"code": "QUEUED", "description": "SMS is accepted"},
        }
        for index, (reference, number) in enumerate(
            zip(REFERENCES, ("6591110001", "+6591110002", "6591110003"), strict=False)
        )
    ],
}
ODD: list[Any] = [None, True, 0, 3, 1.5, "", "QUEUED", "REJECTED", "GONE", "k0", "ключ", "6591110001", "+6591110002"]
ODD += ["91110003", "65911*****", [], {}, [None], [1, 2, 3], {"code": "QUEUED"}, "abc"]
PLACES: list[tuple[Any, ...]] = [(name,) for name in GOOD] + [("messages", index) for index in range(3)]
PLACES += [("messages", index, name) for index in range(3) for name in GOOD["messages"][0]]  # type: ignore[index]
PLACES += [("messages", index, "status", name) for index in range(3) for name in ("code", "description")]
CHANGES = st.lists(st.tuples(st.sampled_from(PLACES), st.sampled_from([*ODD, "drop", "swap"])), max_size=2)


def changed(changes: list[tuple[tuple[Any, ...], Any]]) -> Any:
    data = copy.deepcopy(GOOD)
    for place, value in changes:
        part: Any = data
        try:
            for name in place[:-1]:
                part = part[name]
            if value == "drop":
                del part[place[-1]]
            elif value == "swap" and len(place) == 2:
                part[place[-1]], part[0] = part[0], part[place[-1]]
            else:
                part[place[-1]] = copy.deepcopy(value)
        except (KeyError, IndexError, TypeError):
            pass  # another change removed this place
    return data


def judged(call: Any, body: bytes, pair: Any, items: Any = ("a", "b", "c")) -> Any:
    answer = result(read_response, call, 200, {}, body)
    if isinstance(answer, tuple) and not isinstance(answer, AllAccepted):
        return None, answer
    return type(answer), (answer.batch_id, outcomes(items, answer if isinstance(answer, AllAccepted) else pair(answer)))


@pytest.mark.long
def test_every_response_has_the_same_outcome() -> None:
    request = thoroughly(ASKED)
    thorough = send_batch("acme_hq", request, lambda: NOW)
    plain = send_plain_batch("acme_hq", ASKED, REFERENCES[:3], lambda: NOW)
    assert plain is not None
    assert request.messages is not None
    ways: dict[Any, int] = {}

    @settings(max_examples=1_500)
    @given(CHANGES)
    def compare(changes: list[tuple[tuple[Any, ...], Any]]) -> None:
        body = json.dumps(changed(changes)).encode()
        _, expected = judged(thorough, body, lambda answer: paired(request, answer))
        way, found = judged(plain, body, lambda answer: paired_with(request.messages or (), answer))
        assert found == expected
        ways[way] = ways.get(way, 0) + 1

    compare()
    assert len(ways) == 3, f"one of the ways was never taken: {ways}"


def test_a_plain_response_is_read_without_models() -> None:
    plain = send_plain_batch("acme_hq", ASKED, REFERENCES[:3], lambda: NOW)
    assert plain is not None
    answer = read_response(plain, 200, {}, json.dumps(GOOD).encode())
    assert answer == AllAccepted("f1ea5276", ["umid-0", "umid-1", "umid-2"])
    items: Any = ["a", "b", "c"]
    assert outcomes(items, answer) == [(item, State.SENT, f"umid-{index}") for index, item in enumerate(items)]


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"{}", b"3", b"{", b"\xff"])
def test_what_is_no_response_is_refused_as_ever(body: bytes) -> None:
    thorough = send_batch("acme_hq", thoroughly(ASKED), lambda: NOW)
    plain = send_plain_batch("acme_hq", ASKED, REFERENCES[:3], lambda: NOW)
    assert result(read_response, plain, 200, {}, body) == result(read_response, thorough, 200, {}, body)


def test_a_schedule_that_cannot_be_is_named() -> None:
    late = attrs.evolve(ASKED[0], scheduled=NOW + timedelta(days=8))
    with pytest.raises(InvalidRequestError) as caught:
        send_plain_batch("acme_hq", [ASKED[0], late], REFERENCES[:2], lambda: NOW)
    assert caught.value.field == "messages[1].scheduled"


def test_two_messages_with_one_reference_are_told_apart_by_their_numbers() -> None:
    """A campaign never has two such messages, but the code that reads the response does not rely on that."""
    named = [with_reference(one, "k0") for one in ASKED[:2]]
    request = BatchSmsRequest(messages=named, include_messages_in_response=True)
    data: Any = copy.deepcopy(GOOD)
    data["messages"] = [{**data["messages"][index], "clientMessageId": "k0"} for index in (1, 0)]
    body = json.dumps(data).encode()
    thorough = send_batch("acme_hq", request, lambda: NOW)
    plain = send_plain_batch("acme_hq", ASKED[:2], ("k0", "k0"), lambda: NOW)
    _, expected = judged(thorough, body, lambda answer: paired(request, answer), "ab")
    assert judged(plain, body, lambda answer: paired_with(named, answer), "ab") == (
        type(read_response(thorough, 200, {}, body)),
        expected,
    )
    assert expected[1] == [("a", State.SENT, "umid-0"), ("b", State.SENT, "umid-1")]
