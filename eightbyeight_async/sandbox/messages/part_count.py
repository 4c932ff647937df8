"""How many message parts a text takes, and what they cost: what details, receipts and the log say about it.

GSM7: 160 characters alone, 153 each when several, an extension character counts twice. UCS2: 70 and 67,
in UTF-16 code units. No part splits an escape sequence or a surrogate pair. Beyond ten parts the platform
truncates, so no message ever has more. Source of the limits: 8x8's SMS documents, 3GPP TS 23.038 and 23.040.
"""

from decimal import Decimal

from eightbyeight_async.sandbox.api.operation_results import JSONObject
from eightbyeight_async.sandbox.messages.message import SandboxMessage
from eightbyeight_async.sandbox.messages.text_encoding import GSM7_EXTENSION

MAX_PARTS = 10
PRICE_PER_PART = Decimal("0.0012")  # the one of the documents' example
CURRENCY = "EUR"
_SIZES = {"GSM7": (160, 153), "UCS2": (70, 67)}


def count_parts(text: str, encoding: str) -> int:
    alone, each = _SIZES[encoding]
    if text.isascii() and (encoding == "UCS2" or GSM7_EXTENSION.isdisjoint(text)):
        units = len(text)  # no character takes two: nothing can be split at a part's end
        parts = 1 if units <= alone else -(-units // each)
    else:
        widths = [_width(character, encoding) for character in text]
        parts = 1 if sum(widths) <= alone else _filled(widths, each)
    return min(parts, MAX_PARTS)


def _width(character: str, encoding: str) -> int:
    if encoding == "GSM7":
        return 2 if character in GSM7_EXTENSION else 1
    return 2 if ord(character) > 0xFFFF else 1


def _filled(widths: list[int], each: int) -> int:
    parts, room = 1, each
    for width in widths:
        if width > room:
            parts, room = parts + 1, each
        room -= width
    return parts


def parts_of(message: SandboxMessage) -> int:
    return count_parts(message.text or "", message.encoding if message.encoding in _SIZES else "GSM7")


def price_of(parts: int) -> JSONObject:
    """The Price object; JSON numbers, multiplied as decimals (3 parts are 0.0036, not 0.0035999…)."""
    return {"total": float(PRICE_PER_PART * parts), "perSms": float(PRICE_PER_PART), "currency": CURRENCY}
