"""The statements that claim messages and write their outcomes.

Rows are passed as arrays, one for each column. A statement that writes a claim or an outcome begins with `TOUCHED`: see
`store`.
"""

from __future__ import annotations

from eightbyeight_async.ledger.ledger_queries import HAS_MESSAGE, NOW, SINCE, STATE, each, write

__all__ = [
    "BATCHES",
    "BEGIN_SESSION",
    "CLAIM",
    "CLAIM_AGAIN",
    "END_SESSION",
    "HOLDERS",
    "MAKE",
    "MEET",
    "NUMBER",
    "OPT_OUT",
    "OTHERS",
    "RECORD",
    "STOP_LOST",
]

MAKE = f"""
INSERT INTO eightbyeight.campaign (name, salt, lease, made) VALUES (%(name)s, %(salt)s, %(lease)s, {NOW})
ON CONFLICT (name) DO NOTHING
"""
BEGIN_SESSION = f"""
INSERT INTO eightbyeight.session (campaign, host, pid, began, at, last)
VALUES (%(campaign)s, %(host)s, %(pid)s, {NOW}, {NOW}, 0) RETURNING id, began
"""
END_SESSION = f"UPDATE eightbyeight.session SET ended={NOW} WHERE id=%(session)s"
STOP_LOST = "UPDATE eightbyeight.campaign SET stopped=coalesce(stopped, %(why)s) WHERE id=%(campaign)s"
# This row shows whether the database lacks the last commits (a backup, a late replica): then its `last` is too low.
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
FROM unnest(%(keys)s::text[]) AS j(key) {each("key", more="FOR UPDATE")}
"""
MEET = write(
    "m.claim, m.state, m.umid, m.batch, m.code, %(run)s, j.times, j.place, m.account, m.scheduled, j.due, m.who, "
    "m.what, m.cancelled",
    "FROM unnest(%(keys)s::text[], %(times)s::integer[], %(places)s::bigint[], %(dues)s::float8[]) "
    f"AS j(key, times, place, due) {each('key')}",
    "run=excluded.run, times=excluded.times, place=excluded.place, due=excluded.due WHERE old.run<=excluded.run",
)
CLAIM_AGAIN = write(
    "j.claim, 0, NULL, NULL, NULL, %(run)s, j.times, j.place, %(account)s, j.due, j.due, j.who, j.what, NULL",
    "FROM unnest(%(keys)s::text[], %(claims)s::bigint[], %(times)s::integer[], %(places)s::bigint[], "
    "%(dues)s::float8[], %(who)s::bigint[], %(what)s::bigint[]) AS j(key, claim, times, place, due, who, what) "
    f"{each('key')}",
    f"claim=excluded.claim, state=0, run=greatest(old.run, excluded.run), times=excluded.times, place=excluded.place, "
    f"account=excluded.account, claimed={NOW}, scheduled=excluded.scheduled, due=excluded.due, who=excluded.who, "
    "what=excluded.what, at=NULL, umid=NULL, batch=NULL, code=NULL, cancelled=NULL",
)
_RECORDED = write(
    "j.claim, j.state, j.umid, j.batch, j.code, m.run, m.times, m.place, m.account, m.scheduled, m.due, m.who, m.what, "
    "m.cancelled",
    "FROM unnest(%(keys)s::text[], %(claims)s::bigint[], %(states)s::smallint[], %(umids)s::text[], "
    "%(batches)s::bigint[], %(codes)s::bigint[]) AS j(key, claim, state, umid, batch, code) "
    f"{each('key')} WHERE m.claim=j.claim",
    f"state=excluded.state, umid=excluded.umid, batch=excluded.batch, code=excluded.code, at={NOW} "
    "WHERE old.claim=excluded.claim AND (old.state IN (0, 4) OR (old.state=5 AND excluded.state=1))",
)
RECORD = f"{TOUCHED}, written AS ({_RECORDED}) SELECT count(*) FROM touched"
BATCHES = """
INSERT INTO eightbyeight.batch (campaign, batch_id)
SELECT %(campaign)s, j.batch_id FROM unnest(%(ids)s::text[]) AS j(batch_id)
ON CONFLICT (campaign, batch_id) DO UPDATE SET batch_id=excluded.batch_id RETURNING batch_id, number
"""
OPT_OUT = write(
    "m.claim, 6, m.umid, m.batch, m.code, m.run, m.times, m.place, m.account, m.scheduled, m.due, m.who, m.what, "
    "m.cancelled",
    f"FROM unnest(%(keys)s::text[]) AS j(key) {each('key')}",
    f"state=6, at={NOW}",
)
HOLDERS = f"""
SELECT j.who, m.low, m.high FROM unnest(%(numbers)s::bigint[]) AS j(who) CROSS JOIN LATERAL (
    SELECT min(m.key) AS low, max(m.key) AS high FROM eightbyeight.message AS m
    WHERE m.campaign=%(campaign)s AND m.who=j.who AND ({HAS_MESSAGE} OR m.run=%(run)s)
) AS m WHERE m.low IS NOT NULL
"""
NUMBER = "SELECT number FROM eightbyeight.account WHERE host=%(host)s AND subaccount_id=%(subaccount)s"
