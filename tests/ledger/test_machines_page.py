"""The examples of `.docs/machines.md` run unchanged. Each of them runs twice and sends its message once."""

from __future__ import annotations

import shlex
from types import ModuleType
from typing import TYPE_CHECKING, Any

import httpx
import psycopg
import pytest
from asgi_socket import served
from cli.command_line import in_process
from page_blocks import ROOT, blocks_of, run_python
from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

PAGE = (ROOT / ".docs" / "machines.md").read_text()
BLOCKS = [block.code for block in blocks_of(PAGE) if block.language == "python"]


def block(word: str) -> str:
    (found,) = [code for code in BLOCKS if word in code]
    return found


def test_every_example_is_run() -> None:
    words = ("order-notices", '"taskiq"', '"celery"', '"procrastinate"', '"dbos"', '"fastapi"', '"outbox"')
    assert [block(word) for word in words] == BLOCKS


@pytest.fixture
def ledger(postgres: str, sandbox: Sandbox) -> str:
    """A ledger that no example has used before."""
    with psycopg.connect(postgres, autocommit=True) as admin:
        if admin.execute("SELECT to_regclass('eightbyeight.message')").fetchone() != (None,):
            admin.execute("DELETE FROM eightbyeight.message")
    return postgres


@pytest.fixture
def environment(ledger: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sets the environment for examples that run in this process."""
    for name, value in {**sandbox.environment, "EIGHTBYEIGHT_LEDGER": ledger}.items():
        monkeypatch.setenv(name, value)


def run_here(code: str) -> dict[str, Any]:
    """Runs an example in this process, and returns its names. That saves half a second; a few promises need a process
    of their own.
    """
    module = ModuleType("example")
    exec(compile(code, "machines.md", "exec"), module.__dict__)  # noqa: S102 - the page
    return module.__dict__


def test_the_first_example(environment: None, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    run_here(block("order-notices"))
    (message,) = sandbox.messages
    assert capsys.readouterr().out == f"SENT True {message.umid}\nSENT False {message.umid}\n"


def test_the_commands(
    postgres: str, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "messages.csv").write_text("destination,name\n+6598765432,Ann\n+6598765433,Ben\n")
    (console,) = [one.code for one in blocks_of(PAGE) if one.language == "console"]
    first, *lines = console.splitlines()
    assert first.startswith("export EIGHTBYEIGHT_LEDGER=postgresql://")
    for line in lines:
        ended = in_process(*shlex.split(line)[1:], sandbox=sandbox, capsys=capsys, EIGHTBYEIGHT_LEDGER=postgres)
        assert ended.code == 0, f"{line}: {ended.err}"
    assert len(sandbox.messages) == 2
    assert "2 messages" in (tmp_path / "november.html").read_text()


def test_taskiq(ledger: str, sandbox: Sandbox) -> None:
    pytest.importorskip("taskiq")
    drive = """
async def drive():
    await broker.startup()
    for _ in range(2):
        print((await (await shipped.kiq(1, "+6598765432")).wait_result()).return_value)
    await broker.shutdown()
asyncio.run(drive())
"""
    printed = run_python(block('"taskiq"') + drive, sandbox, EIGHTBYEIGHT_LEDGER=ledger, PYTHONWARNINGS="default")
    assert printed == "SENT\nSENT\n"
    assert sandbox.accepted_counts == {"shipped-1": 1}


def test_celery(ledger: str, sandbox: Sandbox) -> None:
    pytest.importorskip("celery")
    drive = """
for _ in range(2):
    print(shipped.apply(args=(1, "+6598765432")).get())
"""
    printed = run_python(block('"celery"') + drive, sandbox, EIGHTBYEIGHT_LEDGER=ledger, PYTHONWARNINGS="default")
    assert printed == "SENT\nSENT\n"
    assert sandbox.accepted_counts == {"shipped-1": 1}


def test_procrastinate(ledger: str, sandbox: Sandbox) -> None:
    pytest.importorskip("procrastinate")
    drive = """
import asyncio
async def drive():
    async with app.open_async():
        if not await app.check_connection_async():
            await app.schema_manager.apply_schema_async()
        for _ in range(2):
            await shipped.defer_async(order=1, number="+6598765432")
        await app.run_worker_async(wait=False)
asyncio.run(drive())
"""
    run_python(block('"procrastinate"') + drive, sandbox, EIGHTBYEIGHT_LEDGER=ledger, PYTHONWARNINGS="default")
    assert sandbox.accepted_counts == {"shipped-1": 1}


@pytest.mark.long
def test_dbos(ledger: str, sandbox: Sandbox) -> None:
    """The process dies after the send, before DBOS has recorded it. The next process recovers the workflow and calls
    again.
    """
    pytest.importorskip("dbos", reason="needs dbos, which is in the group `tests`")
    drive = """
import asyncio
from dbos import SetWorkflowID
async def drive():
    with SetWorkflowID("one"):
        await shipped(1, "+6598765432")
async def die(*_):
    os._exit(0)
send_once = Ledger.send_once
async def told(*arguments):
    outcome = await send_once(*arguments)
    print(outcome.state.name, outcome.new, flush=True)
    return outcome
Ledger.send_once = told
DBOS.launch()
if os.environ.get("DIES"):
    Ledger.__aexit__ = die
    asyncio.run(drive())
print(DBOS.retrieve_workflow("one").get_result())
DBOS.destroy()
"""
    code = block('"dbos"') + drive
    assert run_python(code, sandbox, EIGHTBYEIGHT_LEDGER=ledger, DIES="yes") == "SENT True\n"
    assert run_python(code, sandbox, EIGHTBYEIGHT_LEDGER=ledger) == "SENT False\nSENT\n"
    assert sandbox.accepted_counts == {"shipped-1": 1}


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_fastapi_background_tasks(environment: None, sandbox: Sandbox) -> None:
    """The client posts the order again, to another replica and to the same one."""
    pytest.importorskip("fastapi")
    replicas = [run_here(block('"fastapi"')) for _ in range(2)]
    async with (
        served(replicas[0]["app"]) as one,
        served(replicas[1]["app"]) as two,
        httpx.AsyncClient(timeout=PATIENCE) as http,
    ):
        for url in (one, two, one):
            answer = await http.post(f"{url}/orders/1/shipped", params={"number": "+6598765432"})
            assert (answer.status_code, answer.json()) == (202, None)
    assert sandbox.accepted_counts == {"shipped-1": 1}


def test_the_outbox(environment: None, ledger: str, sandbox: Sandbox) -> None:
    """The second run finds the same row again, as if the process had died between the send and the delete."""
    with psycopg.connect(ledger, autocommit=True) as admin:
        admin.execute("CREATE TABLE IF NOT EXISTS outbox (key text PRIMARY KEY, number text, text text)")
        for _ in range(2):
            admin.execute("INSERT INTO outbox VALUES ('shipped-1', '+6598765432', 'On its way')")
            run_here(block('"outbox"'))
            assert admin.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    assert sandbox.accepted_counts == {"shipped-1": 1}
