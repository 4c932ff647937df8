"""The benchmark server: HTTPS with TLS 1.3 and httptools, on uvloop if it is installed, in its own process.

It parses every request. It responds to `POST …/messages` with a 200 body that is constant, except for the number and
the id of the request. If `latency` is set, it responds after that many seconds. It counts requests, different bodies,
connections and its own CPU time. So a run can prove that every message arrived once (the counts of requests and of
different bodies are equal), and that the server had CPU time left.

`GET /control/stats` reads the counters, `PUT /control/reset?latency=0.05` clears them; neither is counted.

`python -m benchmarks.server CA_FILE` writes its CA to CA_FILE, prints its port and serves until stdin closes.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib
import json
import re
import ssl
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import httptools
import trustme

from benchmarks.messages import ANSWER

if TYPE_CHECKING:
    from collections.abc import Callable


def _response(body: bytes, status: bytes = b"200 OK") -> bytes:
    return (
        b"HTTP/1.1 " + status + b"\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n"
        b"Content-Type: application/json; charset=utf-8\r\n"
        b"Content-Length: %d\r\nConnection: keep-alive\r\nX-Content-Type-Options: nosniff\r\n"
        b"Strict-Transport-Security: max-age=31536000\r\n\r\n" % len(body)
    ) + body


_HEAD, _BODY = _response(ANSWER).split(b"\r\n\r\n", 1)
_DESTINATION = re.compile(rb'"destination":\s*"\+?(\d+)"')
_REFERENCE = re.compile(rb'"clientMessageId":\s*"([^"]*)"')
_NOT_FOUND = _response(b'{"code":1300,"message":"not found"}', b"404 Not Found")


def _answer(body: bytes) -> bytes:
    """Returns the response to a message. It names the message, because a client may refuse a response about another
    message.
    """
    destination, reference = _DESTINATION.search(body), _REFERENCE.search(body)
    told = _BODY if destination is None else _BODY.replace(b"6590000000", destination[1])
    if reference is not None:
        told = told.replace(b"benchmark-00000000", reference[1])
    head = _HEAD if len(told) == len(_BODY) else _HEAD.replace(b": %d\r" % len(_BODY), b": %d\r" % len(told))
    return head + b"\r\n\r\n" + told


@dataclass
class State:
    """The counters since the last reset, and the latency in seconds."""

    latency: float = 0.0
    requests: int = 0
    connections: int = 0
    delay: float = 0.0
    waiting: int = 0
    most_waiting: int = 0
    bodies: set[int] = field(default_factory=set)

    def stats(self) -> dict[str, float]:
        return {
            "requests": self.requests,
            "distinct": len(self.bodies),
            "connections": self.connections,
            "cpu": time.process_time(),
            "most_in_flight": self.most_waiting,
            "delay_mean": self.delay / self.requests if self.requests else 0.0,
        }


class Connection(asyncio.Protocol):
    """One connection. httptools calls the `on_…` methods; each complete request gets one response."""

    def __init__(self, state: State, loop: asyncio.AbstractEventLoop) -> None:
        self._state = state
        self._loop = loop
        self._url = b""
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._parser = httptools.HttpRequestParser(self)
        self._state.connections += 1

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        self._url += url

    def on_body(self, body: bytes) -> None:
        self._body.append(body)

    def on_message_complete(self) -> None:
        url, self._url = self._url, b""
        body = b"".join(self._body)
        self._body.clear()
        if url.startswith(b"/control/"):
            self._transport.write(self._control(url))
        elif not url.endswith(b"/messages") or self._parser.get_method() != b"POST":
            self._transport.write(_NOT_FOUND)
        elif self._state.latency:
            self._count(body)
            self._state.waiting += 1
            self._state.most_waiting = max(self._state.most_waiting, self._state.waiting)
            self._loop.call_later(self._state.latency, self._late_answer, time.perf_counter(), _answer(body))
        else:
            self._count(body)
            self._transport.write(_answer(body))

    def _count(self, body: bytes) -> None:
        self._state.requests += 1
        self._state.bodies.add(hash(body))

    def _late_answer(self, arrived: float, answer: bytes) -> None:
        self._state.waiting -= 1
        self._state.delay += time.perf_counter() - arrived
        if not self._transport.is_closing():
            self._transport.write(answer)

    def _control(self, url: bytes) -> bytes:
        state = self._state
        answer = state.stats()
        path, _, query = url.partition(b"?latency=")
        if path == b"/control/reset":
            state.latency = float(query or 0)
            state.requests, state.connections, state.delay, state.most_waiting = 0, 0, 0.0, state.waiting
            state.bodies.clear()
        return _response(json.dumps(answer).encode())


def _context(ca_file: Path) -> ssl.SSLContext:
    ca = trustme.CA()
    ca.cert_pem.write_to_path(ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    ca.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    return context


async def _serve(ca_file: Path) -> None:
    loop = asyncio.get_running_loop()
    state = State()
    parent_gone = asyncio.Event()
    server = await loop.create_server(
        lambda: Connection(state, loop), "127.0.0.1", 0, ssl=_context(ca_file), backlog=2048
    )

    def wait_for_parent() -> None:
        sys.stdin.read()
        with contextlib.suppress(RuntimeError):  # the loop may be closed already
            loop.call_soon_threadsafe(parent_gone.set)

    threading.Thread(target=wait_for_parent, daemon=True).start()
    gc.freeze()
    print(json.dumps({"port": server.sockets[0].getsockname()[1], "loop": type(loop).__module__}), flush=True)
    await parent_gone.wait()
    server.close()


def fast_loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """`uvloop.new_event_loop` if uvloop is installed, else None for asyncio's own loop."""
    try:
        found: Callable[[], asyncio.AbstractEventLoop] = importlib.import_module("uvloop").new_event_loop
    except ImportError:
        return None
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Fixed-answer HTTPS server for the benchmarks.")
    parser.add_argument("ca_file", type=Path)
    arguments = parser.parse_args()
    with contextlib.suppress(KeyboardInterrupt), asyncio.Runner(loop_factory=fast_loop_factory()) as runner:
        runner.run(_serve(arguments.ca_file))


if __name__ == "__main__":
    main()
