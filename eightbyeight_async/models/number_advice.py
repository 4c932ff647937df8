"""Explains what is wrong with a phone number, and what to do. Pure; imported only for a number that breaks its rule.

The explanation never contains the number. If the right number is clear, the explanation shows it masked.
"""

from __future__ import annotations

import re
import unicodedata

from eightbyeight_async.models.privacy import masked_number

__all__ = ["number_advice"]

_RIGHT = re.compile(r"\+?[1-9][0-9]{6,14}")
_SHAPE = "must be 7 to 15 digits, the first not 0, with or without a leading +"
# Characters that people write between the digits of a number, and their names in errors.
_SEPARATORS = {" ": "blanks", "-": "dashes", "(": "brackets", ")": "brackets", ".": "dots", "/": "slashes"}


def number_advice(number: str, country: str | None) -> str:
    """The rule that `number` breaks, and the remedy.

    Args:
        number: the value given as a number.
        country: the country given with it.
    """
    if not number:
        return f"{_SHAPE}; it is empty"
    for index, character in enumerate(number):
        begins = not number[:index].strip("".join(_SEPARATORS))
        if problem := _odd_character(character, begins=begins):
            return f"{_SHAPE}; it has {problem} at index {index}"
    found = dict.fromkeys(_SEPARATORS[sign] for sign in number if sign in _SEPARATORS)
    if found:
        bare = re.sub(f"[{re.escape(''.join(_SEPARATORS))}]", "", number)
        signs = " and ".join(found)
        return f"{_SHAPE}, and nothing else; it has {signs}: {_without(bare, country)}"
    return f"{_SHAPE}; {_digits_advice(number, country)}"


def _without(bare: str, country: str | None) -> str:
    if _RIGHT.fullmatch(bare):
        return f"without them it would be {masked_number(bare)}"
    return f"remove them; besides, {_digits_advice(bare, country)}"


def _odd_character(character: str, *, begins: bool) -> str | None:
    """The name of a character that cannot stand here; None if it can. `begins`: True if no digit is before it."""
    if character in "0123456789" or character in _SEPARATORS or (character == "+" and begins):
        return None
    if character.isascii() and character.isprintable():
        return "a character that is no digit"
    name = unicodedata.name(character, "")
    code = f"U+{ord(character):04X}" + (f" {name}" if name else "")
    if character.isdecimal():
        return f"a digit of another script ({code})"
    if character.isspace() or not character.isprintable():
        return f"an invisible character ({code})"
    return f"a character that is no digit ({code})"


def _digits_advice(number: str, country: str | None) -> str:
    """Returns what is wrong with a number of digits, with or without a leading +."""
    digits = number.removeprefix("+")
    if not digits:
        return "it has no digits"
    if number.startswith("00") and _RIGHT.fullmatch(digits.lstrip("0")):
        return f"it starts with 00: write + instead, then it would be {masked_number('+' + digits.lstrip('0'))}"
    if number.startswith("+0"):
        return "after the + comes the country's calling code, which never starts with 0"
    if digits.startswith("0"):
        if country is not None and _RIGHT.fullmatch(digits[1:]):
            return (
                f"it starts with the 0 of the national format: with country {country.upper()} leave the 0 out, "
                f"then it would be {masked_number(digits[1:])}"
            )
        return (
            "it starts with 0: write + and the country's calling code instead, "
            "or leave the 0 out and give `country` (two letters)"
        )
    return f"it has {len(digits)} digits"
