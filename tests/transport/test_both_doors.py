"""Common promises of both transports: the log line of a request, and no call of a private name of httpx."""

from __future__ import annotations

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from scripted import answer

import eightbyeight_async.transport
from eightbyeight_async import EightByEightError, SmsRequest

if TYPE_CHECKING:
    from collections.abc import Callable

    from scripted import ScriptedServer

    from eightbyeight_async import AsyncConnectClient

    Connect = Callable[..., AsyncConnectClient]
    Serve = Callable[..., ScriptedServer]

SMS = SmsRequest(destination="+6598765432", text="Hello")
QUEUED = answer(200, '{"umid": "u", "status": {"code": "QUEUED"}}')
REFUSED = answer(401, '{"code": 1200, "message": "no"}')


@pytest.mark.anyio
@pytest.mark.parametrize("step", [QUEUED, REFUSED], ids=["accepted", "refused"])
async def test_a_log_shows_every_call_either_way(
    serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture, step: bytes
) -> None:
    caplog.set_level(logging.INFO, "httpx")
    told = []
    for options in ({}, {"event_hooks": {"request": [], "response": [_nothing]}}):
        caplog.clear()
        with serve(step) as server:
            url = server.url
            async with connect(server, **options) as client:
                try:
                    await client.sms.send(SMS)
                except EightByEightError:
                    assert step is REFUSED
        told.append([line.replace(url, "") for name, _, line in caplog.record_tuples if name == "httpx"])
    assert told[0] == told[1]
    assert len(told[0]) == 1
    assert told[0][0].startswith("HTTP Request: POST /api/v1/subaccounts/")


async def _nothing(_: object) -> None:
    pass


@pytest.mark.anyio
async def test_nothing_is_logged_above_info(serve: Serve, connect: Connect, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "httpx")
    with serve(QUEUED) as server:
        async with connect(server) as client:
            await client.sms.send(SMS)
    assert caplog.messages == []


def test_nothing_private_of_httpx_is_touched() -> None:
    """No name with a leading underscore after a dot, except names that our own classes define."""
    for path in Path(eightbyeight_async.transport.__path__[0]).glob("*.py"):
        text = path.read_text()
        own = set(re.findall(r"(?:def |self\.|\")(_\w+)", text))
        used = set(re.findall(r"(?<!self)\.(_[a-z]\w*)", text))
        assert used <= own, (path.name, used - own)
        assert not re.search(r"httpx\._|httpcore\.|import httpcore|from httpx", text), path.name
