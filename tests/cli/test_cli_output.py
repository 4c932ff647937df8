"""Records reach their output, and the records that cannot be written are known."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from typing import TYPE_CHECKING

import pytest
from patience import PATIENCE

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.sending.record_writer import DescriptorRecords, new_file
from eightbyeight_async.cli.terminal.loop_and_signals import run

if TYPE_CHECKING:
    from pathlib import Path

NOTHING = (-1, -1)


def write(lines: DescriptorRecords, texts: list[str], *, hurry: bool = False) -> None:
    async def work() -> None:
        for text in texts:
            await lines.write(text)
        if hurry:
            lines.hurry()
        await lines.close()

    run(work)


def test_every_line_is_written_in_order(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    texts = [f'{{"row": {n}}}' for n in range(10_000)]
    write(DescriptorRecords(new_file(path, force=False, private=False, not_this=NOTHING), "o", owned=True), texts)
    assert path.read_text().splitlines() == texts


FULL_DISK = """
import json, resource, signal, sys
from pathlib import Path
from eightbyeight_async.cli.sending.record_writer import DescriptorRecords, new_file
from eightbyeight_async.cli.terminal.loop_and_signals import run

async def work():
    for text in texts:
        await lines.write(text)
    await lines.close()

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
texts = json.loads(sys.stdin.read())
lines = DescriptorRecords(new_file(Path(sys.argv[1]), force=False, private=False, not_this=(-1, -1)), "o", owned=True)
run(work)
print(json.dumps([lines.unwritten, lines.failure, lines.reader_left]))
"""


def test_on_a_full_disk_no_line_is_half_written_and_none_is_forgotten(tmp_path: Path) -> None:
    """The disk is full after 10,000 bytes. The test uses a process of its own, because pytest also writes files."""
    path = tmp_path / "o.jsonl"
    texts = [f"{n:099d}x" for n in range(500)]  # 101 bytes with the line end, so that the limit falls inside a line
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-c", FULL_DISK, str(path)],
        input=json.dumps(texts),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=PATIENCE,
    )
    unwritten, failure, reader_left = json.loads(done.stdout)
    written = path.read_text()
    assert written.endswith("\n")
    assert len(written) == 10_000 // 101 * 101
    assert written.splitlines() + unwritten == texts
    assert failure == "o: File too large"
    assert not reader_left


def test_half_of_a_surrogate_pair_is_written_as_its_escape(tmp_path: Path) -> None:
    """An answer can contain such a half. It must end neither the writing thread nor the run that waits for it."""
    path = tmp_path / "o.jsonl"
    lines = DescriptorRecords(new_file(path, force=False, private=False, not_this=NOTHING), "o", owned=True)
    write(lines, [json.dumps({"umid": "\ud800é"}, ensure_ascii=False)])
    assert path.read_text() == '{"umid": "\\ud800é"}\n'
    assert (lines.failure, lines.unwritten) == (None, [])


def test_a_reader_that_left_is_noticed() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    lines = DescriptorRecords(writing, "stdout", owned=True)
    write(lines, ["a", "b"])
    assert (lines.failure, lines.reader_left, lines.unwritten) == (
        "stdout: the reader has closed the pipe",
        True,
        ["a", "b"],
    )


def test_a_reader_that_dawdles_holds_up_the_writer_but_not_the_loop() -> None:
    """Two thousand lines may wait. The next one waits for the reader, and in the meantime other tasks continue."""
    import anyio

    reading, writing = os.pipe()
    text = "x" * 100
    lines = DescriptorRecords(writing, "stdout", owned=True)
    read: list[bytes] = []

    def reader() -> None:
        while piece := os.read(reading, 65536):
            read.append(piece)

    async def work() -> None:
        done = 0

        async def writer() -> None:
            nonlocal done
            for _ in range(5000):
                await lines.write(text)
                done += 1

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(writer)
            before = -1
            while done != before:  # until the writer waits; the loop itself does not wait, or this code would not run
                before = done
                await anyio.sleep(0.05)
            assert done < 5000
            thread.start()
        await lines.close()

    thread = threading.Thread(target=reader)
    run(work)
    thread.join(PATIENCE)
    os.close(reading)
    assert b"".join(read) == f"{text}\n".encode() * 5000
    assert lines.unwritten == []


def test_a_reader_that_never_reads_does_not_keep_an_interrupted_run_from_ending(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("eightbyeight_async.cli.sending.record_writer._HURRY_TIMEOUT", 0.1)
    reading, writing = os.pipe()
    lines = DescriptorRecords(writing, "stdout")
    texts = ["x" * 100] * 1500  # more than the buffer of a pipe
    write(lines, texts, hurry=True)
    assert lines.unwritten
    assert lines.failure == "stdout: the reader does not read"
    os.close(reading)  # the thread ends after this


def test_an_existing_file_is_overwritten_only_by_force(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text("precious\n")
    with pytest.raises(UsageError, match="exists; --force"):
        new_file(path, force=False, private=False, not_this=NOTHING)
    assert path.read_text() == "precious\n"
    path.chmod(0o644)
    os.close(new_file(path, force=True, private=True, not_this=NOTHING))
    assert path.read_text() == ""
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_input_is_never_the_output(tmp_path: Path) -> None:
    path = tmp_path / "messages.csv"
    path.write_text("precious\n")
    link = tmp_path / "link"
    link.hardlink_to(path)
    identity = (path.stat().st_dev, path.stat().st_ino)
    with pytest.raises(UsageError, match="is the file with the messages"):
        new_file(link, force=True, private=False, not_this=identity)
    assert path.read_text() == "precious\n"


def test_a_device_can_be_the_output() -> None:
    from pathlib import Path as RealPath

    os.close(new_file(RealPath(os.devnull), force=False, private=False, not_this=NOTHING))
