"""Reads the counts and messages of one campaign of a ledger.

A claim without an outcome is in flight until its lease ends. After that it counts as UNKNOWN since the end of the
lease. So no process needs to check whether the sender is alive, and no process needs to write the new state.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from eightbyeight_async.bulk.judging.deliveries import DELIVERY_FIELDS, delivery_of_columns
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.report import Status
from eightbyeight_async.bulk.store.interface import CancelMark
from eightbyeight_async.bulk.store.records import Account, MessageRow
from eightbyeight_async.ledger.receipts import deliveries_of, fold_receipts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eightbyeight_async.bulk.judging.deliveries import Delivery
    from eightbyeight_async.ledger.connection import Connection
    from eightbyeight_async.models.webhooks import DeliveryReceipt

__all__ = ["DELIVERY", "HAS_MESSAGE", "NOW", "SINCE", "STATE", "Found", "LedgerQueries", "each", "write"]

PAGE = 1_000
# The time of the database's clock, or of a test's clock.
NOW = "coalesce(%(clock)s::float8, extract(epoch FROM clock_timestamp())::float8)"
STATE = f"CASE WHEN m.state=0 AND m.claimed + %(lease)s::float8 <= {NOW} THEN 4 ELSE m.state END"
# The time since which the message has its state; NULL while the message is in flight.
SINCE = f"coalesce(m.at, CASE WHEN m.claimed + %(lease)s::float8 <= {NOW} THEN m.claimed + %(lease)s::float8 END)"
# Whether a person has this message, or may get it.
HAS_MESSAGE = f"(m.state IN (0, 4) OR (m.state=1 AND m.cancelled IS DISTINCT FROM {CancelMark.CANCELLED}))"

# Joins what is known about the delivery of `m`. It is looked up for each message; see `each`.
DELIVERY = """
JOIN LATERAL (SELECT x.* FROM eightbyeight.delivery AS x WHERE x.id=lower(m.umid) OFFSET 0) AS d
"""


def each(column: str, more: str = "") -> str:
    """Joins the message that a row `j` of the statement's arrays names, by a column with an index.

    PostgreSQL does not merge a subquery with an offset into the join. So each message is looked up through the index,
    whatever the table's statistics are. Without the offset, on a table that was never analysed, PostgreSQL compared
    3,000 keys with every message of a campaign of 20,000 messages: 10 s instead of 40 ms.
    """
    return (
        "CROSS JOIN LATERAL (SELECT x.* FROM eightbyeight.message AS x "
        f"WHERE x.campaign=%(campaign)s AND x.{column}=j.{column} {more} OFFSET 0) AS m"
    )


def write(values: str, rows: str, changes: str) -> str:
    """Returns the statement that changes the messages that `rows` looks up as `m`.

    It does not use `UPDATE ... FROM`, for two reasons. The planner would choose a slow plan. And the change must see
    the row's values when it locks the row (`old`), not those at the start of the statement.

    Args:
        values: the new claim, state, umid, batch, code, run, times, place, account, scheduled, due, who, what and
            cancelled, in this order; `changes` uses some of them, as `excluded.…`.
        rows: the rest of the query for these values.
        changes: the changed columns, and the condition.
    """
    return f"""
INSERT INTO eightbyeight.message AS old (campaign, key, claimed, claim, state, umid, batch, code, run, times, place,
                                         account, scheduled, due, who, what, cancelled)
SELECT m.campaign, m.key, m.claimed, {values} {rows} ON CONFLICT (campaign, key) DO UPDATE SET {changes}
"""


_STATUS = f"""
SELECT {STATE}, count(*), count(*) FILTER (WHERE m.cancelled={CancelMark.CANCELLED}),
       count(*) FILTER (WHERE m.scheduled>{NOW} AND coalesce(m.cancelled, 1)={CancelMark.REQUESTED})
FROM eightbyeight.message AS m WHERE m.campaign=%(campaign)s GROUP BY 1
"""
_IN_PART = "SELECT coalesce(sum(cancelled), 0) FROM eightbyeight.batch WHERE campaign=%(campaign)s"
_PAGE = f"""
SELECT m.claim, m.key, m.place, {STATE}, m.umid,
       (SELECT b.batch_id FROM eightbyeight.batch AS b WHERE b.number=m.batch), m.code, m.claimed, {SINCE}, m.scheduled,
       m.cancelled, {", ".join(f"d.{name}" for name in DELIVERY_FIELDS)}
