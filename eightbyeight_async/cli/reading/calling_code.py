"""The country that a number goes to by its calling code. Imported only for a number without `+` and without country.

The library `phonenumberslite`, a port of Google's libphonenumber, knows the calling codes: they change a few times a
year, and several countries share one (+1, +7, +44).
"""

from __future__ import annotations

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, parse, region_code_for_number

__all__ = ["NOWHERE", "country_of"]

NOWHERE = "no country"
_LONGEST = 3  # digits of a calling code (ITU-T E.164)
_NO_COUNTRY = "001"  # what the library has for a code of a service, such as 800 or satellite phones


def country_of(digits: str) -> str:
    """The two letters of the country; `+870` for a code that no country has; `no country` for an unknown code.

    Args:
        digits: a whole number of 7 to 15 digits, without `+`.
    """
    # No code is the beginning of another one.
    code = next((code for code in map(digits.__getitem__, _PREFIXES) if int(code) in COUNTRY_CODE_TO_REGION_CODE), None)
    if code is None:
        return NOWHERE
    regions = COUNTRY_CODE_TO_REGION_CODE[int(code)]
    if len(regions) == 1:
        return f"+{code}" if regions[0] == _NO_COUNTRY else regions[0]
    # Takes 20 us, so only where the code is not enough. None: nobody has this number; the first has the code.
    return region_code_for_number(parse(f"+{digits}")) or regions[0]


_PREFIXES = [slice(length) for length in range(1, _LONGEST + 1)]
