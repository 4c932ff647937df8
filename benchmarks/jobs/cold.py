"""The job `cold`: from the start of the process to the first response, with the client's default TLS context.

The parent sets `SSL_CERT_FILE` to a file with certifi's authorities and the server's. So every contender loads the same
authorities.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks.contenders import Target, opened


async def run(contender: str, url: str, concurrency: int, started: float) -> dict[str, Any]:
    """`started`: the parent's `time.time()` just before it started this process."""
    up = time.perf_counter()
    context_manager = opened(contender, Target(url=url, ca_file=None), concurrency)
    imported = time.perf_counter()
    async with context_manager as sender:
        constructed = time.perf_counter()
        if not await sender.send_one(0):
            raise RuntimeError("the first message was not accepted")
        answered = time.perf_counter()
        since_start = time.time() - started
        busy = time.process_time()
        await sender.send_one(1)
        second = time.perf_counter()
    return {
        "start_to_answer_ms": since_start * 1000,
        "cpu_to_answer_ms": busy * 1000,
        "import_ms": (imported - up) * 1000,
        "construct_ms": (constructed - imported) * 1000,
        "first_message_ms": (answered - constructed) * 1000,
        "second_message_ms": (second - answered) * 1000,
    }
