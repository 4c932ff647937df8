"""Deliveries in a journal. They have their own table.

The table is made when deliveries are first asked for or written, so that older packages still read the journal.

A delivery belongs to the message with the same hash and the same umid. A message that is sent again gets another umid,
so it has no delivery at first.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.deliveries import (
    DELIVERY_FIELDS,
    columns_of_delivery,
    counted,
    delivery_of_columns,
    merged,
)
from eightbyeight_async.bulk.store.interface import CancelMark, OpenDeliveries

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from eightbyeight_async.bulk.judging.deliveries import Deliveries, Delivery

__all__ = [
    "DELIVERY_COLUMNS",
    "DELIVERY_OF_MESSAGE",
    "JournalDeliveries",
]

# at: seconds since 1970. price: an exact amount as text. final: whether the state says that the message arrived or not.
_TABLE = """
CREATE TABLE IF NOT EXISTS delivery (
    hash INTEGER PRIMARY KEY, umid TEXT NOT NULL, state TEXT NOT NULL, detail TEXT, code TEXT, reason TEXT, at REAL,
    country TEXT, operator TEXT, parts INTEGER, price TEXT, currency TEXT, final INTEGER NOT NULL
)
"""
_HAS_TABLE = "SELECT EXISTS (SELECT 1 FROM sqlite_master WHERE type='table' AND name='delivery')"
DELIVERY_COLUMNS = ", ".join(f"d.{name}" for name in DELIVERY_FIELDS)
DELIVERY_OF_MESSAGE = "d.hash=m.hash AND lower(d.umid)=lower(m.umid)"
_NEWS = f"""
SELECT j.key, m.hash, {DELIVERY_COLUMNS} FROM json_each(?) AS j CROSS JOIN message AS m
ON m.hash=json_extract(j.value, '$[0]') AND m.key=json_extract(j.value, '$[1]') AND m.state IN (1, 4)
AND lower(coalesce(m.umid, json_extract(j.value, '$[2]')))=lower(json_extract(j.value, '$[2]'))
LEFT JOIN delivery AS d ON d.hash=m.hash AND lower(d.umid)=lower(json_extract(j.value, '$[2]'))
"""  # noqa: S608 - constants
_BY_UMID = "SELECT umid, hash, key FROM message WHERE state=1 AND umid IN (SELECT value FROM json_each(?))"
_WRITE = "INSERT OR REPLACE INTO delivery VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
_ACCEPTED = f"m.state=1 AND m.cancelled IS NOT {CancelMark.CANCELLED}"
_OPEN = f"""
SELECT count(*), min(m.claimed), max(m.claimed) FROM message AS m LEFT JOIN delivery AS d ON {DELIVERY_OF_MESSAGE}
WHERE {_ACCEPTED} AND m.account=:account AND m.umid IS NOT NULL AND coalesce(m.scheduled, 0)<=:now
AND m.claimed>:after AND d.final IS NOT 1
"""  # noqa: S608 - constants
_SUMS = f"""
SELECT {DELIVERY_COLUMNS}, count(*) FROM message AS m JOIN delivery AS d ON {DELIVERY_OF_MESSAGE} WHERE {_ACCEPTED}
GROUP BY d.state, d.detail, d.parts, d.price, d.currency
"""  # noqa: S608 - constants
_UNDELIVERED = f"""
SELECT m.hash, {DELIVERY_COLUMNS} FROM message AS m JOIN delivery AS d ON {DELIVERY_OF_MESSAGE} WHERE {_ACCEPTED}
AND d.final=1 AND m.hash>? ORDER BY m.hash LIMIT 1000
"""  # noqa: S608 - constants


class JournalDeliveries:
    """The methods about deliveries. Methods that change nothing also work in a journal without the table."""

    sql: sqlite3.Connection
    _number: int | None

    def has_deliveries(self) -> bool:
        """Whether the table exists, which may be empty."""
        return bool(self.sql.execute(_HAS_TABLE).fetchone()[0])

    def open_deliveries(self, after: float, now: float) -> OpenDeliveries:
        """Counts the messages of this account without a final delivery; makes the table. See `DeliveryStore`."""
        self.sql.execute(_TABLE)
        values = {"account": self._number, "after": after, "now": now}
        number, first, last = self.sql.execute(_OPEN, values).fetchone()
        return OpenDeliveries(number, first or 0.0, last or 0.0)

    def note_deliveries(self, news: Sequence[tuple[int, str, Delivery]]) -> int:
        """Writes news (hash and key of the message, delivery). Returns the number of messages with news.

        News about a message that this journal does not have are ignored.
        """
        self.sql.execute(_TABLE)
        asked = json.dumps([(key_hash, key, one.umid) for key_hash, key, one in news])
        before: dict[int, Delivery | None] = {}
        found: defaultdict[int, list[Delivery]] = defaultdict(list)
        for at, key_hash, *columns in self.sql.execute(_NEWS, (asked,)).fetchall():
            before[key_hash] = delivery_of_columns(columns)
            found[key_hash].append(news[at][2])
        rows = [(key_hash, merged(before[key_hash], several)) for key_hash, several in found.items()]
        self.sql.executemany(_WRITE, [_written(key_hash, one) for key_hash, one in rows if one is not None])
        return len(found)

    def keys_of_umids(self, umids: Sequence[str]) -> dict[str, tuple[int, str]]:
        """Returns hash and key of messages by umid, for receipts without the message's id. Reads all messages."""
        found = self.sql.execute(_BY_UMID, (json.dumps(list(umids)),)).fetchall()
        return {umid: (key_hash, key) for umid, key_hash, key in found}

    def deliveries(self) -> Deliveries:
        """The counts."""
        accepted = self.sql.execute(f"SELECT count(*) FROM message AS m WHERE {_ACCEPTED}").fetchone()[0]  # noqa: S608
        groups = self.sql.execute(_SUMS).fetchall() if self.has_deliveries() else []
        return counted(accepted, ((delivery_of_columns(columns), number) for *columns, number in groups))

    def undelivered(self) -> Iterator[int]:
        """The hashes of accepted messages that were not delivered."""
        last = -1
        while self.has_deliveries() and (page := self.sql.execute(_UNDELIVERED, (last,)).fetchall()):
            for key_hash, *columns in page:
                one = delivery_of_columns(columns)
                if one is not None and one.outcome == "undelivered":
                    yield key_hash
            last = page[-1][0]


def _written(key_hash: int, one: Delivery) -> tuple[object, ...]:
    return (key_hash, *columns_of_delivery(one), int(one.final))
