"""The job `sandbox`: loads a sandbox in a process of its own with ready-made requests over `asyncio.Protocol`.

`what`: "send" (single messages), "look-up" (details of messages sent before), "batch" (10,000 messages a request), or
"constant" (single messages to aiohttp with constant bytes in the sandbox's place).
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit

from benchmarks.contenders import Target
from benchmarks.jobs.load import LostMessagesError
from benchmarks.messages import API_KEY, PATH, payload

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

BATCH = 10_000  # messages a request
_KNOWN = 3000  # messages to look up; the sandbox remembers fewer paths than that
_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)


class _Line(asyncio.Protocol):
    """One connection with one request in flight. The bodies of the responses are added to `bodies`, if there is one."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._received: list[bytes] = []
        self._missing = 0

    def start(self, requests: Iterator[bytes], bodies: list[bytes] | None) -> asyncio.Future[None]:
        self._requests, self._bodies = requests, bodies
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._next()
        return self._done

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None:
            self._done.set_result(None)
        else:
            self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._received.append(data)
        if self._missing:
            self._missing -= len(data)
        else:  # the start of a response: each server here writes a whole head at once
            if not data.startswith(b"HTTP/1.1 200 "):
                self._done.set_exception(LostMessagesError(f"the sandbox answered {data[:200]!r}"))
                return
            length = _LENGTH.search(data)
            assert length is not None
            self._missing = data.index(b"\r\n\r\n") + 4 + int(length[1]) - len(data)
        if not self._missing:
            if self._bodies is not None:
                self._bodies.append(b"".join(self._received).partition(b"\r\n\r\n")[2])
            self._received.clear()
            self._next()

    def close(self) -> None:
        self._transport.close()


def _head(method: str, path: str) -> str:
    fields = f"Host: localhost\r\nAccept: application/json\r\nAuthorization: Bearer {API_KEY}\r\n"
    return f"{method} {path} HTTP/1.1\r\n{fields}"


def _post(path: str, body: object) -> bytes:
    encoded = json.dumps(body).encode()
    fields = f"Content-Type: application/json\r\nContent-Length: {len(encoded)}\r\n\r\n"
    return (_head("POST", path) + fields).encode() + encoded


def _batch(first: int) -> bytes:
    messages = [payload(index) for index in range(first, first + BATCH)]
    return _post(f"{PATH}/batch", {"messages": messages, "includeMessagesInResponse": True})


class _Process:
    """A process that runs `benchmarks.sandbox_server`; a context manager."""

    def __init__(self, what: str, loop: str) -> None:
        served = "constant" if what == "constant" else "sandbox"
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter, our own module
            [sys.executable, "-m", "benchmarks.sandbox_server", served, loop],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        told: dict[str, Any] = json.loads(self._process.stdout.readline())
        return told

    def counts(self) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        return self.read()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate(timeout=20)


async def run(contender: str, what: str, loop: str, in_flight: int, requests: int) -> dict[str, Any]:
    with _Process(what, loop) as process:
        where = process.read()
        context = Target(url=where["url"], ca_file=where["ca_file"]).context()
        port = urlsplit(where["url"]).port or 443
        running = asyncio.get_running_loop()
        lines = [(await running.create_connection(_Line, "localhost", port, ssl=context))[1] for _ in range(in_flight)]

        async def all_of(wanted: Iterable[bytes], bodies: list[bytes] | None = None) -> None:
            turn = iter(wanted)
            await asyncio.gather(*(line.start(turn, bodies) for line in lines))

        wanted = await _warmed_up(what, requests, all_of)
        before, began = process.counts(), time.perf_counter()
        await all_of(wanted)
        wall, after = time.perf_counter() - began, process.counts()
        for line in lines:
            line.close()
    each = BATCH if what == "batch" else 1
    expected = 0 if what == "look-up" else requests * each
    if not after["accepted"] - before["accepted"] == after["distinct"] - before["distinct"] == expected:
        raise LostMessagesError(f"{what}: {expected} expected, the sandbox counted {before} and {after}")
    cpu = after["cpu"] - before["cpu"]
    return {"rate": requests * each / wall, "cpu_us": cpu / requests / each * 1e6, "busy": cpu / wall}


async def _warmed_up(what: str, requests: int, all_of: Callable[..., Awaitable[None]]) -> list[bytes]:
    """Sends the warm-up requests, which are not measured. Returns the requests to measure."""
    if what == "batch":
        await all_of([_batch(0)])
        return [_batch((number + 1) * BATCH) for number in range(requests)]
    bodies: list[bytes] = []
    await all_of([_post(PATH, payload(index)) for index in range(_KNOWN)], bodies)
    if what == "look-up":
        umids = [json.loads(body)["umid"] for body in bodies]
        return [(_head("GET", f"{PATH}/{umids[index % _KNOWN]}") + "\r\n").encode() for index in range(requests)]
    return [_post(PATH, payload(_KNOWN + index)) for index in range(requests)]
