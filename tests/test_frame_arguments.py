"""After an argument was refused, no frame of the traceback shows the API key, a number or a text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from conftest import KEY, SUBACCOUNT
from frame_locals import NUMBER, TEXT, leaks
from pydantic import TypeAdapter, ValidationError

from eightbyeight_async import (
    AsyncConnectClient,
    BatchChatAppsRequest,
    BatchSmsRequest,
    ChatAppsRequest,
    ChatAppsUser,
    ClientClosedError,
    EightByEightError,
    InvalidRequestError,
    SmsRequest,
    SmsTemplate,
    TextContent,
    from_dict,
    wire_json,
)
from eightbyeight_async.text import measure
from eightbyeight_async.webhooks import DeliveryWaiter, WebhookError, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from scripted import ScriptedServer

    Connect = Callable[..., AsyncConnectClient]
    Serve = Callable[..., ScriptedServer]

SMS = SmsRequest(destination=NUMBER, text=TEXT, client_message_id="order-17")


async def failure_of(call: Coroutine[Any, Any, Any], kind: type[BaseException] = EightByEightError) -> BaseException:
    with pytest.raises(kind) as caught:
        await call
    return caught.value


@pytest.mark.anyio
async def test_what_is_refused_before_it_is_sent(serve: Serve, connect: Connect) -> None:
    request = SmsRequest(destination=NUMBER, text=TEXT)
    object.__setattr__(request, "source", b"no JSON")
    mistaken: Any = {"destination": NUMBER, "text": TEXT}
    with serve() as server:
        async with connect(server, long_text="refuse") as client:
            assert leaks(await failure_of(client.sms.send(request), TypeError)) == []
            assert leaks(await failure_of(client.sms.send(SmsRequest(destination=NUMBER, text=TEXT * 99)))) == []
            takes_a_model = (client.sms.send, client.sms.send_batch, client.chatapps.send, client.chatapps.send_batch)
            for call in (*takes_a_model, client.sms.start_log_export):
                assert leaks(await failure_of(call(mistaken), InvalidRequestError)) == []
            for look in (client.sms.cancel, client.sms.get, client.chatapps.cancel, client.sms.get_log_export):
                assert leaks(await failure_of(look(f"umid of {NUMBER}"), InvalidRequestError)) == []
        assert leaks(await failure_of(client.sms.send(SMS), ClientClosedError)) == []
    assert not server.received


USER = ChatAppsUser(msisdn=NUMBER)
REFUSED: dict[str, Callable[[], object]] = {
    "destination": lambda: SmsRequest(destination=f"{NUMBER} ", text=TEXT),
    "text": lambda: SmsRequest(destination=NUMBER, text=f"{TEXT}\ud800"),
    "source": lambda: SmsRequest(destination=NUMBER, text=TEXT, source=NUMBER * 2),
    "encoding": lambda: SmsRequest(destination=NUMBER, text=TEXT, encoding=TEXT),  # type: ignore[arg-type]
    "callback": lambda: SmsRequest(destination=NUMBER, text=TEXT, dlr_callback_url=f"ftp://{KEY}"),
    "template": lambda: SmsTemplate(text=TEXT, source=TEXT * 2),
    "batch": lambda: BatchSmsRequest(destinations=[NUMBER, f"{NUMBER}x"], template=SmsTemplate(text=TEXT)),
    "batch of dicts": lambda: BatchSmsRequest(messages=[{"destination": NUMBER, "text": TEXT}]),  # type: ignore[list-item]
    "chatapps": lambda: ChatAppsRequest(user=USER, content=TEXT),  # type: ignore[arg-type]
    "chatapps user": lambda: ChatAppsRequest(user=ChatAppsUser(msisdn=f"{NUMBER}x"), content=TextContent(text=TEXT)),
    "chatapps batch": lambda: BatchChatAppsRequest(messages=[{"user": NUMBER}]),  # type: ignore[list-item]
    "from_dict": lambda: from_dict(SmsRequest, {"destination": NUMBER, "text": TEXT, "to": NUMBER}),
    "measure": lambda: measure(f"{TEXT}{{}}é\u4e2d", "GSM7"),
    "key": lambda: AsyncConnectClient(f"{KEY} ", SUBACCOUNT),
    "key in quotes": lambda: AsyncConnectClient(f"'{KEY}'", SUBACCOUNT),
    "proxy": lambda: AsyncConnectClient(KEY, SUBACCOUNT, proxy=f"http://user:{KEY}@:x"),
    "sub-account": lambda: AsyncConnectClient(KEY, "no good"),
    "webhook's secret": lambda: parse(TEXT.encode(), authorization=f"{KEY}x", expected_authorization=KEY),
    "webhook's body": lambda: parse(TEXT.encode(), authorization=KEY, expected_authorization=KEY),
    "receipt": lambda: DeliveryWaiter().feed({"msisdn": NUMBER}),  # type: ignore[arg-type]
    "webhook's field": lambda: parse(
        wire_json.encode(
            {"eventType": "outbound_message_status_changed", "namespace": "sms", "payload": {"umid": NUMBER}}
        )
    ),
}


@pytest.mark.parametrize("what", REFUSED)
def test_refused_arguments(what: str) -> None:
    with pytest.raises((InvalidRequestError, WebhookError)) as caught:
        REFUSED[what]()
    assert leaks(caught.value) == []


def test_pydantic() -> None:
    """With pydantic, which FastAPI uses. Pydantic's own error quotes the input, as for every model."""
    adapter = TypeAdapter(SmsRequest)
    with pytest.raises(ValidationError) as caught:
        adapter.validate_python({"destination": f"{NUMBER}x", "text": TEXT})
    context = caught.value.errors()[0]["ctx"]["error"]
    assert isinstance(context, InvalidRequestError)
    assert leaks(context) == []
