"""Finds messages of one input with the same id that differ in number, country, sender, text or schedule. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.message_keys import own_reference
from eightbyeight_async.errors import InvalidRequestError

if TYPE_CHECKING:
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["IdConflicts", "id_conflict", "same_message", "same_moment"]

# Seconds. A script that computes "in an hour" for each message gets times that differ by less than this.
_SAME_TIME = 1.0


class IdConflicts:
    """Checks the ids of one input: `add` every message. Keeps the ids in memory."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, SmsRequest]] = {}

    def add(self, place: int, request: SmsRequest) -> None:
        """Adds the next message.

        Raises:
            InvalidRequestError: an earlier message has the same id, and differs in number, country, sender, text or
                schedule.
        """
        reference = own_reference(request)
        if reference is None:
            return
        first, other = self._seen.setdefault(reference, (place, request))
        if other is not request and not same_message(request, other):
            raise id_conflict(place, first)


def same_message(one: SmsRequest, other: SmsRequest) -> bool:
    """Whether a person would consider the two messages the same: number, sender, text and schedule are equal.

    A national number is compared together with its country.
    """
    return (
        _number(one) == _number(other)
        and (one.text, one.source) == (other.text, other.source)
        and same_moment(
            None if one.scheduled is None else one.scheduled.timestamp(),
            None if other.scheduled is None else other.scheduled.timestamp(),
        )
    )


def _number(request: SmsRequest) -> tuple[str, str | None]:
    """The digits, and for a national number its country: the same digits are another person's in another country."""
    digits = request.destination.lstrip("+")
    return digits, (request.country or "").upper() if digits == request.destination else None


def same_moment(one: float | None, other: float | None) -> bool:
    """Whether two schedules, in seconds since 1970, are the same to the second."""
    if one is None or other is None:
        return one is other
    return abs(one - other) < _SAME_TIME


def id_conflict(place: int, first: int, what: str = "message") -> InvalidRequestError:
    """Makes the error for the message at index `place`: the message at index `first` has the same id.

    `what`: the user's word for a message of the input, e.g. "row".
    """
    return InvalidRequestError(
        "client_message_id",
        f"{what} {place + 1:,} has the id of {what} {first + 1:,}, but another number, country, sender, text or "
        "schedule; give every message an id of its own",
    )
