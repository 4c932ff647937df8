"""`--clean-numbers`: converts a number as people write it into one that 8x8 accepts. Imported only for that option.

Rules:
- Only characters that people write around and between digits are removed. All other characters in a cell (letters, a
  second number, a slash) stay, so the number is refused: a guess could reach another person.
- `00` before a number is a `+`. If the digits can be read in two ways, the number is refused.
- A number without `+` is read as a number of its country: the row's country, or `--default-country`. Without a country
  its digits stay unchanged.
- The library `phonenumbers`, a port of Google's libphonenumber, knows each country's trunk prefix and lengths.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

import attrs
from phonenumbers import (
    COUNTRY_CODE_TO_REGION_CODE,
    NumberParseException,
    PhoneNumber,
    PhoneNumberFormat,
    ValidationResult,
    format_number,
    is_possible_number_with_reason,
    is_valid_number,
    parse,
    region_code_for_number,
)
from phonenumbers.phonemetadata import PhoneMetadata

from eightbyeight_async.errors import InvalidRequestError

__all__ = ["Cleaned", "NumberCleaner", "is_country", "is_valid_abroad"]

_RIGHT = re.compile(r"\+[1-9][0-9]{6,14}")
_POWER = re.compile(r"\+?[0-9]+(?:[.,][0-9]+)?[eE]\+?[0-9]{1,2}")
_DECIMAL = re.compile(r"(\+?[0-9]{7,15})[.,]0{1,2}")
# Includes the full-width brackets, and the quotes and accents that people type as apostrophes.
_BRACKETS, _APOSTROPHES = frozenset("()[]\uff08\uff09"), frozenset("'\"`\u2018\u2019\u00b4")
_MINUS, _WIDE_PLUS = "\u2212", "\uff0b"


class Cleaned(NamedTuple):
    """A number after cleaning.

    Attributes:
        number: with `+`; unchanged if it could not be read.
        changes: what was changed, e.g. `blanks`, `00 for +`; empty: nothing.
    """

    number: str
    changes: tuple[str, ...] = ()


def is_country(code: str) -> bool:
    """Whether a country of two letters has phone numbers."""
    return len(code) == 2 and PhoneMetadata.metadata_for_region(code.upper(), None) is not None


def is_valid_abroad(digits: str) -> bool:
    """Whether digits without `+`, calling code first, are a number that somebody can have."""
    found = _parsed(f"+{digits.lstrip('+')}", None)
    return found is not None and is_valid_number(found)


@attrs.frozen
class NumberCleaner:
    """Cleans numbers.

    Attributes:
        default_country: two letters, for numbers without `+` in rows without a country; None: such numbers stay
            unchanged.
    """

    default_country: str | None = None

    def clean(self, text: str, country: str | None = None) -> Cleaned:
        """Cleans one number.

        Args:
            text: the cell.
            country: two letters, from the row; None: the row has no country.

        Raises:
            InvalidRequestError: a spreadsheet removed digits, the number can be read in two ways, or its length is
                wrong for its country. The error does not contain the number.
        """
        if _RIGHT.fullmatch(text) and not _has_trunk_zero(text):
            return Cleaned(text)
        if _POWER.fullmatch(text):
            raise InvalidRequestError("destination", _CUT_OFF)
        changes: dict[str, None] = {}
        bare = _bare(text, changes)
        if bare is None:
            return Cleaned(text)
        country = (country or self.default_country or "").upper() or None
        known = country if country is not None and is_country(country) else None
        number = _international(bare, known, changes)
        return Cleaned(number, tuple(changes))


_CUT_OFF = (
    "is a power of ten (such as 6.5E+09): a spreadsheet has cut digits off; give the column the format text there, "
    "and export it again"
)


def _bare(text: str, changes: dict[str, None]) -> str | None:
    """Digits with or without a leading `+`; None: the text has something that is not part of a number."""
    if decimal := _DECIMAL.fullmatch(text):
        changes["decimals"] = None
        return decimal[1]
    rest = text
    if rest[:4].lower() == "tel:":
        changes["tel:"], rest = None, rest[4:]
    kept: list[str] = []
    for character in rest:
        sign = _sign(character)
        if sign is None:
            return None
        kept.append(sign[0])
        if sign[1]:
            changes[sign[1]] = None
    bare = "".join(kept)
    return bare if re.fullmatch(r"\+?[0-9]+", bare) else None


@lru_cache(maxsize=256)
def _sign(character: str) -> tuple[str, str] | None:
    """Returns what stays of a character, and the name of the change; None: the character cannot be in a number."""
    if character in "0123456789+":
        return character, ""
    if character == _WIDE_PLUS or unicodedata.category(character) == "Nd":
        return "+" if character == _WIDE_PLUS else str(unicodedata.decimal(character)), "digits of another script"
    if character in _BRACKETS:
        return "", "brackets"
    if character in _APOSTROPHES:
        return "", "apostrophes"
    if character == ".":
        return "", "dots"
    if character.isspace():
        return "", "blanks"
    category = unicodedata.category(character)
    if category == "Pd" or character == _MINUS:
        return "", "dashes"
    return ("", "invisible characters") if category in ("Cf", "Cc") else None


def _international(bare: str, country: str | None, changes: dict[str, None]) -> str:
    if bare.startswith("00"):
        number = "+" + bare[2:]
        if country is not None:
            _check_one_reading(number, bare, country)
        changes["00 for +"] = None
        bare = number
    if bare.startswith("+"):
        if not _has_trunk_zero(bare):
            return bare
        found = _parsed(bare, None)
        written = bare if found is None else format_number(found, PhoneNumberFormat.E164)
        if written != bare:
            changes["0 after the calling code"] = None
        return str(written)
    if country is None:
        if bare.startswith("0"):
            raise InvalidRequestError("destination", _NATIONAL)
        return bare
    found = _parsed(bare, country)
    if found is None or is_possible_number_with_reason(found) != ValidationResult.IS_POSSIBLE:
        raise InvalidRequestError(
            "destination", f"has not the length of a number of {country}; write + and the calling code, or correct it"
        )
    written = str(format_number(found, PhoneNumberFormat.E164))
    changes["no +" if written == f"+{bare}" else f"national form of {country}"] = None
    return written


_NATIONAL = (
    "is in national form (it starts with 0), and its country is not known: add --default-country, or a column `country`"
)


def _check_one_reading(number: str, bare: str, country: str) -> None:
    """Refuses digits that can be read in two ways: `00` for `+`, or the country's own prefix for calls abroad.

    Example: in Singapore 0016598765432 is a number of the USA (`00` for `+`), and also a number of Singapore after the
    prefix 001. If `00` for `+` gives a number of the country itself, that number is meant: nobody in Singapore writes
    0065 97428807 for a number of Suriname (597) after the prefix 006.
    """
    first, second = _parsed(number, None), _parsed(bare, country)
    if first is None or second is None or first == second or region_code_for_number(first) == country:
        return
    if is_valid_number(first) and is_valid_number(second):
        raise InvalidRequestError("destination", "can be read as two different numbers; write + and the calling code")


def _has_trunk_zero(number: str) -> bool:
    """Whether a 0 follows the calling code, as in +44 (0)20. The library knows in which countries that 0 stays."""
    for length in (1, 2, 3):
        code = number[1 : 1 + length]
        if code.isdigit() and int(code) in COUNTRY_CODE_TO_REGION_CODE:
            return number[1 + length : 2 + length] == "0"
    return False


def _parsed(number: str, country: str | None) -> PhoneNumber | None:
    try:
        return parse(number, country)
    except NumberParseException:
        return None
