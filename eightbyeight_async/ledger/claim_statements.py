"""The statements that claim messages and write their outcomes.

Rows pass as arrays, a column each. `TOUCHED` stands before what a claim or an outcome writes: see `store`.
"""

from __future__ import annotations

from eightbyeight_async.ledger.read_ledger import HAS_MESSAGE, NOW, SINCE, STATE

__all__ = [
    "BATCHES",
    "BEGIN_SESSION",
    "CLAIM",
    "CLAIM_AGAIN",
    "HOLDERS",
    "MAKE",
    "MEET",
    "NUMBER",
    "OPT_OUT",
    "OTHERS",
    "RECORD",
]

MAKE = f"""
INSERT INTO eightbyeight.campaign (name, salt, lease, made) VALUES (%(name)s, %(salt)s, %(lease)s, {NOW})
ON CONFLICT (name) DO NOTHING
"""
BEGIN_SESSION = f"""
INSERT INTO eightbyeight.session (campaign, host, pid, began, at, last)
VALUES (%(campaign)s, %(host)s, %(pid)s, {NOW}, {NOW}, 0) RETURNING id, began
"""
# The session's row is what a database that lacks the last commits shows by: it lacks them here, too.
TOUCHED = f"""
WITH touched AS (
    UPDATE eightbyeight.session SET at={NOW}, last=greatest(last, %(last)s)
    WHERE id=%(session)s AND last>=%(committed)s RETURNING id
)"""
CLAIM = f"""
{TOUCHED}, made AS (
    INSERT INTO eightbyeight.message
        (campaign, key, claim, state, run, place, account, claimed, scheduled, due, who, what)
    SELECT %(campaign)s, j.key, j.claim, 0, %(run)s, j.place, %(account)s, {NOW}, j.scheduled, j.scheduled,
           j.who, j.what
    FROM unnest(%(keys)s::text[], %(claims)s::bigint[], %(places)s::bigint[], %(scheduled)s::float8[],
                %(who)s::bigint[], %(what)s::bigint[]) AS j(key, claim, place, scheduled, who, what)
    WHERE (SELECT c.stopped FROM eightbyeight.campaign AS c WHERE c.id=%(campaign)s) IS NULL
    ON CONFLICT (campaign, key) DO NOTHING RETURNING claim
)
SELECT (SELECT count(*) FROM touched),
       (SELECT c.stopped FROM eightbyeight.campaign AS c WHERE c.id=%(campaign)s), ARRAY(SELECT claim FROM made)
"""
OTHERS = f"""
SELECT m.key, m.claim, {STATE}, m.run, m.times, m.place, m.due, m.who, m.what, {SINCE}
FROM eightbyeight.message AS m WHERE m.campaign=%(campaign)s AND m.key=ANY(%(keys)s::text[]) ORDER BY m.key FOR UPDATE
"""
MEET = """
UPDATE eightbyeight.message AS m SET run=%(run)s, times=j.times, place=j.place, due=j.due
FROM unnest(%(keys)s::text[], %(times)s::integer[], %(places)s::bigint[], %(dues)s::float8[])
    AS j(key, times, place, due)
WHERE m.campaign=%(campaign)s AND m.key=j.key AND m.run<=%(run)s
"""
CLAIM_AGAIN = f"""
UPDATE eightbyeight.message AS m SET claim=j.claim, state=0, run=greatest(m.run, %(run)s), times=j.times, place=j.place,
    account=%(account)s, claimed={NOW}, scheduled=j.due, due=j.due, who=j.who, what=j.what,
    at=NULL, umid=NULL, batch=NULL, code=NULL, cancelled=NULL
FROM unnest(%(keys)s::text[], %(claims)s::bigint[], %(times)s::integer[], %(places)s::bigint[], %(dues)s::float8[],
            %(who)s::bigint[], %(what)s::bigint[]) AS j(key, claim, times, place, due, who, what)
WHERE m.campaign=%(campaign)s AND m.key=j.key
"""
RECORD = f"""
{TOUCHED}, written AS (
    UPDATE eightbyeight.message AS m SET state=j.state, umid=j.umid, batch=j.batch, code=j.code, at={NOW}
    FROM unnest(%(keys)s::text[], %(claims)s::bigint[], %(states)s::smallint[], %(umids)s::text[],
                %(batches)s::bigint[], %(codes)s::bigint[]) AS j(key, claim, state, umid, batch, code)
    WHERE m.campaign=%(campaign)s AND m.key=j.key AND m.claim=j.claim
          AND (m.state IN (0, 4) OR (m.state=5 AND j.state=1))
)
SELECT count(*) FROM touched
"""
BATCHES = """
INSERT INTO eightbyeight.batch (campaign, batch_id)
SELECT %(campaign)s, j.batch_id FROM unnest(%(ids)s::text[]) AS j(batch_id)
ON CONFLICT (campaign, batch_id) DO UPDATE SET batch_id=excluded.batch_id RETURNING batch_id, number
"""
OPT_OUT = f"""
UPDATE eightbyeight.message AS m SET state=6, at={NOW} WHERE m.campaign=%(campaign)s AND m.key=ANY(%(keys)s::text[])
"""
HOLDERS = f"""
SELECT m.who, min(m.key), max(m.key) FROM eightbyeight.message AS m
WHERE m.campaign=%(campaign)s AND m.who=ANY(%(numbers)s::bigint[]) AND ({HAS_MESSAGE} OR m.run=%(run)s) GROUP BY m.who
"""
NUMBER = "SELECT number FROM eightbyeight.account WHERE host=%(host)s AND subaccount_id=%(subaccount)s"
