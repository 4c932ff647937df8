"""What a `repr` may show of a person: the end of a number, the length of a text, no more.

Reprs land in logs, tracebacks and test reports on their own; who wants the value reads the attribute.
"""

from __future__ import annotations

import re

__all__ = ["counted", "hidden", "masked_digits", "masked_number"]

# Seven digits or more can be somebody's number; a shorter sender id is a short code.
_NUMBER = re.compile(r"\+?[0-9]{7,}", re.ASCII)


def masked_number(value: object) -> str:
    """`'+65*****32'` for a phone number: enough to tell two rows apart, too little to dial."""
    if value is None:
        return "None"
    text = str(value)
    plus = "+" if text.startswith("+") else ""
    digits = text.removeprefix("+")
    if len(digits) < 7:
        return f"'{plus}{'*' * len(digits)}'"
    return f"'{plus}{digits[:2]}{'*' * (len(digits) - 4)}{digits[-2:]}'"


def masked_digits(value: object) -> str:
    """A sender id or a caller's reference as it is, but any run of digits long enough to be a number masked."""
    if not isinstance(value, str):
        return repr(value)
    return repr(_NUMBER.sub(lambda match: masked_number(match.group()).strip("'"), value))


def hidden(value: object) -> str:
    """`<12 characters>` for a text, `None` for None."""
    if value is None:
        return "None"
    return f"<{len(value)} characters>" if isinstance(value, str) else "<hidden>"


def counted(value: object) -> str:
    """A batch's repr tells how many: ten thousand masked numbers help nobody."""
    return f"<{len(value)}>" if isinstance(value, tuple) else "None"
