"""Counts the message parts of a text. Their number decides the price, and whether the platform truncates the text.

    measure("Hello")  # TextMeasure(encoding=<Encoding.GSM7: 'GSM7'>, units=5, parts=1, truncated=False)

Rules:
- GSM7 counts septets: 160 in a single part, or 153 in each of several parts. A character of the extension table is a
  pair of two septets.
- UCS2 counts UTF-16 code units: 70 in a single part, or 67 in each of several parts. A character outside the BMP is a
  surrogate pair of two units.
- A pair is never split. If it does not fit into a part, it moves to the next one. So there can be more parts than
  units / 153 (or 67).
- The platform truncates a longer text to 10 parts and sends that.
- No warning and no error of this file shows the text.
"""

from __future__ import annotations

import enum
import re
import unicodedata
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.frame_privacy import private_call
from eightbyeight_async.models import rules
from eightbyeight_async.models.privacy import hidden
from eightbyeight_async.models.sms import Encoding

if TYPE_CHECKING:
    from collections.abc import Collection

__all__ = [
    "LONG_TEXT",
    "MAX_PARTS",
    "NAMED",
    "LongTextWarning",
    "TextMeasure",
    "TextPolicy",
    "character_name",
    "check_length",
    "measure",
    "named_characters",
    "why_ucs2",
]

# Source: SMS API, field `text`.
MAX_PARTS = 10

# The most characters that a line names one by one.
NAMED = 3

# A short message has 140 octets (3GPP TS 23.040, 9.2.3.24): 160 septets or 70 UTF-16 units. If there are several parts,
# a header that numbers them takes 6 octets and leaves 153 septets or 67 units.
GSM7_ALONE, GSM7_EACH = 160, 153
UCS2_ALONE, UCS2_EACH = 70, 67

