"""The country of a phone number, and one operator there, for the countries that the sandbox knows.

Source: calling codes of ITU-T E.164 and mobile country codes of ITU-T E.212, a selection, with one operator each. A
number of any other country has an empty country, which also occurs in the real log.
"""

from dataclasses import dataclass

_MASKED_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Place:
    """A country and an operator in it; every field is empty if unknown.

    - `country`: ISO 3166-1 alpha-2 code.
    - `calling_code`: digits, without the plus.
    - `operator`: the operator's name.
    - `mcc`, `mnc`: mobile country code and mobile network code, as digits.
    """

    country: str = ""
    calling_code: str = ""
    operator: str = ""
    mcc: str = ""
    mnc: str = ""


NOWHERE = Place()
PLACES = (
    Place("US", "1", "Verizon", "310", "004"),
    Place("FR", "33", "Orange", "208", "01"),
    Place("ES", "34", "Movistar", "214", "07"),
    Place("GB", "44", "O2", "234", "10"),
    Place("DE", "49", "Telekom", "262", "01"),
    Place("MY", "60", "Maxis", "502", "12"),
    Place("AU", "61", "Telstra", "505", "01"),
    Place("ID", "62", "Telkomsel", "510", "10"),
    Place("PH", "63", "Globe", "515", "02"),
    Place("SG", "65", "Singtel", "525", "01"),
    Place("TH", "66", "AIS", "520", "03"),
    Place("JP", "81", "docomo", "440", "10"),
    Place("VN", "84", "Viettel", "452", "04"),
    Place("CN", "86", "China Mobile", "460", "00"),
    Place("IN", "91", "Airtel", "404", "10"),
    Place("HK", "852", "csl", "454", "00"),
    Place("TW", "886", "Chunghwa", "466", "92"),
)
_BY_CODE = {place.calling_code: place for place in PLACES}
_BY_COUNTRY = {place.country: place for place in PLACES}


def international(destination: str, country: str | None) -> str:
    """The number in international form, with a plus; a national number gets the calling code of `country`."""
    if destination.startswith("+"):
        return destination
    home = _BY_COUNTRY.get((country or "").upper(), NOWHERE)
    if destination.startswith(home.calling_code):
        return f"+{destination}"
    return f"+{home.calling_code}{destination}"


def place_of(number: str, country: str | None) -> Place:
    """The place of an international number: `country` decides if given, else the calling code does.

    No calling code in the table is the beginning of another one.
    """
    if country is not None:
        return _BY_COUNTRY.get(country.upper(), Place(country.upper()))
    for end in (2, 3, 4):
        place = _BY_CODE.get(number[1:end])
        if place is not None:
            return place
    return NOWHERE


def masked_msisdn(number: str) -> str:
    """The number as message details and the log show it: its last four digits as x, e.g. +63922110xxxx."""
    return f"{number[:-_MASKED_DIGITS]}{'x' * _MASKED_DIGITS}" if number else ""
