"""Where a number is: its country, and an operator there, as far as a sandbox needs them.

A few calling codes of ITU-T E.164 with the mobile country codes of ITU-T E.212; one operator a country.
A number elsewhere has no country, as in the real log now and then.
"""

from dataclasses import dataclass

_MASKED_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Place:
    country: str = ""
    calling_code: str = ""
    operator: str = ""
    mcc: str = ""
    mnc: str = ""


NOWHERE = Place()
_PLACES = (
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
_BY_CODE = {place.calling_code: place for place in _PLACES}
_BY_COUNTRY = {place.country: place for place in _PLACES}


def international(destination: str, country: str | None) -> str:
    """The number with a plus; one in national form is given the calling code of its country."""
    if destination.startswith("+"):
        return destination
    home = _BY_COUNTRY.get((country or "").upper(), NOWHERE)
    if destination.startswith(home.calling_code):
        return f"+{destination}"
    return f"+{home.calling_code}{destination}"


def place_of(number: str, country: str | None) -> Place:
    """By the country asked for, else by the number's calling code (no calling code begins another)."""
    if country is not None:
        return _BY_COUNTRY.get(country.upper(), Place(country.upper()))
    for end in (2, 3, 4):
        place = _BY_CODE.get(number[1:end])
        if place is not None:
            return place
    return NOWHERE


def masked_msisdn(number: str) -> str:
    """As details and log show it: +63922110xxxx."""
    return f"{number[:-_MASKED_DIGITS]}{'x' * _MASKED_DIGITS}" if number else ""
