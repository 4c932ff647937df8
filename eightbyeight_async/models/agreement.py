"""Whether a response is about the message that was sent. Pure.

A response contradicts a request if it echoes another `client_message_id` or another number. Absent or masked values
contradict nothing. A number without `+` may be in national format; the API returns the international number, which
ends in the same digits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eightbyeight_async.models.chatapps_message import ChatAppsRequest
    from eightbyeight_async.models.chatapps_response import ChatAppsResponse
    from eightbyeight_async.models.sms import SmsRequest, SmsResponse

__all__ = ["chatapps_contradiction", "other_number", "sms_contradiction"]

_SAME_ENDING = 6  # how many last digits are compared; a national number can have a trunk prefix, e.g. a leading 0
_OTHER_ID = "the response is about another message: its clientMessageId differs"
_OTHER_NUMBER = "the response is about another message: its number differs"
_OTHER_USER = "the response is about another message: its channelUserId differs"


def sms_contradiction(request: SmsRequest, response: SmsResponse) -> str | None:
    """Returns why the response cannot belong to this request; None: it can."""
    if _differ(request.client_message_id, response.client_message_id):
        return _OTHER_ID
    return _OTHER_NUMBER if other_number(request.destination, response.destination) else None


def chatapps_contradiction(request: ChatAppsRequest, response: ChatAppsResponse) -> str | None:
    """Returns why the response cannot belong to this request; None: it can."""
    if _differ(request.client_message_id, response.client_message_id):
        return _OTHER_ID
    asked, echoed = request.user, response.user
    if echoed is None:
        return None
    if _differ(asked.channel_user_id, echoed.channel_user_id):
        return _OTHER_USER
    return _OTHER_NUMBER if other_number(asked.msisdn, echoed.msisdn) else None


def _differ(asked: str | None, echoed: str | None) -> bool:
    return bool(asked) and bool(echoed) and asked != echoed


def other_number(asked: str | None, echoed: str | None) -> bool:
    """Whether the number of a response cannot be the number of its request."""
    if asked == echoed or asked == f"+{echoed}":
        return False
    number, returned = _digits(asked), _digits(echoed)
    if number is None or returned is None or number == returned:
        return False
    international = asked is not None and asked.startswith("+")
    return international or not returned.endswith(number.lstrip("0")[-_SAME_ENDING:])


def _digits(number: str | None) -> str | None:
    """Returns the digits of a number; None: there is no number, or it is masked."""
    digits = (number or "").removeprefix("+")
    return digits if digits.isascii() and digits.isdecimal() else None
