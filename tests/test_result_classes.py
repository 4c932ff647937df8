"""The class of a result says whether the message was accepted. So type checkers narrow `result.response`."""

from __future__ import annotations

import pytest

from eightbyeight_async import (
    AsyncConnectClient,
    BatchSmsAccepted,
    BatchSmsNotAccepted,
    BatchSmsRequest,
    BatchSmsResult,
    SendAccepted,
    SendNotAccepted,
    SendResult,
    SmsRequest,
    SmsResponse,
    SmsStatus,
)
from eightbyeight_async.sandbox import Fault, Sandbox

pytestmark = pytest.mark.anyio

GOOD, REFUSED, BROKEN = "+6598765432", "+6598765433", "+6598765434"


@pytest.mark.parametrize(("code", "ok"), [("QUEUED", True), ("REJECTED", False), ("HELD", False), ("queued", False)])
def test_a_response_is_ok_only_if_it_is_queued(code: str, ok: bool) -> None:
    assert SmsResponse(umid="1", status=SmsStatus(code=code)).ok is ok


async def test_each_result_of_send_each_has_the_class_of_its_outcome() -> None:
    with Sandbox(rejected_destinations=[REFUSED]) as sandbox:
        sandbox.faults.on_destination(BROKEN, Fault.accept_then_drop())
        client: AsyncConnectClient = sandbox.client()
        found = {}
        requests = [SmsRequest(destination=number, text="Hello") for number in (GOOD, REFUSED, BROKEN)]
        async with client, client.sms.send_each(requests) as results:
            async for result in results:
                assert isinstance(result, SendResult)
                found[result.request.destination] = result
    assert [(type(found[n]), found[n].ok) for n in (GOOD, REFUSED, BROKEN)] == [
        (SendAccepted, True),
        (SendNotAccepted, False),
        (SendNotAccepted, False),
    ]
    assert found[REFUSED].response is not None
    assert found[BROKEN].response is None


async def test_each_result_of_a_batch_has_the_class_of_its_outcome() -> None:
    with Sandbox(rejected_destinations=[REFUSED]) as sandbox:
        messages = [SmsRequest(destination=number, text="Hello") for number in (GOOD, REFUSED)]
        async with sandbox.client() as client:
            batch = BatchSmsRequest(messages=messages, include_messages_in_response=True)
            answer = await client.sms.send_batch(batch)
    assert [(type(result), result.ok) for result in answer.results] == [
        (BatchSmsAccepted, True),
        (BatchSmsNotAccepted, False),
    ]
    assert all(isinstance(result, BatchSmsResult) for result in answer.results)