FROM eightbyeight.message AS m LEFT {DELIVERY} ON m.state=1
WHERE m.campaign=%(campaign)s AND m.claim>%(after)s {{}} ORDER BY m.claim LIMIT {PAGE}
"""
_ALL = _PAGE.format("")
_OF_STATE = _PAGE.format(f"AND {STATE}=%(state)s::integer")
_OPEN = _PAGE.format(f"AND m.state IN (0, 4) AND {STATE}=%(state)s::integer")  # uses the index `message_open`
_FOUND = f"""
SELECT m.key, {STATE}, m.umid, m.code, m.who FROM unnest(%(keys)s::text[]) AS j(key) {each("key")}
"""


class Found(NamedTuple):
    """What the ledger has about one message. `who`: digest of its number."""

    state: State
    umid: str | None
    code: int | None
    who: int


class LedgerQueries:
    """Methods that read a campaign and change nothing.

    Attributes:
        salt: see `Store`.
        lease: seconds for which a claim is valid; the same for all processes of the campaign.
    """

    salt: bytes
    lease: float
    _campaign: int
    _db: Connection
    _clock: Callable[[], float] | None

    def _rows(self, statement: str, **values: object) -> list[tuple[Any, ...]]:
        common = {"campaign": self._campaign, "lease": self.lease, "clock": self._clock and self._clock()}
        return self._db.rows(statement, {**common, **values})

    def status(self, now: float) -> Status:
        counts = dict.fromkeys(State, 0)
        cancelled = waiting = 0
        for state, count, recalled, later in self._rows(_STATUS):
            counts[State(state)] = count
            if state == State.SENT:
                cancelled, waiting = recalled + int(self._rows(_IN_PART)[0][0]), later
        known = sum(counts.values())
        total = max(known, self.meta("expected", 0))
        return Status(
            total=total,
            sent=counts[State.SENT] - cancelled - waiting,
            waiting=waiting,
            cancelled=cancelled,
            rejected=counts[State.REJECTED],
            failed=counts[State.FAILED],
            in_flight=counts[State.INTENT],
            unknown=counts[State.UNKNOWN],
            opted_out=counts[State.OPTED_OUT],
            not_sent=counts[State.NOT_SENT] + total - known,
        )

    def page(self, after: int, state: State | None) -> list[tuple[int, MessageRow]]:
        of_state = _OPEN if state in (State.INTENT, State.UNKNOWN) else _OF_STATE
        statement = _ALL if state is None else of_state
        found = self._rows(statement, after=after, state=None if state is None else int(state))
        return [(values[0], _row(*values[1:])) for values in found]

    def found(self, keys: Sequence[str]) -> dict[str, Found]:
        """Returns what the ledger has about these messages, by key."""
        rows = self._rows(_FOUND, keys=list(keys))
        return {key: Found(State(state), umid, code, who) for key, state, umid, code, who in rows}

    def now(self) -> float:
        """The database's clock, seconds since 1970."""
        return float(self._rows(f"SELECT {NOW}")[0][0])

    def fold_receipts(self, receipts: Sequence[DeliveryReceipt]) -> list[Delivery]:
        """Adds receipts to what is known. Returns for each receipt what is then known about its message."""
        return fold_receipts(self._db, receipts)

    def deliveries_of(self, ids: Sequence[str]) -> dict[str, Delivery]:
        """Returns what is known about the delivery of messages, by `delivery_id`."""
        return deliveries_of(self._db, ids)

    def stopped(self) -> str | None:
        """Returns why no claims are granted; None: claims are granted."""
        found = self._rows("SELECT stopped FROM eightbyeight.campaign WHERE id=%(campaign)s")
        return None if not found else found[0][0]

    def meta(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - as it was written
        found = self._rows(
            "SELECT value FROM eightbyeight.meta WHERE campaign=%(campaign)s AND name=%(name)s", name=name
        )
        return default if not found else _value(found[0][0])

    def set_meta(self, name: str, value: object) -> None:
        self._rows(
            "INSERT INTO eightbyeight.meta VALUES (%(campaign)s, %(name)s, %(value)s) "
            "ON CONFLICT (campaign, name) DO UPDATE SET value=excluded.value",
            name=name,
            value=json.dumps({"bytes": value.hex()} if isinstance(value, bytes) else value),
        )

    def account(self) -> Account | None:
        """Returns the account of the campaign's messages; None: it has none, or only messages that were not sent."""
        held = "SELECT 1 FROM eightbyeight.message WHERE campaign=%(campaign)s AND state NOT IN (5, 6) LIMIT 1"
        if not self._rows(held):
            return None
        found = self._rows(
            "SELECT host, subaccount_id FROM eightbyeight.account WHERE number=%(number)s", number=self.meta("account")
        )
        return Account(*found[0]) if found else None


def _value(written: str) -> object:
    value = json.loads(written)
    return bytes.fromhex(value["bytes"]) if isinstance(value, dict) else value


def _row(*values: Any) -> MessageRow:  # noqa: ANN401 - the database's types
    key, place, state, umid, batch_id, code, claimed, at, scheduled, cancelled, *delivery = values
    return MessageRow(
        key=key, place=place, state=State(state), umid=umid, batch_id=batch_id, code=code, claimed_at=claimed, at=at,
        scheduled=scheduled, cancelled=cancelled == CancelMark.CANCELLED, delivery=delivery_of_columns(delivery),
    )  # fmt: skip
