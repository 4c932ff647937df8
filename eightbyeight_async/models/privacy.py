"""Masking for reprs: what a `repr` may show of phone numbers, texts and references.

Reprs get into logs, tracebacks and test reports unintentionally. To get the value, read the attribute.
"""

from __future__ import annotations

import re

__all__ = ["counted", "hidden", "masked_digits", "masked_number", "masked_runs"]

# A run of seven digits or more may be a phone number; a shorter one is a short code.
_NUMBER = re.compile(r"\+?[0-9]{7,}", re.ASCII)


def masked_number(value: object) -> str:
    """A phone number as `'+65*****32'`: enough to distinguish two rows, not enough to dial."""
    if value is None:
        return "None"
    text = str(value)
    plus = "+" if text.startswith("+") else ""
    digits = text.removeprefix("+")
    if len(digits) < 7:
        return f"'{plus}{'*' * len(digits)}'"
    return f"'{plus}{digits[:2]}{'*' * (len(digits) - 4)}{digits[-2:]}'"


def masked_digits(value: object) -> str:
    """The repr of a sender id or reference, with each run of digits that may be a phone number masked."""
    return repr(masked_runs(value)) if isinstance(value, str) else repr(value)


def masked_runs(text: str) -> str:
    """The text, with each run of digits that may be a phone number masked."""
    return _NUMBER.sub(lambda match: masked_number(match.group()).strip("'"), text)


def hidden(value: object) -> str:
    """A text as `<12 characters>`, None as `None`, any other value as `<hidden>`."""
    if value is None:
        return "None"
    return f"<{len(value)} characters>" if isinstance(value, str) else "<hidden>"


def counted(value: object) -> str:
    """A tuple as its length, e.g. `<10000>`: nobody can read ten thousand masked numbers."""
    return f"<{len(value)}>" if isinstance(value, tuple) else "None"
