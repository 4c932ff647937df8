"""Readers of a journal while a campaign writes it: this package and SQLite itself, for a moment or for long."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from patience import until

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import JournalError, JournalInUseError, State, read_rows, status
from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.bulk.store import journal_file
from eightbyeight_async.bulk.store.journal import Journal
from eightbyeight_async.bulk.store.journal_file import read_head
from eightbyeight_async.bulk.store.records import Account, Claim, Met, Policy, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

COMMITS, GROUP = 60, 20
READER = """
import sys
from eightbyeight_async.bulk import read_rows, status
looks, wrong = 0, []
print("ready", flush=True)
while not sys.stdin.closed:
    try:
        found = status(sys.argv[1])
        rows = sum(1 for _ in read_rows(sys.argv[1]))
        if not found.total <= rows or found.unknown:
            wrong.append(f"{found} {rows}")
    except Exception as error:
        wrong.append(f"{type(error).__name__}: {error}")
    looks += 1
    if looks == 4:
        print("four looks", flush=True)
    import os, select
    if select.select([sys.stdin], [], [], 0)[0]:
        break
print(looks, wrong[:5])
"""
SQLITE_SHELL = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(connection.execute("SELECT count(*) FROM message").fetchone()[0])
connection.close()
"""


def opened(path: Path) -> Journal:
    return Journal(path, "process", lambda: 1_000.0, account=Account("host", "acme"), policy=Policy())


def process(code: str, path: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)  # noqa: S603


class Sender:
    """Claims and settles messages as a campaign does, one group in each commit."""

    def __init__(self, path: Path) -> None:
        self.journal = opened(path)
        self.keys = Keys(self.journal.salt)
        self.journal.transact(self.journal.begin_run)
        # With a checkpoint after every commit, SQLite writes to the main file all the time.
        self.journal.sql.execute("PRAGMA wal_autocheckpoint=1")

    def commit(self, number: int) -> None:
        claims = [
            Claim(place + 1, self.keys.of(SmsRequest(destination=f"+6581{place:06d}", text="x")), place)
            for place in range(number * GROUP, (number + 1) * GROUP)
        ]
        results = [Result(one.id, one.identity.key, one.place, State.SENT, f"umid-{one.id}", "b") for one in claims]
        answers = self.journal.transact(lambda: self.journal.claim(claims))
        assert all(answer.state is None for answer in answers)
        self.journal.transact(lambda: self.journal.record(results))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


def all_known(path: Path, count: int) -> bool:
    journal = opened(path)
    try:
        keys = Keys(journal.salt)
        journal.transact(journal.begin_run)
        met = [Met(keys.of(SmsRequest(destination=f"+6581{i:06d}", text="x")), i) for i in range(count)]
        return set(journal.transact(lambda: journal.known(met)).values()) == {State.SENT}
    finally:
        journal.close()


