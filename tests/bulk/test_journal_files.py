"""The files of a journal after users handled them: moved, copied, linked, deleted, or replaced by something else."""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import stat
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from bulk.killed import Killed, check_all_refuse, commands, contents, kill, messages, run, run_async
from cli.command_line import in_process
from shared_sandbox import emptied

from eightbyeight_async.bulk import Campaign, JournalError, JournalInUseError, State, read_rows, status
from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.bulk.store.journal import Journal
from eightbyeight_async.bulk.store.records import Account, Claim, Policy, Result
from eightbyeight_async.sandbox import Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

SIDES = ("-wal", "-shm", "-mark")


@pytest.fixture(scope="module")
def running_sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def killed(running_sandbox: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> Killed:
    directory = tmp_path_factory.mktemp("killed")
    accepted = kill(emptied(running_sandbox), directory / "run.db")
    assert 20 <= len(accepted) <= 25
    return Killed(directory, frozenset(accepted))


@pytest.fixture
def sandbox(running_sandbox: Sandbox) -> Sandbox:
    return emptied(running_sandbox)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("destination\n+6581000000\n+6581000001\n")
    return path


def check_refused(
    journal: Path, directory: Path, table: Path, words: str, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    """Checks that all commands and `send` refuse the journal, that nothing is sent, and that no file changes."""
    before = contents(directory)
    check_all_refuse(journal, table, words, sandbox, capsys)
    with pytest.raises(JournalError, match=words):
        run(sandbox, journal)
    assert sandbox.messages == []
    assert contents(directory) == before


def check_goes_on(journal: Path, killed: Killed, sandbox: Sandbox) -> None:
    """Checks that the next run sends no message that was accepted before, and sends all that were never claimed."""
    report = run(sandbox, journal)
    assert report.accepted == len(sandbox.messages)
    assert not killed.accepted & set(sandbox.accepted_counts)
    assert report.accepted + report.known == len(messages())
    assert status(journal).total == len(messages())


# --- The files of a killed campaign, some of them in another place


def moved(journal: Path) -> Path:
    return journal.rename(journal.with_name("other.db"))


def copied(journal: Path) -> Path:
    shutil.copy(journal, journal.with_name("other.db"))
    return journal.with_name("other.db")


def copied_with_its_log(journal: Path) -> Path:
    shutil.copy(journal.with_name("run.db-wal"), journal.with_name("other.db-wal"))
    return copied(journal)


def moved_to_another_directory(journal: Path) -> Path:
    (journal.parent / "sub").mkdir()
    return journal.rename(journal.parent / "sub" / "run.db")


def without(*ends: str) -> Callable[[Path], Path]:
    def delete(journal: Path) -> Path:
        for end in ends:
            journal.with_name(f"run.db{end}").unlink()
        return journal

    return delete


def empty_mark(journal: Path) -> Path:
    journal.with_name("run.db-mark").write_bytes(b"")
    return journal


def cut_mark(journal: Path) -> Path:
    journal.with_name("run.db-mark").write_bytes(journal.with_name("run.db-mark").read_bytes()[:-1])
    return journal


def emptied_log(journal: Path) -> Path:
    journal.with_name("run.db-wal").write_bytes(b"")
    return journal


def linked_with_its_log(journal: Path) -> Path:
    for end in ("", "-wal"):
        os.link(journal.with_name(f"run.db{end}"), journal.with_name(f"other.db{end}"))
    return journal.with_name("other.db")


PARTED = {
    "moved": (moved, "claims are lost"),
    "copied": (copied, "claims are lost"),
    "copied with its log": (copied_with_its_log, "claims are lost"),
    "moved to another directory": (moved_to_another_directory, "claims are lost"),
    "no side files": (without(*SIDES), "claims are lost"),
    "no log": (without("-wal", "-shm"), "claims are lost"),
    "an emptied log": (emptied_log, "claims are lost"),
    "no mark": (without("-mark"), "claims are lost"),
    "an empty mark": (empty_mark, "claims are lost"),
    "half a mark": (cut_mark, "claims are lost"),
    "no database": (without(""), "is left of a journal that is no longer here|there is none at this path"),
    "hard links": (linked_with_its_log, "claims are lost|second name"),
}


@pytest.mark.parametrize("name", [name for name in PARTED if "|" not in PARTED[name][1]])
def test_files_that_were_parted_are_refused_by_everybody_and_not_touched(
    name: str, killed: Killed, sandbox: Sandbox, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    part, words = PARTED[name]
    journal = part(killed.copy(tmp_path / "here"))
    check_refused(journal, tmp_path / "here", table, words, sandbox, capsys)


@pytest.mark.parametrize("name", PARTED)
def test_what_was_parted_and_refused_goes_on_when_it_is_put_together_again(
    name: str, killed: Killed, sandbox: Sandbox, tmp_path: Path
) -> None:
    """The refused attempt changes nothing. The original files continue the campaign as before."""
    part, words = PARTED[name]
    journal = killed.copy(tmp_path / "here")
    kept = {path.name: path.read_bytes() for path in journal.parent.iterdir()}
    parted = part(journal)
    with pytest.raises(JournalError, match=words):
        run(sandbox, parted)
    with pytest.raises(JournalError, match=words):
        status(parted)
    for path in (path for path in journal.parent.rglob("*") if path.is_file()):
        if path.name.startswith("other.db"):
            path.unlink()
    if parted.name == "run.db" and parted != journal:
        parted.rename(journal)
    for file, data in kept.items():
        path = journal.with_name(file)
        if not path.exists() or path.stat().st_size < len(data):
            path.write_bytes(data)
    check_goes_on(journal, killed, sandbox)


def test_a_database_that_is_gone_is_not_made_anew_beside_its_log(
    killed: Killed, sandbox: Sandbox, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = killed.copy(tmp_path / "here")
    journal.unlink()
    before = contents(journal.parent)
    for command in commands(table):
        ended = in_process("bulk", *command, "--journal", journal, sandbox=sandbox, capsys=capsys)
        if "--dry-run" not in command:
            assert (ended.code, ended.out) == (2, ""), command
    with pytest.raises(JournalError, match="is left of a journal that is no longer here"):
        run(sandbox, journal)
    assert contents(journal.parent) == before
    assert sandbox.messages == []


def all_moved(journal: Path) -> Path:
    for end in ("", *SIDES):
        journal.with_name(f"run.db{end}").rename(journal.with_name(f"other.db{end}"))
    return journal.with_name("other.db")


def all_copied(journal: Path) -> Path:
    (journal.parent / "sub").mkdir()
    for end in ("", "-wal", "-mark"):
        shutil.copy(journal.with_name(f"run.db{end}"), journal.parent / "sub")
    return journal.parent / "sub" / "run.db"


def linked(journal: Path) -> Path:
    link = journal.with_name("link.db")
    link.symlink_to("run.db")
    return link


def linked_from_another_directory(journal: Path) -> Path:
    (journal.parent / "sub").mkdir()
    link, between = journal.parent / "sub" / "link.db", journal.parent / "between.db"
    between.symlink_to(journal)
    link.symlink_to("../between.db")
    return link


@pytest.mark.parametrize(
    "bring",
    [without("-shm"), all_moved, all_copied, linked, linked_from_another_directory],
    ids=["without -shm", "all moved", "all copied", "a link", "a link to a link"],
)
def test_files_that_are_together_go_on(
    bring: Callable[[Path], Path], killed: Killed, sandbox: Sandbox, tmp_path: Path
) -> None:
    check_goes_on(bring(killed.copy(tmp_path / "here")), killed, sandbox)


def test_a_link_and_its_journal_are_one_journal_with_one_lock(sandbox: Sandbox, tmp_path: Path) -> None:
    journal, link = tmp_path / "run.db", tmp_path / "link.db"
    link.symlink_to(journal)

    async def both() -> None:
        async with sandbox.client() as client, Campaign(client, journal):
            with pytest.raises(JournalInUseError):
                await run_async(sandbox, link)

    asyncio.run(both())
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.db", "run.db"]


def test_a_hard_link_is_refused_also_to_a_journal_that_was_closed_cleanly(sandbox: Sandbox, tmp_path: Path) -> None:
    """Two names mean two locks and two logs. Two campaigns would send the same messages."""
    journal, other = tmp_path / "run.db", tmp_path / "other.db"
    run(sandbox, journal)
    os.link(journal, other)
    before = contents(tmp_path)
    for name in (journal, other):
        with pytest.raises(JournalError, match="second name"):
            run(sandbox, name)
    assert contents(tmp_path) == before
    other.unlink()
    assert run(sandbox, journal).known == 40


# --- After a clean end the database is complete without the other files


@pytest.mark.parametrize("bring", [moved, copied, moved_to_another_directory], ids=lambda bring: bring.__name__)
def test_after_a_clean_end_the_database_alone_is_enough(
    bring: Callable[[Path], Path], sandbox: Sandbox, tmp_path: Path
) -> None:
    run(sandbox, tmp_path / "run.db")
    assert not (tmp_path / "run.db-wal").exists()
    assert run(sandbox, bring(tmp_path / "run.db")).known == 40
    assert set(sandbox.accepted_counts.values()) == {1}


def test_an_old_backup_is_refused_where_its_mark_is(sandbox: Sandbox, tmp_path: Path) -> None:
    journal = tmp_path / "run.db"
    run(sandbox, journal, 20)
    backup = journal.read_bytes()
    run(sandbox, journal, 40, allow_changed_input=True)
    now = journal.read_bytes()
    journal.write_bytes(backup)
    with pytest.raises(JournalError, match="knows 20 of 40"):
        run(sandbox, journal)
    with pytest.raises(JournalError, match="knows 20 of 40"):
        status(journal)
    assert journal.read_bytes() == backup
    journal.write_bytes(now)
    assert run(sandbox, journal).known == 40
    assert set(sandbox.accepted_counts.values()) == {1}


def test_a_loss_that_is_accepted_is_sent_again_and_nothing_else(
    killed: Killed, sandbox: Sandbox, tmp_path: Path
) -> None:
    journal = killed.copy(tmp_path / "here")
    for end in ("-wal", "-shm"):
        journal.with_name(f"run.db{end}").unlink()
    left = run(sandbox, journal, accept_loss=True)
    assert left.accepted + left.known == 40
    assert run(sandbox, journal).known == 40


@pytest.mark.parametrize("ends", [("-wal", "-shm"), ("-mark",), SIDES])
def test_the_command_accepts_a_loss_only_if_told_to(
    ends: tuple[str, ...], killed: Killed, sandbox: Sandbox, table: Path, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    journal = killed.copy(tmp_path / "here")
    for end in ends:
        journal.with_name(f"run.db{end}").unlink()
    words = ("bulk", "run", table, "--text", "Your code", "--allow-changed-input", "--journal", journal)
    assert in_process(*words, sandbox=sandbox, capsys=capsys).code == 2
    assert in_process(*words, "--accept-loss", "--dry-run", sandbox=sandbox, capsys=capsys).code == 0
    assert sandbox.messages == []
    ended = in_process(*words, "--accept-loss", "--json", sandbox=sandbox, capsys=capsys)
    assert ended.records[0]["accepted"] + ended.records[0]["known"] == 2
    assert in_process("bulk", "status", "--journal", journal, capsys=capsys).code != 2


# --- Files of two journals mixed


def test_a_new_journal_is_not_made_beside_the_log_of_a_deleted_one(
    killed: Killed, sandbox: Sandbox, tmp_path: Path
) -> None:
    journal = killed.copy(tmp_path / "here")
    for end in ("", "-shm", "-mark"):
        journal.with_name(f"run.db{end}").unlink()
    before = contents(journal.parent)
    for _ in range(2):
        with pytest.raises(JournalError, match="run.db-wal is left of a journal"):
            run(sandbox, journal)
    assert contents(journal.parent) == before
    journal.with_name("run.db-wal").unlink()
    assert run(sandbox, journal).accepted == 40


@pytest.mark.parametrize("claims", [0, 3, 400])
def test_the_log_of_one_journal_under_the_name_of_another_is_refused_and_not_replayed(
    claims: int, killed: Killed, sandbox: Sandbox, tmp_path: Path
) -> None:
    """SQLite would replay the log into any database with the matching name."""
    journal = killed.copy(tmp_path / "here")
    other = tmp_path / "other.db"
    run(sandbox, other, claims)
    sandbox.reset()
    shutil.copy(other, journal)
    before = contents(journal.parent)
    for _ in range(2):
        with pytest.raises(JournalError, match="another journal"):
            run(sandbox, journal)
    with pytest.raises(JournalError, match="another journal"):
        status(journal)
    assert sandbox.messages == []
    assert contents(journal.parent) == before
    for end in ("-wal", "-shm", "-mark"):
        journal.with_name(f"run.db{end}").unlink()
    assert run(sandbox, journal, claims).known == claims


def test_a_mark_of_another_journal_is_none(sandbox: Sandbox, tmp_path: Path) -> None:
    journal, other = tmp_path / "run.db", tmp_path / "other.db"
    run(sandbox, journal, 40)
    run(sandbox, other, 3)
    shutil.copy(other, journal)
    assert run(sandbox, journal, 3).known == 3
    assert run(sandbox, journal, 5, allow_changed_input=True).accepted == 2


# --- Links that lead to nothing


def test_a_dangling_link_gets_its_journal_where_it_points(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    link, target = tmp_path / "link.db", tmp_path / "there" / "run.db"
    link.symlink_to(target)
    with pytest.raises(JournalError, match="there is none"):
        status(link)
    assert run(sandbox, link, 3).accepted == 3
    assert link.is_symlink()
    assert status(target).sent == 3
    assert run(sandbox, target, 3).known == 3


def test_links_in_a_circle_are_refused(
    sandbox: Sandbox, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, other = tmp_path / "one.db", tmp_path / "other.db"
    one.symlink_to(other)
    other.symlink_to(one)
    with pytest.raises(JournalError, match="cannot be opened"):
        run(sandbox, one)
    for command in commands(table):
        ended = in_process("bulk", *command, "--journal", one, sandbox=sandbox, capsys=capsys)
        assert (ended.code, len(ended.err.splitlines())) == (2, 1), (command, ended.err)
    assert one.is_symlink()


# --- Anything but a regular file is never replaced


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def device(path: Path) -> Path:
    try:
        os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))
    except (OSError, AttributeError):
        pytest.skip("needs the right to make a device")
    return path


def unix_socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    return path


def directory(path: Path) -> Path:
    path.mkdir()
    return path


def link_to(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def both(path: Path) -> Path:
        path.symlink_to(make(path.with_name("thing")))
        return path

    return both


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (fifo, "no regular file"),
        (device, "no regular file"),
        (unix_socket, "no regular file"),
        (directory, "directory"),
        (link_to(fifo), "no regular file"),
        (link_to(device), "no regular file"),
        (link_to(directory), "directory"),
    ],
    ids=["fifo", "device", "socket", "directory", "link to a fifo", "link to a device", "link to a directory"],
)
def test_what_is_no_file_is_refused_by_everybody_and_stays(
    make: Callable[[Path], Path],
    words: str,
    sandbox: Sandbox,
    table: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket may have 107 characters
    journal = make(tmp_path.joinpath("run.db").relative_to(tmp_path))
    before = {path.name: path.lstat() for path in tmp_path.iterdir()}
    check_all_refuse(journal, table, words, sandbox, capsys)
    with pytest.raises(JournalError, match=words):
        run(sandbox, journal)
    after = {path.name: path.lstat() for path in tmp_path.iterdir()}
    assert {name: (found.st_ino, found.st_mode) for name, found in after.items()} == {
        name: (found.st_ino, found.st_mode) for name, found in before.items()
    }


@pytest.mark.parametrize("by_link", [False, True])
def test_an_empty_file_becomes_a_journal_by_a_run_and_by_nothing_else(
    by_link: bool, sandbox: Sandbox, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "target.db"
    target.touch()
    journal = tmp_path / "run.db" if by_link else target
    if by_link:
        journal.symlink_to("target.db")
    for command in commands(table):
        if command[0] != "run":
            ended = in_process("bulk", *command, "--journal", journal, sandbox=sandbox, capsys=capsys)
            assert (ended.code, target.stat().st_size) == (2, 0), (command, ended.err)
    assert run(sandbox, journal, 3).accepted == 3
    assert journal.is_symlink() is by_link
    assert status(target).sent == 3


def test_the_command_line_makes_a_journal_of_an_empty_file_behind_a_link(
    sandbox: Sandbox, table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target, link = tmp_path / "target.db", tmp_path / "run.db"
    target.touch()
    link.symlink_to(target)
    for known in (0, 2):
        ended = in_process(
            "bulk", "run", table, "--text", "x", "--json", "--journal", link, sandbox=sandbox, capsys=capsys
        )
        assert (ended.code, ended.records[0]["known"]) == (0, known), ended.err
    assert link.is_symlink()
    assert status(target).sent == 2


def test_a_run_that_comes_to_nothing_leaves_no_journal(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    table = tmp_path / "people.csv"
    table.write_text("destination\nnobody\n")
    journal = tmp_path / "run.db"
    ended = in_process("bulk", "run", table, "--text", "x", "--journal", journal, sandbox=sandbox, capsys=capsys)
    assert ended.code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["people.csv"]


# --- Names


@pytest.mark.parametrize(
    "name",
    ["file:x.db", "x?mode=memory", "x#y", "%41.db", ":memory:", "a b  c.db", "-x.db", "'q'\".db", "ümläut.db", b"\xff"],
)  # fmt: skip
def test_a_name_is_a_name(
    name: str | bytes, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    """No part of the name has a special meaning for SQLite, and no other file is made."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.chdir(home)
    path = home.relative_to(home) / os.fsdecode(name)
    assert run(sandbox, path, 3).accepted == 3
    assert status(path).sent == 3
    assert len(list(read_rows(path))) == 3
    for command, code in ((("status",), 0), (("unknown",), 0), (("export",), 0), (("cancel",), 1), (("reconcile",), 0)):
        ended = in_process("bulk", *command, f"--journal={os.fsdecode(name)}", sandbox=sandbox, capsys=capsys)
        assert ended.code == code, (command, ended.err)
    assert run(sandbox, path, 3).known == 3
    assert [entry.name for entry in home.iterdir() if not entry.name.startswith(os.fsdecode(name))] == []


def test_a_name_with_a_nul_and_a_name_that_is_too_long_are_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    for name, words in (("a\0b", "NUL"), ("x" * 300, "File name too long"), ("x" * 252, "File name too long")):
        with pytest.raises(JournalError, match=words):
            run(sandbox, tmp_path / name, 1)
    with pytest.raises(JournalError, match="NUL"):
        status(tmp_path / "a\0b")
    assert list(tmp_path.iterdir()) == []


# --- Read-only


def test_a_read_only_directory_can_be_read(sandbox: Sandbox, tmp_path: Path) -> None:
    """The reader is a user who may not write there, because root may always write."""
    home = tmp_path / "home"
    home.mkdir()
    run(sandbox, home / "run.db", 3)
    (home / "run.db").chmod(0o444)
    home.chmod(0o555)
    reader = (
        "import os, sys\n"
        "from eightbyeight_async.bulk.store.journal_queries import status\n"
        "if os.getuid() == 0: os.setgid(65534); os.setuid(65534)\n"
        "print(status(sys.argv[1]).sent)\n"
    )
    if os.getuid() == 0:
        above = home.parent
        while above.stat().st_uid == os.getuid() and above != above.parent:
            above.chmod(above.stat().st_mode | 0o055)
            above = above.parent
    found = subprocess.run(  # noqa: S603
        [sys.executable, "-c", reader, str(home / "run.db")], capture_output=True, text=True, check=False
    )
    home.chmod(0o755)
    assert (found.stdout, found.stderr) == ("3\n", "")
    assert sorted(path.name for path in home.iterdir()) == ["run.db", "run.db-mark"]


# --- Two campaigns that make the same journal


def test_two_campaigns_on_one_empty_file_are_one_campaign_and_a_refusal(sandbox: Sandbox, tmp_path: Path) -> None:
    journal = tmp_path / "run.db"
    outcomes: list[str] = []

    async def attempt() -> None:
        try:
            outcomes.append(f"{(await run_async(sandbox, journal, 30)).accepted} accepted")
        except JournalInUseError:
            outcomes.append("in use")

    async def four() -> None:
        await asyncio.gather(*(attempt() for _ in range(4)))

    for begin in (lambda: None, journal.touch):
        outcomes.clear()
        for path in tmp_path.iterdir():
            path.unlink()
        sandbox.reset()
        begin()
        asyncio.run(four())
        # A campaign that tries the lock again after the first one has ended finds everything settled.
        assert outcomes.count("30 accepted") == 1
        assert set(outcomes) <= {"30 accepted", "0 accepted", "in use"}
        assert set(sandbox.accepted_counts.values()) == {1}


def test_an_empty_file_is_not_replaced_after_another_campaign_made_its_journal_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second campaign sees the empty file before the first one makes its journal. Under the lock it looks again."""
    from eightbyeight_async.bulk.store import journal_mark

    journal, account = tmp_path / "run.db", Account("host", "account")

    def opened() -> Journal:
        return Journal(journal, "process", lambda: 1.0, account=account, policy=Policy())

    made: list[os.stat_result] = []
    truth = journal_mark.is_blank

    def look(path: Path) -> bool:
        found = truth(path)
        if not made:
            assert found
            monkeypatch.setattr(journal_mark, "is_blank", truth)
            opened().close()  # the first campaign makes its journal in between
            made.append(path.stat())
        return found

    monkeypatch.setattr(journal_mark, "is_blank", look)
    journal.touch()
    second = opened()
    assert os.path.samestat(journal.stat(), made[0])
    second.close()


@pytest.mark.parametrize("what", ["meta", "results"])
def test_a_log_of_another_journal_that_holds_little_is_not_replayed_either(what: str, tmp_path: Path) -> None:
    """With the other journal's salt, every message of this journal would be new. The other's results would count as
    this one's.
    """

    def opened(directory: Path) -> Journal:
        directory.mkdir(exist_ok=True)
        account = Account("host", "account")
        return Journal(directory / "run.db", "process", lambda: 1.0, account=account, policy=Policy())

    def fill(journal: Journal) -> list[Claim]:
        keys = Keys(journal.salt)
        claims = [Claim(place + 1, keys.of(one), place) for place, one in enumerate(messages())]
        journal.transact(journal.begin_run)
        journal.transact(lambda: journal.claim(claims))
        return claims

    own = opened(tmp_path / "own")
    fill(own)
    own.close()
    other = opened(tmp_path / "other")
    claims = fill(other)
    other.sql.execute("PRAGMA wal_checkpoint(RESTART)")
    if what == "meta":
        other.transact(lambda: other.set_meta("expected", 7))
    else:
        other.transact(
            lambda: other.record([Result(one.id, one.identity.key, one.place, State.NOT_SENT) for one in claims])
        )
    shutil.copy(tmp_path / "other" / "run.db-wal", tmp_path / "own")
    other.close()
    before = contents(tmp_path / "own")
    with pytest.raises(JournalError, match="another journal"):
        opened(tmp_path / "own")
    with pytest.raises(JournalError, match="another journal"):
        status(tmp_path / "own" / "run.db")
    assert contents(tmp_path / "own") == before
