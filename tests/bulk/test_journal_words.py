"""Errors about a journal that cannot be used: one line with the file and what to do, without a name from Python."""

from __future__ import annotations

import asyncio
import errno
import os
import pickle
import re
import shutil
import socket
import sqlite3
from typing import TYPE_CHECKING

import anyio.to_thread
import pytest
from cli.command_line import in_process

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import Campaign, JournalError, Unrecorded, status
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.journal_file import problem, read_head
from eightbyeight_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

REMEDY = re.compile(
    r"\b(check|give|make|free|wait|put back|put|use|upgrade|keep|finish|close|delete|report)\b", re.IGNORECASE
)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


@pytest.fixture
def journal(tmp_path: Path, sandbox: Sandbox) -> Path:
    """The journal of a campaign that has ended cleanly."""
    path = tmp_path / "run.db"
    asyncio.run(send(path, sandbox))
    return path


async def send(journal: Path, sandbox: Sandbox) -> None:
    messages = [SmsRequest(destination=f"+65811100{n:02}", text="Hi", client_message_id=f"ref-{n}") for n in range(20)]
    async with sandbox.client() as client, Campaign(client, journal, mode="each") as campaign:
        await campaign.send(messages)


def write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def change(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute(statement)
    connection.close()


def moved(path: Path) -> None:
    """Makes the files look like a copy of a journal in use, which lacks its mark."""
    change(path, f"PRAGMA user_version={read_head(path)._replace(in_use=True).user_version}")
    path.with_name("run.db-mark").unlink()


def an_old_copy(path: Path) -> None:
    mark = path.with_name("run.db-mark")
    data = mark.read_bytes()
    mark.write_bytes(data[:4] + (1000).to_bytes(8, "big"))


def a_socket(path: Path) -> None:
    path.unlink()
    with socket.socket(socket.AF_UNIX) as listening:
        here = os.open(".", os.O_RDONLY)
        os.chdir(path.parent)  # the path of a socket may have 108 bytes
        try:
            listening.bind(path.name)
        finally:
            os.fchdir(here)
            os.close(here)


def a_directory(path: Path) -> None:
    path.unlink()
    path.mkdir()


def links_in_a_circle(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.with_name("other"))
    path.with_name("other").symlink_to(path)


DAMAGES: dict[str, Callable[[Path], None]] = {
    "garbage": lambda path: write(path, b"my diary\n" * 100),
    "another application": lambda path: change(path, "PRAGMA application_id=1"),
    "newer version": lambda path: change(path, "PRAGMA user_version=9"),
    "older version": lambda path: change(path, "PRAGMA user_version=1"),
    "no sums": lambda path: change(path, "DELETE FROM sums"),
    "no salt": lambda path: change(path, "DELETE FROM meta WHERE name='salt'"),
    "a row is gone": lambda path: change(path, "DELETE FROM message WHERE place=3"),
    "a page is gone": lambda path: write(path, path.read_bytes()[:4096] + b"\1" * 4096 * 6),
    "a copy without its mark": moved,
    "an old copy": an_old_copy,
    "a socket": a_socket,
    "a directory": a_directory,
    "links in a circle": links_in_a_circle,
}


def check(words: str) -> None:
    assert "\n" not in words
    assert "run.db" in words
    assert REMEDY.search(words), words
    assert not re.search(r"Error\b|\w+\(\)|\bsqlite3\b|\b(allow|max|accept)_\w+", words), words


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_journal_that_cannot_be_used_says_what_to_do(
    damage: str, journal: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    DAMAGES[damage](journal)
    sent = len(sandbox.messages)
    with pytest.raises(JournalError) as caught:
        asyncio.run(send(journal, sandbox))
    check(str(caught.value))
    for command in (("status",), ("unknown",), ("export",), ("reconcile",), ("run",), ("resolve", "ref-1", "--sent")):
        ended = in_process("bulk", *command, "--journal", journal, sandbox=sandbox, capsys=capsys)
        assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1), (command, ended)
        check(ended.err.rstrip("\n"))
    assert len(sandbox.messages) == sent


def test_a_missing_journal_and_one_in_use_say_what_to_do(journal: Path, sandbox: Sandbox, tmp_path: Path) -> None:
    missing = tmp_path / "nowhere" / "run.db"
    with pytest.raises(JournalError) as caught:
        status(missing)
    check(str(caught.value))
    with pytest.raises(JournalError) as caught:
        asyncio.run(send(missing, sandbox))
    check(str(caught.value))

    async def twice() -> None:
        async with sandbox.client() as client, Campaign(client, journal):
            await send(journal, sandbox)

    with pytest.raises(JournalError) as caught:
        asyncio.run(twice())
    check(str(caught.value))
    assert caught.value.journal == "run.db"


def test_a_journal_that_fails_in_a_run_says_what_to_do(journal: Path, sandbox: Sandbox) -> None:
    messages = (SmsRequest(destination=f"+65822200{n:02}", text="Hi") for n in range(50))

    async def moved_away() -> None:
        async with sandbox.client() as client, Campaign(client, journal, mode="each") as campaign:
            await anyio.to_thread.run_sync(shutil.move, journal, journal.with_name("gone.db"))
            await campaign.send(messages)

    with pytest.raises(JournalError) as caught:
        asyncio.run(moved_away())
    check(str(caught.value).partition("; ")[0])
    assert caught.value.journal == "run.db"


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        OSError(errno.EACCES, "Permission denied"),
        OSError(errno.EIO, "Input/output error"),
        OSError(),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid"),
        ValueError("what a caller's code raised"),
        *(
            type("Named", (sqlite3.OperationalError,), {"sqlite_errorname": name})()
            for name in (
                "SQLITE_FULL", "SQLITE_BUSY", "SQLITE_LOCKED_SHAREDCACHE", "SQLITE_READONLY_DIRECTORY",
                "SQLITE_IOERR_WRITE", "SQLITE_CANTOPEN_ISDIR", "SQLITE_CORRUPT_INDEX", "SQLITE_NOTADB", "SQLITE_NOMEM",
            )
        ),
        sqlite3.ProgrammingError("no name"),
    ],
    ids=lambda error: getattr(error, "sqlite_errorname", None) or repr(error),
)  # fmt: skip
def test_every_failure_of_the_disk_says_what_to_do(error: Exception) -> None:
    told = problem(error, "cannot be written")
    told.journal = "run.db"
    assert REMEDY.search(str(told)), str(told)
    assert "\n" not in str(told)
    full = getattr(error, "sqlite_errorname", "") == "SQLITE_FULL" or getattr(error, "errno", 0) in (
        errno.ENOSPC,
        errno.EDQUOT,
    )
    words = "the disk is full; what the journal holds is intact: free space, then run the same again"
    assert (words in str(told)) == full


def test_results_that_were_not_recorded_are_counted_and_survive_a_pickle() -> None:
    lost = (Unrecorded(key="ref-1", place=0, state=State.SENT),)
    error = JournalError("cannot be written: the disk is full", lost, journal="run.db")
    words = "1 results could not be recorded, their messages are unknown until reconcile()"
    assert str(error) == f"journal run.db: cannot be written: the disk is full; {words}"
    again = pickle.loads(pickle.dumps(error))  # noqa: S301
    assert (str(again), again.journal, again.unrecorded) == (str(error), "run.db", lost)
    assert str(JournalError("is read-only")) == "journal: is read-only"
