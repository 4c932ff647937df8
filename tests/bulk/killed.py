"""A campaign in a process of its own that is killed in the middle, and helpers to check its journal afterwards."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from cli.command_line import in_process
from shared_sandbox import wait_for_the_last_request

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import Campaign, JournalError, read_rows, status

if TYPE_CHECKING:
    from eightbyeight_async.bulk import Report
    from eightbyeight_async.sandbox import Sandbox

COUNT = 40
_SENDER = """
import asyncio, os, signal, sys
from eightbyeight_async import AsyncConnectClient, SmsRequest
from eightbyeight_async.bulk import Campaign

count, killed_after = int(sys.argv[2]), int(sys.argv[3])

def look(settled):
    global killed_after
    killed_after -= 1
    if not killed_after:
        os.kill(os.getpid(), signal.SIGKILL)

async def main():
    messages = [SmsRequest(destination=f"+6581{index:06d}", text="Your code") for index in range(count)]
    async with AsyncConnectClient() as client:
        async with Campaign(client, sys.argv[1], mode="each", max_concurrency=5, on_result=look) as campaign:
            await campaign.send(messages)

asyncio.run(main())
"""


def messages(count: int = COUNT) -> list[SmsRequest]:
    return [SmsRequest(destination=f"+6581{index:06d}", text="Your code") for index in range(count)]


def kill(sandbox: Sandbox, journal: Path, *, count: int = COUNT, after: int = COUNT // 2) -> set[str]:
    """Runs a campaign and kills it after `after` results. Returns the keys of the messages the sandbox accepted."""
    command = [sys.executable, "-c", _SENDER, str(journal), str(count), str(after)]
    sender = subprocess.run(command, env={**os.environ, **sandbox.environment}, check=False)  # noqa: S603
    assert sender.returncode == -signal.SIGKILL
    wait_for_the_last_request(sandbox)
    return set(sandbox.accepted_counts)


@attrs.frozen
class Killed:
    """A killed campaign: the directory with its files, and the keys of the messages that were accepted."""

    directory: Path
    accepted: frozenset[str]

    def copy(self, to: Path) -> Path:
        """Copies the files to the directory `to`. Returns the journal's path there."""
        shutil.copytree(self.directory, to)
        return to / "run.db"


def contents(directory: Path) -> dict[str, bytes]:
    """Returns the files that belong to journals, by name: without `-shm`, and without empty logs."""
    found = {str(path.relative_to(directory)): path for path in directory.rglob("*") if path.is_file()}
    return {
        name: path.read_bytes()
        for name, path in found.items()
        if not name.endswith("-shm") and not (name.endswith("-wal") and not path.stat().st_size)
    }


def commands(table: Path) -> list[tuple[object, ...]]:
    """Returns every command that takes a journal. `table`: a CSV file for `run`."""
    return [
        ("run", table, "--text", "Your code"),
        ("run", table, "--text", "Your code", "--dry-run"),
        ("status",),
        ("unknown",),
        ("resolve", "some key", "--sent"),
        ("reconcile",),
        ("cancel",),
        ("export",),
    ]


def check_all_refuse(
    journal: Path, table: Path, words: str, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Checks that every function and command that opens a journal refuses this one."""
    for read in (status, lambda path: list(read_rows(path))):
        with pytest.raises(JournalError, match=words):
            read(journal)
    for command in commands(table):
        ended = in_process("bulk", *command, "--journal", journal, sandbox=sandbox, capsys=capsys)
        assert (ended.code, ended.out) == (2, ""), command
        assert len(ended.err.splitlines()) == 1, ended.err
        assert all(word in ended.err for word in words.split(".*")), (command, ended.err)


async def run_async(sandbox: Sandbox, journal: Path, count: int = COUNT, **options: Any) -> Report:
    async with sandbox.client() as client, Campaign(client, journal, **{"mode": "each", **options}) as campaign:
        return await campaign.send(messages(count))


def run(sandbox: Sandbox, journal: Path, count: int = COUNT, **options: Any) -> Report:
    """Runs a campaign. The call needs a thread without a running loop, as do tests that call the command line."""
    return asyncio.run(run_async(sandbox, journal, count, **options))
