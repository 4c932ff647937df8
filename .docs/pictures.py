"""The pictures of the README and the site: `python -m nox -s pictures` makes them anew.

`demo.svg`: what `eightbyeight demo` prints, exported by rich. `report.png`: a campaign's report in Chromium, if this
machine has one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from eightbyeight_async.sandbox import Delivery, Fault, Sandbox

PICTURES = Path(__file__).parent / "pictures"
WIDTH = 112  # characters
LEFT_OUT = re.compile(r"sample \(|\{name\} is empty|from run\.db|a sandbox of the|this run:")
SHOWN_ONCE = re.compile(r"to \d+ people|cost:|campaign\.csv:")  # the plan is printed before each run
FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)  # from a host on the network
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


def eightbyeight(*arguments: str, cwd: Path | None = None, **environment: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "eightbyeight_async", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        cwd=cwd,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **environment},
    ).stdout


def draw_demo() -> None:
    """The lines of the demo, without its first table and without those that repeat what others show."""
    printed = eightbyeight("demo", FORCE_COLOR="1", COLUMNS=str(WIDTH), TERM="xterm-256color")
    if "everything adds up" not in printed:
        sys.exit(f"the demo failed:\n{printed}")
    lines, seen = [], set()
    before, _, after = printed.partition("1. What became of the messages")
    second_part = after.splitlines()[after.count("\n", 0, after.index("┘")) + 1 :]
    for line in [*before.splitlines(), *second_part]:
        plain = Text.from_ansi(line).plain
        once = SHOWN_ONCE.match(plain)
        if not LEFT_OUT.match(plain) and not (once and once[0][:3] in seen):
            lines.append(line)
        seen.add(once[0][:3] if once else "")
    with Path(os.devnull).open("w") as nowhere:
        console = Console(record=True, width=WIDTH, file=nowhere, force_terminal=True, legacy_windows=False)
        console.print(Text("$ python -m nox -s demo", style="bold"))
        console.print(Text.from_ansi("\n".join(lines)))
    svg = console.export_svg(title="eightbyeight-async", unique_id="demo")
    (PICTURES / "demo.svg").write_text(FONTS.sub("", svg), encoding="utf-8")


def photograph_report() -> None:
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        print("report.png is left as it is: no Chromium here")
        return
    with tempfile.TemporaryDirectory() as directory, Sandbox() as sandbox:
        folder = Path(directory)
        numbers = [f"+{code}{number:07}" for number in range(120) for code in ("65800", "4477009", "1555555")]
        (folder / "messages.csv").write_text(
            "\n".join(["destination,text", *(f"{n},We open at nine" for n in numbers)])
        )
        for number in numbers[:40:5]:
            sandbox.faults.on_destination(number, Fault.error(1002))
        sandbox.faults.on_destination(numbers[50], Fault.accept_then_drop())
        for place, number in enumerate(numbers):
            seconds = place % 7 * 4.0 + place % 5
            outcome = "undelivered" if place % 29 == 3 else "delivered"
            sandbox.deliveries.on_destination(
                number, Delivery(outcome=outcome, sent_after=1.0, final_after=1 + seconds)
            )
        sandbox.latency = 0.05
        run = ("bulk", "run", "messages.csv", "--journal", "run.db", "--mode", "each", "--concurrency", "3", "--yes")
        print(eightbyeight(*run, cwd=folder, **sandbox.environment))
        sandbox.clock.advance(600)
        print(eightbyeight("bulk", "deliveries", "--journal", "run.db", cwd=folder, **sandbox.environment))
        print(eightbyeight("bulk", "report", "--journal", "run.db", "--output", "report.html", cwd=folder))
        subprocess.run(
            [
                browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,1100",
                f"--screenshot={PICTURES / 'report.png'}", (folder / "report.html").as_uri(),
            ],
            check=True,
            capture_output=True,
        )  # fmt: skip


if __name__ == "__main__":
    PICTURES.mkdir(exist_ok=True)
    draw_demo()
    photograph_report()
