"""Counts the parts of many texts, in a quarter of the time of `measure`. Pure.

The texts come from checked requests, and the encoding is AUTO. So no text can break a rule.
"""

from __future__ import annotations

from eightbyeight_async import gsm7
from eightbyeight_async.text import GSM7_ALONE, GSM7_EACH, HIGH, UCS2_ALONE, UCS2_EACH, split_parts, utf16_units

__all__ = ["quick_parts"]


def quick_parts(text: str) -> tuple[int, str, int]:
    """Measures a text as `measure` does with AUTO.

    Returns three values: the number of parts; the characters that are not in GSM7 (each once; empty for a GSM7 text);
    the number of parts if all these characters were in GSM7.
    """
    if gsm7.is_basic(text):
        parts = split_parts(text, GSM7_ALONE, GSM7_EACH, gsm7.ESCAPE)
        return parts, "", parts
    in_gsm7 = split_parts(gsm7.expanded(text), GSM7_ALONE, GSM7_EACH, gsm7.ESCAPE)
    foreign = gsm7.foreign(text)
    if not foreign:
        return in_gsm7, "", in_gsm7
    if len(text) <= UCS2_ALONE // 2:  # in the worst case each character is a surrogate pair, i.e. two UCS2 units
        return 1, foreign, in_gsm7
    return split_parts(utf16_units(text), UCS2_ALONE, UCS2_EACH, HIGH), foreign, in_gsm7
