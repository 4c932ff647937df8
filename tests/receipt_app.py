"""The README's example of a web service that awaits receipts, unchanged."""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import FastAPI, Header, HTTPException, Request

from eightbyeight_async import AsyncConnectClient, SmsRequest
from eightbyeight_async.webhooks import (
    DeliveryReceipt,
    DeliveryWaiter,
    InboundMessage,
    WebhookAuthorizationError,
    WebhookError,
    is_opt_out,
    parse,
)

waiter = DeliveryWaiter()
opted_out: set[str | None] = set()  # in your service: a table


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None, None]:
    async with AsyncConnectClient() as client:
        app.state.connect = client
        yield


app = FastAPI(lifespan=lifespan)


@app.post("/receipts", status_code=204)
async def receipts(request: Request, authorization: Annotated[str | None, Header()] = None) -> None:
    try:
        secret = os.environ["RECEIPTS_AUTHORIZATION"]  # the Authorization value configured with the webhook
        event = parse(await request.body(), authorization=authorization, expected_authorization=secret)
    except WebhookAuthorizationError as error:
        raise HTTPException(401) from error
    except WebhookError as error:
        raise HTTPException(400, error.reason) from error
    if isinstance(event, DeliveryReceipt):
        waiter.feed(event)
    elif isinstance(event, InboundMessage) and is_opt_out(event):  # STOP, and words like it
        opted_out.add(event.sender)


@app.post("/login-code")
async def login_code(request: Request, number: str) -> dict[str, str]:
    sms = SmsRequest(destination=number, text="Your code is 1234", dlr_callback_url=os.environ["RECEIPTS_URL"])
    sent = await request.app.state.connect.sms.send(sms)
    try:
        progress = await waiter.wait(sent.umid, timeout=30)
    except TimeoutError:
        return {"umid": sent.umid, "state": "not known yet"}
    return {"umid": sent.umid, "state": progress.state}
