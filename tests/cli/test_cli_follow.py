"""`bulk status --follow` and other readers while a campaign sends, in real processes."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from cli.command_line import environment, start_preloaded, started, under_way
from cli.test_cli_commands import csv_file
from held import held
from patience import PATIENCE

from eightbyeight_async import InvalidRequestError
from eightbyeight_async.bulk import JournalError, follow
from eightbyeight_async.bulk.store.journal_queries import JournalReader
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from cli.command_line import Ended, Here

    from eightbyeight_async.sandbox import Sandbox

    Bulk = Callable[..., Ended]

ROWS = 60


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return tmp_path / "run.db"


@pytest.fixture
def bulk(here: Here) -> Bulk:
    """Runs a reader in this process, which is not the run's process. It needs no sandbox."""

    def call(command: str, journal: Path, *options: object) -> Ended:
        return here("bulk", *command.split(), "--journal", journal, *options)

    return call


def following(journal: Path, *options: object) -> subprocess.Popen[bytes]:
    return started("bulk", "status", "--follow", "--interval", 0.05, "--journal", journal, *options)


@pytest.fixture
def paused(sandbox: Sandbox, tmp_path: Path, journal: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A run that has sent 10 of 60 messages. It waits for the answer to the 11th until the test ends."""
    sandbox.faults.plan([*[None] * 10, Fault.slow(10 * PATIENCE)])
    options = ("--text", "Hi", "--concurrency", 1, "--timeout", 20 * PATIENCE, "--journal", journal)
    process = started("bulk", "run", csv_file(tmp_path / "a.csv", ROWS), *options, sandbox=sandbox)
    under_way(process, lambda: len(sandbox.messages) == 11)
    yield process
    process.kill()
    process.communicate()


def sent_once(sandbox: Sandbox) -> bool:
    return Counter(m.client_message_id for m in sandbox.messages) == {f"ref-{n}": 1 for n in range(1, ROWS + 1)}


def test_it_shows_every_change_and_ends_with_the_campaign(sandbox: Sandbox, tmp_path: Path, journal: Path) -> None:
    """The run continues when both watchers have shown its state. Its result is the same as without watchers."""
    options = ("--text", "Hi", "--concurrency", 1, "--timeout", 10 * PATIENCE, "--journal", journal)
    shown: tuple[list[bytes], list[bytes]] = ([], [])
    with held(sandbox, 10) as gate:
        run = started("bulk", "run", csv_file(tmp_path / "a.csv", ROWS), *options, sandbox=sandbox)
        under_way(run, lambda: len(sandbox.messages) == 10)
        watching = following(journal), following(journal, "--json")
        for _ in range(4):
            for watch, found in zip(watching, shown, strict=True):
                assert watch.stdout is not None
                found.append(watch.stdout.readline())
            gate.let(1)
    for watch, found in zip(watching, shown, strict=True):
        rest, err = watch.communicate(timeout=PATIENCE)
        found.extend(rest.splitlines())
        assert (watch.returncode, err) == (0, b"")
    lines = [line.decode().strip() for line in shown[0]]
    seen = [json.loads(line) for line in shown[1]]
    for different in (seen, lines):
        assert 4 < len(different) == len({str(one) for one in different})
    assert [one["sent"] for one in seen] == sorted(one["sent"] for one in seen)
    assert {one["total"] for one in seen} == {ROWS}
    assert {one["in_flight"] for one in seen} == {0, 1}
    assert {one["unknown"] for one in seen} == {0}
    assert re.fullmatch(
        r"60 messages: \d+ sent, 0 rejected, 0 failed, (1 in flight, )?0 unknown, \d+ not sent", lines[0]
    )
    assert lines[-1] == "60 messages: 60 sent, 0 rejected, 0 failed, 0 unknown, 0 not sent"
    run.communicate(timeout=PATIENCE)
    assert (run.returncode, sent_once(sandbox), sandbox.violations) == (0, True, [])
    assert sorted(file.name for file in tmp_path.iterdir() if file.stat().st_size and "shm" not in file.name) == [
        "a.csv",
        "run.db",
        "run.db-mark",
    ]


def test_it_prints_nothing_while_nothing_changes(paused: subprocess.Popen[bytes], journal: Path) -> None:
    watch = following(journal)
    assert watch.stdout is not None
    first = watch.stdout.readline()
    assert b"60 messages: 10 sent, 0 rejected, 0 failed, 1 in flight, 0 unknown, 49 not sent" in first
    paused.kill()  # its claim is unknown from now on
    rest, err = watch.communicate(timeout=PATIENCE)
    assert (watch.returncode, err) == (4, b"")
    assert rest == b"60 messages: 10 sent, 0 rejected, 0 failed, 1 unknown, 49 not sent\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_and_not_the_campaign(
    paused: subprocess.Popen[bytes], journal: Path, number: signal.Signals
) -> None:
    watch = following(journal)
    assert watch.stdout is not None
    watch.stdout.readline()
    watch.send_signal(number)
    out, err = watch.communicate(timeout=PATIENCE)
    assert (watch.returncode, out, err, paused.poll()) == (130, b"", b"", None)


def test_a_reader_that_has_seen_enough_ends_it(paused: subprocess.Popen[bytes], journal: Path) -> None:
    watch = following(journal)
    assert watch.stdout is not None
    watch.stdout.readline()
    watch.stdout.close()
    paused.kill()
    assert watch.wait(PATIENCE) == 1
    assert watch.stderr is not None
    assert watch.stderr.read() == b""
    watch.stderr.close()


def test_on_a_terminal_the_line_is_written_anew(paused: subprocess.Popen[bytes], journal: Path) -> None:
    theirs, ours = pty.openpty()
    words = ("bulk", "status", "--follow", "--interval", 0.05, "--journal", journal)
    watch = start_preloaded(
        *words, stdin=ours, stdout=ours, stderr=subprocess.PIPE, env=environment(None, TERM="xterm", COLUMNS="200")
    )
    os.close(ours)
    seen = b""
    while b"1 in flight" not in seen:
        seen += os.read(theirs, 4096)
    paused.kill()
    while b"1 unknown" not in seen:
        seen += os.read(theirs, 4096)
    _, err = watch.communicate(timeout=PATIENCE)
    os.close(theirs)
    assert (watch.returncode, err) == (4, b"")
    assert b"\x1b[2K" in seen  # the line was erased


def test_without_a_campaign_it_shows_the_counts_once(
    sandbox: Sandbox, tmp_path: Path, journal: Path, here: Here, bulk: Bulk
) -> None:
    path = csv_file(tmp_path / "a.csv", ROWS)
    assert here("bulk", "run", path, "--text", "Hi", "--journal", journal, sandbox=sandbox).code == 0
    ended = bulk("status --follow", journal)
    assert (ended.code, ended.err) == (0, "no campaign is sending with this journal now\n")
    assert ended.out == bulk("status", journal).out


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (None, [], "run.db: there is none at this path"),
        (b"", [], "run.db: "),
        (b"my diary\n", [], "run.db: the file is not a journal; it was not touched"),
        (None, ["--interval", 0], "--interval: must be a number of seconds above 0"),
        (None, ["--interval", "nan"], "--interval: must be a number of seconds above 0"),
        (None, ["--interval", "often"], "--interval must be a number"),
    ],
)
def test_a_mistake_is_one_line(
    journal: Path, bulk: Bulk, content: bytes | None, options: list[object], words: str
) -> None:
    if content is not None:
        journal.write_bytes(content)
    ended = bulk("status --follow", journal, *options)
    assert (ended.code, ended.out, ended.err.count("\n"), words in ended.err) == (2, "", 1, True)
    assert (journal.read_bytes() if journal.exists() else None) == content


def test_an_interval_without_follow_is_a_mistake(journal: Path, bulk: Bulk) -> None:
    assert bulk("status", journal, "--interval", 1).err == "eightbyeight: --interval: needs --follow\n"


def test_a_journal_that_waits_for_the_check_of_its_file_is_told(
    sandbox: Sandbox, tmp_path: Path, journal: Path, here: Here, bulk: Bulk
) -> None:
    """`bulk run` makes the journal before it checks the file. Here the check never ends."""
    path = csv_file(tmp_path / "a.csv", ROWS)
    assert here("bulk", "run", path, "--text", "Hi", "--journal", journal, sandbox=sandbox).code == 0
    from eightbyeight_async.bulk.store.journal_file import make

    journal.unlink()
    journal.with_name("run.db-mark").unlink()
    make(journal, "process")
    ended = bulk("status --follow", journal)
    assert (ended.code, ended.out) == (2, "")
    assert "no campaign has begun to send with it yet" in ended.err


# --- the other readers


def test_all_readers_work_beside_a_run_and_change_nothing(
    paused: subprocess.Popen[bytes], sandbox: Sandbox, tmp_path: Path, journal: Path, bulk: Bulk
) -> None:
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")}
    counts: dict[str, Any] = json.loads(bulk("status", journal, "--json").out)
    assert (counts["sent"], counts["in_flight"], counts["unknown"], counts["not_sent"]) == (10, 1, 0, 49)
    assert bulk("status", journal).out.startswith("60 messages: 10 sent, ")
    assert json.loads(bulk("unknown", journal, "--json").out) == {"unknown": 0, "messages": []}
    records = bulk("export", journal).records
    assert Counter(record["state"] for record in records) == {"sent": 10, "unknown": 1}
    assert bulk("export", journal, "--output", tmp_path / "o.csv").code == 0
    assert (tmp_path / "o.csv").read_text().count("\n") == 12
    (tmp_path / "o.csv").unlink()
    after = {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")}
    assert (after, paused.poll()) == (before, None)
    assert len(sandbox.messages) == 11


def test_many_followers_do_not_hold_up_a_run(
    sandbox: Sandbox, tmp_path: Path, journal: Path, here: Here, bulk: Bulk
) -> None:
    """Three followers look as often as they can, from the first claim until the clean end of the run."""
    path = csv_file(tmp_path / "a.csv", 400)
    options = ("--text", "Hi", "--mode", "each", "--concurrency", 20, "--journal", journal)
    run = started("bulk", "run", path, *options, sandbox=sandbox)
    under_way(run, lambda: len(sandbox.messages) >= 10)
    watching = [started("bulk", "status", "--follow", "--interval", 0.001, "--journal", journal) for _ in range(3)]
    _, err = run.communicate(timeout=PATIENCE)
    assert (run.returncode, b"stopped" in err, len(sandbox.messages)) == (0, False, 400)
    for watch in watching:
        out, err = watch.communicate(timeout=PATIENCE)
        assert (watch.returncode, err in (b"", b"no campaign is sending with this journal now\n")) == (0, True)
        assert out.decode().splitlines()[-1].startswith("400 messages: 400 sent, ")
    assert bulk("status", journal).code == 0
    assert here("bulk", "run", "--journal", journal, sandbox=sandbox).code == 0
    assert len(sandbox.messages) == 400


# --- from Python


def test_a_look_counts_and_does_not_verify_again(
    paused: subprocess.Popen[bytes], journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verified, verify = [], JournalReader.verify
    slept: list[float] = []
    moments = iter(range(1_000_000))

    def counted(reader: JournalReader, *rest: Any) -> Any:
        verified.append(reader)
        return verify(reader, *rest)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 5:
            paused.kill()
            paused.wait()

    monkeypatch.setattr(JournalReader, "verify", counted)
    looks = list(follow(journal, 3.0, sleep=sleep, clock=lambda: next(moments)))
    assert len(verified) == 1
    assert slept == [10.0] * 5  # on this clock a look takes one second, and looks may take at most a tenth of the time
    assert [(one.sent, one.in_flight, one.unknown) for one in looks] == [*[(10, 1, 0)] * 5, (10, 0, 1)]
    assert len(list(follow(journal, 3.0, sleep=sleep))) == 1


def test_what_follow_cannot_do_it_says(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequestError, match="interval"):
        next(follow(tmp_path / "run.db", 0))
    with pytest.raises(JournalError, match="there is none at this path"):
        next(follow(tmp_path / "run.db"))
