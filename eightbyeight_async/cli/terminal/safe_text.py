"""Makes text safe to print: text from a file, a journal or a server cannot control the terminal.

Rules:
- Every line that a command prints for a person goes through `visible`. It shows unsafe characters as escapes such as
  `\\x1b`: control characters (C0, C1, DEL; escape sequences begin with one), line ends, characters that change the
  writing direction, and other invisible characters.
- JSON goes through `json_text`, which writes the same characters as JSON escapes. The values stay the same.
- A cell of a CSV goes through `csv_cell`: a spreadsheet must not run the text of a message as a formula.
- If the encoding of stdout lacks a character, the character is printed as an escape: an accepted message must be
  reported.
"""

from __future__ import annotations

import json
import re
import sys

__all__ = ["csv_cell", "json_text", "print_line", "visible"]

# C0, DEL and C1; zero width space, marks and overrides of the writing direction, line and paragraph separators; word
# joiner to the isolates; byte order mark; annotations; tags; surrogates. Not U+200C and U+200D: Persian, Hindi and
# emoji need them, and they only join or part two letters.
_UNSAFE_CHARACTER = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)


def visible(text: str) -> str:
    """The text as one line without unsafe characters, which become escapes as in a Python string."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE_CHARACTER.sub(lambda match: match.group().encode("unicode_escape").decode(), text)


def print_line(text: str) -> None:
    """Prints a line for a person on stdout."""
    encoding = sys.stdout.encoding or "utf-8"
    print(visible(text).encode(encoding, errors="backslashreplace").decode(encoding))


def json_text(value: object, encoding: str = "utf-8") -> str:
    """Returns the value as JSON in one line that `encoding` can encode."""
    text = json.dumps(value, ensure_ascii=False)
    if not (text.isascii() and text.isprintable()):
        # All such characters are inside strings: the rest of JSON is ASCII.
        text = _UNSAFE_CHARACTER.sub(lambda match: json.dumps(match.group())[1:-1], text)
        try:
            text.encode(encoding)
        except UnicodeEncodeError:
            text = json.dumps(value)
    return text


# OWASP, CSV Injection: the first characters of a formula in spreadsheets, including the full-width forms.
_FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
_UNSAFE_IN_CELL = re.compile(f"(?![\t\n]|\r\n){_UNSAFE_CHARACTER.pattern}")


def csv_cell(value: object, encoding: str = "utf-8") -> object:
    """Returns a value as a cell that a spreadsheet shows but does not run as a formula.

    A text that begins like a formula gets a single quote before it, a phone number with `+` as well. Tabs and line ends
    stay, other control characters become escapes. Numbers, booleans and None stay unchanged.
    """
    if not isinstance(value, str):
        return value
    cell = _UNSAFE_IN_CELL.sub(lambda match: visible(match.group()), value)
    cell = cell.encode(encoding, errors="backslashreplace").decode(encoding)
    return f"'{cell}" if value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA) else cell
