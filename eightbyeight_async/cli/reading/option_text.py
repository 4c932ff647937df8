"""Reads the text of a message from options: `--text` with escapes, `--text-file` with a file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from eightbyeight_async.cli.exit_codes import UsageError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["from_file", "with_line_breaks"]

# A text of ten parts has 1,530 characters. A file larger than this was probably named by mistake.
_MOST_BYTES = 1024 * 1024


def with_line_breaks(text: str) -> str:
    """Replaces `\\n` by a line break, and `\\\\` by one backslash: a shell does not convert `\\n`."""
    return re.sub(r"\\([n\\])", lambda found: "\n" if found[1] == "n" else "\\", text)


def from_file(path: Path) -> str:
    """Returns the text of a file, without the line end after its last line.

    Raises:
        UsageError: the file cannot be read, is empty, is not UTF-8, or is too large for a text.
    """
    try:
        with path.open("rb") as file:
            data = file.read(_MOST_BYTES + 1)
        text = data.decode("utf-8-sig")
    except OSError as wrong:
        raise UsageError(f"--text-file {path}: {wrong.strerror or 'cannot be read'}") from wrong
    except UnicodeDecodeError as wrong:
        raise UsageError(f"--text-file {path}: is not UTF-8; save it as UTF-8") from wrong
    if len(data) > _MOST_BYTES:
        raise UsageError(f"--text-file {path}: is too large for a text of a message")
    text = text.replace("\r\n", "\n").removesuffix("\n")
    if not text.strip():
        raise UsageError(f"--text-file {path}: is empty")
    return text
