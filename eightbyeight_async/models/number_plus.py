"""Checks whether the country of a phone number is known: by a `+`, or by a `country` in the request. Pure.

8x8 accepts a number without both. Then its first digits are the calling code: `98765432`, meant for Singapore, goes to
Iran (98).
"""

from __future__ import annotations

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.sms import SmsRequest

__all__ = ["NO_PLUS", "lacks_plus", "require_plus"]

NO_PLUS = "has no + and no `country`, so its first digits are taken as the country's calling code"


def lacks_plus(request: SmsRequest) -> bool:
    """Whether the number has no `+` and the request no `country`."""
    return request.country is None and request.destination[0] != "+"


def require_plus(request: SmsRequest) -> SmsRequest:
    """Returns the request unless its number has no `+` and it has no `country`: `map(require_plus, requests)`.

    Raises:
        InvalidRequestError: `destination` has no `+`, and there is no `country`. The error's field is `destination`.
    """
    if lacks_plus(request):
        raise InvalidRequestError("destination", f"{NO_PLUS}; write + and the calling code, or give `country`")
    return request
