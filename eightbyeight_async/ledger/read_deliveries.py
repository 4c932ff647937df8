"""Reads and writes the deliveries of a ledger campaign's messages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.deliveries import DELIVERY_FIELDS, counted, delivery_of_columns
from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.bulk.store.interface import CancelMark, OpenDeliveries
from eightbyeight_async.ledger.connection import storable
from eightbyeight_async.ledger.ledger_queries import DELIVERY, LedgerQueries, each
from eightbyeight_async.ledger.receipts import fold

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eightbyeight_async.bulk.judging.deliveries import Deliveries, Delivery

__all__ = ["LedgerDeliveries"]

_ACCEPTED = f"m.campaign=%(campaign)s AND m.state=1 AND m.cancelled IS DISTINCT FROM {CancelMark.CANCELLED}"
_OPEN = f"""
SELECT count(*), min(m.claimed), max(m.claimed) FROM eightbyeight.message AS m LEFT {DELIVERY} ON true
WHERE {_ACCEPTED} AND m.account=%(account)s::integer AND m.umid IS NOT NULL
AND coalesce(m.scheduled, 0)<=%(now)s::float8 AND m.claimed>%(after)s::float8 AND d.final IS NOT TRUE
"""
# There can be news about a message before it has a umid, if it may be on its way or may have been sent.
_ABOUT = f"""
SELECT j.place, m.key
FROM unnest(%(places)s::integer[], %(keys)s::text[], %(umids)s::text[]) AS j(place, key, umid) {each("key")}
WHERE m.state IN (0, 1, 4) AND lower(coalesce(m.umid, j.umid) COLLATE "C")=lower(j.umid COLLATE "C")
"""
_BY_UMID = """
SELECT m.umid, m.key FROM eightbyeight.message AS m
WHERE m.campaign=%(campaign)s AND m.state=1 AND m.umid=ANY(%(umids)s::text[])
"""
_COUNT = f"SELECT count(*) FROM eightbyeight.message AS m WHERE {_ACCEPTED}"
_GROUPS = ("state", "detail", "parts", "price", "currency")
_SUMS = f"""
SELECT {", ".join(f"d.{name}" if name in _GROUPS else f"max(d.{name})" for name in DELIVERY_FIELDS)}, count(*)
FROM eightbyeight.message AS m {DELIVERY} ON true WHERE {_ACCEPTED} AND d.state IS NOT NULL
GROUP BY {", ".join(f"d.{name}" for name in _GROUPS)}
"""


class LedgerDeliveries(LedgerQueries):
    """The methods about deliveries; see `Store`."""

    _number: int | None

    def open_deliveries(self, after: float, now: float) -> OpenDeliveries:
        number, first, last = self._rows(_OPEN, account=self._number, after=after, now=now)[0]
        return OpenDeliveries(number, first or 0.0, last or 0.0)

    def note_deliveries(self, news: Sequence[tuple[int, str, Delivery]]) -> int:
        # No other key is stored, and PostgreSQL would fail the transaction because of NUL or a lone surrogate.
        kept = [(place, key) for place, (_, key, _) in enumerate(news) if key.isprintable()]
        about = self._rows(
            _ABOUT,
            places=[place for place, _ in kept],
            keys=[key for _, key in kept],
            umids=[storable(news[place][2].umid) for place, _ in kept],
        )
        fold(self._db, [news[place][2] for place, _ in about])
        return len({key for _, key in about})

    def keys_of_umids(self, umids: Sequence[str]) -> dict[str, tuple[int, str]]:
        keys = Keys(self.salt)
        found = self._rows(_BY_UMID, umids=[storable(umid) for umid in umids])
        return {umid: (keys.hash_of(key), key) for umid, key in found}

    def deliveries(self) -> Deliveries:
        groups = ((delivery_of_columns(row[:-1]), row[-1]) for row in self._rows(_SUMS))
        return counted(int(self._rows(_COUNT)[0][0]), groups)
