"""Journals that are refused, and journals that disappear during a campaign."""

# ruff: noqa: ASYNC240, ASYNC221, S603, PLW1510 - a test may block its loop
from __future__ import annotations

import os
import resource
import signal
import sqlite3
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import Campaign, JournalError, JournalInUseError, State, read_rows, status
from eightbyeight_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"  # files are the same on both event loops


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


def messages(count: int) -> list[SmsRequest]:
    return [SmsRequest(destination=f"+6581{index:06d}", text="Your code") for index in range(count)]


async def run(sandbox: Sandbox, journal: Path, count: int = 20, **options: Any) -> Any:
    async with sandbox.client() as client, Campaign(client, journal, **{"mode": "each", **options}) as campaign:
        return await campaign.send(iter(messages(count)))


async def refused(sandbox: Sandbox, journal: Path, words: str, kind: type[JournalError] = JournalError) -> None:
    before = journal.read_bytes() if journal.is_file() else None
    with pytest.raises(kind, match=words):
        await run(sandbox, journal)
    assert sandbox.messages == []
    assert before == (journal.read_bytes() if journal.is_file() else None)


async def test_garbage_is_refused_and_not_touched(sandbox: Sandbox, journal: Path) -> None:
    journal.write_text("destination,text\n" * 100)
    await refused(sandbox, journal, "not a journal; it was not touched")


async def test_another_applications_database_is_refused_and_not_touched(sandbox: Sandbox, journal: Path) -> None:
    with sqlite3.connect(journal) as connection:
        connection.execute("CREATE TABLE message (id INTEGER PRIMARY KEY)")
    connection.close()
    await refused(sandbox, journal, "another application")


@pytest.mark.parametrize(("version", "words"), [(9, "newer than this package"), (1, "finish this campaign with")])
async def test_another_version_is_refused(sandbox: Sandbox, journal: Path, version: int, words: str) -> None:
    await run(sandbox, journal)
    connection = sqlite3.connect(journal, isolation_level=None)
    connection.execute(f"PRAGMA user_version={version}")
    connection.close()
    with pytest.raises(JournalError, match=f"version {version}.*{words}"):
        await run(sandbox, journal)


async def test_a_read_only_journal_is_refused(sandbox: Sandbox, journal: Path) -> None:
    await run(sandbox, journal)
    sandbox.reset()
    journal.chmod(0o444)
    await refused(sandbox, journal, "read-only")


async def test_a_directory_and_a_missing_directory_are_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    await refused(sandbox, tmp_path / "none" / "run.db", "No such file")
    with pytest.raises(JournalError, match="directory"):
        await run(sandbox, tmp_path)


async def test_a_second_campaign_is_refused_at_once(sandbox: Sandbox, journal: Path) -> None:
    async with sandbox.client() as client, Campaign(client, journal):
        with pytest.raises(JournalInUseError, match="in use by another campaign"):
            await run(sandbox, journal)
        assert status(journal).total == 0
        other = subprocess.run(
            [sys.executable, "-c", KILLED, str(journal)],
            capture_output=True, text=True, env={**os.environ, **sandbox.environment},
        )  # fmt: skip
        assert "JournalInUseError" in other.stderr
    assert status(journal).total == 0
    assert sandbox.messages == []


async def test_claims_without_a_result_open_as_unknown(sandbox: Sandbox, journal: Path) -> None:
    await run(sandbox, journal, 3)
    connection = sqlite3.connect(journal, isolation_level=None)
    connection.execute("UPDATE message SET state=0, guard=(hash & 1048575)*8, umid=NULL WHERE place=1")
    connection.close()
    assert status(journal).unknown == 1
    assert (await run(sandbox, journal, 3)).known == 3
    assert [row.place for row in read_rows(journal, State.UNKNOWN)] == [1]


