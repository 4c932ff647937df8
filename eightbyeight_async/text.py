"""How many parts a text takes: what it costs, and whether the platform will cut it.

    measure("Hello")  # TextMeasure(encoding=<Encoding.GSM7: 'GSM7'>, units=5, parts=1, truncated=False)

Rules:
- GSM7 counts septets, 160 alone, 153 each when several; a character of the extension table is two, never torn apart;
- UCS2 counts UTF-16 code units, 70 alone, 67 each when several; a surrogate pair is never torn apart;
- a pair that would straddle two parts moves to the next as a whole, so parts can be more than units / 153 (or 67);
- beyond 10 parts the platform truncates the text and sends what is left.

No message and no error of this file shows the text.
"""

from __future__ import annotations

import enum
import re

import attrs

from eightbyeight_async import gsm7
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models import rules
from eightbyeight_async.models.sms import Encoding

__all__ = ["LONG_TEXT", "MAX_PARTS", "LongTextWarning", "TextMeasure", "TextPolicy", "check_length", "measure"]

# Source: SMS API, field `text`.
MAX_PARTS = 10

# A short message has 140 octets (3GPP TS 23.040, 9.2.3.24): 160 septets or 70 UTF-16 units. The header that numbers
# several parts takes 6 of them and leaves 153 septets or 67 units.
_GSM7_ALONE, _GSM7_EACH = 160, 153
_UCS2_ALONE, _UCS2_EACH = 70, 67

# No text this short takes more than MAX_PARTS: at worst each character is a pair, and 33 pairs fit a UCS2 part.
_SURELY_SHORT = MAX_PARTS * (_UCS2_EACH // 2)


class TextPolicy(enum.StrEnum):
    """What to do with a text of more than 10 parts, which the platform would truncate and send.

    `WARN`: send it and say so. `REFUSE`: raise before anything is sent. `ALLOW`: send it.
    """

    WARN = "warn"
    REFUSE = "refuse"
    ALLOW = "allow"


class LongTextWarning(UserWarning):
    """A text was sent that the platform truncates.

    For single messages the words are always the same, so Python shows them once for a line of code, however many
    messages it sends. A batch warns once, whatever it holds. `long_text="allow"`: never.
    """


# Without counts: each other text would be another warning to Python, shown again and remembered for good.
LONG_TEXT = f"the text takes more than {MAX_PARTS} parts; the platform truncates it and sends"


@attrs.frozen(kw_only=True)
class TextMeasure:
    """The size of a text.

    Attributes:
        encoding: GSM7 or UCS2: what was asked for, or what AUTO settles on.
        units: septets (GSM7, extension characters as two) or UTF-16 code units (UCS2) of the whole text.
        parts: how many messages the whole text would take, beyond 10 too; 0 for an empty text, which is no message.
        truncated: whether the platform would cut it: `parts` above 10.
    """

    encoding: Encoding
    units: int
    parts: int
    truncated: bool


def measure(text: str, encoding: Encoding | str | None = Encoding.AUTO) -> TextMeasure:
    """Counts the units and parts of a text.

    Args:
        text: the whole text.
        encoding: `Encoding` or its string; AUTO and None take GSM7 if every character has a place in GSM 03.38 or
            its extension, else UCS2.

    Raises:
        InvalidRequestError: field `text`: GSM7 was asked for and a character has no place there (what the platform
            makes of that is not documented, so no number would be true), or half of a surrogate pair is in it;
            field `encoding`: unknown.
    """
    if not isinstance(text, str):
        raise InvalidRequestError("text", f"must be a string, not {type(text).__name__}")
    asked = rules.member(Encoding, encoding, "encoding") or Encoding.AUTO
    if asked is not Encoding.UCS2:
        foreign = gsm7.first_foreign(text)
        if foreign is None:
            septets = gsm7.expanded(text)
            return _measured(Encoding.GSM7, septets, _parts(septets, _GSM7_ALONE, _GSM7_EACH, gsm7.ESCAPE))
        if asked is Encoding.GSM7:
            raise InvalidRequestError(
                "text", f"has a character outside the GSM7 alphabet at index {foreign}; use encoding AUTO or UCS2"
            )
    units = _BEYOND_BMP.sub(_HIGH + _LOW, rules.checked_text("text", text))
    return _measured(Encoding.UCS2, units, _parts(units, _UCS2_ALONE, _UCS2_EACH, _HIGH))


def check_length(text: str | None, encoding: Encoding | str | None, policy: TextPolicy | str) -> str | None:
    """What `policy` says of a text: None, or a warning to give, which does not show the text.

    Args:
        text: None (the template's text is used) is fine.
        encoding: as in `measure`; a text that GSM7 cannot hold is counted as UCS2, the least favourable.
        policy: `TextPolicy` or its string: what to do beyond 10 parts.

    Raises:
        InvalidRequestError: the policy is REFUSE and the text takes more than 10 parts.
    """
    if policy == TextPolicy.ALLOW or text is None or len(text) <= _SURELY_SHORT:
        return None
    if encoding == Encoding.GSM7:
        encoding = Encoding.AUTO
    size = measure(text, encoding)
    if not size.truncated:
        return None
    takes = f"takes {size.parts} parts ({size.units} {_UNIT_WORDS[size.encoding]})"
    if policy == TextPolicy.REFUSE:
        raise InvalidRequestError("text", f"{takes}; beyond {MAX_PARTS} the platform would truncate it and send")
    return f"the text {takes}; beyond {MAX_PARTS} the platform truncates it and sends"


_UNIT_WORDS = {Encoding.GSM7: "septets of GSM7", Encoding.UCS2: "units of UCS2"}


# One character a code unit; which surrogates they are is all the same for counting.
_BEYOND_BMP = re.compile("[\U00010000-\U0010ffff]")
_HIGH, _LOW = "\ud800", "\udc00"


def _measured(encoding: Encoding, units: str, parts: int) -> TextMeasure:
    return TextMeasure(encoding=encoding, units=len(units), parts=parts, truncated=parts > MAX_PARTS)


def _parts(units: str, alone: int, each: int, opener: str) -> int:
    """How many parts hold the units, if no pair that `opener` opens may be torn."""
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
