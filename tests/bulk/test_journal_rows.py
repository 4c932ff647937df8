"""The rows that claims and results write. Their number decides how they are written, and not what is written."""

from __future__ import annotations

import itertools
import sqlite3
from typing import TYPE_CHECKING

import pytest

from eightbyeight_async.bulk import State
from eightbyeight_async.bulk.judging.message_keys import Identity
from eightbyeight_async.bulk.store.journal import Journal
from eightbyeight_async.bulk.store.journal_rows import MANY
from eightbyeight_async.bulk.store.records import CLAIMED, Account, Claim, Policy, Result

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

COUNTS = (1, 2, MANY - 1, MANY, MANY + 1, 2 * MANY + 3)
KEYS = ("m{}", 'q"{}', "back\\{}", "ключ-{}", "😀{}", "x'; --{}", "tab\t{}", "{}")
CLAIMS = "SELECT id, hash, key, who, place, what, scheduled, destination, text FROM message ORDER BY id"
OUTCOMES = (
    "SELECT m.id, m.state, m.umid, b.batch_id, m.code, m.at FROM message AS m LEFT JOIN batch AS b ON b.number=m.batch"
    " ORDER BY m.id"
)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    made = Journal(
        tmp_path / "run.db", "process", lambda: 1_000.0, account=Account("sms.8x8.com", "acme"), policy=Policy()
    )
    made.transact(made.begin_run)
    yield made
    made.close()


def claims(count: int, *, full: bool) -> list[Claim]:
    found = []
    for number, form in zip(range(count), itertools.cycle(KEYS), strict=False):
        odd = full and number % 3 != 1
        identity = Identity(form.format(number), 2**63 - 1 - number, -number if odd else 2**63 - 1, 7 if odd else None)
        found.append(
            Claim(
                id=2**40 + number,
                identity=identity,
                place=number,
                scheduled=1_767_000_000.123456 + number if odd else None,
                destination="+6581110001" if odd else None,
                text=f"Héllo\n{form.format(number)}" if odd else None,
            )
        )
    return found


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("count", COUNTS)
def test_a_claim_is_written_as_it_is(journal: Journal, tmp_path: Path, count: int, full: bool) -> None:
    given = claims(count, full=full)
    assert journal.transact(lambda: journal.claim(given)) == [CLAIMED] * count
    assert journal.sql.execute(CLAIMS).fetchall() == [claim.as_row() for claim in given]
    common = "SELECT DISTINCT state, run, times, account, claimed, at FROM message"
    assert journal.sql.execute(common).fetchall() == [(0, 1, 1, 1, 1_000.0, None)]
    assert not journal.sql.execute("SELECT 1 FROM message WHERE due IS NOT scheduled").fetchall()
    assert journal.verify(journal.head()) == (2**40 + count - 1, 1, count), "sums and guards fit"


@pytest.mark.parametrize("count", COUNTS)
def test_a_message_that_has_a_row_gets_no_second_one(journal: Journal, count: int) -> None:
    first, second = claims(count, full=False), claims(count, full=True)
    journal.transact(lambda: journal.claim(first))
    again = [claim._replace(id=claim.id + 2 * count) for claim in second]
    answers = journal.transact(lambda: journal.claim(again))
    assert [answer.state for answer in answers] == [State.INTENT] * count
    assert journal.sql.execute(CLAIMS).fetchall() == [claim.as_row() for claim in first]


@pytest.mark.parametrize("count", COUNTS)
def test_results_are_written_as_they_are(journal: Journal, count: int) -> None:
    given = claims(count, full=False)
    journal.transact(lambda: journal.claim(given))
    states = itertools.cycle([State.SENT, State.SENT, State.REJECTED, State.FAILED, State.UNKNOWN, State.NOT_SENT])
    umids = itertools.cycle(["9e1e3f5c", None, 'odd"\\', "ümid", "0"])
    batches, codes = (
        itertools.cycle(["b1", "b1", None, 'b"2']),
        itertools.cycle([None, 1002, None, -(2**63), 2**63 - 1]),
    )
    results = [
        Result(claim.id, claim.identity.key, claim.place, next(states), next(umids), next(batches), next(codes))
        for claim in given
    ]
    journal.transact(lambda: journal.record(results))
    expected = [(one.id, one.state, one.umid, one.batch_id, one.code, 1_000.0) for one in results]
    assert journal.sql.execute(OUTCOMES).fetchall() == expected
    assert journal.verify(journal.head())[2] == 0
    late = [one._replace(state=State.FAILED, umid="late", batch_id="late") for one in results]
    journal.transact(lambda: journal.record(late))
    assert journal.sql.execute(OUTCOMES).fetchall() == expected, "only an open claim takes an outcome"


@pytest.mark.parametrize(
    ("outcomes", "kept"),
    [
        ([(State.SENT, "a"), (State.SENT, "b")], (State.SENT, "a")),
        ([(State.SENT, "a"), (State.NOT_SENT, None)], (State.SENT, "a")),
        ([(State.NOT_SENT, None), (State.SENT, "a")], (State.SENT, "a")),
        ([(State.UNKNOWN, None), (State.SENT, "a")], (State.UNKNOWN, None)),
    ],
)
def test_of_two_outcomes_of_a_claim_the_first_counts_unless_it_says_unsent(
    journal: Journal, outcomes: list[tuple[State, str | None]], kept: tuple[State, str | None]
) -> None:
    (claim,) = claims(1, full=False)
    journal.transact(lambda: journal.claim([claim]))
    results = [Result(claim.id, claim.identity.key, 0, state, umid) for state, umid in outcomes]
    journal.transact(lambda: journal.record(results))
    assert journal.sql.execute("SELECT state, umid FROM message").fetchall() == [kept]


def test_a_row_that_sqlite_refuses_leaves_no_other(journal: Journal) -> None:
    given = claims(2 * MANY, full=False)
    given[-1] = given[-1]._replace(id=given[0].id)  # an id may occur only once
    with pytest.raises(Exception, match="cannot be written") as caught:
        journal.transact(lambda: journal.claim(given))
    assert isinstance(caught.value.__cause__, sqlite3.Error)
    assert journal.sql.execute("SELECT count(*) FROM message").fetchone() == (0,)
