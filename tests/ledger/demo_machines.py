"""Three workers share a file through a ledger, one is killed, and the campaign's counts are right at the end.

    python tests/ledger/demo_machines.py

Starts a PostgreSQL server and a sandbox on this machine. Takes about a minute. For 30 seconds of it the dead worker's
chunk waits until another worker takes it.
"""

# ruff: noqa: T201
from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from ledger.postgres import PostgresServer, why_not

from eightbyeight_async.ledger import Ledger
from eightbyeight_async.ledger.without_client import LedgerReader
from eightbyeight_async.sandbox import SandboxProcess

MESSAGES, LEASE = 6_000, 5.0
RUN = ("bulk", "run", "people.csv", "--text", "Hi {name}", "--mode", "each", "--chunk-size", "250", "--yes")


def main() -> None:
    reason = why_not()
    if reason is not None:
        sys.exit(reason)
    with (
        tempfile.TemporaryDirectory() as folder,
        PostgresServer() as server,
        SandboxProcess("--latency", "0.02") as sandbox,
    ):
        lines = [f"+6581{number:06d},Ann {number}" for number in range(MESSAGES)]
        Path(folder, "people.csv").write_text("\n".join(["destination,name", *lines]))
        environment = {**os.environ, **sandbox.environment, "EIGHTBYEIGHT_LEDGER": server.url}

        def start(*words: str) -> subprocess.Popen[bytes]:
            print("$ eightbyeight", " ".join(f'"{word}"' if " " in word else word for word in words), flush=True)
            command = [sys.executable, "-m", "eightbyeight_async", *words, "--campaign", "demo"]
            return subprocess.Popen(command, env=environment, cwd=folder)  # noqa: S603

        asyncio.run(make(server.url))
        workers = [start(*RUN) for _ in range(3)]
        while len(sandbox.counts()) < MESSAGES // 4:
            time.sleep(0.05)
        workers[0].kill()
        print(f"kill -9 of one worker; the API has accepted {len(sandbox.counts()):,} messages", flush=True)
        for worker in workers:
            worker.wait()
        time.sleep(LEASE)
        start("bulk", "status").wait()
        start("bulk", "reconcile", "--lag", "1").wait()
        start(*RUN).wait()
        counts = sandbox.counts()
        with LedgerReader(server.url, "demo") as reader:
            status = reader.status(0.0)
    twice = sum(times > 1 for times in counts.values())
    print(f"\nthe ledger: {status.sent:,} sent of {status.total:,}; the API: {len(counts):,} accepted, {twice} twice")
    if (status.sent, len(counts), twice) != (MESSAGES, MESSAGES, 0):
        sys.exit("they do not agree")


async def make(url: str) -> None:
    # the first one to open a name sets the lease; a short one keeps the demo short
    async with Ledger(url, "demo", lease=LEASE):
        pass


if __name__ == "__main__":
    main()
