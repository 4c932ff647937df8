"""A web service sends, the sandbox POSTs the receipts over a real socket, and each caller gets its answer."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import anyio
import httpx
import pytest
import receipt_app
from asgi_socket import served
from patience import PATIENCE, seen
from webhook_samples import SMS_RECEIPT, TEMPLATE_UPDATE

from eightbyeight_async import SmsRequest
from eightbyeight_async.sandbox import Sandbox
from eightbyeight_async.webhooks import DeliveryWaiter

pytestmark = [pytest.mark.anyio, pytest.mark.parametrize("anyio_backend", ["asyncio"])]

AUTHORIZATION = "Bearer 9QQhlsEb8VY"


@pytest.fixture
def sandbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    with Sandbox() as running:
        for name, value in running.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("RECEIPTS_AUTHORIZATION", AUTHORIZATION)
        running.receipts.authorization = AUTHORIZATION
        running.receipts.order, running.receipts.duplicates = "reversed", 1
        monkeypatch.setattr(receipt_app, "waiter", DeliveryWaiter())
        yield running


def receipt_of(umid: str, state: str) -> bytes:
    event: dict[str, Any] = copy.deepcopy(SMS_RECEIPT)
    event["payload"]["umid"] = umid
    event["payload"]["status"] = {"state": state, "timestamp": "2016-01-01T00:00:00Z"}
    return json.dumps(event).encode()


async def test_a_receipt_that_the_sandbox_posts_answers_the_request_that_waits(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.receipts.delay = 3600
    answers: list[httpx.Response] = []

    async def ask() -> None:
        answers.append(await http.post("/login-code", params={"number": "+6598765432"}))

    async with served(receipt_app.app) as url, httpx.AsyncClient(base_url=url, timeout=PATIENCE) as http:
        monkeypatch.setenv("RECEIPTS_URL", f"{url}/receipts")
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            await seen(lambda: receipt_app.waiter._awaited)
            sandbox.clock.advance(3600)
        await sandbox.receipts.wait_idle(PATIENCE)
    (answer,) = answers
    (message,) = sandbox.messages
    assert answer.json() == {"umid": message.umid, "state": "delivered"}
    posted = [(receipt.umid, receipt.state, receipt.status) for receipt in sandbox.receipts.sent]
    assert posted == [(message.umid, "delivered", 204), (message.umid, "sent", 204)] * 2
    progress = receipt_app.waiter.state(message.umid)
    assert progress is not None
    assert progress.status.detail == "delivered_to_recipient"


async def test_who_writes_stop_is_kept_and_nobody_else(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    opted_out: set[str | None] = set()
    monkeypatch.setattr(receipt_app, "opted_out", opted_out)
    async with served(receipt_app.app) as url:
        for number, text in (("+6598765432", " Stop."), ("+6598765433", "Stop by at noon"), ("+6598765434", "退订")):
            sandbox.receive(number, text, callback_url=f"{url}/receipts")
        sandbox.receive("+6598765435", "UNSUBSCRIBE", product="chatapps", callback_url=f"{url}/receipts")
        await sandbox.receipts.wait_idle(PATIENCE)
    assert opted_out == {"+6598765432", "+6598765434", "+6598765435"}


@pytest.mark.parametrize("secret", [None, "Bearer no"])
async def test_receipts_without_the_secret_are_answered_401_and_tell_nothing(
    sandbox: Sandbox, secret: str | None
) -> None:
    sandbox.receipts.authorization, sandbox.receipts.retry_after = secret, ()
    async with served(receipt_app.app) as url, sandbox.client() as client:
        sms = SmsRequest(destination="+6598765432", text="Your code is 1234", dlr_callback_url=f"{url}/receipts")
        sent = await client.sms.send(sms)
        await sandbox.receipts.wait_idle(PATIENCE)
    assert [receipt.status for receipt in sandbox.receipts.sent] == [401] * 4
    assert receipt_app.waiter.state(sent.umid) is None


@pytest.mark.parametrize(
    ("content", "secret", "status", "detail"),
    [
        (receipt_of("m1", "sent"), None, 401, "Unauthorized"),
        (receipt_of("m1", "sent"), "Bearer no", 401, "Unauthorized"),
        (b"[]", AUTHORIZATION, 400, "the body must be an object, not an array"),
        (b"{}", AUTHORIZATION, 204, None),
        (b"<xml/>", AUTHORIZATION, 400, "the body is not JSON"),
        (json.dumps(TEMPLATE_UPDATE).encode(), AUTHORIZATION, 204, None),
    ],
)
async def test_who_is_heard_and_what_is_answered(
    sandbox: Sandbox, content: bytes, secret: str | None, status: int, detail: str | None
) -> None:
    headers = {} if secret is None else {"Authorization": secret}
    transport = httpx.ASGITransport(receipt_app.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://app") as http:
        answer = await http.post("/receipts", content=content, headers=headers)
    assert answer.status_code == status
    assert (answer.json()["detail"] if answer.content else None) == detail
    assert receipt_app.waiter.state("m1") is None
