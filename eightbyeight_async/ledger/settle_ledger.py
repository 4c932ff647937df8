"""Settles, in a ledger, what runs left open: UNKNOWN messages, and messages that are still scheduled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.log_verdict import AROUND, Doubt, Evidence, LoggedRow, Window
from eightbyeight_async.bulk.store.interface import CancelMark
from eightbyeight_async.bulk.store.records import CancelTarget
from eightbyeight_async.ledger.ledger_queries import NOW, SINCE, STATE, each, write
from eightbyeight_async.ledger.read_deliveries import LedgerDeliveries

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eightbyeight_async.bulk.judging.log_verdict import LogRow, Settlement
    from eightbyeight_async.bulk.judging.outcomes import State
    from eightbyeight_async.bulk.store.records import Cancellation

__all__ = ["LedgerSettling"]

_PAGE = 500
_UNKNOWN = f"m.state IN (0, 4) AND {STATE}=4"
_UPPER, _LOWER = (
    "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
    "abcdefghijklmnopqrstuvwxyz",
)  # not with the database's `lower()`, which depends on the locale
_RESOLVE = f"""
UPDATE eightbyeight.message AS m SET state=%(state)s::smallint, at={NOW}
WHERE m.campaign=%(campaign)s AND m.key=%(key)s AND
      (({_UNKNOWN}) OR (%(again)s::bool AND m.state=%(state)s::smallint)) RETURNING 1
"""
_DOUBTS = f"""
SELECT count(*) FILTER (WHERE m.account=%(account)s::integer),
       count(*) FILTER (WHERE m.account IS DISTINCT FROM %(account)s::integer),
       min(m.claimed), max(m.claimed), max({SINCE})
FROM eightbyeight.message AS m WHERE m.campaign=%(campaign)s AND {_UNKNOWN}
"""
_NOTE = f"""
INSERT INTO eightbyeight.logged (session, claim, umid, refused, created, who, ours, exact)
SELECT %(session)s, m.claim, j.umid, j.refused, j.created, j.who, j.ours, j.exact
FROM unnest(%(keys)s::text[], %(umids)s::text[], %(refused)s::bool[], %(created)s::float8[], %(who)s::bigint[],
            %(ours)s::bool[], %(exact)s::bool[]) AS j(key, umid, refused, created, who, ours, exact)
{each("key", "AND x.state IN (0, 1, 4)")}
"""
_FORMS = f"""
SELECT translate(btrim(m.key, E'\\t\\n\\r '), '{_UPPER}', '{_LOWER}'), m.key
FROM eightbyeight.message AS m WHERE m.campaign=%(campaign)s AND {_UNKNOWN} AND m.account=%(account)s::integer
"""
# Accepted messages by the hour of their claim: how many the log holds, how many it lacks, and how far 8x8's clock is
# ahead. See `bulk.store.journal_settling`.
_WITNESSES = """
SELECT floor(m.claimed / %(around)s::float8)::bigint AS hour, count(DISTINCT l.claim),
       count(*) FILTER (WHERE l.claim IS NULL AND m.cancelled IS NULL
           AND greatest(coalesce(m.at, m.claimed), coalesce(m.scheduled, 0)) <= %(old_enough)s::float8),
       max(CASE WHEN m.scheduled IS NULL THEN l.created - m.at END),
       min(CASE WHEN m.scheduled IS NULL THEN l.created - m.claimed END)
FROM eightbyeight.message AS m LEFT JOIN eightbyeight.logged AS l
    ON l.session=%(session)s AND l.claim=m.claim AND l.ours AND lower(l.umid)=lower(m.umid)
