"""Writes new claims and results of a journal: many rows in one statement.

It does not use `executemany`, which makes Python take the interpreter's lock for every row.
"""

from __future__ import annotations

import json
from collections import defaultdict
from functools import cache
from itertools import chain
from typing import TYPE_CHECKING

from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.journal_queries import GUARD

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Sequence

    from eightbyeight_async.bulk.store.records import Claim, Result

__all__ = ["MANY", "insert_claims", "record_results"]

# Groups of this many rows are passed with one parameter per value: 2.0 us a row. The remaining rows are passed as JSON,
# in one statement for any number of rows: 4.8 us a row. SQLite allows 32,766 parameters.
MANY = 500
_COLUMNS = ("id", "hash", "key", "who", "place", "what", "scheduled", "destination", "text")
_PLAIN = 5  # The columns after the first five are NULL in most campaigns; each takes 0.35 us a row.
_NOTHING = (None,) * (len(_COLUMNS) - _PLAIN)
_CLAIM = """
INSERT INTO message ({names}, state, guard, run, account, claimed)
SELECT {values}, 0, {guard}, ?1, ?2, ?3 FROM ({rows}) WHERE true
ON CONFLICT (hash) DO NOTHING
"""
# `json_each` gives key and value of a JSON object directly. Extracting them with a function costs 0.3 us a value.
_RECORD = f"""
UPDATE message SET state=?1, guard={GUARD.format("?1")}, umid=j.value, batch=?2, code=?3, at=?4
FROM json_each(?5) AS j WHERE message.id=CAST(j.key AS INTEGER) AND message.state=0
"""  # noqa: S608 - constants


def insert_claims(sql: sqlite3.Connection, claims: Sequence[Claim], run: int, account: int | None, now: float) -> int:
    """Inserts a row for each message that has no row; returns the number of new rows."""
    rows = [claim.as_row() for claim in claims]
    plain = all(row[_PLAIN:] == _NOTHING for row in rows)
    if plain:
        rows = [row[:_PLAIN] for row in rows]
    made, whole = 0, len(rows) - len(rows) % MANY
    for start in range(0, whole, MANY):
        values = chain.from_iterable(rows[start : start + MANY])
        made += sql.execute(_claim(plain=plain, as_json=False), (run, account, now, *values)).rowcount
    if whole < len(rows):
        rest = json.dumps(rows[whole:])
        made += sql.execute(_claim(plain=plain, as_json=True), (run, account, now, rest)).rowcount
    return made


@cache
def _claim(*, plain: bool, as_json: bool) -> str:
    """Returns the statement that inserts `MANY` rows, or the rows of a JSON array."""
    names = _COLUMNS[:_PLAIN] if plain else _COLUMNS
    if as_json:
        found = (f"json_extract(value, '$[{index}]') AS {name}" for index, name in enumerate(names))
        source = "json_each(?)"
    else:
        found = (f"column{number} AS {name}" for number, name in enumerate(names, 1))
        row = f"({', '.join('?' * len(names))})"
        source = f"(VALUES {', '.join([row] * MANY)})"
    return _CLAIM.format(
        names=", ".join(names if plain else (*names, "due")),
        values=", ".join(names if plain else (*names, "scheduled")),
        guard=GUARD.format(0),
        rows=f"SELECT {', '.join(found)} FROM {source}",  # noqa: S608 - constants
    )


def record_results(
    sql: sqlite3.Connection, results: Sequence[Result], number_of: Callable[[str], int], now: float
) -> None:
    """Writes the outcomes of open claims. `number_of`: returns the number that the journal has for a batch id."""
    alike: defaultdict[tuple[int, str | None, int | None], dict[int, str | None]] = defaultdict(dict)
    for claim_id, _, _, outcome, umid, batch_id, code in results:
        alike[outcome, batch_id, code].setdefault(claim_id, umid)
    # The first outcome of a claim counts. NOT_SENT is written last, so that any other outcome of the same claim wins.
    for (state, batch_id, code), rows in sorted(alike.items(), key=lambda one: one[0][0] is State.NOT_SENT):
        number = None if batch_id is None else number_of(batch_id)
        sql.execute(_RECORD, (state, number, code, now, json.dumps(rows)))
