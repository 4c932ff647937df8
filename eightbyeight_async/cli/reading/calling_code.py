"""The country that a number goes to by its calling code.

The library `phonenumbers`, a port of Google's libphonenumber, knows the calling codes: they change a few times a
year, and several countries share one (+1, +7, +44).
"""

from __future__ import annotations

from functools import lru_cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, parse, region_code_for_number

__all__ = ["NOWHERE", "country_of"]

NOWHERE = "no country"
_LONGEST = 3  # digits of a calling code (ITU-T E.164)
_NO_COUNTRY = "001"  # what the library has for a code of a service, such as 800 or satellite phones
_AREA = 3  # digits of an area code in North America, which says the country
_BLOCK = 6  # digits behind another shared code: no two countries share a block of numbers


def country_of(digits: str) -> str:
    """The two letters of the country; `+870` for a code that no country has; `no country` for an unknown code.

    Args:
        digits: a whole number of 7 to 15 digits, without `+`.
    """
    code, only = _code_of(digits[:_LONGEST])
    if only is not None:
        return only
    first = COUNTRY_CODE_TO_REGION_CODE[int(code)][0]
    # The library takes 20 us and more, so it is asked once for numbers that begin alike.
    if code == "1":
        return _sharing(digits[: 1 + _AREA] + "2345678", first)  # a subscriber's number in every area
    return _sharing(digits[: len(code) + _BLOCK].ljust(len(digits), "3"), first)


@lru_cache(maxsize=65_536)
def _sharing(digits: str, first: str) -> str:
    """The country among those that share a code. `first`: that of a number that nobody has."""
    return region_code_for_number(parse(f"+{digits}")) or first


@lru_cache(maxsize=1000)
def _code_of(start: str) -> tuple[str, str | None]:
    """The calling code with which a number begins, and what it says; None: several countries share it."""
    # No code is the beginning of another one.
    prefixes = (start[:length] for length in range(1, _LONGEST + 1))
    code = next((code for code in prefixes if int(code) in COUNTRY_CODE_TO_REGION_CODE), None)
    if code is None:
        return "", NOWHERE
    regions = COUNTRY_CODE_TO_REGION_CODE[int(code)]
    if len(regions) > 1:
        return code, None
    return code, f"+{code}" if regions[0] == _NO_COUNTRY else regions[0]
