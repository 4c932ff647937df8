"""`--window 09:00-20:00`, `--weekdays`: when messages may be sent to a person, in the person's local time.

Rules:
- A message that cannot be sent now is scheduled at 8x8 for the next opening. So no process has to keep running, and
  `bulk cancel` can still cancel it. If a row has its own `scheduled` outside of the window, it is moved to the next
  opening after that time.
- A number can be in several time zones. Then the window must be open in all of them, unless a column `time_zone` names
  the zone.
- All rows are compared with the time at the start of the command. So the run does what the plan says, and two copies of
  a message have the same time. A message is sent at once only if its window stays open for 15 minutes; a run that takes
  longer stops.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

from eightbyeight_async.calls.times import MAX_AHEAD
from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.errors import InvalidRequestError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["MARGIN", "SendWindow", "WindowClosingError"]

MARGIN = timedelta(minutes=15)
_SPAN = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])")
_SATURDAY = 5  # date.weekday()
_MOST_STEPS = 64  # More steps than the days of a week times the zones of a country.


class WindowClosingError(Exception):
    """A run takes longer than the 15 minutes for which its windows certainly stay open. `str()` is for the user."""

    def __init__(self) -> None:
        super().__init__("this run takes longer than 15 minutes, and a window may close; run the same command again")


@attrs.frozen(kw_only=True)
class SendWindow:
    """The times at which messages may be sent to people.

    Attributes:
        opens, closes: times of day.
        weekdays: whether the window is closed on Saturdays and Sundays.
        now: the time that all rows are compared with.
    """

    opens: time
    closes: time
    weekdays: bool
    now: datetime

    @classmethod
    def parse(cls, span: str | None, now: datetime, *, weekdays: bool) -> SendWindow | None:
        """Returns the window of the options; None: there is none.

        Raises:
            UsageError: `--window` is not two times of a day, or closes before it opens.
        """
        if span is None:
            return cls(opens=time.min, closes=time.max, weekdays=True, now=now) if weekdays else None
        found = _SPAN.fullmatch(span.strip())
        if found is None:
            raise UsageError("--window: must be two times of day, such as 09:00-20:00")
        opens, closes = time(int(found[1]), int(found[2])), time(int(found[3]), int(found[4]))
        # in a shorter window no message could be sent now
        if datetime.combine(date.min, opens) + MARGIN > datetime.combine(date.min, closes):
            raise UsageError("--window: must be open for at least 15 minutes of one day")
        return cls(opens=opens, closes=closes, weekdays=weekdays, now=now)

    def moment(self, request: SmsRequest, zone: str) -> datetime | None:
        """Returns when a message is sent; None: at once.

        Args:
            request: the message.
            zone: name of the person's time zone; empty: taken from the number.

        Raises:
            InvalidRequestError: no zone is known, or the next opening is too far ahead.
        """
        zones = _zones_of(request, zone)
        asked = request.scheduled
        if asked is None:
            if self._is_open(self.now, zones) and self._is_open(self.now + MARGIN, zones):
                return None
            after = self.now + MARGIN if self._is_open(self.now, zones) else self.now
        else:
            after = asked
        found = self._opening(after, zones)
        if found is None or found - self.now > MAX_AHEAD:
            raise InvalidRequestError("scheduled", "the next time at which --window is open is more than 7 days ahead")
        return found

    def _is_open(self, moment: datetime, zones: Sequence[ZoneInfo]) -> bool:
        return all(self._allows(moment.astimezone(zone)) for zone in zones)

    def _allows(self, local: datetime) -> bool:
        return self._allows_day(local.date()) and self.opens <= local.time() < self.closes

    def _allows_day(self, day: date) -> bool:
        return not self.weekdays or day.weekday() < _SATURDAY

    def _opening(self, after: datetime, zones: Sequence[ZoneInfo]) -> datetime | None:
        """Returns the first moment from `after` on at which the window is open in all zones; None: there is none."""
        for _ in range(_MOST_STEPS):
            latest = max(self._opening_in(after, zone) for zone in zones)
            if latest == after:
                return after
            after = latest
        return None

    def _opening_in(self, after: datetime, zone: ZoneInfo) -> datetime:
        local = after.astimezone(zone)
        if self._allows(local):
            return after
        day = local.date() + timedelta(days=local.time() >= self.opens)
        while not self._allows_day(day):
            day += timedelta(days=1)
        return datetime.combine(day, self.opens, zone)


def _zones_of(request: SmsRequest, zone: str) -> list[ZoneInfo]:
    if zone:
        found = [_zone(zone)]
        if found == [None]:
            raise InvalidRequestError("time_zone", "must be a name such as Asia/Singapore")
    else:
        from eightbyeight_async.cli.reading.time_zones import zones_of  # noqa: PLC0415 - 80 ms; rarely needed

        found = [_zone(name) for name in zones_of(request.destination, request.country)]
    zones = [one for one in found if one is not None]
    if not zones:
        raise InvalidRequestError("time_zone", "the number's time zone is not known; add a column `time_zone`")
    return zones


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None
