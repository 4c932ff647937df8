"""The time zones of a phone number. Imported only for messages with a schedule.

The library `phonenumbers` finds the zones by the beginning of the number. A mobile number of a large country can be in
any of the country's zones.
"""

from __future__ import annotations

from functools import lru_cache

from phonenumbers import NumberParseException, parse
from phonenumbers.timezone import time_zones_for_geographical_number, time_zones_for_number

__all__ = ["zones_of"]

_UNKNOWN = "Etc/Unknown"
_PREFIX = 8  # digits; they include the calling code and the area


def zones_of(number: str, country: str | None) -> tuple[str, ...]:
    """Returns the names of the zones (IANA); empty if no zone is known.

    Args:
        number: with `+`, or with its calling code, or in national form with `country`.
        country: two letters; None: the number is in international form.
    """
    digits = number.lstrip("+")
    if country is not None and digits == number:
        return _zones(digits, country)
    # Cached by prefix: parsing takes 30 us, and a list has many numbers of a few areas.
    return _zones_abroad(digits[:_PREFIX], len(digits))


@lru_cache(maxsize=4096)
def _zones_abroad(prefix: str, length: int) -> tuple[str, ...]:
    return _zones("+" + prefix.ljust(length, "0"), None)


def _zones(number: str, country: str | None) -> tuple[str, ...]:
    try:
        found = parse(number, country)
    except NumberParseException:
        return ()
    zones = time_zones_for_number(found)
    if zones == (_UNKNOWN,):  # No operator has this number so far, so all zones of its country are possible.
        zones = time_zones_for_geographical_number(found)
    return tuple(zone for zone in zones if zone != _UNKNOWN)