# In characters. A text up to this length never takes more than MAX_PARTS: in the worst case each character is a
# surrogate pair, and 33 pairs fit into a UCS2 part.
_SURELY_SHORT = MAX_PARTS * (UCS2_EACH // 2)


class TextPolicy(enum.StrEnum):
    """What to do with a text of more than 10 parts, which the platform truncates and sends.

    - `WARN`: send it and issue a `LongTextWarning`.
    - `REFUSE`: raise InvalidRequestError before anything is sent.
    - `ALLOW`: send it without a warning.
    """

    WARN = "warn"
    REFUSE = "refuse"
    ALLOW = "allow"


class LongTextWarning(UserWarning):
    """A text has more than 10 parts, so the platform truncates it.

    For single messages the warning always has the same words. So Python shows it only once for a line of code, even if
    that line sends many messages. A batch warns once. `long_text="allow"` switches the warning off.
    """


# Without the number of parts: Python would show and record a warning with other words once more.
LONG_TEXT = f"the text takes more than {MAX_PARTS} parts; the platform truncates it and sends it"


@attrs.frozen(kw_only=True)
class TextMeasure:
    """The size of a text.

    Attributes:
        encoding: GSM7 or UCS2: the requested encoding, or the one that AUTO chooses.
        units: the whole text in septets (GSM7, an extension character as two) or UTF-16 code units (UCS2).
        parts: the number of parts of the whole text, without the limit of 10; 0 for an empty text.
        truncated: True if `parts` is above 10, so that the platform truncates the text.
        foreign: the characters that are not in GSM7, for which AUTO chooses UCS2: each once, in the order of their
            first occurrence. Empty for GSM7, and if UCS2 is requested. The repr hides them: if the text is in another
            script, they show it.
        gsm7_parts: the number of parts if each of `foreign` were a character of GSM7; None if `foreign` is empty.
    """

    encoding: Encoding
    units: int
    parts: int
    truncated: bool
    foreign: str = attrs.field(default="", repr=hidden)
    gsm7_parts: int | None = None


@private_call
def measure(text: str, encoding: Encoding | str | None = Encoding.AUTO) -> TextMeasure:
    """Count the units and parts of a text.

    Args:
        text: the whole text.
        encoding: `Encoding` or its string. AUTO and None choose GSM7 if every character is in GSM 03.38 or its
            extension, else UCS2.

    Raises:
        InvalidRequestError: its field is `text` if the text has a lone surrogate, or if GSM7 is requested and a
            character is not in GSM7. (8x8 does not document what happens then, so any count could be wrong.) Its field
            is `encoding` if the encoding is unknown.
    """
    if not isinstance(text, str):
        raise InvalidRequestError("text", f"must be a string, not {type(text).__name__}")
    from eightbyeight_async import gsm7  # noqa: PLC0415 - most messages are sent without a count

    asked = rules.member(Encoding, encoding, "encoding") or Encoding.AUTO
    if asked is not Encoding.UCS2:
        if gsm7.is_basic(text):
            return _measured(Encoding.GSM7, text, split_parts(text, GSM7_ALONE, GSM7_EACH, gsm7.ESCAPE))
        first = gsm7.first_foreign(text)
        if first is None:
            septets = gsm7.expanded(text)
            return _measured(Encoding.GSM7, septets, split_parts(septets, GSM7_ALONE, GSM7_EACH, gsm7.ESCAPE))
        if asked is Encoding.GSM7:
            raise InvalidRequestError(
                "text", f"has a character outside the GSM7 alphabet at index {first}; use encoding AUTO or UCS2"
            )
    units = utf16_units(rules.checked_text("text", text))
    size = _measured(Encoding.UCS2, units, split_parts(units, UCS2_ALONE, UCS2_EACH, HIGH))
    if asked is Encoding.UCS2:
        return size
    foreign = gsm7.foreign(text)
    septets = gsm7.expanded(text)
    return attrs.evolve(size, foreign=foreign, gsm7_parts=split_parts(septets, GSM7_ALONE, GSM7_EACH, gsm7.ESCAPE))


def check_length(text: str | None, encoding: Encoding | str | None, policy: TextPolicy | str) -> str | None:
    """Apply `policy` to a text. Returns a warning, which does not show the text; None if no warning is needed.

    Args:
        text: the text; None if the message uses the template's text.
        encoding: as in `measure`. A text that is not in GSM7's alphabet is counted as UCS2, which gives more parts.
        policy: `TextPolicy` or its string, for a text of more than 10 parts.

    Raises:
        InvalidRequestError: the policy is REFUSE and the text takes more than 10 parts.
    """
    if text is None or len(text) <= _SURELY_SHORT or policy == TextPolicy.ALLOW:
        return None
    if encoding == Encoding.GSM7:
        encoding = Encoding.AUTO
    size = measure(text, encoding)
    if not size.truncated:
        return None
    takes = f"takes {size.parts} parts ({size.units} {_UNIT_WORDS[size.encoding]})"
    if policy == TextPolicy.REFUSE:
        raise InvalidRequestError("text", f"{takes}; beyond {MAX_PARTS} the platform would truncate it and send it")
    return f"the text {takes}; beyond {MAX_PARTS} the platform truncates it and sends it"


def why_ucs2(size: TextMeasure) -> str | None:
    """Returns one line: which characters make a text UCS2, and how many parts it would have if they were in GSM7.

    None for a GSM7 text, and if UCS2 was requested.
    """
    if not size.foreign or size.gsm7_parts is None:
        return None
    which, verb = named_characters(size.foreign), "is" if len(size.foreign) == 1 else "are"
    without = "1 part" if size.gsm7_parts == 1 else f"{size.gsm7_parts} parts"
    cost = f"with GSM7 characters instead the text takes {without}, not {size.parts}"
    return f"UCS2: {which} {verb} not in GSM7; " + (cost if size.gsm7_parts < size.parts else "it costs no part more")


def named_characters(characters: Collection[str]) -> str:
    """Names up to `NAMED` characters; of more it gives only the number, because these would show the text."""
    if len(characters) > NAMED:
        return f"{len(characters):,} different characters"
    return " and ".join(f"{one!r} ({character_name(one)})" for one in characters)


def character_name(character: str) -> str:
    """`U+2019 RIGHT SINGLE QUOTATION MARK`."""
    return f"U+{ord(character):04X} {unicodedata.name(character, '')}".rstrip()


_UNIT_WORDS = {Encoding.GSM7: "septets of GSM7", Encoding.UCS2: "units of UCS2"}


# Characters outside the BMP are replaced by a surrogate pair, so that each character is one UTF-16 unit. Only their
# number matters, so all of them are replaced by the same pair.
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")
HIGH, _LOW = "\ud800", "\udc00"


def utf16_units(text: str) -> str:
    """The text with a surrogate pair for each character outside the BMP, so that each character is one unit."""
    return _BEYOND_BMP.sub(HIGH + _LOW, text)


def _measured(encoding: Encoding, units: str, parts: int) -> TextMeasure:
    return TextMeasure(encoding=encoding, units=len(units), parts=parts, truncated=parts > MAX_PARTS)


def split_parts(units: str, alone: int, each: int, opener: str) -> int:
    """The number of parts, if no pair is split. `opener` is the first unit of a pair."""
    total = len(units)
    if total <= alone:
        return 1 if total else 0
    if opener not in units:
        return -(-total // each)
    parts, start = 1, 0
    while total - start > each:
        start += each - (units[start + each - 1] == opener)
        parts += 1
    return parts
