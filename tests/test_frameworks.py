"""The examples of `.docs/frameworks.md` send real messages to the sandbox, each in its framework."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from page_blocks import ROOT, blocks_of, run_python

from eightbyeight_async.sandbox import Fault, Sandbox

BLOCKS = {block.heading: block.code for block in blocks_of((ROOT / ".docs" / "frameworks.md").read_text())}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def folder(tmp_path: Path, sandbox: Sandbox) -> Path:
    sandbox.reset()
    (tmp_path / "connect.py").write_text(BLOCKS["Code without an event loop"])
    return tmp_path


def test_every_example_is_run() -> None:
    assert list(BLOCKS) == ["FastAPI", "Code without an event loop", "Flask", "Django", "Celery", "AWS Lambda"]


def test_fastapi(sandbox: Sandbox) -> None:
    sandbox.reset()
    drive = """
import asyncio, httpx
async def drive():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as http:
        for number in ("+6598765432", "nonsense"):
            answer = await http.post("/messages", json={"destination": number, "text": "Hello"})
            print(answer.status_code, answer.json().get("umid"))
asyncio.run(drive())
"""
    printed = run_python(BLOCKS["FastAPI"] + drive, sandbox)
    (message,) = sandbox.messages
    assert printed == f"200 {message.umid}\n422 None\n"


def test_flask(sandbox: Sandbox, folder: Path) -> None:
    drive = """
from concurrent.futures import ThreadPoolExecutor

def post(number):
    answer = app.test_client().post("/login-code", data={"number": number})
    return answer.status_code

with ThreadPoolExecutor(8) as threads:
    print(list(threads.map(post, ["+6598765432"] * 20)))
print(post("nonsense"), post("+99912345678"))
"""
    assert run_python(BLOCKS["Flask"] + drive, sandbox, folder) == f"{[200] * 20}\n422 422\n"
    assert len(sandbox.messages) == 20
    assert sandbox.traffic.connections <= 20, "threads share the pool of one loop"


def test_django(sandbox: Sandbox, folder: Path) -> None:
    drive = """
import asyncio, httpx

async def drive():
    async with httpx.AsyncClient(transport=httpx.ASGITransport(application), base_url="http://app") as http:
        for number in ("+6598765432", "nonsense", "+99912345678"):
            print((await http.get("/login-code", params={"number": number})).status_code)
    await client.aclose()

asyncio.run(drive())
"""
    (folder / "service.py").write_text(BLOCKS["Django"])
    printed = run_python("from service import *\n" + drive, sandbox, folder, DJANGO_SECRET_KEY="of a test")  # noqa: S106
    assert printed == "200\n422\n422\n"
    assert len(sandbox.messages) == 1


@pytest.mark.long
def test_celery(sandbox: Sandbox, folder: Path) -> None:
    """A real worker. It does not retry a message that may have gone out."""
    drive = """
from celery.contrib.testing.worker import start_worker
from eightbyeight_async import APIError, InvalidRequestError, TransportError
app.conf.result_backend = "cache+memory://"
with start_worker(app, pool="solo", perform_ping_check=False, shutdown_timeout=60):
    print(login_code.delay("+6598765432").get(60))
    for number in ("+6591110001", "nonsense"):
        try:
            login_code.delay(number).get(60)
        except (InvalidRequestError, TransportError) as error:
            print(type(error).__name__)
"""
    sandbox.faults.on_destination("+6591110001", Fault.accept_then_drop())
    code = BLOCKS["Celery"] + drive
    umid, lost, wrong = run_python(code, sandbox, folder, BROKER_URL="memory://", PYTHONWARNINGS="").splitlines()
    assert sandbox.messages[0].umid == umid
    assert (lost, wrong) == ("TransportError", "InvalidRequestError")
    assert len(sandbox.messages) == 2


def test_lambda(sandbox: Sandbox, folder: Path) -> None:
    drive = """
print([len(handler({"number": "+6598765432"}, None)["umid"]) > 0 for _ in range(3)])
loop.run_until_complete(client.aclose())
loop.close()
"""
    before = sandbox.traffic.connections
    assert run_python(BLOCKS["AWS Lambda"] + drive, sandbox, folder) == "[True, True, True]\n"
    assert len(sandbox.messages) == 3
    assert sandbox.traffic.connections - before == 1
