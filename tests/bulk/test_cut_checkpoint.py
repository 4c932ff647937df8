"""A checkpoint that is interrupted by a kill, a power failure or a full disk loses nothing: the log has every page.

SQLite copies the pages of the log into the main file in the order of their numbers. Page 1 comes first; it has the
number of pages. If the checkpoint stops after page 1, the main file alone looks damaged.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import Campaign, read_rows, status
from eightbyeight_async.sandbox import Sandbox

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.anyio

COUNT = 300
PROGRAM = """
import asyncio, os, signal, sys
from eightbyeight_async import AsyncConnectClient, SmsRequest
from eightbyeight_async.bulk import Campaign

async def main():
    messages = [SmsRequest(destination=f"+6581{index:06d}", text="Your code") for index in range(300)]
    async with AsyncConnectClient() as client, Campaign(client, sys.argv[1], mode="batch") as campaign:
        await campaign.send(iter(messages))
        os.kill(os.getpid(), signal.SIGKILL)

asyncio.run(main())
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def pages_of(log: Path) -> dict[int, bytes]:
    """Returns the last version of each page in a write-ahead log. Every frame is valid, as no checkpoint has restarted
    the log.
    """
    data = log.read_bytes()
    size = int.from_bytes(data[8:12], "big")
    frames = range(32, len(data) - size, 24 + size)
    return {int.from_bytes(data[at : at + 4], "big"): data[at + 24 : at + 24 + size] for at in frames}


async def test_wherever_it_is_cut_off_the_journal_is_whole(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        killed = tmp_path / "killed" / "run.db"
        killed.parent.mkdir()
        ended = subprocess.run(  # noqa: ASYNC221, S603
            [sys.executable, "-c", PROGRAM, str(killed)], env={**os.environ, **sandbox.environment}, check=False
        )
        assert (ended.returncode, len(sandbox.messages)) == (-signal.SIGKILL, COUNT)
        pages = pages_of(killed.with_name("run.db-wal"))
        size = len(pages[1])
        # this checkpoint makes the file larger
        assert int.from_bytes(pages[1][28:32], "big") * size > killed.stat().st_size
        for written in range(len(pages) + 1):
            journal = tmp_path / f"cut-{written}" / "run.db"
            shutil.copytree(killed.parent, journal.parent)
            with journal.open("r+b") as file:
                for number in sorted(pages)[:written]:
                    file.seek((number - 1) * size)
                    file.write(pages[number])
            assert (status(journal).sent, len(list(read_rows(journal)))) == (COUNT, COUNT), written
            messages = (SmsRequest(destination=f"+6581{index:06d}", text="Your code") for index in range(COUNT))
            async with sandbox.client() as client, Campaign(client, journal, mode="batch") as campaign:
                assert (await campaign.send(messages)).known == COUNT
        assert len(sandbox.messages) == COUNT
