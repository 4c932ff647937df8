"""The code blocks of README and of the pages in `.docs`, and how a reader would run them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import attrs
from patience import PATIENCE

if TYPE_CHECKING:
    from eightbyeight_async.sandbox import Sandbox

ROOT = Path(__file__).parent.parent


@attrs.frozen
class Block:
    heading: str
    language: str
    code: str


def blocks_of(text: str) -> list[Block]:
    """Returns the blocks of a page in order, each with the heading (`#` or `##`) above it."""
    found = []
    heading = ""
    for part in re.split(r"^(##? [^\n]*|```\w*\n.*?^```$)", text, flags=re.MULTILINE | re.DOTALL):
        if re.match("##? ", part):
            heading = part.partition(" ")[2]
        elif part.startswith("```"):
            first, _, rest = part.partition("\n")
            found.append(Block(heading, first[3:], rest.removesuffix("```")))
    return found


def run(arguments: list[str], sandbox: Sandbox, cwd: Path | None = None, **environment: str) -> str:
    """Returns the output of a command against the sandbox; a warning is an error."""
    done = subprocess.run(  # noqa: S603
        arguments,
        capture_output=True,
        text=True,
        env={**os.environ, **sandbox.environment, "PYTHONWARNINGS": "error", **environment},
        cwd=cwd,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def run_python(code: str, sandbox: Sandbox, cwd: Path | None = None, **environment: str) -> str:
    return run([sys.executable, "-c", code], sandbox, cwd, **environment)
