"""Real tools show no secret of a failed call: sentry-sdk with its default settings, and `pytest -l`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from conftest import KEY, SUBACCOUNT
from frame_locals import NUMBER, TEXT, secrets_in
from patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import trustme
    from scripted import ScriptedServer

# The values come from the environment, because these tools also show source lines.
CALLS = """
import asyncio, os, ssl
import httpx
from eightbyeight_async import AsyncConnectClient, SmsRequest

def client(**options):
    options["sms_base_url"] = os.environ["T_URL"]
    return AsyncConnectClient(os.environ["T_KEY"], os.environ["T_SUBACCOUNT"], **options)

def request():
    return SmsRequest(destination=os.environ["T_NUMBER"], text=os.environ["T_TEXT"])

def context():
    return ssl.create_default_context(cafile=os.environ["T_CA"])

async def timeout():
    async with client(ssl_context=context(), timeout=0.3) as connect:
        await connect.sms.send(request())

async def own_timeout():
    async with client(ssl_context=context()) as connect, asyncio.timeout(0.3):
        await connect.sms.send(request())

async def http_client():
    async with httpx.AsyncClient(verify=context()) as http, client(http_client=http) as connect, asyncio.timeout(0.3):
        await connect.sms.send(request())

async def refused():
    SmsRequest(destination=os.environ["T_NUMBER"] + "x", text=os.environ["T_TEXT"])

ALL = [timeout, own_timeout, http_client, refused]
"""
SENTRY = """
import asyncio, json, sys
import sentry_sdk
from sentry_sdk.transport import Transport
from calls import ALL

class Keeping(Transport):
    def capture_envelope(self, envelope):
        print(json.dumps([item.payload.json for item in envelope.items], default=repr))

sentry_sdk.init(dsn="http://key@127.0.0.1:9/1", transport=Keeping)
for call in ALL:
    try:
        asyncio.run(call())
    except Exception as error:
        sentry_sdk.capture_exception(error)
"""
TESTS = """
import asyncio
import pytest
from calls import ALL

@pytest.mark.parametrize("call", ALL)
def test_call(call):
    asyncio.run(call())
"""


@pytest.fixture
def child(
    tmp_path: Path, serve: Callable[..., ScriptedServer], authority: trustme.CA
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs a Python program in the directory of `calls.py`, against a server that never answers."""
    (tmp_path / "calls.py").write_text(CALLS)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        gate = threading.Event()
        with serve(gate, gate=gate) as server:
            values = {"KEY": KEY, "SUBACCOUNT": SUBACCOUNT, "URL": server.url, "NUMBER": NUMBER, "TEXT": TEXT}
            values["CA"] = str(tmp_path / "ca.pem")
            environment = {**os.environ, **{f"T_{name}": value for name, value in values.items()}}
            return subprocess.run(  # noqa: S603 - our own program
                [sys.executable, *arguments],
                cwd=tmp_path,
                env=environment,
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )

    return run


@pytest.mark.long
def test_sentry(tmp_path: Path, child: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    (tmp_path / "program.py").write_text(SENTRY)
    done = child("program.py")
    assert done.returncode == 0, done.stderr
    events = [json.loads(line)[0] for line in done.stdout.splitlines()]
    assert len(events) == 4
    for event in events:
        frames = [frame for one in event["exception"]["values"] for frame in one["stacktrace"]["frames"]]
        assert any(frame["module"].startswith("eightbyeight_async") for frame in frames)
        assert any(frame.get("vars") for frame in frames), "sentry-sdk recorded no locals: nothing was tested"
    assert secrets_in(done.stdout) == []


def test_pytest_with_locals(tmp_path: Path, child: Callable[..., subprocess.CompletedProcess[str]]) -> None:
    (tmp_path / "test_calls.py").write_text(TESTS)
    done = child("-m", "pytest", "-l", "--tb=long", "-p", "no:cacheprovider", "--full-trace", "test_calls.py")
    assert done.returncode == 1, done.stdout
    assert "4 failed" in done.stdout
    assert "exchange.py" in done.stdout
    assert "options    = " in done.stdout, "pytest showed no locals of the package: nothing was tested"
    assert secrets_in(done.stdout) == []
