"""Checks `scheduled` and `expiry` against the client's clock, which is passed in. Pure.

Rules:
- `scheduled` is at most 7 days ahead (SMS alone: the Messaging Apps API documents no limit).
- `scheduled` is at most a minute in the past: the message then goes out at once. The minute is for clocks that differ,
  and for the time that a request takes.
- `expiry` is in the future, and after `scheduled`: a message that expires before it is due can never arrive.
- In a batch a message's own value overrides the template's. The resulting pair is checked.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Protocol

from eightbyeight_async.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    class _Timed(Protocol):
        @property
        def scheduled(self) -> datetime | None: ...
        @property
        def expiry(self) -> datetime | None: ...


__all__ = ["MAX_AHEAD", "check_batch_times", "check_times", "passed"]

# Source: SMS API, field `scheduled`: up to 7 days ahead.
MAX_AHEAD = timedelta(days=7)
_PAST_MARGIN = timedelta(minutes=1)
_ORDER = "must be after scheduled: the message would expire before it is due"


def check_times(
    scheduled: datetime | None,
    expiry: datetime | None,
    now: datetime,
    *,
    ahead: timedelta | None = None,
    place: str = "",
) -> None:
    """Checks the times of one message, or those that a template has.

    Args:
        scheduled, expiry: aware; None: not given.
        now: aware.
        ahead: how far ahead `scheduled` may be; None: any time.
        place: text before the field's name in an error, e.g. `messages[3].`.

    Raises:
        InvalidRequestError: names the field.
    """
    scheduled, expiry = _utc(scheduled), _utc(expiry)
    if scheduled is not None:
        if ahead is not None and scheduled - now > ahead:
            raise InvalidRequestError(f"{place}scheduled", f"must be at most {ahead.days} days ahead")
        if now - scheduled > _PAST_MARGIN:
            raise InvalidRequestError(f"{place}scheduled", "must not be in the past, by this machine's clock")
    if expiry is not None:
        if expiry <= now:
            raise InvalidRequestError(f"{place}expiry", "must not be in the past, by this machine's clock")
        if scheduled is not None and expiry <= scheduled:
            raise InvalidRequestError(f"{place}expiry", _ORDER)


def check_batch_times(
    messages: Iterable[_Timed], template: _Timed | None, now: datetime, *, ahead: timedelta | None = None
) -> None:
    """Checks the times of a batch: its messages and its template.

    Raises:
        InvalidRequestError: names the place, e.g. `messages[3].expiry`, or `template.scheduled`.
    """
    shared, end = (None, None) if template is None else (_utc(template.scheduled), _utc(template.expiry))
    # Each time alone: for the other time every message may have a value of its own.
    check_times(shared, None, now, ahead=ahead, place="template.")
    check_times(None, end, now, place="template.")
    for index, message in enumerate(messages):
        if message.scheduled is None and message.expiry is None and (shared is None or end is None):
            continue  # almost always
        scheduled, expiry = _utc(message.scheduled), _utc(message.expiry)
        place = f"messages[{index}]."
        if scheduled is not None or expiry is not None:
            check_times(scheduled, expiry, now, ahead=ahead, place=place)
        due, until = scheduled or shared, expiry or end
        if due is not None and until is not None and until <= due:
            if expiry is not None:
                raise InvalidRequestError(f"{place}expiry", _ORDER)
            if scheduled is not None:
                raise InvalidRequestError(f"{place}scheduled", "must be before the template's expiry")
            raise InvalidRequestError("template.expiry", _ORDER)


def _utc(moment: datetime | None) -> datetime | None:
    """In UTC, because two times of one time zone compare by wall clock, which goes back an hour in autumn."""
    return None if moment is None else moment.astimezone(UTC)


def passed(message: _Timed, now: datetime) -> bool:
    """Whether it is too late to send the message: its `scheduled` or its `expiry` has passed."""
    try:
        check_times(message.scheduled, None, now)
        check_times(None, message.expiry, now)
    except InvalidRequestError:
        return True
    return False