KILLED = """
import asyncio, os, signal, sys
from eightbyeight_async import AsyncConnectClient, SmsRequest
from eightbyeight_async.bulk import Campaign

async def main():
    messages = [SmsRequest(destination=f"+6581{index:06d}", text="Your code") for index in range(20)]
    async with AsyncConnectClient() as client, Campaign(client, sys.argv[1], mode="each") as campaign:
        await campaign.send(iter(messages))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.mark.parametrize("damage", ["truncate", "flip", "delete"])
async def test_a_damaged_write_ahead_log_is_refused(sandbox: Sandbox, journal: Path, damage: str) -> None:
    """SQLite alone would open the journal without an error and without the last claims. Their messages would be sent
    twice.
    """
    killed = subprocess.run([sys.executable, "-c", KILLED, str(journal)], env={**os.environ, **sandbox.environment})
    assert killed.returncode == -signal.SIGKILL
    log = journal.with_name("run.db-wal")
    data = bytearray(log.read_bytes())
    assert len(data) > 4096
    if damage == "delete":
        log.unlink()
    elif damage == "truncate":
        log.write_bytes(data[: len(data) // 4])
    else:
        data[len(data) // 4] ^= 0xFF
        log.write_bytes(data)
    with pytest.raises(JournalError, match=r"claims are lost: it knows \d+ of 20"):
        await run(sandbox, journal)
    assert len(sandbox.messages) == 20


async def test_a_log_that_ends_within_an_unfinished_write_is_none_the_worse(sandbox: Sandbox, journal: Path) -> None:
    subprocess.run([sys.executable, "-c", KILLED, str(journal)], env={**os.environ, **sandbox.environment})
    with journal.with_name("run.db-wal").open("ab") as log:
        log.write(b"\0" * 1000)
    assert (await run(sandbox, journal)).known == 20


@pytest.mark.parametrize("mode", ["each", "batch"])
async def test_a_full_disk_ends_the_run_and_nothing_is_sent_without_a_claim(
    sandbox: Sandbox, journal: Path, mode: str
) -> None:
    """RLIMIT_FSIZE limits the size of the file. A write beyond it fails, as on a full disk."""
    await run(sandbox, journal, 0)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
        with pytest.raises(JournalError, match="cannot be written") as caught:
            await run(sandbox, journal, 1_000, mode=mode, batch_size=200, max_rate=None, durability="process")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    accepted = set(sandbox.accepted_counts)
    assert 0 < len(accepted) < 1_000
    rows = {row.key: row.state for row in read_rows(journal)}
    assert accepted <= set(rows), "sent without a claim"
    told = {one.key for one in caught.value.unrecorded if one.state is State.SENT}
    assert told == {key for key in accepted if rows[key] is State.INTENT}
    again = await run(sandbox, journal, 1_000, mode=mode, batch_size=10_000, max_rate=None)
    assert again.unknown == 0
    assert set(sandbox.accepted_counts.values()) == {1}


@pytest.mark.parametrize("which", ["run.db", "run.db-wal"])
async def test_a_journal_deleted_while_it_is_used_ends_the_run(sandbox: Sandbox, journal: Path, which: str) -> None:
    """SQLite continues to write to the deleted file. No later run would find the claims."""
    sent_after: list[int] = []

    def delete(_: object) -> None:
        journal.with_name(which).unlink(missing_ok=True)
        sent_after.append(len(sandbox.messages))

    with pytest.raises(JournalError, match="deleted or replaced"):
        await run(sandbox, journal, 5_000, on_result=delete, max_concurrency=5)
    assert len(sandbox.messages) - sent_after[0] <= 10  # messages that were claimed before the deletion


async def test_a_clock_that_jumps_changes_nothing_but_the_times(sandbox: Sandbox, journal: Path) -> None:
    times = iter([1e9, 2e9, 1.0, 5e8, 3e9] * 1_000)
    for accepted in (50, 0):
        report = await run(sandbox, journal, 50, now=lambda: next(times), max_concurrency=3)
        assert (report.accepted, report.known) == (accepted, 50 - accepted)
    assert set(sandbox.accepted_counts.values()) == {1}


@pytest.mark.parametrize("durability", ["power", "process"])
async def test_what_durability_sets(sandbox: Sandbox, journal: Path, durability: str) -> None:
    async with sandbox.client() as client, Campaign(client, journal, durability=durability) as campaign:  # type: ignore[arg-type]
        names = ("synchronous", "fullfsync", "journal_mode", "locking_mode")
        found = await campaign._writer.do(lambda j: [j.sql.execute(f"PRAGMA {n}").fetchone()[0] for n in names])
    assert found == ([2, 1] if durability == "power" else [1, 0]) + ["wal", "normal"]
