"""The modules that a process imports for its first send. A tool that the process imports later still sees the next
send.
"""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import trustme
    from scripted import ScriptedServer

FIRST_SEND = """
import sys

import anyio

from eightbyeight_async import AsyncConnectClient, SmsRequest

backend, url = sys.argv[1:]


async def send() -> None:
    await client.sms.send(SmsRequest(destination="+6598765432", text="Hello", source="ACME"))


client = AsyncConnectClient("key", "acme_hq", sms_base_url=url)
anyio.run(send, backend=backend)
"""

# Each of these takes longer than the rest of a first send, or only few programs need it.
NOT_NEEDED = {"httpx", "httpcore", "h11", "h2", "rich", "click", "certifi", "urllib.request", "http.client"}
OWN_NOT_NEEDED = {"bulk", "cli", "sandbox", "download", "gsm7", "telemetry", "transport.one_request", "call_hooks"}
OWN_NOT_NEEDED |= {"models.sms_batch", "models.chatapps_message", "models.account", "models.webhooks", "fanout"}

LATER_RESPX = """
assert "httpx" not in sys.modules
import respx
with respx.mock(assert_all_called=False) as mock:
    mock.post(url__regex=".*").respond(500)
    try:
        anyio.run(send, backend=backend)
    except Exception as error:
        print(type(error).__name__, len(mock.calls))
anyio.run(send, backend=backend)
"""

LATER_TRACER = """
assert "httpx" not in sys.modules
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
spans, provider = InMemorySpanExporter(), TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
HTTPXClientInstrumentor().instrument(tracer_provider=provider)
anyio.run(send, backend=backend)
HTTPXClientInstrumentor().uninstrument()
anyio.run(send, backend=backend)
print(len(spans.get_finished_spans()))
"""


def output_of(program: str, *arguments: str, ca_file: Path | None = None) -> str:
    variables = ("SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE")
    environment = {name: value for name, value in os.environ.items() if name not in variables}
    if ca_file is not None:
        environment["SSL_CERT_FILE"] = str(ca_file)
    run = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", program, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


@pytest.fixture
def ca_file(tmp_path: Path, authority: trustme.CA) -> Path:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    return tmp_path / "ca.pem"


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_first_send_imports_no_httpx(serve: Callable[..., ScriptedServer], ca_file: Path, backend: str) -> None:
    with serve() as server:
        program = FIRST_SEND + "print(*sys.modules)"
        loaded = set(output_of(program, backend, server.url, ca_file=ca_file).split())
    assert len(server.received) == 1
    not_needed = NOT_NEEDED | {f"eightbyeight_async.{name}" for name in OWN_NOT_NEEDED}
    assert not loaded & not_needed
    assert "eightbyeight_async.transport.through_httpx" in loaded


def test_certifis_authorities_are_used_without_httpx() -> None:
    program = (
        "import sys; from eightbyeight_async import AsyncConnectClient; AsyncConnectClient('key', 'acme_hq');"
        "print('httpx' in sys.modules, 'certifi' in sys.modules)"
    )
    assert output_of(program).split() == ["False", "True"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(
    ("later", "seen", "received"),
    [(LATER_RESPX, "UnexpectedResponseError 1", 2), (LATER_TRACER, "1", 3)],
    ids=["respx", "tracer"],
)
def test_a_tool_imported_after_a_first_send_sees_the_next(
    serve: Callable[..., ScriptedServer], ca_file: Path, backend: str, later: str, seen: str, received: int
) -> None:
    with serve() as server:
        found = output_of(FIRST_SEND + later, backend, server.url, ca_file=ca_file)
    assert (found.strip(), len(server.received)) == (seen, received)


AT_IMPORT = """
import sys
import wrapt

seen = []

def patch(httpx):
    @wrapt.patch_function_wrapper("httpx", "AsyncClient.send")
    async def send(wrapped, instance, args, kwargs):
        seen.append(1)
        return await wrapped(*args, **kwargs)

wrapt.register_post_import_hook(patch, "httpx")
assert "httpx" not in sys.modules
"""

BELOW = """
import sys
import httpcore

seen = []
theirs = httpcore.AsyncConnectionPool.handle_async_request

async def handle(self, request):
    seen.append(1)
    return await theirs(self, request)

httpcore.AsyncConnectionPool.handle_async_request = handle
assert "httpx" not in sys.modules
"""

LAZILY = """
import builtins, sys

seen = []
theirs = builtins.__import__

def lazily(name, *args, **kwargs):
    fresh = name == "httpx" and name not in sys.modules
    module = theirs(name, *args, **kwargs)
    if fresh:
        send = module.AsyncClient.send

        async def watched(self, *given, **named):
            seen.append(1)
            return await send(self, *given, **named)

        module.AsyncClient.send = watched
    return module

builtins.__import__ = lazily
"""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("tool", [AT_IMPORT, BELOW, LAZILY], ids=["import hook", "httpcore", "__import__"])
def test_a_tool_that_waits_for_the_import_of_httpx_sees_the_first_send(
    serve: Callable[..., ScriptedServer], ca_file: Path, backend: str, tool: str
) -> None:
    """Datadog and New Relic work so: they replace functions at the moment when httpx is imported."""
    with serve() as server:
        found = output_of(tool + FIRST_SEND + "print(len(seen))", backend, server.url, ca_file=ca_file)
    assert (found.strip(), len(server.received)) == ("1", 1)


REPLAY = """
import vcr
with vcr.VCR(record_mode="none").use_cassette(cassette):
    try:
        anyio.run(send, backend=backend)
    except Exception as error:
        print(type(error).__name__)
"""


def test_a_recorder_that_only_replays_sends_nothing_where_nobody_imported_httpx(
    serve: Callable[..., ScriptedServer], ca_file: Path, tmp_path: Path
) -> None:
    cassette = str(tmp_path / "empty.yaml")
    program = f"{FIRST_SEND.replace('anyio.run(send, backend=backend)', '')}\ncassette = {cassette!r}\n{REPLAY}"
    with serve() as server:
        found = output_of(program, "asyncio", server.url, ca_file=ca_file)
    assert (found.strip(), len(server.received)) == ("TransportError", 0)