WHERE m.campaign=%(campaign)s AND m.state=1 AND m.account=%(account)s::integer AND m.umid IS NOT NULL GROUP BY 1
"""
_DOUBTFUL = f"""
SELECT m.claim, m.claimed, {SINCE}, m.scheduled, m.who, m.umid
FROM eightbyeight.message AS m
WHERE m.campaign=%(campaign)s AND m.claim>%(after)s AND {_UNKNOWN} AND m.account=%(account)s::integer
ORDER BY m.claim LIMIT {_PAGE}
"""
_LOGGED = """
SELECT claim, umid, refused, created, who, ours, exact FROM eightbyeight.logged
WHERE session=%(session)s AND claim=ANY(%(claims)s::bigint[]) ORDER BY number
"""
_SETTLE = write(
    "m.claim, j.state, coalesce(m.umid, j.umid), m.batch, m.code, m.run, m.times, m.place, m.account, m.scheduled, "
    "m.due, m.who, m.what, m.cancelled",
    "FROM unnest(%(claims)s::bigint[], %(states)s::smallint[], %(umids)s::text[]) AS j(claim, state, umid) "
    f"{each('claim')} WHERE {_UNKNOWN}",
    "state=excluded.state, umid=excluded.umid, at=%(at)s::float8 "
    "WHERE old.claim=excluded.claim AND old.state IN (0, 4)",
)
_FORGET = f"""
WITH page AS (
    SELECT m.claim FROM eightbyeight.message AS m
    WHERE m.campaign=%(campaign)s AND m.claim>%(after)s ORDER BY m.claim LIMIT {10 * _PAGE}
), deleted AS (
    DELETE FROM eightbyeight.message AS m WHERE m.campaign=%(campaign)s AND m.claim>%(after)s
    AND m.claim<=(SELECT max(claim) FROM page)
    AND m.state NOT IN (0, 4) AND greatest(m.at, coalesce(m.scheduled, 0)) < {NOW} - %(age)s::float8 RETURNING m.umid
), told AS (
    DELETE FROM eightbyeight.delivery AS d WHERE d.id=ANY(ARRAY(SELECT lower(umid) FROM deleted)) RETURNING 1
)
SELECT (SELECT count(*) FROM deleted), (SELECT max(claim) FROM page)
"""
_SCHEDULED = f"""
SELECT count(*) FILTER (WHERE m.account=%(account)s::integer AND m.cancelled>{CancelMark.REQUESTED}),
       count(*) FILTER (WHERE m.account=%(account)s::integer AND {STATE}=4),
       count(*) FILTER (WHERE m.account IS DISTINCT FROM %(account)s::integer AND m.state=1 AND m.scheduled>{NOW}
                        AND coalesce(m.cancelled, 1)={CancelMark.REQUESTED})
