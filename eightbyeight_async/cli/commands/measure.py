"""Runs `measure`: counts the parts of a text; 8x8 charges per part. Never prints the text."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.cli.commands.single_message import print_json
from eightbyeight_async.cli.exit_codes import Exit, UsageError
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.cli.terminal.safe_text import print_line
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.sms import Encoding
from eightbyeight_async.text import MAX_PARTS, measure, why_ucs2

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["measure_text"]

_UNITS = {Encoding.GSM7: ("septet", "septets"), Encoding.UCS2: ("UTF-16 unit", "UTF-16 units")}


def measure_text(text: str | None, file: Path | None, encoding: str, *, as_json: bool) -> Exit:
    """Prints the number of parts of a text, of a file or of stdin.

    Raises:
        UsageError: a text and a file are given, the file cannot be read, or GSM7 cannot represent the text.
    """
    if text is not None and file is not None:
        raise UsageError("give a text or --file, not both")
    display = Display()
    try:
        size = measure(_read(file, display) if text is None else text, encoding)
    except InvalidRequestError as wrong:
        raise UsageError(f"the text {wrong.reason}") from wrong
    if as_json:
        print_json(attrs.asdict(size))
    else:
        one, many = _UNITS[size.encoding]
        parts = "1 part" if size.parts == 1 else f"{size.parts:,} parts"
        print_line(f"{parts}: {size.units:,} {one if size.units == 1 else many}, encoding {size.encoding}")
    if (why := why_ucs2(size)) is not None:
        display.note(why)
    if size.truncated:
        display.note(f"the platform truncates it to {MAX_PARTS} parts and sends it")
    return Exit.OK


def _read(file: Path | None, display: Display) -> str:
    """Reads the text, without the line end that editors and `echo` add."""
    if file is None and sys.stdin.isatty():
        display.note("reading the text from the terminal; Ctrl-D ends it")
    try:
        data = sys.stdin.buffer.read() if file is None else file.read_bytes()
        text = data.decode("utf-8-sig")
    except OSError as wrong:
        raise UsageError(f"{file or 'stdin'}: {wrong.strerror or 'cannot be read'}") from wrong
    except UnicodeDecodeError as wrong:
        raise UsageError(f"{file or 'stdin'}: is not UTF-8") from wrong
    return text.removesuffix("\n").removesuffix("\r")
