"""Start and stop do not wait, are complete, can be repeated, and do not depend on the process that runs the test."""

import asyncio
import contextlib
import os
import re
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from patience import PATIENCE, until

from eightbyeight_async.sandbox import Fault, Sandbox

ROOT = Path(__file__).parents[2]
each_loop = pytest.mark.usefixtures("each_loop")  # not for tests that choose a loop, or start a process


def descriptors() -> int:
    directory = Path("/proc/self/fd")
    if not directory.exists():
        pytest.skip("cannot count open files here")
    return len(os.listdir(directory))  # noqa: PTH208 - counting must not keep a descriptor open


def new_threads(before: set[threading.Thread]) -> list[threading.Thread]:
    """Returns the threads that started after `before`. Threads of earlier tests may still end at any moment."""
    return [thread for thread in threading.enumerate() if thread not in before]


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])


def connect(sandbox: Sandbox) -> ssl.SSLSocket:
    raw = socket.create_connection(("127.0.0.1", port_of(sandbox.sms_base_url)), timeout=PATIENCE)
    return sandbox.ssl_context().wrap_socket(raw, server_hostname="localhost")


def request(sandbox: Sandbox, body: bytes = b'{"destination":"+12025550275","text":"a"}') -> bytes:
    return (
        b"POST /api/v1/subaccounts/sandbox-account/messages HTTP/1.1\r\nHost: localhost\r\n"
        b"Content-Type: application/json\r\nAuthorization: Bearer %b\r\nContent-Length: %d\r\n\r\n%b"
    ) % (sandbox.api_key.encode(), len(body), body)


@each_loop
def test_starts_and_stops_leave_no_thread_and_no_descriptor_on_either_loop() -> None:
    with Sandbox():
        pass
    before, files = set(threading.enumerate()), descriptors()
    for _ in range(20):
        with Sandbox() as sandbox, connect(sandbox) as connection:
            connection.sendall(request(sandbox))
            assert connection.recv(12) == b"HTTP/1.1 200"
            hanging = socket.create_connection(("127.0.0.1", port_of(sandbox.sms_base_url)))
        hanging.close()
    assert new_threads(before) == []
    assert descriptors() <= files


def test_a_hundred_starts_and_stops_leave_nothing_and_wait_for_nothing(waits: list[float]) -> None:
    with Sandbox():
        pass
    before, files = set(threading.enumerate()), descriptors()
    for _ in range(100):
        with Sandbox() as sandbox, connect(sandbox) as connection:
            connection.sendall(request(sandbox))
            assert connection.recv(12) == b"HTTP/1.1 200"
            directory = Path(sandbox.ca_file).parent
        assert not directory.exists()
    assert new_threads(before) == []
    assert descriptors() <= files
    assert waits == []


@pytest.mark.parametrize("clients", ["idle", "hanging handshake", "half a request", "slow handler", "latency"])
def test_stop_waits_for_nobody(clients: str, waits: list[float]) -> None:
    with Sandbox() as warm_up, connect(warm_up):
        pass
    files = descriptors()
    others = set(threading.enumerate())  # another test's sandbox may live until the end of the session
    sandbox = Sandbox()
    sandbox.start()
    if clients == "hanging handshake":
        connection: socket.socket = socket.create_connection(
            ("127.0.0.1", port_of(sandbox.sms_base_url)), timeout=PATIENCE
        )
    else:
        connection = connect(sandbox)
    whole = request(sandbox)
    if clients == "half a request":
        connection.sendall(whole[:-5])
    elif clients == "slow handler":
        sandbox.faults.plan([Fault.slow(10 * PATIENCE)])
        connection.sendall(whole)
    elif clients == "latency":
        sandbox.latency = 10 * PATIENCE
        connection.sendall(whole)
    wanted = {"slow handler": (1, 1), "latency": (1, 1), "half a request": (0, 1)}.get(clients, (0, 0))
    traffic = sandbox.traffic
    until(lambda: (traffic.requests, traffic.in_flight) == wanted and traffic.connections)
    sandbox.stop()
    assert waits == []
    assert new_threads(others) == []
    with connection, contextlib.suppress(OSError):
        assert connection.recv(100) == b""
    assert descriptors() <= files
    sandbox.stop()  # a second stop does nothing
    assert len(sandbox.messages) == (1 if clients in ("slow handler", "latency") else 0)


@each_loop
def test_a_client_that_leaves_ends_its_handler(sandbox: Sandbox) -> None:
    sandbox.latency = 10 * PATIENCE
    connection = connect(sandbox)
    connection.sendall(request(sandbox))
    until(lambda: sandbox.messages)
    connection.close()
    until(lambda: not sandbox.traffic.in_flight and not sandbox.traffic.open_connections)


@each_loop
def test_two_at_once_do_not_know_each_other() -> None:
    with Sandbox() as one, Sandbox(subaccount_id="other", more_subaccount_ids=["more"]) as two:
        assert len({one.sms_base_url, one.chatapps_base_url, two.sms_base_url, two.chatapps_base_url}) == 4
        assert one.api_key != two.api_key
        with httpx.Client(verify=two.ssl_context()) as http:
            for subaccount, status in (("other", 200), ("more", 200), ("sandbox-account", 400)):
                answer = http.post(
                    f"{two.sms_base_url}/api/v1/subaccounts/{subaccount}/messages",
                    json={"destination": "+12025550275", "text": "a"},
                    headers={"Authorization": f"Bearer {two.api_key}"},
                )
                assert answer.status_code == status
        assert one.messages == []
        assert [m.subaccount_id for m in two.messages] == ["other", "more"]