FROM eightbyeight.message AS m WHERE m.campaign=%(campaign)s AND m.scheduled IS NOT NULL
"""
_TO_CANCEL = """
m.campaign=%(campaign)s AND m.state=1 AND m.account=%(account)s::integer AND m.scheduled IS NOT NULL
AND coalesce(m.cancelled, 1)=1
"""
_BATCHES_TO_CANCEL = f"""
SELECT b.number, b.batch_id, count(*), bool_or(m.cancelled IS NOT NULL)
FROM eightbyeight.message AS m JOIN eightbyeight.batch AS b ON b.number=m.batch
WHERE {_TO_CANCEL} AND b.number>%(after)s GROUP BY b.number, b.batch_id ORDER BY b.number
"""
_SINGLES_TO_CANCEL = f"""
SELECT m.claim, m.umid, 1, m.cancelled IS NOT NULL FROM eightbyeight.message AS m
WHERE {_TO_CANCEL} AND m.claim>%(after)s AND m.batch IS NULL AND m.umid IS NOT NULL ORDER BY m.claim LIMIT {_PAGE}
"""
_MARKED = (
    "m.claim, m.state, m.umid, m.batch, m.code, m.run, m.times, m.place, m.account, m.scheduled, m.due, m.who, m.what, "
    "j.mark"
)
_TO_MARK = "AND x.state=1 AND x.scheduled IS NOT NULL AND coalesce(x.cancelled, 1)=1"
_MARK_BATCHES, _MARK_SINGLES = (
    write(
        _MARKED,
        f"FROM unnest(%(marks)s::smallint[], %(numbers)s::bigint[]) AS j(mark, {column}) {each(column, _TO_MARK)}",
        "cancelled=excluded.cancelled WHERE old.claim=excluded.claim",
    )
    for column in ("batch", "claim")
)
_IN_PART = """
UPDATE eightbyeight.batch SET cancelled=j.count FROM unnest(%(counts)s::integer[], %(numbers)s::bigint[])
AS j(count, number) WHERE batch.number=j.number
"""


class LedgerSettling(LedgerDeliveries):
    """The settling half of `LedgerStore`."""

    _session: int
    _number: int | None
    _forms: dict[str, list[str]] | None = None

    def resolve(self, key: str, state: State) -> bool:
        given: object = key
        if not isinstance(given, str) or not given.isprintable():
            # No such key is stored, and PostgreSQL would fail the transaction because of NUL or a lone surrogate.
            return False
        return bool(self._rows(_RESOLVE, key=key, state=int(state), again=self._db.again))

    def doubts(self) -> Window:
        own, others, first, last, settled = self._rows(_DOUBTS, account=self._number)[0]
        return Window(own, others, first or 0.0, last or 0.0, settled or 0.0)

    def note_log(self, rows: Sequence[LogRow]) -> None:
        forms = self._unknown_by_form()
        found = [(row.key, row, True) for row in rows]
        # A log may show an id in another case, or with blanks around it.
        found += [(key, row, False) for row in rows for key in forms.get(row.form, ()) if key != row.key]
        self._rows(
            _NOTE,
            session=self._session,
            keys=[key for key, _, _ in found],
            umids=[row.umid for _, row, _ in found],
            refused=[row.refused for _, row, _ in found],
            created=[row.created for _, row, _ in found],
            who=[row.who for _, row, _ in found],
            ours=[row.ours for _, row, _ in found],
            exact=[exact for _, _, exact in found],
        )

    def _unknown_by_form(self) -> dict[str, list[str]]:
        """Returns the UNKNOWN messages by their id in the form of `LogRow.form`. Cached until `forget_log`."""
        if self._forms is None:
            self._forms = {}
            for form, key in self._rows(_FORMS, account=self._number):
                self._forms.setdefault(form, []).append(key)
        return self._forms

    def evidence(self, asked_at: float, lag: float) -> dict[int, Evidence]:
        values = {"around": AROUND, "old_enough": asked_at - lag, "account": self._number, "session": self._session}
        return {
            hour: Evidence(held, lacking, None if at_least is None else (at_least, at_most))
            for hour, held, lacking, at_least, at_most in self._rows(_WITNESSES, **values)
        }

    def doubtful(self, after: int) -> list[Doubt]:
        found = self._rows(_DOUBTFUL, account=self._number, after=after)
        logged: dict[int, list[LoggedRow]] = {row[0]: [] for row in found}
        for claim, umid, refused, created, who, ours, exact in self._rows(
            _LOGGED, session=self._session, claims=list(logged)
        ):
            logged[claim].append(LoggedRow(umid, refused, created, who, ours, exact))
        return [
            Doubt(
                id=claim, claimed=claimed, since=since, scheduled=scheduled, who=who, umid=umid,
                rows=tuple(logged[claim]),
            )
            for claim, claimed, since, scheduled, who, umid in found
        ]  # fmt: skip

    def settle(self, settlements: Sequence[Settlement], at: float) -> None:
        self._rows(
            _SETTLE,
            at=at,
            claims=[one.id for one in settlements],
            states=[int(one.state) for one in settlements],
            umids=[one.umid for one in settlements],
        )

    def forget_log(self) -> None:
        self._forms = None
        self._rows("DELETE FROM eightbyeight.logged WHERE session=%(session)s", session=self._session)

    def forget(self, after: int, age: float) -> tuple[int, int] | None:
        """Reads the next messages above claim number `after`, and deletes the old ones.

        Returns how many it deleted, and the claim number to continue after; None: there are no more messages.
        """
        deleted, last = self._rows(_FORGET, after=after, age=age)[0]
        return None if last is None else (deleted, last)

    # Cancelling

    def scheduled_counts(self) -> tuple[int, int, int]:
        done, unknown, elsewhere = self._rows(_SCHEDULED, account=self._number)[0]
        return done, unknown, elsewhere

    def to_cancel(self, after: int, *, batch: bool) -> list[CancelTarget]:
        query = _BATCHES_TO_CANCEL if batch else _SINGLES_TO_CANCEL
        found = self._rows(query, after=after, account=self._number)
        return [CancelTarget(number, name, messages, asked, batch) for number, name, messages, asked in found]

    def mark_cancel(self, marks: Sequence[Cancellation]) -> None:
        in_part = [(one.in_part, one.target.number) for one in marks if one.in_part]
        if in_part:
            self._rows(_IN_PART, counts=[count for count, _ in in_part], numbers=[number for _, number in in_part])
        for batch, statement in ((True, _MARK_BATCHES), (False, _MARK_SINGLES)):
            rows = [(one.mark, one.target.number) for one in marks if one.target.batch is batch]
            if rows:
                self._rows(statement, marks=[mark for mark, _ in rows], numbers=[number for _, number in rows])
