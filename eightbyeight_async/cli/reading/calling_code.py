"""Finds the country of a number by its calling code.

The library `phonenumbers`, a port of Google's libphonenumber, knows the calling codes: they change a few times a
year, and several countries share one (+1, +7, +44).
"""

from __future__ import annotations

from functools import lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, parse, region_code_for_number

__all__ = ["NOWHERE", "country_of"]

NOWHERE = "no country"
_LONGEST = 3  # digits of a calling code (ITU-T E.164)
_NO_COUNTRY = "001"  # the library's code for services without a country, such as 800 or satellite phones
_AREA = 3  # digits of an area code in North America: the area code determines the country
_BLOCK = 6  # digits after any other shared calling code; these digits determine the country


def country_of(digits: str) -> str:
    """The two letters of the country; `+870` for a code that no country has; `no country` for an unknown code.

    Args:
        digits: a whole number of 7 to 15 digits, without `+`.
    """
    code, only = _code_of(digits[:_LONGEST])
    if only is not None:
        return only
    first = COUNTRY_CODE_TO_REGION_CODE[int(code)][0]
    # A look-up in the library takes at least 20 us, so it is made once for all numbers with the same beginning.
    if code == "1":
        return _sharing(digits[: 1 + _AREA] + "2345678", first)  # a valid subscriber number in every area
    return _sharing(digits[: len(code) + _BLOCK].ljust(len(digits), "3"), first)


@lru_cache(maxsize=65_536)
def _sharing(digits: str, first: str) -> str:
    """Returns the country of a number whose calling code is shared by several countries.

    `first`: the first of these countries; it is returned for a number that belongs to none of them.
    """
    return region_code_for_number(parse(f"+{digits}")) or first


@lru_cache(maxsize=1000)
def _code_of(start: str) -> tuple[str, str | None]:
    """Returns the calling code at the beginning of a number, and its country; None: several countries share it."""
    # No code is the beginning of another one.
    prefixes = (start[:length] for length in range(1, _LONGEST + 1))
    code = next((code for code in prefixes if int(code) in COUNTRY_CODE_TO_REGION_CODE), None)
    if code is None:
        return "", NOWHERE
    regions = COUNTRY_CODE_TO_REGION_CODE[int(code)]
    if len(regions) > 1:
        return code, None
    return code, f"+{code}" if regions[0] == _NO_COUNTRY else regions[0]
