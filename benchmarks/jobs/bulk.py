"""The job `bulk`: a campaign, or the same messages without a journal.

`what` is one of:

- "journal": a campaign in mode each
- "plain": `send_each`
- "batch": a campaign in mode batch
- "open": makes a journal of `count` rows and measures opening it
"""

from __future__ import annotations

import gc
import sqlite3
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.control import Control
from benchmarks.jobs.load import LostMessagesError, peak_memory
from benchmarks.messages import API_KEY, SOURCE, SUBACCOUNT, TEXT, destination
from eightbyeight_async import AsyncConnectClient, SmsRequest
from eightbyeight_async.bulk import Campaign, status
from eightbyeight_async.bulk.store.journal_queries import GUARD
from eightbyeight_async.hosts import Product

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eightbyeight_async.bulk.store.journal_file import Durability


async def run(
    contender: str,
    what: str,
    url: str,
    ca_file: str,
    count: int,
    latency: float = 0.0,
    durability: Durability = "power",
) -> dict[str, Any]:
    from benchmarks.contenders import Target  # noqa: PLC0415 - beside its only use

    def messages() -> Iterator[SmsRequest]:
        return (SmsRequest(destination=destination(index), source=SOURCE, text=TEXT) for index in range(count))

    with Control(url, ca_file) as control, tempfile.TemporaryDirectory() as directory:
        journal = Path(directory, "run.db")
        async with AsyncConnectClient(
            API_KEY,
            SUBACCOUNT,
            sms_base_url=url,
            chatapps_base_url=url,
            ssl_context=Target(url=url, ca_file=ca_file).context(),
            timeout=60.0,
        ) as client:
            if what == "open":
                return await _open(client, journal, count)
            # A warm-up opens the connections.
            async with client.sms.send_each(messages() if count < 200 else _first(messages(), 200)) as results:
                async for _ in results:
                    pass
            gc.collect()
            before = control.reset(latency)
            cpu, began = time.process_time(), time.perf_counter()
            if what == "plain":
                accepted = 0
                async with client.sms.send_each(messages(), max_concurrency=100) as results:
                    async for result in results:
                        accepted += result.ok
            else:
                mode = "batch" if what == "batch" else "each"
                campaign = Campaign(client, journal, mode=mode, durability=durability, max_rate=None)
                async with campaign:
                    accepted = (await campaign.send(messages())).accepted
            wall, cpu = time.perf_counter() - began, time.process_time() - cpu
            after = control.stats()
    if accepted != count:
        raise LostMessagesError(f"{what}: sent {count}, accepted {accepted}, server saw {after}")
    return {
        "messages": count,
        "rate": count / wall,
        "cpu_per_1000": cpu / count * 1000,
        "server_busy": (after["cpu"] - before["cpu"]) / wall,
        "peak_mb": peak_memory(),
    }


def _first(messages: Iterator[SmsRequest], count: int) -> Iterator[SmsRequest]:
    return (message for message, _ in zip(messages, range(count), strict=False))


async def _open(client: AsyncConnectClient, journal: Path, count: int) -> dict[str, Any]:
    async with Campaign(client, journal):
        pass
    connection = sqlite3.connect(journal, isolation_level=None)
    connection.execute(
        "WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i+1 FROM n WHERE i<?) "
        "INSERT INTO message (id, hash, key, state, guard, run, place, account, claimed, at, who, umid) "
        "SELECT i, random() & 9223372036854775807, lower(hex(randomblob(12))), 1, 0, 1, i, 1, 0, 0, 1, "
        "'9e1e3f5c-7d44-4a3a-9d5f-2b4f3c1a0e77' FROM n",
        (count,),
    )
    connection.execute(f"UPDATE message SET guard={GUARD.format('state')}")  # noqa: S608 - a constant
    connection.execute(
        "UPDATE sums SET (count, low, high)=(SELECT count(*), sum(hash & 4294967295), sum(hash >> 32) FROM message)"
    )
    connection.execute("INSERT INTO account VALUES (1, ?, ?)", (client.host(Product.SMS), client.subaccount_id))
    connection.execute("INSERT INTO meta VALUES ('account', 1)")
    connection.close()
    began = time.perf_counter()
    async with Campaign(client, journal):
        opened = time.perf_counter() - began
    began = time.perf_counter()
    found = status(journal)
    if found.sent != count:
        raise LostMessagesError(f"{count} rows were made, {found} found")
    return {"rows": count, "open_ms": opened * 1000, "status_ms": (time.perf_counter() - began) * 1000}
