"""Sums about the messages to send: parts, countries, texts in UCS2, times, samples. Pure.

The memory does not grow with the number of messages.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.cli.reading.check_rows import parts_of
from eightbyeight_async.cli.reading.country_rules import country_of
from eightbyeight_async.cli.reading.local_times import LocalTimes
from eightbyeight_async.cli.reading.samples import Samples
from eightbyeight_async.models.number_plus import lacks_plus
from eightbyeight_async.models.sms import Encoding
from eightbyeight_async.quick_parts import quick_parts
from eightbyeight_async.text import NAMED, character_name, named_characters

if TYPE_CHECKING:
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["SendCosts"]

_COUNTRIES_SHOWN = 8


@attrs.define
class SendCosts:
    """Sums of the messages to send.

    Attributes:
        parts: number of message parts.
        ucs2_texts: number of texts that need UCS2. Texts with `encoding` UCS2 do not count.
        more_parts: how many parts these texts would save with characters of GSM7.
        foreign: the characters that are not in GSM7.
        without_plus: number of messages whose number has no `+` and no country, by destination country.
        messages_to: number of messages by country.
        parts_to: number of parts by country.
        times: the times at which scheduled messages arrive.
        samples: at most three of the messages.
    """

    parts: int = 0
    ucs2_texts: int = 0
    more_parts: int = 0
    foreign: dict[str, None] = attrs.field(factory=dict)  # in the order of their first occurrence
    without_plus: Counter[str] = attrs.field(factory=Counter)
    messages_to: Counter[str] = attrs.field(factory=Counter)
    parts_to: Counter[str] = attrs.field(factory=Counter)
    times: LocalTimes = attrs.field(factory=LocalTimes)
    samples: Samples = attrs.field(factory=Samples)

    def add(self, request: SmsRequest) -> None:
        """Takes the next message that will be sent."""
        parts = self._add_parts(request)
        country = country_of(request)
        if lacks_plus(request):
            self.without_plus[country] += 1
        self.messages_to[country] += 1
        self.parts_to[country] += parts
        self.samples.add(request)
        if request.scheduled is not None:
            self.times.add(request)

    def _add_parts(self, request: SmsRequest) -> int:
        if request.encoding is Encoding.UCS2:
            parts = parts_of(request)
        else:
            parts, foreign, in_gsm7 = quick_parts(request.text or "")
            if foreign:
                self.ucs2_texts += 1
                self.more_parts += parts - in_gsm7
                self.foreign.update(dict.fromkeys(foreign))
        self.parts += parts
        return parts

    def lines(self) -> list[str]:
        """Returns warnings to print before the messages are sent: at most two lines, without phone numbers."""
        return [line for line in (self._without_plus(), self._ucs2()) if line]

    def people_line(self, people: int) -> str | None:
        """`to 1,200 people: SG 1,000, MY 200`: how many messages go to each country. None: there is no message."""
        if not self.messages_to:
            return None
        who = "1 person" if people == 1 else f"{people:,} people"
        return f"to {who}: {_by_count(self.messages_to)}"

    def countries(self) -> dict[str, dict[str, int]]:
        """Returns messages and parts by country for JSON; the country with the most messages is first."""
        return {
            country: {"messages": count, "parts": self.parts_to[country]}
            for country, count in self.messages_to.most_common()
        }

    def as_dict(self) -> dict[str, object]:
        """Returns the sums for JSON. As in `lines`, the characters are only named if there are few."""
        few = len(self.foreign) <= NAMED
        return {
            "parts": self.parts,
            "without_plus_to": dict(self.without_plus.most_common()),
            "ucs2": {
                "texts": self.ucs2_texts,
                "more_parts": self.more_parts,
                "characters": len(self.foreign),
                "names": [character_name(one) for one in self.foreign] if few else None,
            },
        }

    def _without_plus(self) -> str | None:
        count = self.without_plus.total()
        if not count:
            return None
        rows, go = ("1 row has", "it goes") if count == 1 else (f"{count:,} rows have", "they go")
        return f"{rows} a number with no + and no country; {go} to: {_by_count(self.without_plus)}"

    def _ucs2(self) -> str | None:
        if not self.ucs2_texts:
            return None
        texts = "1 text needs" if self.ucs2_texts == 1 else f"{self.ucs2_texts:,} texts need"
        cost = "no part" if not self.more_parts else "1 part" if self.more_parts == 1 else f"{self.more_parts:,} parts"
        return f"{texts} UCS2 because of {named_characters(self.foreign)}: {cost} more than with GSM7 characters"


def _by_count(countries: Counter[str]) -> str:
    by_count = sorted(countries.items(), key=lambda pair: (-pair[1], pair[0]))
    named = ", ".join(f"{country} {number:,}" for country, number in by_count[:_COUNTRIES_SHOWN])
    more = f" and {len(by_count) - _COUNTRIES_SHOWN} countries more" if len(by_count) > _COUNTRIES_SHOWN else ""
    return f"{named}{more}"
