"""Every statement of a ledger uses an index: on an empty table, on a table without statistics, and on a large table.

A few statements concern a whole campaign (counts, messages that an input lacked, witnesses for `reconcile`). They may
read the campaign's rows in any way.
"""

from __future__ import annotations

import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk.judging.deliveries import Delivery
from eightbyeight_async.bulk.judging.log_verdict import LogRow, Settlement
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.interface import CancelMark
from eightbyeight_async.bulk.store.records import Account, Cancellation, Claim, Met, Policy, Result
from eightbyeight_async.ledger.shared_pace import SharedPace
from eightbyeight_async.ledger.store import LedgerStore

if TYPE_CHECKING:
    from ledger.postgres import OwnDatabase

# These statements read a whole campaign.
WHOLE = ("count(*)", "floor(m.claimed", "NOT IN (5, 6) LIMIT 1", "WHERE campaign=%(campaign)s LIMIT 1", "umid=ANY")
# Tables with one row for each process, campaign, account or sub-account. They have few rows, so any way of reading is
# good.
SMALL = ("campaign", "session", "account", "pace", "meta", "version", "batch", "logged")


class Explained:
    """Runs EXPLAIN before each statement, in the same transaction. `read`: statement -> the parts of its plan that read
    row by row.
    """

    def __init__(self, connection: Any) -> None:
        self.connection = connection
        self.execute = connection._execute
        self.read: dict[str, set[str]] = {}
        self.plans: dict[str, str] = {}
        connection._execute = self

    def __call__(self, raw: Any, statement: str, values: Any) -> Any:
        words = statement.split()
        if words and words[0] in ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE") and "eightbyeight." in statement:
            plan = "\n".join(row[0] for row in raw.execute(b"EXPLAIN " + statement.encode(), values).fetchall())
            self.read[statement] = set(re.findall(r"Seq Scan on (\w+)", plan)) - set(SMALL)
            # The plan looks up each key of an array. It does not compare the key with every message of the campaign.
            self.read[statement] |= set(re.findall(r"(?:Join Filter|Hash Cond|Merge Cond): .*(?:key|claim)", plan))
            self.plans[statement] = plan
        return self.execute(raw, statement, values)


MANY = 3_000  # messages of one statement; for so many, PostgreSQL would by itself choose to read the whole table
ACCOUNT = Account("sms.8x8.com", "acme")


def fill(store: LedgerStore, number: int) -> None:
    """Adds messages of two campaigns beside the test's own."""
    store._rows(
        "INSERT INTO eightbyeight.message "
        "(campaign, key, claim, state, run, place, account, claimed, at, who, scheduled) "
        "SELECT c, 'filler ' || n, n, CASE n %% 50 WHEN 0 THEN 4 WHEN 1 THEN 0 ELSE 1 END, 1, n, 1, n, n, n, "
        "CASE n %% 10 WHEN 0 THEN n END "
        "FROM generate_series(1, %(number)s) AS n, unnest(ARRAY[%(campaign)s, -%(campaign)s]) AS c",
        number=number,
    )


def everything(url: str, name: str, rows: int, *, analysed: bool = False) -> Explained:
    """Calls every method of the store once, with a few messages."""
    with closing(LedgerStore(url, name, account=ACCOUNT, policy=Policy(one_per_number=True))) as store:
        return called(store, rows, analysed=analysed)


def called(store: LedgerStore, rows: int, *, analysed: bool) -> Explained:
    store.transact(store.begin_run)
    if rows:
        fill(store, rows)
    if analysed:
        store._db._connected().execute("ANALYZE eightbyeight.message")
    explained = Explained(store._db)
    requests = [
        SmsRequest(destination=f"+6581{place:06d}", text="Hi", client_message_id=f"m{place}") for place in range(MANY)
    ]
    identities = [store._keys.of(request) for request in requests]
    first = store.last_id

    def claims(begin: int, scheduled: float | None = None) -> list[Claim]:
        return [Claim(begin + place, one, place, scheduled) for place, one in enumerate(identities, 1)]

    store.transact(lambda: store.claim(claims(first, scheduled=9e9)))
    results = [
        Result(
            first + place + 1, one.key, place, State.UNKNOWN if place % 2 else State.SENT, f"u{place}", f"b{place % 3}"
        )
        for place, one in enumerate(identities)
    ]
    store.transact(lambda: store.record(results[:-10]))
    store.transact(lambda: store.claim(claims(first + MANY)))
    store.transact(lambda: store.known([Met(one, place) for place, one in enumerate(identities)]))
    opted = [claim._replace(opted_out=True) for claim in claims(first + 2 * MANY)]
    store.transact(lambda: store.claim(opted))
    store.transact(lambda: store.resolve("m1", State.SENT))
    store.transact(store.doubts)
    hashes = [store._keys.hash_of(f"m{place}") for place in range(50)]
    logged = [LogRow(hashes[place], f"m{place}", f"u{place}", False, 1.0, 1, True, f"m{place}") for place in range(50)]
    store.transact(lambda: store.note_log(logged))
    store.transact(lambda: store.evidence(9e9, 0.0))
    doubts = store.transact(lambda: store.doubtful(0))
    store.transact(lambda: store.settle([Settlement(doubt.id, State.SENT) for doubt in doubts[:5]], 1.0))
    store.transact(store.forget_log)
    store.transact(store.scheduled_counts)
    for batch in (True, False):
        targets = store.transact(lambda: store.to_cancel(0, batch=batch))  # noqa: B023
        store.transact(
            lambda: store.mark_cancel([Cancellation(one, CancelMark.REQUESTED, 1) for one in targets])  # noqa: B023
        )
    for state in (None, State.UNKNOWN, State.INTENT, State.SENT):
        store.transact(lambda: store.page(0, state))  # noqa: B023
    store.transact(lambda: store.found([f"m{place}" for place in range(50)]))
    told = [(0, f"m{place}", Delivery(umid=f"u{place}", state="delivered")) for place in range(MANY)]
    store.transact(lambda: store.note_deliveries(told))
    store.transact(lambda: store.open_deliveries(0.0, 9e9))
    store.transact(store.deliveries)
    store.transact(lambda: store.page(0, None))
    store.transact(lambda: store.keys_of_umids(["u1", "u2"]))
    store.transact(lambda: store.forget(0, 9e9))
    store.transact(store.missing)
    store.transact(store.stopped)
    store.transact(store.account)
    return explained


@pytest.mark.parametrize(("rows", "analysed"), [(0, False), (20_000, False), (20_000, True)])
def test_every_statement_goes_by_an_index(server: OwnDatabase, rows: int, analysed: bool) -> None:
    explained = everything(server.url, f"campaign {rows} {analysed}", rows, analysed=analysed)
    assert len(explained.read) > 25
    slow = {
        statement: explained.plans[statement]
        for statement, tables in explained.read.items()
        if tables and not any(part in statement for part in WHOLE)
    }
    assert not slow, "\n\n".join(f"{statement}\n{plan}" for statement, plan in slow.items())


def test_the_pace_is_one_row_by_its_key(server: OwnDatabase) -> None:
    pace = SharedPace(server.url, ACCOUNT, 100.0, patience=1.0)
    pace._row.ask(10, [(0.5, 0.0)])
    explained = Explained(pace._row._db)
    pace._row.ask(10, [(0.5, 0.0)])
    pace._row._db.close()
    assert len(explained.plans) == 2
    assert all("pace_pkey" in plan or "Seq Scan on pace" in plan for plan in explained.plans.values())