@each_loop
def test_async_with_under_asyncio_and_trio() -> None:
    async def use() -> int:
        async with Sandbox() as sandbox, httpx.AsyncClient(verify=sandbox.ssl_context()) as http:
            return (await http.get(sandbox.chatapps_base_url)).status_code

    assert asyncio.run(use()) == 404
    assert trio.run(use) == 404


@each_loop
def test_a_cancelled_block_is_stopped_all_the_same() -> None:
    async def use() -> Sandbox:
        with trio.CancelScope() as scope:
            async with Sandbox() as sandbox:
                scope.cancel()
                await trio.sleep_forever()
        return sandbox

    assert repr(trio.run(use)) == "<Sandbox stopped>"


@each_loop
def test_a_taken_port_is_told_in_the_caller_and_leaves_nothing() -> None:
    with Sandbox() as sandbox:
        port, files, threads = port_of(sandbox.sms_base_url), descriptors(), set(threading.enumerate())
        for ports in ({"sms_port": port}, {"chatapps_port": port}):
            with pytest.raises(OSError, match=f"cannot listen on 127.0.0.1 port {port}"):
                Sandbox(**ports).start()
        assert new_threads(threads) == []
        assert descriptors() <= files
    with Sandbox(sms_port=port) as again:
        assert port_of(again.sms_base_url) == port


@each_loop
def test_before_and_after_it_says_that_it_does_not_run() -> None:
    sandbox = Sandbox()
    for _ in range(2):
        for name in ("sms_base_url", "chatapps_base_url", "ca_file", "environment"):
            with pytest.raises(RuntimeError, match="not running"):
                getattr(sandbox, name)
        sandbox.stop()
    with pytest.raises(RuntimeError, match="make a new one"):
        sandbox.start()


@each_loop
def test_a_bug_of_the_sandbox_itself_is_raised_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    sandbox = Sandbox()
    sandbox.start()
    monkeypatch.setattr(sandbox._state, "rate_limit", None)
    with connect(sandbox) as connection:
        connection.sendall(request(sandbox))
        assert connection.recv(12) == b"HTTP/1.1 599"
    with pytest.raises(ExceptionGroup, match="the sandbox itself failed"):
        sandbox.stop()
    assert repr(sandbox) == "<Sandbox stopped>"


def test_the_environment_points_another_process_here(sandbox: Sandbox) -> None:
    program = """
import os, json, urllib.request
request = urllib.request.Request(
    os.environ["EIGHTBYEIGHT_SMS_BASE_URL"] + "/api/v1/subaccounts/"
    + os.environ["EIGHTBYEIGHT_SUBACCOUNT_ID"] + "/messages",
    data=json.dumps({"destination": "+6598765432", "text": "from afar"}).encode(),
    headers={"Authorization": "Bearer " + os.environ["EIGHTBYEIGHT_API_KEY"], "Content-Type": "application/json"},
)
print(urllib.request.urlopen(request).status)
"""
    done = run_python("-W", "error", "-c", program, env=sandbox.environment)
    assert done.stdout == "200\n", done.stderr
    assert [m.text for m in sandbox.messages] == ["from afar"]


def test_no_warning_at_all_even_in_development_mode() -> None:
    program = """
import socket, gc
from eightbyeight_async.sandbox import Sandbox
with Sandbox() as sandbox:
    port = int(sandbox.sms_base_url.rpartition(":")[2])
    hanging = socket.create_connection(("127.0.0.1", port))
    raw = socket.create_connection(("127.0.0.1", port))
    open_one = sandbox.ssl_context().wrap_socket(raw, server_hostname="localhost")
hanging.close(); open_one.close(); del sandbox; gc.collect()
"""
    done = run_python("-X", "dev", "-W", "error", "-c", program)
    # On a busy machine, asyncio's debug mode says that a callback took long.
    told = re.sub(r"^Executing .* took \d+\.\d+ seconds$\n", "", done.stderr, flags=re.MULTILINE)
    assert (done.returncode, done.stdout, told) == (0, "", "")


def test_missing_extras_say_what_to_install() -> None:
    for name in ("aiohttp", "trustme"):
        program = f"import sys; sys.modules[{name!r}] = None; import eightbyeight_async.sandbox"
        done = run_python("-c", program)
        assert done.returncode == 1
        assert f'the sandbox needs {name}: pip install "eightbyeight-async[sandbox]"' in done.stderr


def test_the_shipped_fixtures_work_in_a_users_project(tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text('pytest_plugins = ["eightbyeight_async.sandbox.fixtures"]\n')
    (tmp_path / "test_mine.py").write_text(
        "import httpx\n"
        "def test_fresh(eightbyeight_sandbox):\n"
        "    with httpx.Client(verify=eightbyeight_sandbox.ssl_context()) as http:\n"
        "        assert http.get(eightbyeight_sandbox.sms_base_url).status_code == 404\n"
        "    assert eightbyeight_sandbox.traffic.requests == 1\n"
        "def test_another(eightbyeight_sandbox):\n"
        "    assert eightbyeight_sandbox.traffic.requests == 0\n"
        "def test_client(eightbyeight_client, eightbyeight_sandbox):\n"
        "    assert type(eightbyeight_client).__name__ == 'AsyncConnectClient'\n"
    )
    done = run_python("-W", "error", "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path), cwd=tmp_path)
    assert "3 passed" in done.stdout, done.stdout + done.stderr


def run_python(*arguments: str, env: dict[str, str] | None = None, cwd: Path = ROOT) -> Any:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
    return subprocess.run(  # noqa: S603 - our own interpreter, our own program
        [sys.executable, *arguments],
        env=environment,
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
