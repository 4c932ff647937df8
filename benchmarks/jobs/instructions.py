"""The job `instructions`: sends a number of messages, 100 in flight, and nothing else. valgrind counts around it."""

from __future__ import annotations

import gc

from benchmarks.contenders import Target, opened

__all__ = ["IN_FLIGHT", "run"]

IN_FLIGHT = 100


async def run(contender: str, url: str, ca_file: str, count: int) -> dict[str, int]:
    async with opened(contender, Target(url=url, ca_file=ca_file), IN_FLIGHT) as sender:
        await sender.send_all(0, IN_FLIGHT)  # opens the connections
        # Without this, one more collection of the garbage from the imports (20 million instructions) may or may not be
        # in the count.
        gc.collect()
        gc.freeze()
        sent = await sender.send_all(IN_FLIGHT, count)
    if sent != count:
        raise RuntimeError(f"{contender}: {sent} of {count} messages were accepted")
    return {"sent": sent}