def test_readers_of_this_and_another_process_see_a_whole_journal_at_any_moment(path: Path) -> None:
    sender = Sender(path)
    wrong: list[str] = []
    looks = 0
    stop = threading.Event()

    def look() -> None:
        nonlocal looks
        while not stop.is_set():
            try:
                read_head(path)
                found = status(path)
                if found.unknown or found.total % GROUP:
                    wrong.append(str(found))
            except Exception as error:  # noqa: BLE001 - whatever it is, it is wrong
                wrong.append(f"{type(error).__name__}: {error}")
            looks += 1

    other = subprocess.Popen(  # noqa: S603
        [sys.executable, "-c", READER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert other.stdout is not None
    assert other.stdout.readline() == "ready\n"
    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for number in range(COMMITS):
        sender.commit(number)
        if not number % 30:
            # The readers in this process have not released the campaign's lock.
            assert (
                "JournalInUseError"
                in process(
                    "import sys, pathlib\n"
                    "from eightbyeight_async.bulk.store.journal_without_client import resolve_message\n"
                    "resolve_message(pathlib.Path(sys.argv[1]), 'x', sent=True)",
                    path,
                ).stderr
            )
            assert process(SQLITE_SHELL, path).stdout == f"{(number + 1) * GROUP}\n"
    # On a busy machine, the readers may have looked less often than the campaign has written.
    assert other.stdout.readline() == "four looks\n"
    until(lambda: looks > 10)
    stop.set()
    for thread in threads:
        thread.join()
    told, _ = other.communicate("stop\n")
    sender.journal.close()
    assert wrong == []
    assert told.partition(" ")[2] == "[]\n"
    assert status(path).sent == COMMITS * GROUP
    assert all_known(path, COMMITS * GROUP)


def test_a_reader_that_stays_holds_up_neither_commits_nor_the_end_and_leaves_a_whole_journal(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal_file, "_READER_PATIENCE", 0.05)
    sender = Sender(path)
    sender.commit(0)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM message").fetchone() == (GROUP,)
    for number in range(1, 20):
        sender.commit(number)
    sender.journal.close()
    # The log could not be copied into the database. So the database still needs the log, and its header says so.
    assert read_head(path).in_use
    assert path.with_name("run.db-wal").stat().st_size > 0
    assert reader.execute("SELECT count(*) FROM message").fetchone() == (GROUP,)
    assert status(path).sent == 20 * GROUP
    reader.execute("COMMIT")
    reader.close()
    assert all_known(path, 20 * GROUP)
    assert not read_head(path).in_use
    assert not path.with_name("run.db-wal").exists()


def test_a_sender_killed_while_a_reader_was_in_the_way_goes_on(path: Path, tmp_path: Path) -> None:
    """The checkpoint has copied only some of the pages. The database cannot be read without its log."""
    sender = Sender(path)
    for number in range(5):
        sender.commit(number)
    sender.journal.sql.execute("PRAGMA wal_autocheckpoint=0")
    for number in range(5, 15):
        sender.commit(number)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM message").fetchone()
    for number in range(15, 30):
        sender.commit(number)
    sender.journal.sql.execute("PRAGMA wal_checkpoint(PASSIVE)")
    left = tmp_path / "left"
    left.mkdir()
    for end in ("", "-wal", "-mark"):
        shutil.copy(path.with_name(f"run.db{end}"), left)
    reader.close()
    sender.journal.close()
    died = left / "run.db"
    assert not _is_sound(died), "not what this test is about"
    assert read_head(died).in_use
    assert status(died).sent == 30 * GROUP
    assert all_known(died, 30 * GROUP)


def test_a_reader_that_stayed_from_before_the_run_refuses_it_and_no_message_is_claimed(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a reader sees an older state, the flag "in use" cannot be written into the database."""
    monkeypatch.setattr(journal_file, "_READER_PATIENCE", 0.05)
    sender = Sender(path)
    sender.commit(0)
    sender.journal.close()
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM message").fetchone()
    journal = opened(path)
    with pytest.raises(JournalError, match="another program keeps reading it"):
        journal.transact(journal.begin_run)
    journal.close()
    reader.close()
    assert status(path).as_dict()["unknown"] == 0
    assert all_known(path, GROUP)


def test_a_program_that_writes_meanwhile_is_waited_for(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_file, "_READER_PATIENCE", 0.05)
    sender = Sender(path)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(JournalInUseError):
        sender.commit(0)
    other.execute("ROLLBACK")
    other.close()
    sender.commit(0)
    sender.journal.close()
    assert all_known(path, GROUP)


def test_a_program_that_read_the_file_itself_costs_the_run_but_no_message(path: Path) -> None:
    """When a process closes a file, POSIX drops all locks of that process on the file, however it was opened. Then
    SQLite's shell takes itself for the last user of the database and deletes the log.
    """
    sender = Sender(path)
    sender.commit(0)
    path.read_bytes()
    assert process(SQLITE_SHELL, path).returncode == 0
    with pytest.raises(JournalError, match="run.db-wal was deleted or replaced"):
        sender.commit(1)
    sender.journal.close()
    journal = opened(path)
    states = {row.place: row.state for row in read_rows(path)}
    journal.close()
    # Every answered commit is in the file. A claim without an answer led to no request.
    assert {place for place, state in states.items() if state is State.SENT} >= set(range(GROUP))
    assert all_known(path, GROUP)


def test_reading_takes_no_files_away_and_keeps_no_descriptor(path: Path) -> None:
    sender = Sender(path)
    sender.commit(0)
    before = _descriptors()
    identity = {end: path.with_name(f"run.db{end}").stat().st_ino for end in ("", "-wal", "-shm", "-mark")}
    for _ in range(50):
        status(path)
        list(read_rows(path))
        next(read_rows(path))
    # SQLite keeps descriptors that it may not close yet, and gives them to the next reader.
    assert _descriptors() <= before + 3
    assert identity == {end: path.with_name(f"run.db{end}").stat().st_ino for end in identity}
    sender.commit(1)
    sender.journal.close()
    assert all_known(path, 2 * GROUP)


def _is_sound(path: Path) -> bool:
    """Returns whether the database is valid without its log."""
    alone = sqlite3.connect(f"file:{path}?immutable=1", uri=True)
    try:
        return bool(alone.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False
    finally:
        alone.close()


def _descriptors() -> int:
    try:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())
    except OSError:
        pytest.skip("cannot count descriptors here")


def test_a_page_of_rows_is_one_view_and_the_next_page_goes_on_behind_it(path: Path) -> None:
    """Messages that are claimed again between two pages of a reader get higher numbers. The reader sees them later."""
    sender = Sender(path)
    for number in range(60):
        sender.commit(number)
    rows: Iterator[Any] = read_rows(path)
    first = [next(rows).place for _ in range(1_000)]
    sender.commit(60)
    rest = [row.place for row in rows]
    assert first + rest == list(range(61 * GROUP))
    sender.journal.close()
