"""The local times at which scheduled messages arrive: the earliest and the latest for each time zone. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import attrs

if TYPE_CHECKING:
    from datetime import datetime

    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["LocalTimes"]

_SHOWN = 8


@attrs.define
class _Span:
    earliest: datetime
    latest: datetime
    messages: int = 1


@attrs.define
class LocalTimes:
    """Collects the times of scheduled messages: call `add` with each message to send."""

    _spans: dict[tuple[str, ...], _Span] = attrs.field(factory=dict)

    def add(self, request: SmsRequest) -> None:
        """Takes the next message to send."""
        moment = request.scheduled
        if moment is None:
            return
        from eightbyeight_async.cli.reading.time_zones import zones_of  # noqa: PLC0415 - 80 ms; rarely needed

        zones = zones_of(request.destination, request.country)
        span = self._spans.get(zones)
        if span is None:
            self._spans[zones] = _Span(moment, moment)
            return
        span.messages += 1
        span.earliest, span.latest = min(span.earliest, moment), max(span.latest, moment)

    def as_list(self) -> list[dict[str, object]]:
        """Returns for each zone: its name, the number of messages, the earliest and the latest local time.

        In a country with several zones, the earliest and the latest zone count.
        """
        found: list[dict[str, object]] = []
        for zones, span in sorted(self._spans.items(), key=lambda pair: (-pair[1].messages, pair[0])):
            local = [zone for name in zones if (zone := _zone(name)) is not None]
            earliest = [span.earliest.astimezone(zone) for zone in local] or [span.earliest]
            latest = [span.latest.astimezone(zone) for zone in local] or [span.latest]
            name = zones[0] if len(zones) == 1 else f"{zones[0]} and {len(zones) - 1} more" if zones else None
            found.append(
                {
                    "zone": name,
                    "messages": span.messages,
                    "earliest": min(earliest, key=_wall).isoformat(timespec="minutes"),
                    "latest": max(latest, key=_wall).isoformat(timespec="minutes"),
                }
            )
        return found

    def lines(self) -> list[str]:
        """Returns the lines to print: one for each zone, at most 8."""
        found = self.as_list()
        lines = [
            f"scheduled, local time in {one['zone'] or 'an unknown zone'}: {one['earliest']}"
            + ("" if one["earliest"] == one["latest"] else f" to {one['latest']}")
            + f" ({one['messages']:,})"
            for one in found[:_SHOWN]
        ]
        return lines if len(found) <= _SHOWN else [*lines, f"scheduled: and in {len(found) - _SHOWN} zones more"]


def _wall(moment: datetime) -> datetime:
    """Returns the local time without its time zone."""
    return moment.replace(tzinfo=None)


def _zone(name: str) -> ZoneInfo | None:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        return None
