"""Delivery receipts in a ledger: any replica takes them, any replica waits for them.

Rules:
- A message has one row, by its umid. A receipt is folded into it under the row's lock: late, twice, out of order. Which
  of two counts more: `receipt_folding`.
- The row has no phone number; digits in 8x8's words about an error are masked.
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from eightbyeight_async.bulk.judging.deliveries import Delivery, delivery_of_receipt, merged

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eightbyeight_async.ledger.connection import Connection
    from eightbyeight_async.models.webhooks import DeliveryReceipt

__all__ = ["deliveries_of", "fold_receipts"]

_COLUMNS = "umid, state, detail, code, reason, at, country, operator, parts, price, currency"
_MAKE = """
INSERT INTO eightbyeight.delivery (id) SELECT j.id FROM unnest(%(ids)s::text[]) AS j(id) ON CONFLICT (id) DO NOTHING
"""
_READ = f"""
SELECT m.id, {_COLUMNS} FROM unnest(%(ids)s::text[]) AS j(id) CROSS JOIN LATERAL
    (SELECT x.* FROM eightbyeight.delivery AS x WHERE x.id=j.id {{lock}} OFFSET 0) AS m
"""
_LOCKED, _SEEN = _READ.format(lock="FOR UPDATE"), _READ.format(lock="")
_WRITE = f"""
INSERT INTO eightbyeight.delivery AS old (id, {_COLUMNS})
SELECT * FROM unnest(%(id)s::text[], %(umid)s::text[], %(state)s::text[], %(detail)s::text[], %(code)s::text[],
    %(reason)s::text[], %(at)s::float8[], %(country)s::text[], %(operator)s::text[], %(parts)s::integer[],
    %(price)s::text[], %(currency)s::text[])
ON CONFLICT (id) DO UPDATE SET {", ".join(f"{name}=excluded.{name}" for name in _COLUMNS.split(", "))}
"""


def fold_receipts(db: Connection, receipts: Sequence[DeliveryReceipt]) -> list[Delivery]:
    """Folds receipts into their messages' rows, in a transaction. Returns what is known after it, by receipt."""
    news: defaultdict[str, list[Delivery]] = defaultdict(list)
    for receipt in receipts:
        one = delivery_of_receipt(receipt)
        news[one.umid.lower()].append(one)
    ids = sorted(news)  # two replicas with the same messages wait for each other and do not deadlock
    db.rows(_MAKE, {"ids": ids})
    before = {row[0]: _delivery(row[1:]) for row in db.rows(_LOCKED, {"ids": ids})}
    after = {one: found for one in ids if (found := merged(before.get(one), news[one])) is not None}
    columns = [(one, *_written(found)) for one, found in after.items()]
    names = ["id", *_COLUMNS.split(", ")]
    db.rows(_WRITE, {name: [row[at] for row in columns] for at, name in enumerate(names)})
    return [after[receipt.umid.lower()] for receipt in receipts]


def deliveries_of(db: Connection, ids: Sequence[str]) -> dict[str, Delivery]:
    """What is known of messages, by their umid in lower case."""
    found = {row[0]: _delivery(row[1:]) for row in db.rows(_SEEN, {"ids": list(ids)})}
    return {one: delivery for one, delivery in found.items() if delivery is not None}


def _written(one: Delivery) -> tuple[Any, ...]:
    words = (one.umid, str(one.state), one.detail, one.code, one.reason)
    where = (one.country, one.operator)
    price = None if one.price is None else str(one.price)
    clean = [word and word.encode("utf-8", "replace").decode().replace("\0", "?") for word in (*words, *where)]
    return (*clean[:5], one.at, *clean[5:], one.parts, price, one.currency)


def _delivery(columns: Sequence[Any]) -> Delivery | None:
    umid, state, detail, code, reason, at, country, operator, parts, price, currency = columns
    if umid is None:
        return None
    return Delivery(
        umid=umid, state=state, detail=detail, code=code, reason=reason, at=at, country=country, operator=operator,
        parts=parts, price=None if price is None else Decimal(price), currency=currency,
    )  # fmt: skip
