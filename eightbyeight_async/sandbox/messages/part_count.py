"""The number of message parts of a text and their price, as details, receipts and the log report them.

- GSM7: 160 characters in one part, or 153 in each of several parts. An extension character counts twice.
- UCS2: 70 UTF-16 code units in one part, or 67 in each of several parts.
- A part never ends inside an escape sequence or a surrogate pair.
- The platform truncates a text after ten parts, so no message has more.

Source of the limits: 8x8's SMS documents, 3GPP TS 23.038 and 23.040.
"""

from decimal import Decimal

from eightbyeight_async.sandbox.api.operation_results import JSONObject
from eightbyeight_async.sandbox.messages.message import SandboxMessage
from eightbyeight_async.sandbox.messages.text_encoding import GSM7_EXTENSION

MAX_PARTS = 10
PRICE_PER_PART = Decimal("0.0012")  # the price in the example of 8x8's documents
CURRENCY = "EUR"
_SIZES = {"GSM7": (160, 153), "UCS2": (70, 67)}  # units in a single part, units in each of several parts


def count_parts(text: str, encoding: str) -> int:
    alone, each = _SIZES[encoding]
    if text.isascii() and (encoding == "UCS2" or GSM7_EXTENSION.isdisjoint(text)):
        units = len(text)  # Each character is one unit, so a part can end after any character.
        parts = 1 if units <= alone else -(-units // each)
    else:
        widths = [_width(character, encoding) for character in text]
        parts = 1 if sum(widths) <= alone else _fill_parts(widths, each)
    return min(parts, MAX_PARTS)


def _width(character: str, encoding: str) -> int:
    if encoding == "GSM7":
        return 2 if character in GSM7_EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1


def _fill_parts(widths: list[int], each: int) -> int:
    """Fill parts one after the other. A character that does not fit completely begins the next part."""
    parts, room = 1, each
    for width in widths:
        if width > room:
            parts, room = parts + 1, each
        room -= width
    return parts


def parts_of(message: SandboxMessage) -> int:
    return count_parts(message.text or "", message.encoding if message.encoding in _SIZES else "GSM7")


def price_of(parts: int) -> JSONObject:
    """The Price object. The total is multiplied as a decimal: 3 parts cost 0.0036, not 0.0035999…"""
    return {"total": float(PRICE_PER_PART * parts), "perSms": float(PRICE_PER_PART), "currency": CURRENCY}
