"""Counts the parts of many texts, in a quarter of the time of `measure`. Pure.

The texts are those of checked requests, and the encoding is AUTO: so there is no rule that a text can break.
"""

from __future__ import annotations

from eightbyeight_async import gsm7
from eightbyeight_async.text import GSM7_ALONE, GSM7_EACH, HIGH, UCS2_ALONE, UCS2_EACH, split_parts, utf16_units

__all__ = ["quick_parts"]


def quick_parts(text: str) -> tuple[int, str, int]:
    """What `measure` finds with AUTO.

    Returns the number of parts, the characters that are not in GSM7 (each once; empty for a GSM7 text), and the number
    of parts if each of these were in GSM7.
    """
    if gsm7.is_basic(text):
        parts = split_parts(text, GSM7_ALONE, GSM7_EACH, gsm7.ESCAPE)
        return parts, "", parts
    in_gsm7 = split_parts(gsm7.expanded(text), GSM7_ALONE, GSM7_EACH, gsm7.ESCAPE)
    foreign = gsm7.foreign(text)
    if not foreign:
        return in_gsm7, "", in_gsm7
    if len(text) <= UCS2_ALONE // 2:  # in the worst case each character is a pair
        return 1, foreign, in_gsm7
    return split_parts(utf16_units(text), UCS2_ALONE, UCS2_EACH, HIGH), foreign, in_gsm7
