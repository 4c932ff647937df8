"""A full disk: a real file system of 150 KB, which only the processes of the test can see."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from cli.command_line import COMMAND, environment
from cli.test_cli_commands import csv_file
from patience import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

ROWS = 600
SMALL = "mount -t tmpfs -o size=150k none {disk} && cd {disk}"


def in_namespace(script: str) -> list[str]:
    return ["unshare", "--map-root-user", "--mount", "bash", "-c", script]


def can_mount(tmp_path: Path) -> bool:
    if shutil.which("unshare") is None:
        return False
    tried = subprocess.run(in_namespace(SMALL.format(disk=tmp_path)), capture_output=True, check=False)  # noqa: S603
    return tried.returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("mode", ["each", "batch"])
def test_after_space_is_freed_the_same_command_goes_on(sandbox: Sandbox, tmp_path: Path, mode: str) -> None:
    """The message says what is wrong, what the user can do, and what happened to the results. Its advice works."""
    if not can_mount(tmp_path):
        pytest.skip("may not mount a file system")
    rows, disk = csv_file(tmp_path / "a.csv", ROWS), tmp_path / "disk"
    disk.mkdir()
    bulk = shlex.join([*COMMAND, "bulk"])
    run = f"{bulk} run {shlex.quote(str(rows))} --text Hi --mode {mode} --chunk-size 50 --journal run.db"
    script = f"""{SMALL.format(disk=shlex.quote(str(disk)))}
    {run}; echo "first $?"
    {bulk} status --journal run.db; echo "status $?"
    mount -o remount,size=100m {shlex.quote(str(disk))}
    {run}; echo "second $?"
    {bulk} reconcile --journal run.db --lag 0.01 --wait; echo "reconcile $?"
    {run}; echo "third $?"
    {bulk} status --journal run.db
    """
    ended = subprocess.run(  # noqa: S603
        in_namespace(script),
        capture_output=True,
        text=True,
        env=environment(sandbox, PYTHONDONTWRITEBYTECODE="1"),
        timeout=PATIENCE,
        check=False,
    )
    said = Counter(re.findall(r"^(?:first|status|second|reconcile|third) \d+$", ended.stdout, re.MULTILINE))
    assert said in [
        Counter([f"first {code}", f"status {code}", f"second {0 if code == 1 else 4}", "reconcile 0", "third 0"])
        for code in (1, 4)
    ]
    assert len(re.findall("stopped: run.db: cannot be written: the disk is full", ended.stderr)) == 1
    assert f"{ROWS:,} messages: {ROWS:,} sent" in ended.stdout
    assert "Traceback" not in ended.stderr
    assert Counter(m.client_message_id for m in sandbox.messages) == {f"ref-{n}": 1 for n in range(1, ROWS + 1)}
