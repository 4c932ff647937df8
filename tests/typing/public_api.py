"""Checks the types of the public API. Type checkers read this file; it never runs."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal, assert_type

import httpx
import httpx2

from eightbyeight_async import (
    AccountBalance,
    APIError,
    AsyncConnectClient,
    AttemptEvent,
    BatchChatAppsRequest,
    BatchChatAppsResponse,
    BatchSmsAccepted,
    BatchSmsRequest,
    BatchSmsResponse,
    BatchSmsResult,
    CancelResponse,
    ChatAppsMessageDetails,
    ChatAppsRequest,
    ChatAppsResponse,
    ChatAppsUser,
    EightByEightError,
    Encoding,
    InvalidRequestError,
    LogExportJob,
    LogExportStatus,
    MessageDetails,
    Outcome,
    PriceList,
    Region,
    RetryPolicy,
    SendAccepted,
    SendEach,
    SendNotAccepted,
    SendResult,
    Sent,
    SmsRequest,
    SmsResponse,
    SmsStatusCode,
    SmsTemplate,
    TextContent,
    TextMeasure,
    Track,
    UnexpectedResponseError,
    WaitEvent,
    measure,
    require_plus,
)
from eightbyeight_async.prices import Cost, TotalCost, cost
from eightbyeight_async.webhooks import (
    OPT_OUT_WORDS,
    DeliveryReceipt,
    DeliveryWaiter,
    InboundMessage,
    UnknownEvent,
    is_opt_out,
    parse,
)

AsyncConnectClient()
AsyncConnectClient("key", "subaccount", region=Region.EUROPE, retry=RetryPolicy(max_attempts=2), max_rate=5)
AsyncConnectClient(region="EUROPE", ssl_context=ssl.create_default_context(), timeout=3, max_concurrency=7)
AsyncConnectClient(http_client=httpx2.AsyncClient())
AsyncConnectClient(http_client=httpx.Client())  # type: ignore[arg-type]
AsyncConnectClient(transport=httpx.MockTransport(lambda _: httpx.Response(200)))
AsyncConnectClient(transport="x")  # type: ignore[arg-type]
assert_type(AsyncConnectClient(event_hooks={"request": []}).http, httpx.AsyncClient)
AsyncConnectClient(http_client=httpx.AsyncClient(), sms_base_url="https://x", chatapps_base_url=None)
AsyncConnectClient("key", "subaccount", account_id="2f1d6a0e-5c1b-4c57-9b0a-6d9f0f3b7a11")
AsyncConnectClient("key", "subaccount", "too many")  # type: ignore[call-arg]
AsyncConnectClient(max_concurency=1)  # type: ignore[call-arg]
AsyncConnectClient(retry=None)  # type: ignore[arg-type]

SmsRequest(destination="+6598765432", text="Hello", encoding="GSM7", track="None", scheduled=datetime.now(UTC))
SmsRequest("+6598765432")  # type: ignore[call-arg]
SmsRequest(text="Hello")  # type: ignore[call-arg]
SmsRequest(destination="+6598765432", scheduled="2026-01-01")  # type: ignore[arg-type]


def told(event: AttemptEvent) -> None:
    assert_type(event.operation, str)
    assert_type(event.status, int | None)
    assert_type(event.error, str | None)
    assert_type(event.sent, Sent | None)
    assert_type(event.on_wire, float)
    assert_type(event.batch_size, int | None)


def waited(event: WaitEvent) -> None:
    assert_type(event.reason, Literal["limiter", "pace", "retry"])
    assert_type(event.seconds, float)


AsyncConnectClient("key", "acme_hq", on_attempt=told, on_wait=waited)
AsyncConnectClient("key", "acme_hq", on_attempt=lambda event: assert_type(event, AttemptEvent))
AsyncConnectClient("key", "acme_hq", on_attempt=waited)  # type: ignore[arg-type]


async def requests() -> AsyncIterator[SmsRequest]:
    yield SmsRequest(destination="+6598765432", text="Hello")


async def use(client: AsyncConnectClient) -> None:
    async with client as entered:
        assert_type(entered, AsyncConnectClient)
    assert_type(client.with_options(subaccount_id="other", timeout=5), AsyncConnectClient)
    request = SmsRequest(destination="+6598765432", text="Hello", source="ACME")
    assert_type(request.encoding, Encoding | None)
    assert_type(request.track, Track | None)
    receipt = await client.sms.send(request)
    assert_type(receipt, SmsResponse)
    assert_type(receipt.umid, str)
    assert_type(receipt.status.code, SmsStatusCode | str)
    assert_type(receipt.encoding, Encoding | str | None)
    assert_type(await client.sms.cancel("umid"), CancelResponse)
    assert_type(await client.sms.cancel_batch("batch"), CancelResponse)
    assert_type(await client.chatapps.cancel("umid"), CancelResponse)
    assert_type(await client.chatapps.cancel_batch("batch"), CancelResponse)
    async with client.sms.send_each([request], max_concurrency=200) as results:
        assert_type(results, SendEach)
        async for result in results:
            assert_type(result, SendResult)
            assert_type(result.ok, bool)
            assert_type(result.index, int)
            assert_type(result.request, SmsRequest)
            assert_type(result.response, SmsResponse | None)
            assert_type(result.error, EightByEightError | None)
            if result.ok:
                assert_type(result, SendAccepted)
                assert_type(result.response, SmsResponse)
                assert_type(result.response.umid, str)
                assert_type(result.error, None)
            else:
                assert_type(result, SendNotAccepted)
                assert_type(result.response, SmsResponse | None)
    assert_type(results.leftover, list[SendResult])
    assert_type(result.attempts, int)
    batch = await client.sms.send_batch(BatchSmsRequest(messages=[request], template=SmsTemplate(text="Hello")))
    assert_type(batch, BatchSmsResponse)
    assert_type(batch.rejected, tuple[BatchSmsResult, ...])
    for item in batch.results:
        if item.ok:
            assert_type(item, BatchSmsAccepted)
            assert_type(item.response, SmsResponse)
        else:
            assert_type(item.response, SmsResponse | None)
    assert_type(receipt.ok, bool)
    assert_type(await client.sms.get("umid"), MessageDetails)
    await client.sms.send_feedback("umid", Outcome.SUCCESS)
    job = await client.sms.start_log_export()
    assert_type(job, LogExportJob)
    assert_type(await client.sms.get_log_export(job.job_id), LogExportStatus)
    await client.sms.cancel_log_export(job.job_id)
    async for row in client.sms.iter_log_rows(job):
        assert_type(row, dict[str, str])
    chat = ChatAppsRequest(user=ChatAppsUser(msisdn="+6598765432"), content=TextContent(text="Hello"))
    assert_type(await client.chatapps.send(chat), ChatAppsResponse)
    many = BatchChatAppsRequest(messages=[chat])
    assert_type(await client.chatapps.send_batch(many), BatchChatAppsResponse)
    assert_type(await client.chatapps.get("umid"), ChatAppsMessageDetails)
    prices = await client.account.prices(country="SG", direction="outbound")
    assert_type(prices, PriceList)
    assert_type(await client.account.balance(), AccountBalance)
    planned = cost({"SG": 3}, prices, client.subaccount_id)
    assert_type(planned, Cost)
    assert_type(planned.totals, tuple[TotalCost, ...])
    assert_type(planned.countries[0].highest, Decimal | None)
    assert_type(measure("Hello"), TextMeasure)
    assert_type(require_plus(SmsRequest(destination="+6598765432", text="Hello")), SmsRequest)
    event = parse(b"{}")
    assert_type(event, DeliveryReceipt | InboundMessage | UnknownEvent)
    if isinstance(event, DeliveryReceipt):
        DeliveryWaiter().feed(event)
    elif isinstance(event, InboundMessage):
        assert_type(is_opt_out(event, words=OPT_OUT_WORDS["en"] - {"CANCEL"}), bool)
    client.sms.send_each(requests())
    client.sms.send_each(request)  # type: ignore[arg-type]
    request.text = "other"  # type: ignore[misc]
    try:
        await client.aclose()
    except InvalidRequestError as error:
        assert_type(error.field, str)
    except APIError as error:
        assert_type(error.sent, Sent)
        assert_type(error.code, int | None)
        assert_type(error.retry_after, float | None)
    except UnexpectedResponseError as error:
        assert_type(error.status_code, int | None)
    except EightByEightError as error:
        assert_type(error.attempts, int)
