"""A web service sends, is told of the delivery by a POST over a real socket, and answers whoever asked it to send."""

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
from webhook_samples import SMS_RECEIPT, TEMPLATE_UPDATE

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
        monkeypatch.setattr(receipt_app, "waiter", DeliveryWaiter())
        yield running


def receipt_of(umid: str, state: str) -> bytes:
    event: dict[str, Any] = copy.deepcopy(SMS_RECEIPT)
    event["payload"]["umid"] = umid
    event["payload"]["status"] = {"state": state, "timestamp": "2016-01-01T00:00:00Z"}
    return json.dumps(event).encode()


async def test_a_receipt_over_a_real_socket_answers_the_request_that_waits(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers: list[httpx.Response] = []
    async with served(receipt_app.app) as url, httpx.AsyncClient(base_url=url, timeout=60) as http:
        monkeypatch.setenv("RECEIPTS_URL", f"{url}/receipts")

        async def ask() -> None:
            answers.append(await http.post("/login-code", params={"number": "+6598765432"}))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            with anyio.fail_after(30):
                while not sandbox.messages:
                    await anyio.sleep(0.01)
            (message,) = sandbox.messages
            for state in ("delivered", "sent", "delivered"):  # out of order, and twice
                headers = {"Authorization": AUTHORIZATION, "Content-Type": "application/json"}
                answer = await http.post("/receipts", content=receipt_of(message.umid, state), headers=headers)
                assert (answer.status_code, answer.content) == (204, b"")
    (answer,) = answers
    assert answer.json() == {"umid": message.umid, "state": "delivered"}


@pytest.mark.parametrize(
    ("content", "secret", "status", "detail"),
    [
        (receipt_of("m1", "sent"), None, 401, "Unauthorized"),
        (receipt_of("m1", "sent"), "Bearer no", 401, "Unauthorized"),
        (b"{}", AUTHORIZATION, 400, "eventType is missing"),
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
