"""Settles what a run left open, within a journal: UNKNOWN messages, and messages that are still scheduled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.log_verdict import AROUND, Doubt, Evidence, LoggedRow, Window
from eightbyeight_async.bulk.store.interface import CancelMark
from eightbyeight_async.bulk.store.journal_queries import GUARD, JournalQueries
from eightbyeight_async.bulk.store.records import CancelTarget

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eightbyeight_async.bulk.judging.log_verdict import LogRow, Settlement
    from eightbyeight_async.bulk.judging.message_keys import Keys
    from eightbyeight_async.bulk.judging.outcomes import State
    from eightbyeight_async.bulk.store.records import Cancellation

__all__ = ["JournalSettling"]

_PAGE = 500
_RESOLVE = f"""
UPDATE message SET state=:state, guard={GUARD.format(":state")}, at=:now WHERE hash=:hash AND key=:key AND state=4
"""  # noqa: S608 - constants
_LOG_TABLE = """
CREATE TEMP TABLE IF NOT EXISTS logged
    (id INTEGER, umid TEXT, refused INTEGER, created REAL, who INTEGER, ours INTEGER, exact INTEGER)
"""
# The UNKNOWN messages by their id in lower case without blanks: a log may change the case or add blanks.
_FORM_TABLE = """
CREATE TEMP TABLE IF NOT EXISTS form AS SELECT lower(trim(key, char(9, 10, 13, 32))) AS form, id, key
FROM message WHERE state=4 AND account=?
"""
_ROW = """
json_extract(j.value, '$[2]'), json_extract(j.value, '$[3]'), json_extract(j.value, '$[4]'),
json_extract(j.value, '$[5]'), json_extract(j.value, '$[6]')
"""
_NOTE = f"""
INSERT INTO temp.logged SELECT m.id, {_ROW}, 1 FROM json_each(?) AS j CROSS JOIN message AS m
ON m.hash=json_extract(j.value, '$[0]') AND m.key=json_extract(j.value, '$[1]') AND m.state IN (1, 4)
"""  # noqa: S608 - constants
_NOTE_FORM = f"""
INSERT INTO temp.logged SELECT f.id, {_ROW}, 0 FROM json_each(?) AS j CROSS JOIN temp.form AS f
ON f.form=json_extract(j.value, '$[7]') AND f.key<>json_extract(j.value, '$[1]')
"""  # noqa: S608 - constants
# Accepted messages by the hour of their claim: how many the log holds, how many it lacks, and how far 8x8's clock is
# ahead (8x8 created a message after our claim and before our answer). Two kinds do not count as lacking: messages
# without a umid, which were settled by hand, and cancelled messages, which a log may or may not have.
_WITNESSES = """
SELECT CAST(m.claimed / :around AS INTEGER) AS hour, count(DISTINCT l.id),
       sum(l.id IS NULL AND m.cancelled IS NULL
           AND max(coalesce(m.at, m.claimed), coalesce(m.scheduled, 0)) <= :old_enough),
       max(CASE WHEN m.scheduled IS NULL THEN l.created - m.at END),
       min(CASE WHEN m.scheduled IS NULL THEN l.created - m.claimed END)
FROM message AS m LEFT JOIN temp.logged AS l ON l.id=m.id AND l.ours AND lower(l.umid)=lower(m.umid)
WHERE m.state=1 AND m.account=:account AND m.umid IS NOT NULL GROUP BY hour
"""
_DOUBTFUL = """
SELECT m.id, m.claimed, coalesce(m.at, m.claimed), m.scheduled, m.who, m.umid,
       (SELECT json_group_array(json_array(l.umid, l.refused, l.created, l.who, l.ours, l.exact))
        FROM temp.logged AS l WHERE l.id=m.id)
FROM message AS m WHERE m.state=4 AND m.account=? AND m.id>? ORDER BY m.id LIMIT ?
"""
_SETTLE = f"""
UPDATE message SET state=j.state, guard={GUARD.format("j.state")}, umid=coalesce(message.umid, j.umid), at=:now
FROM (SELECT json_extract(value, '$[0]') AS id, json_extract(value, '$[1]') AS state,
             json_extract(value, '$[2]') AS umid FROM json_each(:rows)) AS j
WHERE message.id=j.id AND message.state=4
"""  # noqa: S608 - constants
_SCHEDULED = """
SELECT coalesce(sum(account IS :account AND cancelled>:asked), 0), coalesce(sum(account IS :account AND state=4), 0),
       coalesce(sum(account IS NOT :account AND state=1 AND scheduled>:now AND coalesce(cancelled, :asked)=:asked), 0)
