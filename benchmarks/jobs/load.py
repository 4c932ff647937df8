"""The job `load`, a closed loop: a number of messages with a number in flight, as fast as possible.

Before the time is measured:

1. A warm-up opens all connections. The server responds slowly, so that no connection is free before all are open.
2. Unless `count` is given, one or two probes choose the number of messages, so that the measured part takes about
   `seconds`. A client that needs more than a second for the first probe gets no second one.

The number is at least 300, and at least twice the messages in flight, so a slow client takes longer.
"""

from __future__ import annotations

import gc
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.contenders import Sender, Target, opened
from benchmarks.control import Control

MOST_MESSAGES = 50_000
SLOW = 1.0  # seconds; if the first probe takes longer, there is no second one
OPENING = 0.003  # seconds; upper limit of the time to open a connection: TLS on both sides, with the slowest client


class LostMessagesError(Exception):
    """The server did not see exactly the messages that were sent."""


def peak_memory() -> float | None:
    """The peak memory of this process in MB; None if the platform does not report it.

    `ru_maxrss` is only the second choice: on Linux it starts at the parent's peak.
    """
    status = Path("/proc/self/status")
    if status.exists():
        line = next((line for line in status.read_text().splitlines() if line.startswith("VmHWM")), None)
        if line is not None:
            return int(line.split()[1]) / 1024
    try:
        import resource  # noqa: PLC0415 - not on Windows
    except ImportError:
        return None
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 1024)


async def _timed(sender: Sender, first: int, count: int) -> tuple[int, float]:
    began = time.perf_counter()
    await sender.send_all(first, count)
    return count, time.perf_counter() - began


async def run(
    contender: str,
    url: str,
    ca_file: str,
    concurrency: int,
    seconds: float = 1.2,
    count: int | None = None,
    latency: float = 0.0,
) -> dict[str, Any]:
    target = Target(url=url, ca_file=ca_file)
    with Control(url, ca_file) as control:
        async with opened(contender, target, concurrency) as sender:
            control.reset(concurrency * OPENING)
            first = await sender.send_all(0, concurrency)
            control.reset(latency)
            if count is None:
                sent, took = await _timed(sender, first, max(concurrency, 100))
                first += sent
                if took < SLOW:
                    sent, took = await _timed(sender, first, max(concurrency, 1000))
                    first += sent
                count = min(max(int(sent / took * seconds), 2 * concurrency, 300), MOST_MESSAGES)
            gc.collect()
            before = control.reset(latency)
            cpu, began = time.process_time(), time.perf_counter()
            accepted = await sender.send_all(first, count)
            wall, cpu = time.perf_counter() - began, time.process_time() - cpu
            after = control.stats()
    if not accepted == after["requests"] == after["distinct"] == count:
        raise LostMessagesError(f"{contender}: sent {count}, accepted {accepted}, server saw {after}")
    return {
        "messages": count,
        "wall": wall,
        "rate": count / wall,
        "cpu_per_1000": cpu / count * 1000,
        "client_busy": cpu / wall,
        "server_busy": (after["cpu"] - before["cpu"]) / wall,
        "server_cpu_per_1000": (after["cpu"] - before["cpu"]) / count * 1000,
        "server_delay": after["delay_mean"],
        "server_in_flight": after["most_in_flight"],
        "new_connections": after["connections"],
        "peak_mb": peak_memory(),
    }
