"""The GSM 7-bit alphabet: the characters that a GSM7 text may have, and those that count twice.

Source: 3GPP TS 23.038, tables 6.2.1 (basic) and 6.2.1.1 (extension). National tables are left out, because the API has
no shift tables.

Why our own table: the codec packages on PyPI encode one character at a time and do not count parts. The packages that
split texts are unmaintained or split inside a pair. The tests compare every character with a codec (gsm0338).
"""

from __future__ import annotations

import re

__all__ = ["BASIC", "ESCAPE", "EXTENSION", "expanded", "first_foreign", "foreign", "is_basic", "is_gsm7"]

# In the order of their codes 0x00..0x7F. 0x1B is left out: it is the escape and not a character.
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Each of these is encoded as the escape and a code: two septets.
EXTENSION = "\f^{}\\[~]|€"
ESCAPE = "\x1b"

# Measured with 160 characters: the regular expression takes 0.6 us, frozenset.issuperset 3 us.
_ALL_BASIC = re.compile(f"[{re.escape(BASIC)}]*")
_ALL_GSM7 = re.compile(f"[{re.escape(BASIC + EXTENSION)}]*")
_SOME_GSM7 = re.compile(f"[{re.escape(BASIC + EXTENSION)}]+")
_EXTENDED = re.compile(f"[{re.escape(EXTENSION)}]")
_ESCAPED = ESCAPE + r"\g<0>"


def is_basic(text: str) -> bool:
    """Whether every character is in the basic alphabet, without its extension. Each character then is one septet."""
    return _ALL_BASIC.fullmatch(text) is not None


def is_gsm7(text: str) -> bool:
    """Whether every character is in the alphabet or its extension."""
    return _ALL_GSM7.fullmatch(text) is not None


def first_foreign(text: str) -> int | None:
    """The index of the first character that is not in the alphabet or its extension; None if there is none."""
    match = _ALL_GSM7.match(text)
    end = match.end() if match else 0
    return None if end == len(text) else end


def foreign(text: str) -> str:
    """The characters that are not in the alphabet or its extension: each once, in order of first occurrence."""
    return "".join(dict.fromkeys(_SOME_GSM7.sub("", text)))


def expanded(text: str) -> str:
    """The text with an escape before each extension character, so that each character is one septet."""
    return _EXTENDED.sub(_ESCAPED, text)