FROM message WHERE scheduled IS NOT NULL
"""
_TO_CANCEL = "m.state=1 AND m.account=:account AND m.scheduled IS NOT NULL AND coalesce(m.cancelled, 1)=1"
_BATCHES_TO_CANCEL = f"""
SELECT b.number, b.batch_id, count(*), max(m.cancelled IS NOT NULL)
FROM message AS m JOIN batch AS b ON b.number=m.batch WHERE {_TO_CANCEL} AND b.number>:after GROUP BY b.number
"""  # noqa: S608 - constants
_SINGLES_TO_CANCEL = f"""
SELECT m.id, m.umid, 1, m.cancelled IS NOT NULL FROM message AS m
WHERE {_TO_CANCEL} AND m.id>:after AND m.batch IS NULL AND m.umid IS NOT NULL ORDER BY m.id LIMIT {_PAGE}
"""  # noqa: S608 - constants


class JournalSettling(JournalQueries):
    """The settling half of `Journal`."""

    _keys: Keys
    _now: Callable[[], float]
    _number: int | None

    def now(self) -> float:
        return self._now()

    def resolve(self, key: str, state: State) -> bool:
        given: object = key
        if not isinstance(given, str) or not given.isprintable():
            return False  # No such key is stored, and SQLite's driver refuses a lone surrogate.
        values = {"state": state, "now": self._now(), "hash": self._keys.hash_of(key), "key": key}
        return self.sql.execute(_RESOLVE, values).rowcount > 0

    def doubts(self) -> Window:
        found = self.sql.execute(
            "SELECT coalesce(sum(account IS ?1), 0), coalesce(sum(account IS NOT ?1), 0), min(claimed), max(claimed), "
            "max(coalesce(at, claimed)) FROM message WHERE state=4",
            (self._number,),
        ).fetchone()
        return Window(int(found[0]), int(found[1]), found[2] or 0.0, found[3] or 0.0, found[4] or 0.0)

    def note_log(self, rows: Sequence[LogRow]) -> None:
        self.sql.execute(_LOG_TABLE)
        self.sql.execute(_FORM_TABLE, (self._number,))
        self.sql.execute("CREATE INDEX IF NOT EXISTS temp.form_form ON form (form)")
        data = json.dumps(rows)
        for note in (_NOTE, _NOTE_FORM):
            self.sql.execute(note, (data,))

    def evidence(self, asked_at: float, lag: float) -> dict[int, Evidence]:
        """The witnesses by the hour of their claim."""
        self.sql.execute(_LOG_TABLE)
        self.sql.execute("CREATE INDEX IF NOT EXISTS temp.logged_id ON logged (id)")
        values = {"around": AROUND, "old_enough": asked_at - lag, "account": self._number}
        return {
            hour: Evidence(held, lacking, None if at_least is None else (at_least, at_most))
            for hour, held, lacking, at_least, at_most in self.sql.execute(_WITNESSES, values).fetchall()
        }

    def doubtful(self, after: int) -> list[Doubt]:
        self.sql.execute(_LOG_TABLE)
        found = self.sql.execute(_DOUBTFUL, (self._number, after, _PAGE)).fetchall()
        return [
            Doubt(
                id=row_id,
                claimed=claimed,
                since=since,
                scheduled=scheduled,
                who=who,
                umid=umid,
                rows=tuple(
                    LoggedRow(umid_there, bool(refused), created, number, bool(ours), bool(exact))
                    for umid_there, refused, created, number, ours, exact in json.loads(rows)
                ),
            )
            for row_id, claimed, since, scheduled, who, umid, rows in found
        ]

    def settle(self, settlements: Sequence[Settlement], at: float) -> None:
        self.sql.execute(_SETTLE, {"rows": json.dumps(settlements), "now": at})

    def forget_log(self) -> None:
        for name in ("logged", "form"):
            self.sql.execute(f"DROP TABLE IF EXISTS temp.{name}")

    # Cancelling

    def scheduled_counts(self) -> tuple[int, int, int]:
        values = {"account": self._number, "asked": CancelMark.REQUESTED, "now": self._now()}
        done, unknown, elsewhere = self.sql.execute(_SCHEDULED, values).fetchone()
        return int(done), int(unknown), int(elsewhere)

    def to_cancel(self, after: int, *, batch: bool) -> list[CancelTarget]:
        query = _BATCHES_TO_CANCEL if batch else _SINGLES_TO_CANCEL
        found = self.sql.execute(query, {"after": after, "account": self._number}).fetchall()
        return [CancelTarget(number, name, messages, bool(asked), batch) for number, name, messages, asked in found]

    def mark_cancel(self, marks: Sequence[Cancellation]) -> None:
        in_part = [(one.in_part, one.target.number) for one in marks if one.in_part]
        if in_part:
            self.sql.executemany("UPDATE batch SET cancelled=? WHERE number=?", in_part)
        for batch, column in ((True, "batch"), (False, "id")):
            rows = [(one.mark, one.target.number) for one in marks if one.target.batch is batch]
            if rows:
                self.sql.executemany(
                    f"UPDATE message SET cancelled=? WHERE {column}=? AND state=1 AND scheduled IS NOT NULL "  # noqa: S608
                    "AND coalesce(cancelled, 1)=1",
                    rows,
                )
