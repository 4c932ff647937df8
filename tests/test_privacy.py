"""Key, texts and numbers stay out of reprs, logs and tracebacks, in every failure and with every kind of listener."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import anyio
import pytest
from answers import coded
from conftest import KEY
from frame_locals import NUMBER, TEXT, secrets_in
from scripted import QUEUED, ScriptedServer, answer

from eightbyeight_async import AsyncConnectClient, EightByEightError, RetryPolicy, SmsRequest, wire

if TYPE_CHECKING:
    from collections.abc import Callable

REQUEST = SmsRequest(destination=NUMBER, text=TEXT, client_message_id="order-17")
ECHO = f"cannot send {TEXT!r} to {NUMBER} with {KEY}"

STEPS = [
    QUEUED,
    answer(400, coded(1002, message=ECHO, errorId=NUMBER)),
    answer(400, coded(1002, message=ECHO), {"X-Echo": ECHO}),
    answer(500, coded(2000, message=ECHO)),
    answer(500, coded(9999, message=ECHO)),
    answer(502, f"<html>{ECHO}</html>"),
    answer(200, f'{{"umid": "{NUMBER}", "status": {{"code": 1, "x": "{ECHO}"}}}}'),
    answer(200, f'{{"{ECHO}": 1'),
    answer(302, b"", {"Location": f"https://example.com/?{KEY}"}),
    answer(429, ECHO, {"Retry-After": NUMBER}),
    None,
    f"HTTP/1.1 200 {ECHO}\r\n{ECHO}\r\n\r\n".encode(),
    wire.dump(REQUEST),
]


def everything_about(error: BaseException) -> str:
    """Returns all text that a log or an error tracker would print, the chain of causes and the plain reprs included."""
    seen: list[str] = []
    chain: BaseException | None = error
    while chain is not None:
        seen += [str(chain), repr(chain), str(chain.args)]
        chain = chain.__cause__ or chain.__context__
    return "".join(traceback.format_exception(error)) + "\n".join(seen)


@pytest.mark.anyio
async def test_no_failure_shows_a_secret(
    serve: Callable[..., ScriptedServer],
    connect: Callable[..., AsyncConnectClient],
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    shown = []
    failures = 0
    for step in STEPS:
        with serve(step, close_after_answer=True) as server:
            async with connect(server, retry=RetryPolicy(max_attempts=2, max_delay=0.0)) as client:
                shown.append(repr(client))
                try:
                    shown.append(repr(await client.sms.send(REQUEST)))
                except EightByEightError as error:
                    failures += 1
                    shown.append(everything_about(error))
                async with client.sms.send_each([REQUEST]) as results:
                    shown += [repr(result) async for result in results]
            assert NUMBER in server.received[0].body.decode()
    assert failures == len(STEPS) - 1
    logged = [f"{r.name}: {r.getMessage()}" for r in caplog.records]
    # httpcore's own debug log prints the server's response headers. One header is an echo by the server itself.
    logged = [line for line in logged if not line.startswith("httpcore") or "X-Echo" not in line]
    assert secrets_in("\n".join(shown)) == []
    assert not [line for line in logged if secrets_in(line) and not line.startswith("httpcore")]
    assert not [line for line in logged if secrets_in(line) and "send_request" in line]


@pytest.mark.anyio
async def test_a_task_that_dies_shows_no_secret(
    serve: Callable[..., ScriptedServer], connect: Callable[..., AsyncConnectClient]
) -> None:
    with serve(None) as server:
        async with connect(server) as client:
            with pytest.raises(BaseExceptionGroup) as caught:
                async with anyio.create_task_group() as group:
                    group.start_soon(client.sms.send, REQUEST)
    shown = everything_about(caught.value)
    assert secrets_in(shown) == []


def test_a_refused_setting_shows_no_key() -> None:
    for key in (f"{KEY} ", f"{KEY}\n", f"{KEY}é"):
        with pytest.raises(EightByEightError) as caught:
            AsyncConnectClient(key, "acme_hq")
        assert KEY not in everything_about(caught.value)
