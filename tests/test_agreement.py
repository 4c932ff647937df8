"""A response about another message is no success: which responses contradict a request, and what a send raises."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from scripted import ScriptedServer, answer

from eightbyeight_async import (
    ChatAppsRequest,
    ChatAppsUser,
    Sent,
    SmsRequest,
    TextContent,
    UnexpectedResponseError,
)
from eightbyeight_async.bulk import Campaign, State
from eightbyeight_async.models.agreement import chatapps_contradiction, sms_contradiction
from eightbyeight_async.models.chatapps_response import ChatAppsResponse
from eightbyeight_async.models.sms import SmsResponse

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eightbyeight_async import AsyncConnectClient

UMID = "bda3d56d-1424-e711-813c-06ed3428fe67"
STATUS = {"code": "QUEUED", "description": "SMS is accepted and queued for processing"}


def sms(destination: str | None, reference: str | None = None) -> dict[str, Any]:
    told: dict[str, Any] = {"umid": UMID, "encoding": "GSM7", "status": STATUS}
    if destination is not None:
        told["destination"] = destination
    return told if reference is None else {**told, "clientMessageId": reference}


@pytest.mark.parametrize(
    ("asked", "echoed", "agrees"),
    [
        ({"destination": "+6598765432"}, ("6598765432", None), True),
        ({"destination": "+6598765432"}, ("+6598765432", None), True),
        ({"destination": "+6598765432"}, (None, None), True),
        ({"destination": "+6598765432"}, ("65****5432", None), True),
        ({"destination": "+6598765432"}, ("**MASKED**", None), True),
        ({"destination": "+6598765432"}, ("6598765433", None), False),
        ({"destination": "+6598765432"}, ("98765432", None), False),
        ({"destination": "98765432", "country": "SG"}, ("6598765432", None), True),
        ({"destination": "98765432"}, ("6598765432", None), True),
        ({"destination": "98765432", "country": "SG"}, ("6598765433", None), False),
        ({"destination": "+6598765432", "client_message_id": "a"}, ("6598765432", "a"), True),
        ({"destination": "+6598765432", "client_message_id": "a"}, ("6598765432", None), True),
        ({"destination": "+6598765432", "client_message_id": "a"}, ("6598765432", "b"), False),
        ({"destination": "+6598765432", "client_message_id": "a"}, ("6598765433", "a"), False),
        ({"destination": "+6598765432"}, ("6598765432", "b"), True),
    ],
)
def test_which_responses_contradict(asked: dict[str, str], echoed: tuple[str | None, str | None], agrees: bool) -> None:
    from eightbyeight_async import wire

    request = SmsRequest(text="Hi", **asked)  # type: ignore[arg-type]
    response = wire.structure(sms(*echoed), SmsResponse)
    assert (sms_contradiction(request, response) is None) is agrees


@pytest.mark.parametrize(
    ("user", "agrees"),
    [
        ({"msisdn": "6598765432"}, True),
        ({"msisdn": "65******32"}, True),
        ({}, True),
        ({"msisdn": "6598765433"}, False),
        ({"msisdn": "6598765432", "channelUserId": "other"}, True),
    ],
)
def test_which_chatapps_responses_contradict(user: dict[str, str], agrees: bool) -> None:
    from eightbyeight_async import wire

    request = ChatAppsRequest(user=ChatAppsUser(msisdn="+6598765432"), content=TextContent(text="Hi"))
    told = {"umid": UMID, "status": {"state": "queued"}, "user": user}
    response = wire.structure(told, ChatAppsResponse)
    assert (chatapps_contradiction(request, response) is None) is agrees


@pytest.mark.anyio
@pytest.mark.parametrize("echoed", [("6591110002", None), ("6591110001", "other")])
async def test_a_response_about_another_message_may_mean_anything(
    connect: Callable[..., AsyncConnectClient],
    serve: Callable[..., ScriptedServer],
    echoed: tuple[str, str | None],
) -> None:
    with serve(answer(200, json.dumps(sms(*echoed)))) as server:
        async with connect(server) as client:
            with pytest.raises(UnexpectedResponseError, match="another message") as caught:
                await client.sms.send(SmsRequest(destination="+6591110001", text="Hi", client_message_id="mine"))
    assert caught.value.sent is Sent.MAYBE
    assert "6591110" not in str(caught.value)
    assert len(server.received) == 1


@pytest.mark.anyio
async def test_a_campaign_does_not_take_one_umid_three_times(
    connect: Callable[..., AsyncConnectClient],
    serve: Callable[..., ScriptedServer],
    tmp_path: Path,
) -> None:
    messages = [SmsRequest(destination=f"+659111000{i}", text="Hi") for i in range(3)]
    with serve(answer(200, json.dumps(sms("6591110000")))) as server:
        async with connect(server) as client, Campaign(client, tmp_path / "run.db", mode="each") as campaign:
            report = await campaign.send(messages)
            states = [row.state async for row in campaign.rows()]
    assert (report.accepted, report.unknown) == (1, 2)
    assert sorted(states) == [State.SENT, State.UNKNOWN, State.UNKNOWN]
