"""Half of a surrogate pair in an answer: the library returns text that can be printed, stored and sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from scripted import ScriptedServer, answer

from eightbyeight_async import APIError, AsyncConnectClient, BatchSmsRequest, SmsRequest, SmsStatusCode, wire

if TYPE_CHECKING:
    from collections.abc import Callable

HALF = "x\ud83d\ud83dy\udc00"
WHOLE = "x\ufffd\ufffdy\ufffd"
SMS = SmsRequest(destination="+6598765432", text="Hello")


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (rb'"\ud83d"', "\ufffd"),
        (rb'"\uDFFFx"', "\ufffdx"),
        (rb'{"\ud800": [{"a": "\udc00"}, 1.50, null]}', {"\ufffd": [{"a": "\ufffd"}, 1.5, None]}),
        # A surrogate pair is one character. An escaped backslash is one, too.
        (rb'"\ud83d\ude00"', "\U0001f600"),
        (rb'"\\ud83d"', "\\ud83d"),
        (rb'"\u00e9\\\ud83d"', "é\\\ufffd"),
    ],
)
def test_the_table_of_halves(body: bytes, data: object) -> None:
    assert wire.load(body) == data


def test_a_body_too_deep_to_look_through_is_no_json() -> None:
    with pytest.raises(wire.UnreadableError, match="not JSON"):
        wire.load(b"[" * 900 + rb'"\ud83d"' + b"]" * 900 + b"x")
    deep = b"[" * 100_000 + rb'"\ud83d"' + b"]" * 100_000
    with pytest.raises(wire.UnreadableError, match="not JSON"):
        wire.load(deep)


@pytest.mark.anyio
async def test_every_text_of_an_answer_can_be_written(
    serve: Callable[..., ScriptedServer], connect: Callable[..., AsyncConnectClient]
) -> None:
    sms: dict[str, Any] = {
        "umid": HALF,
        "destination": HALF,
        "encoding": HALF,
        "clientMessageId": HALF,
        "status": {"code": "QUEUED", "description": HALF},
    }
    batch = {"batchId": HALF, "clientBatchId": HALF, "acceptedCount": 1, "rejectedCount": 0, "messages": [sms]}
    error = {"code": 1002, "message": HALF, "errorId": HALF, "timestamp": HALF}
    script = [answer(200, json.dumps(sms)), answer(200, json.dumps(batch)), answer(400, json.dumps(error))]
    with serve(*script) as server:
        async with connect(server) as client:
            receipt = await client.sms.send(SMS)
            many = await client.sms.send_batch(BatchSmsRequest(messages=[SMS]))
            with pytest.raises(APIError) as caught:
                await client.sms.send(SMS)
    assert receipt.status.code is SmsStatusCode.QUEUED
    assert (receipt.umid, receipt.encoding, receipt.client_message_id) == (WHOLE, WHOLE, WHOLE)
    assert (many.batch_id, many.accepted_count) == (WHOLE, 1)
    assert caught.value.message == WHOLE
    for text in (repr(receipt), repr(many), str(caught.value), repr(caught.value), caught.value.message):
        text.encode()
    json.dumps(attrs.asdict(receipt), ensure_ascii=False).encode()
