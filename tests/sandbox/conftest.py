"""Tests of the sandbox call it with plain httpx and raw sockets, never with this package's client."""

import asyncio
import importlib.util
import json
import ssl
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

import httpx
import pytest
from patience import PATIENCE

from eightbyeight_async.sandbox import Sandbox


class Api:
    """A hand-written caller. Its paths and headers are spelt out from 8x8's documents."""

    def __init__(self, sandbox: Sandbox, http: httpx.Client) -> None:
        self.sandbox = sandbox
        self.http = http

    def call(self, method: str, path: str, *, product: str = "sms", json: Any = None, **more: Any) -> httpx.Response:
        base = self.sandbox.sms_base_url if product == "sms" else self.sandbox.chatapps_base_url
        headers = {"Authorization": f"Bearer {self.sandbox.api_key}"} | more.pop("headers", {})
        if json is not None:
            more["json"] = json
        return self.http.request(method, base + path, headers=headers, **more)

    def post(self, rest: str, json: Any, **more: Any) -> httpx.Response:
        return self.call("POST", f"/api/v1/subaccounts/sandbox-account{rest}", json=json, **more)

    def delete(self, rest: str, **more: Any) -> httpx.Response:
        return self.call("DELETE", f"/api/v1/subaccounts/sandbox-account{rest}", **more)

    def get(self, rest: str, **more: Any) -> httpx.Response:
        return self.call("GET", f"/api/v1/subaccounts/sandbox-account{rest}", **more)

    def batch(self, count: int, **common: Any) -> httpx.Response:
        """Sends a batch of `count` messages with the ids "0", "1", …"""
        messages = [
            {"destination": f"+65{80000000 + n}", "text": f"Hello {n}", "clientMessageId": str(n)} | common
            for n in range(count)
        ]
        return self.post("/messages/batch", {"messages": messages})

    def send(self, **fields: Any) -> httpx.Response:
        return self.post("/messages", {"destination": "+6598765432", "text": "Hello"} | fields)

    def chat(self, **fields: Any) -> httpx.Response:
        body = {"user": {"msisdn": "+6598765432"}, "type": "text", "content": {"text": "Hello"}} | fields
        return self.post("/messages", body, product="chatapps")


class Service:
    """A customer's service with a callback URL. It keeps every POST, and answers with the given status codes."""

    def __init__(self, statuses: Callable[[int], int], tls: ssl.SSLContext | None = None) -> None:
        service = self
        self.posts: list[tuple[dict[str, str], dict[str, Any]]] = []
        self._lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                with service._lock:
                    service.posts.append((dict(self.headers), body))
                    status = statuses(len(service.posts))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                if status == 302:
                    self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        if tls is not None:
            self._server.socket = tls.wrap_socket(self._server.socket, server_side=True)
        scheme = "http" if tls is None else "https"
        self.url = f"{scheme}://localhost:{self._server.server_address[1]}/dlr?a=b"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def states(self) -> list[tuple[str, str]]:
        """Returns (client message id, state) of every receipt, in the order of arrival."""
        payloads = [body["payload"] for _, body in self.posts]
        return [(payload.get("clientMessageId", ""), payload["status"]["state"]) for payload in payloads]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def service() -> Iterator[Service]:
    with Service(lambda _: 200) as running:
        yield running


@pytest.fixture
def serve() -> Iterator[Callable[..., Service]]:
    """`serve(500, 200)` starts a service that answers 500, then 200 to all later requests; `tls=` for https."""
    running: list[Service] = []

    def make(*statuses: int, tls: ssl.SSLContext | None = None) -> Service:
        running.append(Service(lambda n: statuses[min(n, len(statuses)) - 1], tls).__enter__())
        return running[-1]

    yield make
    for one in running:
        one.__exit__()


@pytest.fixture(params=["asyncio", *(["uvloop"] if importlib.util.find_spec("uvloop") else [])])
def each_loop(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The test runs twice: with the sandbox on asyncio's own loop, and on uvloop if it is installed."""
    if request.param == "asyncio":
        monkeypatch.setitem(sys.modules, "uvloop", None)
    loop: str = request.param
    return loop


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of every timer of an asyncio loop that expired, i.e. the waiting times without the working times.

    The sandbox runs on asyncio's own loop, because the timers of uvloop cannot be counted.
    """
    monkeypatch.setitem(sys.modules, "uvloop", None)
    ran_out: list[float] = []
    call_at = asyncio.BaseEventLoop.call_at

    def noting(loop: Any, when: float, callback: Callable[..., Any], *args: Any, context: Any = None) -> Any:
        seconds = when - loop.time()

        def run() -> None:
            ran_out.append(seconds)
            callback(*args)

        return call_at(loop, when, run, context=context)

    monkeypatch.setattr(asyncio.BaseEventLoop, "call_at", noting)
    return ran_out


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def stopped_clock(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only `advance` moves the sandbox's clock. So a slow machine comes to no later moment."""
    now = sandbox.clock.now()
    monkeypatch.setattr(sandbox.clock, "_base", lambda: now)


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[Api]:
    with httpx.Client(verify=sandbox.ssl_context(), timeout=PATIENCE) as http:
        yield Api(sandbox, http)
