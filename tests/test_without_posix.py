"""Without the parts of Python that Windows lacks, messages, campaigns and the command line still work."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from patience import PATIENCE

TESTS = Path(__file__).parent
FORBIDDEN = set('<>:"|?*\\')  # not allowed in file names on Windows


def run(program: str, folder: Path) -> list[str]:
    code = f"import sys; sys.path.insert(0, {str(TESTS)!r}); import without_posix\n{program}"
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True, text=True, cwd=folder, timeout=PATIENCE, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    names = [str(path.relative_to(folder)) for path in folder.rglob("*")]
    assert not [name for name in names if FORBIDDEN & set(name)]
    return done.stdout.splitlines()


def test_messages_and_campaigns(tmp_path: Path) -> None:
    program = """
import asyncio
from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import Campaign, JournalInUseError
from eightbyeight_async.sandbox import Sandbox

async def main(sandbox):
    messages = [SmsRequest(destination=f"+65800{number:05}", text="Hello") for number in range(200)]
    async with sandbox.client() as client:
        print((await client.sms.send(messages[0])).ok)
        for mode in ("each", "batch"):
            for _ in range(2):
                async with Campaign(client, f"{mode}.db", mode=mode) as campaign:
                    report = await campaign.send(messages)
                    print(mode, report.accepted, report.known)
        async with Campaign(client, "each.db", mode="each"):
            try:
                async with Campaign(client, "each.db", mode="each"):
                    print("a second campaign has the journal")
            except JournalInUseError:
                print("in use")

with Sandbox() as sandbox:
    asyncio.run(main(sandbox))
    print(len(sandbox.messages))
"""
    assert run(program, tmp_path) == ["True", "each 200 0", "each 0 200", "batch 200 0", "batch 0 200", "in use", "401"]


def test_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "messages.csv").write_text("destination,text\n+6598765432,Hello\n+6598765433,Hello\n")
    program = """
import os
from eightbyeight_async.__main__ import main
from eightbyeight_async.sandbox import Sandbox

with Sandbox() as sandbox:
    os.environ.update(sandbox.environment)
    for line in (
        "send-each messages.csv --output records.jsonl",
        "send-batch messages.csv --output batches.jsonl",
        "bulk run messages.csv --journal run.db",
        "bulk status --journal run.db",
        "bulk export --journal run.db --output results.csv",
        "send --to +6598765432 --text Hello",
    ):
        sys.argv = ["eightbyeight", *line.split()]
        try:
            code = main()
        except SystemExit as end:
            code = end.code
        print("code", code)
    print("sent", len(sandbox.messages))
"""
    lines = run(program, tmp_path)
    assert [line for line in lines if line.startswith("code ")] == ["code 0"] * 6
    assert lines[-1] == "sent 7"
