"""The job `open_loop`: a message is due every 1/rate seconds, whether or not earlier ones have a response.

Latency is counted from the time at which a message was due, so it includes the delay of a client that falls behind. A
message without a response `patience` seconds after the last one was due counts as unanswered, with infinite latency.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import Any

from benchmarks.contenders import Target, opened
from benchmarks.control import Control

CONNECTIONS = 100  # connections; the default of all three libraries


async def run(
    contender: str, url: str, ca_file: str, rate: float, seconds: float, latency: float, patience: float = 1.5
) -> dict[str, Any]:
    target = Target(url=url, ca_file=ca_file)
    with Control(url, ca_file) as control:
        async with opened(contender, target, CONNECTIONS) as sender:
            control.reset(latency)
            in_flight = math.ceil(2 * rate * latency)
            await asyncio.gather(*(sender.send_one(index) for index in range(in_flight)))
            control.reset(latency)
            count = int(rate * seconds)
            late: list[float] = []
            cpu = time.process_time()
            start = time.perf_counter() + 0.02

            async def send(index: int, due: float) -> None:
                if await sender.send_one(index):
                    late.append(time.perf_counter() - due)

            tasks = set()
            for number in range(count):
                due = start + number / rate
                if (wait := due - time.perf_counter()) > 0:
                    await asyncio.sleep(wait)
                tasks.add(asyncio.create_task(send(in_flight + number, due)))
            done, unanswered = await asyncio.wait(tasks, timeout=patience)
            cpu = time.process_time() - cpu
            for task in unanswered:
                task.cancel()
            await asyncio.gather(*unanswered, return_exceptions=True)
            for task in done:
                task.result()
    late.sort()

    def percentile(share: float) -> float | None:
        position = math.ceil(share * count) - 1
        return late[position] * 1000 if position < len(late) else None

    return {
        "messages": count,
        "unanswered": len(unanswered),
        "p50": percentile(0.50),
        "p95": percentile(0.95),
        "p99": percentile(0.99),
        "cpu_per_1000": cpu / count * 1000,
    }
