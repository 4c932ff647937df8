"""The encoding of a text: GSM7 if every character is in GSM 03.38, else UCS2.

Source of the tables: 3GPP TS 23.038, 6.2.1 (default alphabet, here without the escape character) and 6.2.1.1
(extension).
"""

import re

_DEFAULT_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM7_EXTENSION = frozenset("\f^{}\\[~]|€")
GSM7_CHARACTERS = frozenset(_DEFAULT_ALPHABET) | GSM7_EXTENSION
# A regular expression is twice as fast as checking each character in a set.
_GSM7_TEXT = re.compile(f"[{re.escape(''.join(GSM7_CHARACTERS))}]*")


def encoding_for(text: str, asked: str | None) -> str:
    """Returns `asked`; if that is None or "AUTO", returns the encoding that the text needs."""
    if asked is not None and asked != "AUTO":
        return asked
    return "GSM7" if _GSM7_TEXT.fullmatch(text) else "UCS2"
