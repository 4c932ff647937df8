"""kill -9 at random moments, then a comparison with the server's counts: nothing sent twice, nothing lost silently.

    python tests/bulk/crash.py [--kills 100] [--messages 60000] [--mode each batch] [--durability power process]

The server, the sender and this judge are processes of their own. After every kill:
- no message was accepted twice;
- the journal holds no more claims without a result than `DOUBTS` allows: messages in flight, and results that were not
  yet committed;
- every message that the journal calls SENT was accepted.
At the end a run sends the rest, `reconcile` settles the unknown messages by the log, and one more run follows. Then
every message was accepted exactly once.
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
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async import AsyncConnectClient, RetryPolicy, SmsRequest
from eightbyeight_async.bulk import Campaign, State, read_rows, status
from eightbyeight_async.sandbox import SandboxProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

IN_FLIGHT = {"each": 50, "batch": 2}
BATCH = 100
FAULTS = {
    "server_error": 0.02,
    "too_many": 0.003,
    "drop_after_accept": 0.01,
    "drop_before_accept": 0.01,
    "bad_gateway": 0.005,
}
# Upper limit of claims without a result: messages in flight, plus results not yet committed (`most_pending`, equal to
# the width). In mode batch one more batch may be added to the results after that limit.
DOUBTS = {"each": 2 * IN_FLIGHT["each"], "batch": (IN_FLIGHT["batch"] + 1) * BATCH}


def messages(count: int) -> Iterator[SmsRequest]:
    return (SmsRequest(destination=f"+6581{number:06d}", text=f"Your code is {number}") for number in range(count))


def client() -> AsyncConnectClient:
    """Returns a client of the sandbox in the environment. Its retry delays are short, so a run meets many faults."""
    return AsyncConnectClient(retry=RetryPolicy(initial_delay=0.01, max_delay=0.05), timeout=120)


def campaign(sender: AsyncConnectClient, journal: str, mode: str, durability: str, rate: float | None) -> Campaign:
    return Campaign(
        sender,
        journal,
        mode=mode,  # type: ignore[arg-type]
        durability=durability,  # type: ignore[arg-type]
        batch_size=BATCH,
        max_concurrency=IN_FLIGHT[mode],
        max_rate=rate,
    )


async def run_until_killed(journal: str, mode: str, durability: str, count: int, rate: float) -> None:
    """The program under test. It prints a line when it begins. Its source never ends, so it cannot finish before the
    kill.
    """

    async def source() -> AsyncIterator[SmsRequest]:
        for message in messages(count):
            yield message
        await asyncio.Event().wait()

    async with client() as sender, campaign(sender, journal, mode, durability, rate) as sending:
        print("sending", flush=True)
        await sending.send(source())


async def run(journal: str, mode: str, durability: str, count: int) -> None:
    """Sends the messages that the killed processes left."""
    async with client() as sender, campaign(sender, journal, mode, durability, None) as sending:
        await sending.send(messages(count))


async def finish(journal: str, mode: str, durability: str, count: int) -> None:
    """Reconciles, then runs the campaign once more."""

    async def soon(_: float) -> None:
        await asyncio.sleep(0.01)  # the sandbox's log is ready at the second look; no other call sleeps here

    async with client() as sender, campaign(sender, journal, mode, durability, None) as sending:
        sender._exchange.sleep = soon
        await sending.reconcile(lag=1e-9)
        await sending.send(messages(count))


@attrs.define
class Outcome:
    kills: int = 0
    worst_doubt: int = 0
    doubts: int = 0
    accepted: int = 0


def judge(sandbox: SandboxProcess, journal: str, outcome: Outcome, mode: str) -> None:
    """Compares the server's counts with the journal after a kill."""
    counts = sandbox.counts()
    twice = sum(times > 1 for times in counts.values())
    assert not twice, f"{twice} messages were sent twice"
    if not Path(journal).exists():
        assert not counts, "sent without a journal"
        return
    rows = {row.key: row.state for row in read_rows(journal)}
    unclaimed = [key for key in counts if key not in rows]
    assert not unclaimed, f"{len(unclaimed)} messages were sent without a claim"
    lost = [key for key, state in rows.items() if state is State.SENT and key not in counts]
    assert not lost, f"{len(lost)} messages are called sent and were not"
    forgotten = [key for key in counts if rows[key] in (State.NOT_SENT, State.FAILED, State.REJECTED)]
    assert not forgotten, f"{len(forgotten)} messages were sent and would be sent again"
    hanging = sum(state is State.INTENT for state in rows.values())
    assert hanging <= DOUBTS[mode], f"{hanging} claims without a result"
    outcome.worst_doubt = max(outcome.worst_doubt, hanging)


def crash(kills: int, count: int, mode: str, durability: str, seed: int, directory: str) -> Outcome:
    dice = random.Random(seed)  # noqa: S311
    journal = str(Path(directory, f"{mode}-{durability}.db"))
    outcome = Outcome()
    rate = 1_000.0 if mode == "each" else 1_000.0 / BATCH
    share = count / 1_000.0 / (kills + 1)  # seconds of sending between two kills, at the rate above
    with SandboxProcess("--seed", str(seed)) as sandbox:
        sandbox.faults(seed=seed, retry_after=0.05, **FAULTS)
        environment = {**os.environ, **sandbox.environment}
        command = [sys.executable, __file__, "--child", journal, mode, durability, str(count), str(rate)]
        while outcome.kills < kills:
            with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as sender:  # noqa: S603
                assert sender.stdout is not None
                assert sender.stdout.readline() == "sending\n", "it did not start"
                # 1.5 shares on average: half a share passes while the process starts
                time.sleep(dice.uniform(0, 3 * share))
                sender.kill()
            outcome.kills += 1
            judge(sandbox, journal, outcome, mode)
        os.environ.update(sandbox.environment)
        asyncio.run(run(journal, mode, durability, count))
        outcome.doubts = status(journal).unknown
        sandbox.faults()
        asyncio.run(finish(journal, mode, durability, count))
        counts = sandbox.counts()
        found = status(journal)
        totals = sandbox.totals()
    outcome.accepted = len(counts)
    assert set(counts.values()) == {1}, "sent twice"
    assert len(counts) == count, f"{count - len(counts)} lost"
    assert (found.total, found.sent) == (count, count)
    assert not totals["violations"], totals["violations"]
    return outcome


def main() -> None:
    if sys.argv[1:2] == ["--child"]:
        journal, mode, durability, count, rate = sys.argv[2:]
        asyncio.run(run_until_killed(journal, mode, durability, int(count), float(rate)))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--messages", type=int, default=60_000)
    parser.add_argument("--mode", nargs="+", default=["each", "batch"])
    parser.add_argument("--durability", nargs="+", default=["power", "process"])
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    asked = parser.parse_args()
    print(f"seed {asked.seed}")
    for mode in asked.mode:
        for durability in asked.durability:
            began = time.monotonic()
            with tempfile.TemporaryDirectory() as directory:
                outcome = crash(asked.kills, asked.messages, mode, durability, asked.seed, directory)
            print(f"{mode}, {durability}: {outcome}, {time.monotonic() - began:.0f} s", flush=True)


if __name__ == "__main__":
    main()
