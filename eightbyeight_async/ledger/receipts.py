"""Deliveries in a ledger: any replica writes receipts or rows of 8x8's log, and any replica waits for them.

Rules:
- Each message has one row, found by its umid. News may be late, repeated or out of order; they are combined under the
  row's lock. `receipt_folding` decides which news count.
- The row has no phone number; digits in 8x8's description of an error are masked.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.deliveries import (
    DELIVERY_FIELDS,
    columns_of_delivery,
    delivery_of_columns,
    delivery_of_receipt,
    merged,
)
from eightbyeight_async.ledger.connection import storable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eightbyeight_async.bulk.judging.deliveries import Delivery
    from eightbyeight_async.ledger.connection import Connection
    from eightbyeight_async.models.webhooks import DeliveryReceipt

__all__ = ["deliveries_of", "delivery_id", "fold", "fold_receipts"]

_COLUMNS = ", ".join(DELIVERY_FIELDS)
_MAKE = """
INSERT INTO eightbyeight.delivery (id) SELECT j.id FROM unnest(%(ids)s::text[]) AS j(id) ON CONFLICT (id) DO NOTHING
"""
_READ = f"""
SELECT m.id, {_COLUMNS} FROM unnest(%(ids)s::text[]) AS j(id) CROSS JOIN LATERAL
    (SELECT x.* FROM eightbyeight.delivery AS x WHERE x.id=j.id {{lock}} OFFSET 0) AS m
"""
_LOCKED, _SEEN = _READ.format(lock="FOR UPDATE"), _READ.format(lock="")
_WRITE = f"""
INSERT INTO eightbyeight.delivery AS old (id, {_COLUMNS}, final)
SELECT * FROM unnest(%(id)s::text[], %(umid)s::text[], %(state)s::text[], %(detail)s::text[], %(code)s::text[],
    %(reason)s::text[], %(at)s::float8[], %(country)s::text[], %(operator)s::text[], %(parts)s::integer[],
    %(price)s::text[], %(currency)s::text[], %(final)s::bool[])
ON CONFLICT (id) DO UPDATE SET
    {", ".join(f"{name}=excluded.{name}" for name in (*DELIVERY_FIELDS, "final"))}
"""


def delivery_id(umid: str) -> str:
    """Returns the id of a message's row: its umid in lower case, the same as `lower()` gives in the database."""
    return storable(umid).encode().lower().decode()


def fold_receipts(db: Connection, receipts: Sequence[DeliveryReceipt]) -> list[Delivery]:
    """Combines receipts with their messages' rows, in a transaction. Returns for each receipt what is then known."""
    after = fold(db, [delivery_of_receipt(receipt) for receipt in receipts])
    return [after[delivery_id(receipt.umid)] for receipt in receipts]


def fold(db: Connection, several: Iterable[Delivery]) -> dict[str, Delivery]:
    """Combines news with their messages' rows, in a transaction. Returns by id what is then known."""
    news: defaultdict[str, list[Delivery]] = defaultdict(list)
    for one in several:
        news[delivery_id(one.umid)].append(one)
    ids = sorted(news)  # Sorted, so that two replicas with the same messages wait for each other and do not deadlock.
    db.rows(_MAKE, {"ids": ids})
    before = {row[0]: delivery_of_columns(row[1:]) for row in db.rows(_LOCKED, {"ids": ids})}
    after = {one: found for one in ids if (found := merged(before.get(one), news[one])) is not None}
    rows = [
        (one, *(storable(value) if isinstance(value, str) else value for value in columns_of_delivery(found)),
         found.final)
        for one, found in after.items()
    ]  # fmt: skip
    names = ("id", *DELIVERY_FIELDS, "final")
    db.rows(_WRITE, {name: [row[at] for row in rows] for at, name in enumerate(names)})
    return after


def deliveries_of(db: Connection, ids: Sequence[str]) -> dict[str, Delivery]:
    """Returns what is known about messages, by the id of their row."""
    found = {row[0]: delivery_of_columns(row[1:]) for row in db.rows(_SEEN, {"ids": list(ids)})}
    return {one: delivery for one, delivery in found.items() if delivery is not None}
