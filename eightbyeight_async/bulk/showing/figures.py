"""Sums over the messages of a journal, for its charts. Pure.

The memory does not grow with the number of messages: sums are kept per second, country, operator and reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.bulk.judging.outcomes import State

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eightbyeight_async.bulk.store.records import MessageRow

__all__ = ["MORE", "OUTCOMES", "Figures", "Group", "duration_of", "money"]

# The outcomes of accepted messages, in the order in which they are shown: fields of `Deliveries` and their names.
OUTCOMES = {
    "read": "read",
    "delivered": "delivered",
    "with_operator": "with the operator",
    "undelivered": "undelivered",
    "on_its_way": "on their way",
    "no_news": "no news yet",
}
_ARRIVED = ("read", "delivered", "with_operator")
MORE = "more"
_MOST_REASONS = 200  # the most different reasons that are kept: each message can have another wording from 8x8
_MOST_GROUPS = 2_000  # the most different operators that are kept
# Possible spans of one bar, in seconds. The shortest span that gives at most 60 bars is used.
_STEPS = (1, 5, 15, 60, 300, 900, 3_600, 4 * 3_600, 86_400, 7 * 86_400)
_MOST_BARS = 60
# The upper limits of the columns of delivery times, in seconds.
_DELIVERY_TIMES = (5, 30, 60, 300, 1_800, 3_600, 6 * 3_600, 86_400)


@attrs.define
class Group:
    """The accepted messages to one country, or through one operator.

    Attributes:
        outcomes: number of messages by the key of `OUTCOMES`.
        parts: message parts, of the messages for which they are known.
        prices: total price by currency, of the messages whose price is known.
    """

    outcomes: Counter[str] = attrs.field(factory=Counter)
    parts: int = 0
    prices: defaultdict[str, Decimal] = attrs.field(factory=lambda: defaultdict(Decimal))

    @property
    def messages(self) -> int:
        return self.outcomes.total()


@attrs.define
class Figures:
    """Sums of the messages of a journal: call `add` with each row.

    Attributes:
        accepted: number of messages that 8x8 accepted, by second since 1970.
        arrived: number of messages that arrived, as far as is known, by second since 1970.
        took: number of messages that arrived, by the seconds from their acceptance, or from their schedule.
        codes: number of messages by state and error code; code None: there is none.
        reasons: number of undelivered messages, by error code and description.
        countries: the accepted messages by country; the empty string means an unknown country.
        operators: the same by country and operator.
        batches: ids of batches.
    """

    accepted: Counter[int] = attrs.field(factory=Counter)
    arrived: Counter[int] = attrs.field(factory=Counter)
    took: Counter[int] = attrs.field(factory=Counter)
    codes: Counter[tuple[str, int | None]] = attrs.field(factory=Counter)
    reasons: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    countries: defaultdict[str, Group] = attrs.field(factory=lambda: defaultdict(Group))
    operators: defaultdict[tuple[str, str], Group] = attrs.field(factory=lambda: defaultdict(Group))
    batches: set[str] = attrs.field(factory=set)

    def add(self, row: MessageRow) -> None:
        """Takes the next row."""
        if row.batch_id is not None:
            self.batches.add(row.batch_id)
        if row.state is State.SENT and row.at is not None:
            self.accepted[int(row.at)] += 1
            if not row.cancelled:
                self._add_accepted(row)
        elif row.state in (State.REJECTED, State.FAILED):
            self.codes[row.state.word, row.code] += 1

    def _add_accepted(self, row: MessageRow) -> None:
        one = row.delivery
        outcome = "no_news" if one is None else one.outcome
        country = "" if one is None else one.country or ""
        operator = country, "" if one is None else one.operator or ""
        if operator not in self.operators and len(self.operators) >= _MOST_GROUPS:
            operator = "", MORE
        for group in (self.countries[country], self.operators[operator]):
            group.outcomes[outcome] += 1
            if one is not None:
                group.parts += one.parts or 0
                if one.price is not None:
                    group.prices[one.currency or ""] += one.price
        if one is None:
            return
        if outcome in _ARRIVED and one.at is not None:
            self.arrived[int(one.at)] += 1
            began = max(row.claimed_at if row.at is None or row.at > one.at else row.at, row.scheduled or 0.0)
            self.took[max(0, int(one.at - began))] += 1
        elif outcome == "undelivered":
            reason = one.code or "", one.reason or one.detail or ""
            if reason not in self.reasons and len(self.reasons) >= _MOST_REASONS:
                reason = "", MORE
            self.reasons[reason] += 1

    def ordered_reasons(self) -> list[tuple[tuple[str, str], int]]:
        """Returns the reasons, the most frequent first."""
        return sorted(self.reasons.items(), key=lambda pair: (-pair[1], pair[0]))

    def bars(self) -> tuple[int, list[tuple[int, int, int]]]:
        """Returns the span of one bar in seconds, and for each bar: its start, messages accepted, messages arrived."""
        seconds = self.accepted.keys() | self.arrived.keys()
        if not seconds:
            return _STEPS[0], []
        first, last = min(seconds), max(seconds)
        step = next((one for one in _STEPS if last // one - first // one < _MOST_BARS), _STEPS[-1])
        sums: list[Counter[int]] = [Counter(), Counter()]
        for counts, source in zip(sums, (self.accepted, self.arrived), strict=True):
            for second, number in source.items():
                counts[second // step * step] += number
        begins = range(first // step * step, last + 1, step)
        return step, [(begin, sums[0][begin], sums[1][begin]) for begin in begins]

    def delivery_times(self) -> list[tuple[str, int]]:
        """Returns for each column of delivery times: its label, and how many messages arrived in that time."""
        counts = [0] * (len(_DELIVERY_TIMES) + 1)
        for seconds, number in self.took.items():
            counts[sum(seconds > end for end in _DELIVERY_TIMES)] += number
        names = [f"up to {duration_of(end)}" for end in _DELIVERY_TIMES]
        return list(zip([*names, f"over {duration_of(_DELIVERY_TIMES[-1])}"], counts, strict=True))

    def delivered_within(self, share: float) -> int | None:
        """Returns the seconds within which this share of the arrived messages arrived; None: no message arrived."""
        needed, so_far = share * self.took.total(), 0
        for seconds in sorted(self.took):
            so_far += self.took[seconds]
            if so_far >= needed:
                return seconds
        return None


def duration_of(seconds: int) -> str:
    """`5 s`, `30 min`, `6 h`, `7 d`: the number in the largest unit that gives a whole number."""
    for unit, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds // unit} {name}"
    return f"{seconds:,} s"


def money(prices: Mapping[str, Decimal]) -> str:
    """`12.50 EUR + 3.456 USD`: exact, with at least two decimals; empty for nothing."""
    return " + ".join(f"{_decimals(amount)} {currency}".strip() for currency, amount in sorted(prices.items()))


def _decimals(amount: Decimal) -> str:
    whole, _, fraction = f"{amount:,f}".partition(".")
    return f"{whole}.{fraction.rstrip('0'):0<2}"
