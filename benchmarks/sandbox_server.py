"""The sandbox in a process of its own; or aiohttp with constant bytes in its place, which shows aiohttp's own part.

`python -m benchmarks.sandbox_server {sandbox,constant} {asyncio,uvloop}` prints its URL and the path of its CA file.
For each line of its standard input it prints its CPU time and its counts. It ends when its standard input ends.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from benchmarks.messages import ANSWER, API_KEY, SUBACCOUNT
from eightbyeight_async.sandbox import Sandbox, Traffic
from eightbyeight_async.sandbox.serving.certificates import make_certificates
from eightbyeight_async.sandbox.serving.listener import Listener, bind
from eightbyeight_async.sandbox.serving.thread import run_in_thread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Counts = dict[str, int]


@contextlib.contextmanager
def _sandbox() -> Iterator[tuple[str, str, Callable[[], Counts]]]:
    def counts() -> Counts:
        return {"accepted": sandbox.totals["accepted"], "distinct": len(sandbox.accepted_counts)}

    with Sandbox(api_key=API_KEY, subaccount_id=SUBACCOUNT) as sandbox:
        yield sandbox.sms_base_url, sandbox.ca_file, counts


@contextlib.contextmanager
def _constant() -> Iterator[tuple[str, str, Callable[[], Counts]]]:
    traffic = Traffic()

    async def handler(request: web.BaseRequest) -> web.StreamResponse:
        await request.read()
        traffic.requests += 1
        return web.Response(body=ANSWER, content_type="application/json", charset="utf-8")

    with tempfile.TemporaryDirectory() as directory:
        ca_file, context = make_certificates(Path(directory), allow_tls12=False)
        sockets = bind(0)
        finish = run_in_thread([Listener(sockets, context, handler, traffic, 75.0).run])
        url = f"https://localhost:{sockets[0].getsockname()[1]}"
        yield url, str(ca_file), lambda: {"accepted": traffic.requests, "distinct": traffic.requests}
        finish()


def main() -> None:
    parser = argparse.ArgumentParser(description="A sandbox for the benchmarks.")
    parser.add_argument("what", choices=["sandbox", "constant"])
    parser.add_argument("loop", choices=["asyncio", "uvloop"])
    arguments = parser.parse_args()
    if arguments.loop == "asyncio":
        sys.modules["uvloop"] = None  # type: ignore[assignment]  # None: "cannot be imported"
    gc.set_threshold(100_000, 50, 100)  # as in `python -m eightbyeight_async.sandbox`
    with _sandbox() if arguments.what == "sandbox" else _constant() as (url, ca_file, counts):
        print(json.dumps({"url": url, "ca_file": ca_file}), flush=True)
        for _ in sys.stdin:
            cpu = time.process_time()
            print(json.dumps({"cpu": cpu, **counts()}), flush=True)


if __name__ == "__main__":
    main()
