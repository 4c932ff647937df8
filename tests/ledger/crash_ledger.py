"""kill -9 of workers and crashes of PostgreSQL, then a comparison with the server's counts: nothing twice, nothing
lost.

    python tests/ledger/crash_ledger.py [--kills 100] [--crashes 5] [--messages 60000] [--without-ledger]

Three workers send one input under one name. Each worker is killed at random moments and started again, and the database
crashes several times. After every kill no message was accepted twice. At the end the workers send the rest, `reconcile`
settles the unknown messages by the log, and one more run follows. Then every message was accepted exactly once.

`--without-ledger` is the control: the same workers, each with a journal of its own. The control must fail.
"""

# ruff: noqa: T201
from __future__ import annotations

import argparse
import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import attrs

sys.path.insert(0, str(Path(__file__).parent.parent))

from ledger.postgres import PostgresServer

from eightbyeight_async import AsyncConnectClient, RetryPolicy, SmsRequest
from eightbyeight_async.bulk import Campaign
from eightbyeight_async.ledger import Ledger
from eightbyeight_async.ledger.without_client import LedgerReader
from eightbyeight_async.sandbox import SandboxProcess

WORKERS, IN_FLIGHT, LEASE = 3, 50, 5.0
FAULTS = {"server_error": 0.01, "too_many": 0.001, "drop_after_accept": 0.003, "drop_before_accept": 0.003}


def messages(count: int) -> list[SmsRequest]:
    return [
        SmsRequest(destination=f"+6581{number:06d}", text=f"Your code is {number}", client_message_id=f"m{number}")
        for number in range(count)
    ]


def client() -> AsyncConnectClient:
    """Returns a client of the sandbox in the environment. Its retry delays are short, so a run meets many faults."""
    return AsyncConnectClient(retry=RetryPolicy(initial_delay=0.01, max_delay=0.05), timeout=60)


def campaign(sender: AsyncConnectClient, url: str, rate: float | None) -> Campaign:
    if url.endswith(".db"):
        return Campaign(sender, url, mode="each", max_concurrency=IN_FLIGHT, max_rate=rate)
    return Campaign(sender, ledger=url, name="crash", mode="each", max_concurrency=IN_FLIGHT, max_rate=rate)


async def work(url: str, count: int, rate: float) -> None:
    """The program under test."""
    async with client() as sender, campaign(sender, url, rate) as sending:
        print("sending", flush=True)
        await sending.send(iter(messages(count)))


async def finish(url: str, count: int) -> None:
    """Sends the rest, reconciles, and runs the campaign once more."""

    async def soon(_: float) -> None:
        await asyncio.sleep(0.01)  # the sandbox's log is ready at the second look; no other call sleeps here

    async with client() as sender, campaign(sender, url, None) as sending:
        await sending.send(iter(messages(count)))
        sender._exchange.sleep = soon
        while (await sending.status()).in_flight:
            await asyncio.sleep(0.2)
        await sending.reconcile(lag=1e-9)
    async with client() as sender, campaign(sender, url, None) as sending:
        await sending.send(iter(messages(count)))


@attrs.define
class Outcome:
    kills: int = 0
    crashes: int = 0
    unknown: int = 0
    twice: int = 0
    accepted: int = 0


class Worker:
    def __init__(self, url: str, count: int, rate: float, environment: dict[str, str]) -> None:
        command = [sys.executable, __file__, "--child", url, str(count), str(rate)]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)  # noqa: S603

    def begun(self) -> None:
        assert self.process.stdout is not None
        self.process.stdout.readline()

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


def crash(kills: int, crashes: int, count: int, seed: int, *, ledger: bool) -> Outcome:
    dice = random.Random(seed)  # noqa: S311
    outcome = Outcome()
    # messages a second of all workers together; so the messages last for all kills
    rate = max(50.0, count / max(1.0, kills * 0.8))
    with (
        tempfile.TemporaryDirectory() as folder,
        PostgresServer() as server,
        SandboxProcess("--seed", str(seed), "--latency", "0.02") as sandbox,
    ):
        sandbox.faults(seed=seed, retry_after=0.05, **FAULTS)
        environment = {**os.environ, **sandbox.environment}
        places = [server.url if ledger else str(Path(folder, f"{number}.db")) for number in range(WORKERS)]
        if ledger:
            asyncio.run(make(server.url))
        workers = [Worker(place, count, rate, environment) for place in places]
        for worker in workers:
            worker.begun()
        at_crash = {int(kills * (number + 1) / (crashes + 1)) for number in range(crashes)} if ledger else set()
        while outcome.kills < kills:
            time.sleep(dice.uniform(0, 1.0))
            victim = dice.randrange(WORKERS)
            workers[victim].kill()
            outcome.kills += 1
            workers[victim] = Worker(places[victim], count, rate, environment)
            if outcome.kills in at_crash:
                server.crash()
                outcome.crashes += 1
            outcome.twice = sum(times > 1 for times in sandbox.counts().values())
            if ledger:
                assert not outcome.twice, f"{outcome.twice} messages were sent twice"
        for worker in workers:
            worker.kill()
        if not ledger:
            outcome.accepted = len(sandbox.counts())
            return outcome
        sandbox.faults()
        os.environ.update(sandbox.environment)
        with LedgerReader(server.url, "crash") as reader:
            time.sleep(LEASE)
            outcome.unknown = reader.status(0.0).unknown
        asyncio.run(finish(server.url, count))
        counts = sandbox.counts()
        with LedgerReader(server.url, "crash") as reader:
            status = reader.status(0.0)
    outcome.accepted = len(counts)
    assert set(counts.values()) == {1}, "sent twice"
    assert len(counts) == count, f"{count - len(counts)} lost"
    assert (status.total, status.sent) == (count, count)
    return outcome


async def make(url: str) -> None:
    async with Ledger(url, "crash", lease=LEASE):  # the first one to open a name sets the lease
        pass


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        url, count, rate = sys.argv[2:]
        asyncio.run(work(url, int(count), float(rate)))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--crashes", type=int, default=5)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--without-ledger", action="store_true")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    print(f"seed {asked.seed}")
    began = time.monotonic()
    found = crash(asked.kills, asked.crashes, asked.messages, asked.seed, ledger=not asked.without_ledger)
    print(f"{found}, {time.monotonic() - began:.0f} s", flush=True)
    if asked.without_ledger and not found.twice:
        sys.exit("the control found nothing: this judge cannot fail")


if __name__ == "__main__":
    main()
