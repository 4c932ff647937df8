"""The words of an error or a refusal about the message: they fit the operation, and they include earlier attempts."""

from __future__ import annotations

import json
import pickle
from typing import TYPE_CHECKING, Any

import pytest
from answers import coded
from scripted import QUEUED, ScriptedServer, answer

from eightbyeight_async import (
    AsyncConnectClient,
    BatchChatAppsRequest,
    BatchSmsRequest,
    ChatAppsRequest,
    ChatAppsUser,
    ClientClosedError,
    EightByEightError,
    RetryPolicy,
    SendNotAccepted,
    Sent,
    SmsRequest,
    SmsStatusCode,
    TextContent,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Serve = Callable[..., ScriptedServer]
    Connect = Callable[..., AsyncConnectClient]

pytestmark = pytest.mark.anyio

UMID = "bda3d56d-1424-e711-813c-06ed3428fe67"
SMS = SmsRequest(destination="+6598765432", text="Hello")
CHAT = ChatAppsRequest(user=ChatAppsUser(msisdn="+6598765432"), content=TextContent(text="Hello"))
TWICE = RetryPolicy(max_attempts=2, max_delay=0.0)

SENT = ("not sent", "may have been sent")
CANCELLED = ("not cancelled", "may have been cancelled")
LOOKED_UP = ("could not be looked up", "could not be looked up")
OPERATIONS: dict[str, tuple[Callable[[AsyncConnectClient], Awaitable[Any]], tuple[str, str]]] = {
    "sms.send": (lambda c: c.sms.send(SMS), SENT),
    "sms.send_batch": (lambda c: c.sms.send_batch(BatchSmsRequest(messages=[SMS])), SENT),
    "sms.cancel": (lambda c: c.sms.cancel(UMID), CANCELLED),
    "sms.cancel_batch": (lambda c: c.sms.cancel_batch(UMID), CANCELLED),
    "sms.get": (lambda c: c.sms.get(UMID), LOOKED_UP),
    "sms.send_feedback": (
        lambda c: c.sms.send_feedback(UMID, "success"),
        ("feedback not given", "feedback may have been given"),
    ),
    "sms.start_log_export": (
        lambda c: c.sms.start_log_export(),
        ("export not started", "export may have been started"),
    ),
    "sms.get_log_export": (lambda c: c.sms.get_log_export("job"), LOOKED_UP),
    "sms.cancel_log_export": (
        lambda c: c.sms.cancel_log_export("job"),
        ("export not cancelled", "export may have been cancelled"),
    ),
    "chatapps.send": (lambda c: c.chatapps.send(CHAT), SENT),
    "chatapps.send_batch": (lambda c: c.chatapps.send_batch(BatchChatAppsRequest(messages=[CHAT])), SENT),
    "chatapps.get": (lambda c: c.chatapps.get(UMID), LOOKED_UP),
    "account.prices": (lambda c: c.account.prices(), LOOKED_UP),
    "account.balance": (lambda c: c.account.balance(), LOOKED_UP),
    "chatapps.cancel": (lambda c: c.chatapps.cancel(UMID), CANCELLED),
    "chatapps.cancel_batch": (lambda c: c.chatapps.cancel_batch(UMID), CANCELLED),
}


def test_no_operation_is_left_out(connect: Connect, serve: Serve) -> None:
    with serve() as server:
        client = connect(server)
        groups = {"sms": client.sms, "chatapps": client.chatapps, "account": client.account}
    known = {f"{group}.{name}" for group, of in groups.items() for name in dir(of) if not name.startswith("_")}
    made_of_others = {"sms.send_each", "sms.iter_log_rows"}
    assert known - set(OPERATIONS) == made_of_others, "add it to OPERATIONS here, with the words of its errors"


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize(
    ("script", "may_be"),
    [
        ([answer(400, coded(1000))], False),
        ([answer(500, coded(2000))], True),
        ([answer(502, "<html>")], True),
        ([None], True),
        ([answer(200, "{")], True),
        ([answer(500, coded(2000)), answer(400, coded(1000))], True),
    ],
)
async def test_an_errors_words_fit_the_operation(
    serve: Serve, connect: Connect, name: str, script: list[Any], may_be: bool
) -> None:
    operation, words = OPERATIONS[name]
    with serve(*script) as server:
        async with connect(server, retry=TWICE) as client:
            try:
                await operation(client)
            except EightByEightError as error:
                found: EightByEightError | None = error
            else:
                found = None
    if found is None:  # an operation that returns nothing reads any such answer as a success
        assert (name, script) in [(name, [answer(200, "{")]) for name in ("sms.send_feedback", "sms.cancel_log_export")]
        return
    look_up = words is LOOKED_UP
    assert found.sent is (Sent.MAYBE if may_be and not look_up else Sent.NO)
    assert str(found).endswith(f"{words[may_be]})")
    assert "sent)" not in str(found) or words is SENT
    copy = pickle.loads(pickle.dumps(found))  # noqa: S301 - our own
    assert (str(copy), copy.sent) == (str(found), found.sent)


async def test_no_connection_has_the_words_of_the_operation(connect: Connect, serve: Serve) -> None:
    with serve() as server:
        client = connect(server)
    async with client:
        for operation, words in OPERATIONS.values():
            with pytest.raises(TransportError, match=f"{words[0]}\\)$"):
                await operation(client)


# The possible effect of an earlier attempt

REJECTED_SMS = {"umid": UMID, "status": {"code": "REJECTED", "description": "no"}}
REJECTED_CHAT = {"umid": UMID, "status": {"state": "rejected"}}


def batch(message: dict[str, Any]) -> bytes:
    body = {"batchId": UMID, "acceptedCount": 0, "rejectedCount": 1, "messages": [message]}
    return answer(200, json.dumps(body))


@pytest.mark.parametrize("lost", [0, 1])
async def test_a_refusal_after_an_attempt_that_may_have_got_through_says_so(
    serve: Serve, connect: Connect, lost: int
) -> None:
    """8x8's first answer was "internal error". So the message may have gone out, whatever the second answer says."""
    before = [answer(500, coded(2000))] * lost

    async def last(name: str, reply: bytes) -> Any:
        with serve(*before, reply) as server:
            async with connect(server, retry=TWICE) as client:
                return await OPERATIONS[name][0](client)

    sms = await last("sms.send", answer(200, json.dumps(REJECTED_SMS)))
    assert sms.status.code is SmsStatusCode.REJECTED
    assert (sms.maybe_done_before, sms.sent) == (bool(lost), Sent.MAYBE if lost else Sent.NO)
    many = await last("sms.send_batch", batch(REJECTED_SMS))
    assert many.maybe_done_before is bool(lost)
    assert [one.maybe_done_before for one in many.messages] == [bool(lost)]
    assert [one.response.sent for one in many.rejected] == [Sent.MAYBE if lost else Sent.NO]
    chat = await last("chatapps.send", answer(200, json.dumps(REJECTED_CHAT)))
    assert (chat.status.refused, chat.maybe_done_before) == (True, bool(lost))
    chats = await last("chatapps.send_batch", batch(REJECTED_CHAT))
    assert [one.response.maybe_done_before for one in chats.rejected] == [bool(lost)]
    for name in ("sms.cancel", "sms.cancel_batch", "chatapps.cancel", "chatapps.cancel_batch"):
        nothing = await last(name, answer(200, '{"cancelledCount": 0}'))
        assert (nothing.cancelled_count, nothing.maybe_done_before) == (0, bool(lost))
    assert (await last("sms.send", QUEUED)).sent is None


async def test_a_result_of_many_says_it_too(serve: Serve, connect: Connect) -> None:
    script = [answer(500, coded(2000)), answer(200, json.dumps(REJECTED_SMS)), answer(200, json.dumps(REJECTED_SMS))]
    script += [QUEUED, answer(500, coded(2000)), answer(400, coded(1002)), answer(400, coded(1002))]
    with serve(*script) as server:
        client = connect(server, retry=TWICE)
        async with client, client.sms.send_each([SMS] * 5, max_concurrency=1) as run:
            results = {result.index: result async for result in run}
    assert [results[n].sent for n in range(5)] == [Sent.MAYBE, Sent.NO, None, Sent.MAYBE, Sent.NO]


async def test_a_client_closed_between_two_attempts_says_what_the_first_may_have_done(
    serve: Serve, connect: Connect
) -> None:
    async def close(_: float) -> None:
        client._exchange.closed = True

    with serve(answer(500, coded(2000))) as server:
        client = connect(server, retry=TWICE)
        client._exchange.sleep = close
        with pytest.raises(ClientClosedError, match=r"\(may have been sent\)$") as caught:
            await client.sms.send(SMS)
        await client._exchange._wires.here().aclose()
    assert (caught.value.sent, caught.value.attempts) == (Sent.MAYBE, 1)


def test_a_status_this_version_does_not_know_is_no_certain_refusal() -> None:
    from eightbyeight_async import SmsResponse, SmsStatus

    response = SmsResponse(umid="u", status=SmsStatus(code="PARKED"))
    assert response.sent is Sent.MAYBE
    assert SendNotAccepted(index=0, request=SMS, response=response).sent is Sent.MAYBE
