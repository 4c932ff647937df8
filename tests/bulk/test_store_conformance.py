"""The promises of every store, one a test, for the journal and the ledger. A new store needs one more `Opens`.

The two stores differ in how long they hold a claim: a journal until its process ends, a ledger for the time of a lease.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk import Deliveries, Delivery, JournalError, State
from eightbyeight_async.bulk.judging.log_verdict import AROUND, Evidence, LoggedRow, LogRow, Settlement, Window
from eightbyeight_async.bulk.judging.message_keys import Keys
from eightbyeight_async.bulk.store.interface import CancelMark, OpenDeliveries, Store
from eightbyeight_async.bulk.store.journal import Journal
from eightbyeight_async.bulk.store.records import (
    CLAIMED,
    Account,
    Cancellation,
    CancelTarget,
    Claim,
    Claimed,
    MessageRow,
    Met,
    Policy,
    Result,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

NOTHING_AGAIN = Policy()
HERE, THERE = Account("sms.8x8.com", "acme"), Account("sms.8x8.com", "other")


class Clock:
    """The wall clock of a store."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


class Opens(Protocol):
    """Opens the store of this test. Each call opens the same store again."""

    def __call__(
        self, *, account: Account | None = HERE, policy: Policy = NOTHING_AGAIN, allow_changed_account: bool = False
    ) -> Store: ...


def sqlite(directory: Path, clock: Clock) -> Opens:
    def opened(
        *, account: Account | None = HERE, policy: Policy = NOTHING_AGAIN, allow_changed_account: bool = False
    ) -> Store:
        return Journal(
            directory / "run.db",
            "process",
            clock,
            account=account,
            policy=policy,
            allow_changed_account=allow_changed_account,
        )

    return opened


def postgres(url: str, name: str, clock: Clock) -> Opens:
    from eightbyeight_async.ledger.store import LedgerStore

    def opened(
        *, account: Account | None = HERE, policy: Policy = NOTHING_AGAIN, allow_changed_account: bool = False
    ) -> Store:
        return LedgerStore(
            url, name, account=account, policy=policy, allow_changed_account=allow_changed_account, clock=clock
        )

    return opened


class Harness:
    """A store, with short methods for the steps of a test. Claims are numbered as in a campaign."""

    def __init__(self, opens: Opens, clock: Clock, lease: float = 0.0) -> None:
        self._opens = opens
        self.clock = clock
        self.lease = lease
        self.umids = "umid"
        self.open()

    def after_death(self, **options: Any) -> Store:
        """Opens the store again after the claims of a dead process have ended."""
        self.clock.now += self.lease
        return self.again(**options)

    def open(self, *, begin: bool = True, **options: Any) -> Store:
        """Opens the store and, unless `begin` is false, begins a run."""
        self.store = self._opens(**options)
        self.keys = Keys(self.store.salt)
        self.next = self.store.last_id
        if begin:
            self.store.transact(self.store.begin_run)
        return self.store

    def again(self, **options: Any) -> Store:
        self.store.close()
        return self.open(**options)

    def identity(self, place: int, **fields: Any) -> Any:
        given = {"destination": f"+6581{place:06d}", "text": "Hi", "client_message_id": f"m{place}", **fields}
        return self.keys.of(SmsRequest(**given), given.pop("occurrence", 0))

    def claims(self, places: Sequence[int], scheduled: float | None = None, **fields: Any) -> list[Claim]:
        found = []
        for place in places:
            self.next += 1
            found.append(Claim(self.next, self.identity(place, **fields), place, scheduled))
        return found

    def claim(self, places: Sequence[int], scheduled: float | None = None, **fields: Any) -> list[Claimed]:
        given = self.claims(places, scheduled, **fields)
        return self.store.transact(lambda: self.store.claim(given))

    def add(
        self, state: State, places: Sequence[int], scheduled: float | None = None, batch_id: str | None = None
    ) -> list[Claim]:
        """Claims messages and records the state as their outcome."""
        given = self.claims(places, scheduled)
        assert self.store.transact(lambda: self.store.claim(given)) == [CLAIMED] * len(given)
        self.record([(claim, state) for claim in given], batch_id=batch_id)
        return given

    def record(self, outcomes: Sequence[tuple[Claim, State]], batch_id: str | None = None) -> None:
        results = [
            Result(claim.id, claim.identity.key, claim.place, state, f"{self.umids}-{claim.place}", batch_id, 7)
            for claim, state in outcomes
            if state is not State.INTENT
        ]
        self.store.transact(lambda: self.store.record(results))

    def known(self, places: Sequence[int], **fields: Any) -> dict[int, State]:
        met = [Met(self.identity(place, **fields), place) for place in places]
        return self.store.transact(lambda: self.store.known(met))

    def counts(self) -> dict[str, int]:
        """Returns the counts of `status` that are not 0."""
        return {name: count for name, count in self.store.status(self.clock.now).as_dict().items() if count}

    def rows(self, state: State | None = None) -> list[MessageRow]:
        found: list[MessageRow] = []
        last = 0
        while page := self.store.page(last, state):
            found += [row for _, row in page]
            last = page[-1][0]
        return found

    def states(self) -> dict[str, State]:
        return {row.key: row.state for row in self.rows()}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=["sqlite", "postgres"])
def h(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Any:
    if request.param == "sqlite":
        harness = Harness(sqlite(tmp_path, clock), clock)
    else:
        url = request.getfixturevalue("postgres")
        harness = Harness(postgres(url, f"{request.node.name} {tmp_path}"[-200:], clock), clock, lease=120.0)
    yield harness
    harness.store.close()


# --- A run


def test_a_run_is_the_first_as_long_as_nothing_was_claimed(h: Harness) -> None:
    for _ in range(2):
        h.again(begin=False)
        assert h.store.transact(h.store.begin_run) is True
    h.claim([0])
    h.again(begin=False)
    assert h.store.transact(h.store.begin_run) is False


def test_nothing_is_claimed_before_a_run_began(h: Harness) -> None:
    h.again(begin=False)
    with pytest.raises(JournalError):
        h.claim([0])
    assert h.rows() == []


def test_nothing_is_claimed_without_an_account(h: Harness) -> None:
    h.again(account=None)
    with pytest.raises(JournalError):
        h.claim([0])
    assert h.rows() == []


def test_the_salt_and_the_numbers_outlast_the_session(h: Harness) -> None:
    salt = h.store.salt
    last = h.add(State.SENT, range(3))[-1].id
    assert h.again().salt == salt
    assert h.store.last_id >= last, "no claim number comes twice"


# --- Claims


def test_new_messages_are_claimed_in_their_order(h: Harness) -> None:
    assert h.claim([3, 1, 2]) == [CLAIMED] * 3
    assert [row.place for row in h.rows()] == [3, 1, 2]
    assert h.store.claim([]) == []


def test_the_claim_of_a_person_who_has_opted_out_is_journaled_and_not_granted(h: Harness) -> None:
    """A sent or unknown message keeps its state. If the person is back, a later run may claim the message."""
    h.add(State.SENT, [0])
    h.add(State.UNKNOWN, [1])
    h.add(State.NOT_SENT, [2])

    def claim(places: Sequence[int]) -> list[Claimed]:
        given = [claim._replace(opted_out=True) for claim in h.claims(places)]
        return h.store.transact(lambda: h.store.claim(given))

    h.again(policy=Policy(resend_unknown=True, resend_failed=True, one_per_number=True))
    answers = claim(range(5))
    assert [answer.state for answer in answers] == [State.SENT, State.UNKNOWN, *[State.OPTED_OUT] * 3]
    assert [answer.opted_out for answer in answers] == [False, False, True, True, True]
    assert [answer.copies for answer in claim([4])] == [1], "a copy within the run is a duplicate"
    assert h.counts() == {"total": 5, "sent": 1, "unknown": 1, "opted_out": 3}
    h.again()
    assert h.known(range(5)) == {0: State.SENT, 1: State.UNKNOWN}
    assert [(one.state, one.before) for one in h.claim([3, 4])] == [(None, State.OPTED_OUT)] * 2


def test_a_released_claim_can_be_claimed_again(h: Harness) -> None:
    (first,) = h.add(State.NOT_SENT, [0])
    assert h.claim([0]) == [CLAIMED]
    (row,) = h.rows()
    assert (row.state, row.umid, row.code) == (State.INTENT, None, None)
    # The first claim has ended, so its late outcome is ignored.
    h.record([(first, State.SENT)])
    assert h.states() == {"m0": State.INTENT}


@pytest.mark.parametrize("state", [State.SENT, State.REJECTED, State.FAILED, State.UNKNOWN, State.INTENT])
def test_what_an_earlier_run_settled_is_not_claimed(h: Harness, state: State) -> None:
    h.add(state, [0])
    h.after_death()
    settled = State.UNKNOWN if state is State.INTENT else state
    assert h.claim([0]) == [Claimed(settled, copies=0, place=0)]
    # This run has now seen the message, so the next claim is a copy.
    assert h.claim([0]) == [Claimed(settled, copies=1, place=0)]


@pytest.mark.parametrize(
    ("policy", "released"),
    [
        (Policy(), set()),
        (Policy(resend_unknown=True), {State.UNKNOWN}),
        (Policy(resend_failed=True), {State.REJECTED, State.FAILED}),
        (Policy(resend_unknown=True, resend_failed=True), {State.UNKNOWN, State.REJECTED, State.FAILED}),
    ],
)
def test_which_settled_messages_are_claimed_again(h: Harness, policy: Policy, released: set[State]) -> None:
    states = [State.SENT, State.REJECTED, State.FAILED, State.UNKNOWN, State.NOT_SENT]
    for place, state in enumerate(states):
        h.add(state, [place])
    # The run that settled the messages does not claim them again.
    assert [answer.state for answer in h.claim(range(4))] == states[:4]
    h.again(policy=policy)
    known = h.known(range(5))
    assert set(known.values()) == set(states) - released - {State.NOT_SENT}
    left = [place for place in range(5) if place not in known]
    before = {place: None if states[place] is State.NOT_SENT else states[place] for place in left}
    assert h.claim(left) == [Claimed(None, before=before[place]) for place in left]


def test_the_same_message_twice_in_one_group_is_claimed_once(h: Harness) -> None:
    assert h.claim([0, 1, 0, 0]) == [CLAIMED, CLAIMED, Claimed(State.INTENT, copies=1), Claimed(State.INTENT, copies=2)]
    assert len(h.rows()) == 2


def test_a_released_message_twice_in_one_group_is_claimed_once(h: Harness) -> None:
    h.add(State.NOT_SENT, [0])
    h.again()
    first, second = h.claim([0, 0])
    assert (first, second.state, second.copies) == (CLAIMED, State.INTENT, 1)
    assert len(h.rows()) == 1


def test_an_id_with_another_number_or_text_is_told(h: Harness) -> None:
    h.claim([0])
    for fields in ({"text": "Ho"}, {"destination": "+6582000000"}, {"source": "ACME"}):
        (answer,) = h.claim([0], **fields)
        assert (answer.state, answer.same_content, answer.place) == (State.INTENT, False, 0)


def test_an_id_with_another_text_in_a_later_run_is_settled(h: Harness) -> None:
    """The id is the same, so the message is known, even if a corrected template changes its text."""
    h.add(State.SENT, [0])
    h.again()
    assert h.known([0], text="Ho") == {0: State.SENT}


def test_the_time_of_a_message_is_compared_to_the_second(h: Harness) -> None:
    h.claim([0], scheduled=5_000.0)
    answers = [h.claim([0], scheduled=scheduled)[0].same_time for scheduled in (5_000.4, 5_001.0, None)]
    assert answers == [True, False, False]


def test_occurrences_of_the_same_content_are_messages_of_their_own(h: Harness) -> None:
    request = SmsRequest(destination="+6581000000", text="Hi")
    ids = [h.keys.of(request, occurrence) for occurrence in range(3)]
    given = [Claim(h.next + number + 1, one, number) for number, one in enumerate(ids)]
    assert h.store.transact(lambda: h.store.claim(given)) == [CLAIMED] * 3
    assert len({one.key for one in ids}) == 3


def test_place_and_schedule_are_those_of_the_run_that_met_a_message_last(h: Harness) -> None:
    h.add(State.SENT, [4], scheduled=5_000.0)
    h.again()
    met = [Met(h.identity(4), 9, 6_000.0)]
    assert h.store.transact(lambda: h.store.known(met)) == {9: State.SENT}
    (row,) = h.rows()
    assert (row.place, row.scheduled) == (9, 5_000.0), "scheduled stays what was sent"
    given = [Claim(h.store.last_id + 1, h.identity(4), 10, 6_000.0)]
    assert h.store.transact(lambda: h.store.claim(given))[0].same_time


def test_known_counts_a_message_once_and_knows_no_new_ones(h: Harness) -> None:
    h.add(State.SENT, [0, 1])
    h.again()
    met = [Met(h.identity(place), index) for index, place in enumerate([0, 0, 1, 2])]
    assert h.store.transact(lambda: h.store.known(met)) == {0: State.SENT, 2: State.SENT}
    assert h.known([]) == {}


# --- Outcomes


@pytest.mark.parametrize("state", [State.SENT, State.REJECTED, State.FAILED, State.UNKNOWN, State.NOT_SENT])
def test_an_outcome_is_written_with_all_that_is_known_of_it(h: Harness, state: State) -> None:
    (claim,) = h.claims([0])
    h.store.transact(lambda: h.store.claim([claim]))
    h.clock.now = 1_005.5
    h.record([(claim, state)], batch_id="b1")
    (row,) = h.rows()
    assert row == MessageRow(
        key="m0", place=0, state=state, umid="umid-0", batch_id="b1", code=7, claimed_at=1_000.0, at=1_005.5
    )


def test_the_first_outcome_stays(h: Harness) -> None:
    (claim,) = h.add(State.SENT, [0])
    h.record([(claim, State.NOT_SENT)])
    assert h.states() == {"m0": State.SENT}


def test_an_outcome_of_a_claim_that_was_never_made_changes_nothing(h: Harness) -> None:
    h.add(State.SENT, [0])
    h.record([(Claim(99, h.identity(5), 5), State.SENT)])
    assert h.states() == {"m0": State.SENT}


def test_claims_without_an_outcome_are_unknown_when_the_store_is_opened_again(h: Harness) -> None:
    h.claim([0, 1])
    assert h.counts() == {"total": 2, "in_flight": 2}
    h.clock.now = 2_000.0
    h.again()
    assert h.counts() == {"total": 2, "unknown": 2}
    ended = 1_000.0 + h.lease if h.lease else 2_000.0
    assert [(row.claimed_at, row.at) for row in h.rows()] == [(1_000.0, ended)] * 2


def test_numbers_and_texts_are_kept_only_if_given_and_never_in_a_ledger(h: Harness) -> None:
    given = [Claim(h.next + 1, h.identity(0), 0), Claim(h.next + 2, h.identity(1), 1, None, "+6581000001", "Hi")]
    h.store.transact(lambda: h.store.claim(given))
    kept = (None, None) if h.lease else ("+6581000001", "Hi")
    assert [(row.destination, row.text) for row in h.rows()] == [(None, None), kept]


def test_messages_that_the_input_lacked_are_counted(h: Harness) -> None:
    h.add(State.SENT, range(5))
    assert h.store.transact(h.store.missing) == 0
    h.store.transact(lambda: h.store.set_meta("expected", 9))
    assert h.counts()["total"] == 9
    h.again()
    h.known([0, 1])
    h.claim([2, 7])
    assert h.store.transact(h.store.missing) == 2
    assert h.counts()["total"] == 6


# --- Reading


def test_status_counts_by_what_became_of_them(h: Harness) -> None:
    places = iter(range(100))

    def some(number: int) -> list[int]:
        return [next(places) for _ in range(number)]

    for number, state in enumerate((State.SENT, State.REJECTED, State.FAILED, State.UNKNOWN, State.NOT_SENT), 1):
        h.add(state, some(number))
    h.add(State.INTENT, some(6))
    h.add(State.SENT, some(7), scheduled=5_000.0)
    h.store.transact(lambda: h.store.set_meta("expected", 40))
    expected = {"sent": 1, "rejected": 2, "failed": 3, "unknown": 4, "in_flight": 6, "waiting": 7}
    assert h.counts() == {"total": 40, "not_sent": 5 + 12, **expected}
    h.clock.now = 5_000.0
    assert h.counts()["sent"] == 8
    assert "waiting" not in h.counts()


def test_an_empty_store_counts_nothing(h: Harness) -> None:
    assert h.counts() == {}
    assert h.rows() == []


def test_pages_come_in_the_order_of_the_claims_and_by_state(h: Harness) -> None:
    h.add(State.SENT, range(1_500))
    h.add(State.FAILED, range(1_500, 1_600))
    h.add(State.SENT, range(1_600, 2_100))
    assert [row.place for row in h.rows()] == list(range(2_100))
    assert [row.place for row in h.rows(State.FAILED)] == list(range(1_500, 1_600))
    assert h.rows(State.UNKNOWN) == []


@pytest.mark.parametrize("value", ["text", b"bytes\0", 7, ""])
def test_meta_keeps_a_value(h: Harness, value: object) -> None:
    assert h.store.meta("fingerprint") is None
    assert h.store.meta("fingerprint", "default") == "default"
    h.store.transact(lambda: h.store.set_meta("fingerprint", "before"))
    h.store.transact(lambda: h.store.set_meta("fingerprint", value))
    assert h.again().meta("fingerprint") == value


# --- Transactions


def test_a_transaction_that_fails_writes_nothing_and_can_be_run_again(h: Harness) -> None:
    """A store may run a group again after a conflict. Nothing of the first try may be left anywhere."""
    h.add(State.NOT_SENT, [0])
    h.again(begin=False)
    h.store.transact(h.store.begin_run)
    first = h.claims([0, 1])
    fails = [True]

    def body() -> list[Claimed]:
        answers = h.store.claim(first)
        h.store.record([Result(first[1].id, "m1", 1, State.SENT, "umid-1")])
        h.store.set_meta("fingerprint", "x")
        if fails.pop():
            raise LookupError("lost")
        return answers

    with pytest.raises(LookupError):
        h.store.transact(body)
    assert h.states() == {"m0": State.NOT_SENT}
    assert h.store.meta("fingerprint") is None
    fails.append(False)
    assert h.store.transact(body) == [CLAIMED, CLAIMED]
    assert h.states() == {"m0": State.INTENT, "m1": State.SENT}
    h.after_death()
    assert h.known([0, 1]) == {0: State.UNKNOWN, 1: State.SENT}


def test_the_first_claim_of_all_can_be_run_again(h: Harness) -> None:
    """The account is written in the same transaction."""
    given = h.claims([0])

    def body() -> None:
        h.store.claim(given)
        raise LookupError("lost")

    with pytest.raises(LookupError):
        h.store.transact(body)
    assert h.store.transact(lambda: h.store.claim(given)) == [CLAIMED]
    h.after_death()
    assert h.store.doubts().number == 1
    h.store.close()
    with pytest.raises(JournalError, match="other"):
        h.open(account=THERE)
    h.open()


def test_a_run_that_could_not_begin_can_begin_again(h: Harness) -> None:
    h.add(State.SENT, [0])
    h.again(begin=False)

    def body() -> None:
        h.store.begin_run()
        raise LookupError("lost")

    with pytest.raises(LookupError):
        h.store.transact(body)
    with pytest.raises(JournalError):
        h.claim([1])
    h.store.transact(h.store.begin_run)
    assert h.known([0]) == {0: State.SENT}
    assert h.claim([1]) == [CLAIMED]


# --- Settling


def test_a_message_is_resolved_by_its_key_if_it_is_unknown(h: Harness) -> None:
    h.add(State.UNKNOWN, [0, 1])
    h.add(State.FAILED, [2])
    h.clock.now = 3_000.0

    def resolve(key: str, state: State) -> bool:
        return h.store.transact(lambda: h.store.resolve(key, state))

    assert resolve("m0", State.SENT)
    assert resolve("m1", State.NOT_SENT)
    assert not any(resolve(key, State.SENT) for key in ("m0", "m1", "m2", "nobody", ""))
    assert h.states() == {"m0": State.SENT, "m1": State.NOT_SENT, "m2": State.FAILED}
    assert [row.at for row in h.rows()] == [3_000.0, 3_000.0, 1_000.0]


def test_doubts_are_told_as_a_whole(h: Harness) -> None:
    assert h.store.doubts() == Window(0)
    h.add(State.UNKNOWN, [0])
    h.clock.now = 1_100.0
    claims = h.claims([1])
    h.store.transact(lambda: h.store.claim(claims))
    h.clock.now = 1_130.0
    h.record([(claims[0], State.UNKNOWN)])
    h.add(State.SENT, [2])
    assert h.store.doubts() == Window(2, 0, 1_000.0, 1_100.0, 1_130.0)


def two_accounts(h: Harness) -> None:
    h.add(State.UNKNOWN, [0], scheduled=9_000.0)
    h.add(State.SENT, [1], scheduled=9_000.0)
    h.again(account=THERE, allow_changed_account=True)
    h.add(State.UNKNOWN, [2, 3], scheduled=9_000.0)
    h.add(State.SENT, [4, 5], scheduled=9_000.0)


def test_settling_looks_at_one_accounts_messages_only(h: Harness) -> None:
    two_accounts(h)
    for account, own, others in ((THERE, 2, 1), (HERE, 1, 2), (Account("x", "y"), 0, 3)):
        h.again(account=account, allow_changed_account=True, begin=False)
        window = h.store.doubts()
        assert (window.number, window.elsewhere) == (own, others)
        assert len(h.store.doubtful(0)) == own
        assert h.store.scheduled_counts() == (0, own, others)
        assert len(h.store.to_cancel(0, batch=False)) == own
        held = h.store.transact(lambda: h.store.evidence(1e6, 0.0))
        assert sum(one.lacking for one in held.values()) == own


def log_row(h: Harness, place: int, **fields: Any) -> LogRow:
    key = f"m{place}"
    given = {"umid": f"umid-{place}", "refused": False, "created": 1_000.5, "who": 5, "ours": True, "form": key}
    return LogRow(hash=h.keys.hash_of(key), key=key, **{**given, **fields})


def test_rows_of_the_log_are_kept_with_their_messages_until_they_are_forgotten(h: Harness) -> None:
    claims = h.add(State.UNKNOWN, [0, 1])
    h.add(State.FAILED, [2])
    rows = [
        log_row(h, 0),
        log_row(h, 0, umid="u2", refused=True, created=None, who=None, ours=False),
        log_row(h, 2),
        log_row(h, 9),
        log_row(h, 1)._replace(hash=h.keys.hash_of("M1"), key="M1"),
    ]
    h.store.transact(lambda: h.store.note_log(rows))
    one, two = h.store.doubtful(0)
    assert (one.id, one.claimed, one.since, one.scheduled) == (claims[0].id, 1_000.0, 1_000.0, None)
    assert (one.who, one.umid) == (claims[0].identity.who, "umid-0")
    assert one.rows == (
        LoggedRow("umid-0", False, 1_000.5, 5, True),
        LoggedRow("u2", True, None, None, False),
    )
    assert two.rows == (LoggedRow("umid-1", False, 1_000.5, 5, True, exact=False),)
    h.store.transact(h.store.forget_log)
    h.store.transact(h.store.forget_log)
    h.store.transact(lambda: h.store.note_log([log_row(h, 1)]))
    assert [len(doubt.rows) for doubt in h.store.doubtful(0)] == [0, 1]


def test_doubtful_messages_come_in_pages(h: Harness) -> None:
    claims = h.add(State.UNKNOWN, range(1_200))
    h.store.transact(lambda: h.store.note_log([log_row(h, 0)]))
    found, last = [], 0
    while page := h.store.doubtful(last):
        found += page
        last = page[-1].id
    assert [doubt.id for doubt in found] == [claim.id for claim in claims]


def test_accepted_messages_are_witnesses_by_the_hour_of_their_claim(h: Harness) -> None:
    h.clock.now = 10 * AROUND + 100
    claims = h.claims([0, 1, 2])
    h.store.transact(lambda: h.store.claim(claims))
    h.clock.now += 2.0
    h.record([(claim, State.SENT) for claim in claims])
    h.clock.now = 12 * AROUND
    h.add(State.SENT, [3])
    h.add(State.REJECTED, [4])
    rows = [
        log_row(h, 0, created=10 * AROUND + 105, umid="UMID-0"),
        log_row(h, 1, created=10 * AROUND + 106),
        log_row(h, 2, umid="another message's"),
        log_row(h, 3, ours=False),
        log_row(h, 4),
    ]
    h.store.transact(lambda: h.store.note_log(rows))

    def evidence(asked_at: float, lag: float) -> dict[int, Evidence]:
        return h.store.transact(lambda: h.store.evidence(asked_at, lag))

    assert evidence(13 * AROUND, 60.0) == {
        10: Evidence(2, 1, (4.0, 5.0)),
        12: Evidence(0, 1, None),
    }
    # An accepted message younger than the lag may still be missing from the log.
    assert evidence(12 * AROUND + 59, 60.0)[12] == Evidence(0, 0, None)


def test_scheduled_and_cancelled_and_hand_settled_messages_are_weaker_witnesses(h: Harness) -> None:
    h.add(State.SENT, [0, 1], scheduled=8_000.0)
    h.add(State.SENT, [2], scheduled=1_500.0)
    h.add(State.UNKNOWN, [3])
    h.store.transact(lambda: h.store.resolve("m3", State.SENT))
    targets = h.store.to_cancel(0, batch=False)
    h.store.transact(lambda: h.store.mark_cancel([Cancellation(targets[2], CancelMark.CANCELLED)]))
    h.store.transact(lambda: h.store.note_log([log_row(h, 0)]))
    held = h.store.transact(lambda: h.store.evidence(7_000.0, 60.0))
    # 0 counts, but a scheduled message shows nothing about the clocks. 1 is not due, 2 is cancelled. 3 got its umid
    # from `resolve`, not from an answer.
    assert held == {0: Evidence(1, 0 + 1, None)}


def test_verdicts_settle_what_is_unknown_and_nothing_else(h: Harness) -> None:
    claims = [*h.add(State.UNKNOWN, [0, 1]), *h.add(State.SENT, [2])]
    settlements = [
        Settlement(claims[0].id, State.SENT, "from the log"),
        Settlement(claims[1].id, State.NOT_SENT),
        Settlement(claims[2].id, State.REJECTED, "x"),
        Settlement(999, State.SENT),
    ]
    h.store.transact(lambda: h.store.settle(settlements, 7_000.0))
    h.store.transact(lambda: h.store.settle([], 8_000.0))
    assert h.states() == {"m0": State.SENT, "m1": State.NOT_SENT, "m2": State.SENT}
    assert [(row.umid, row.at) for row in h.rows()] == [
        ("umid-0", 7_000.0), ("umid-1", 7_000.0), ("umid-2", 1_000.0)
    ]  # fmt: skip


# --- Cancelling


def marks(h: Harness, targets: Sequence[CancelTarget], mark: int) -> None:
    h.store.transact(lambda: h.store.mark_cancel([Cancellation(target, mark) for target in targets]))


def test_batches_and_single_messages_are_to_cancel_until_they_are_done(h: Harness) -> None:
    h.add(State.SENT, range(5), scheduled=9_000.0, batch_id="b1")
    h.add(State.SENT, range(5, 8), scheduled=9_000.0, batch_id="b2")
    h.add(State.SENT, [8], batch_id="b2")
    singles = h.add(State.SENT, [10, 11], scheduled=9_000.0)
    h.add(State.SENT, [12])
    h.add(State.REJECTED, [13], scheduled=9_000.0)
    h.add(State.UNKNOWN, [14], scheduled=9_000.0)
    batches = h.store.to_cancel(0, batch=True)
    assert [(one.name, one.messages, one.asked, one.batch) for one in batches] == [
        ("b1", 5, False, True), ("b2", 3, False, True)
    ]  # fmt: skip
    found = h.store.to_cancel(0, batch=False)
    assert found == [CancelTarget(one.id, f"umid-{one.place}", 1, False, False) for one in singles]
    assert h.store.to_cancel(found[0].number, batch=False) == found[1:]
    assert h.store.to_cancel(batches[1].number, batch=True) == []
    assert h.store.scheduled_counts() == (0, 1, 0)
    # The cancel was requested and its answer was lost: it is repeated, and `asked` is True.
    marks(h, [*batches, *found], CancelMark.REQUESTED)
    assert [one.asked for one in (*h.store.to_cancel(0, batch=True), *h.store.to_cancel(0, batch=False))] == [True] * 4
    marks(h, [batches[0]], CancelMark.CANCELLED)
    marks(h, [found[0]], CancelMark.TOO_LATE)
    marks(h, [found[1]], CancelMark.UNCLEAR)
    assert [one.name for one in h.store.to_cancel(0, batch=True)] == ["b2"]
    assert h.store.to_cancel(0, batch=False) == []
    assert h.store.scheduled_counts() == (7, 1, 0)
    # A cancelled message stays cancelled.
    marks(h, [batches[0], *found], CancelMark.REQUESTED)
    assert h.store.scheduled_counts() == (7, 1, 0)
    # The answer for b2 is still missing. For the two single messages, nothing was left to cancel.
    assert h.counts() == {"total": 14, "sent": 4, "waiting": 3, "cancelled": 5, "rejected": 1, "unknown": 1}


def test_of_a_batch_that_was_cancelled_in_part_so_many_are_cancelled(h: Harness) -> None:
    h.add(State.SENT, range(10), scheduled=9_000.0, batch_id="b1")
    (batch,) = h.store.to_cancel(0, batch=True)
    marks(h, [batch], CancelMark.REQUESTED)
    h.store.transact(lambda: h.store.mark_cancel([Cancellation(batch, CancelMark.UNCLEAR, 4)]))
    assert h.counts() == {"total": 10, "sent": 6, "cancelled": 4}
    assert h.store.scheduled_counts() == (10, 0, 0)
    assert h.again().status(9_999.0).cancelled == 4


def test_a_message_that_is_claimed_again_is_to_cancel_again(h: Harness) -> None:
    h.add(State.NOT_SENT, [0], scheduled=9_000.0)
    h.again()
    h.add(State.SENT, [0], scheduled=9_000.0)
    assert [one.name for one in h.store.to_cancel(0, batch=False)] == ["umid-0"]


# --- Deliveries


@pytest.fixture
def d(h: Harness, tmp_path: Path) -> Harness:
    """Umids of this test's own, because a ledger has one row for a umid, across all campaigns."""
    h.umids = f"umid {tmp_path}"
    return h


def news(d: Harness, place: int, state: str = "delivered", **fields: Any) -> tuple[str, Delivery]:
    return f"m{place}", Delivery(**{"umid": f"{d.umids}-{place}", "state": state, **fields})


def note(d: Harness, *several: tuple[str, Delivery]) -> int:
    given = [(d.keys.hash_of(key), key, one) for key, one in several]
    return d.store.transact(lambda: d.store.note_deliveries(given))


def open_deliveries(d: Harness, after: float = 0.0) -> OpenDeliveries:
    return d.store.transact(lambda: d.store.open_deliveries(after, d.clock.now))


def test_deliveries_are_open_until_their_state_is_final(d: Harness) -> None:
    d.add(State.SENT, [0, 1])
    d.clock.now = 2_000.0
    d.add(State.SENT, [2])
    d.add(State.UNKNOWN, [3])
    d.add(State.REJECTED, [4])
    assert open_deliveries(d) == OpenDeliveries(3, 1_000.0, 2_000.0)
    assert note(d, news(d, 0), news(d, 1, "sent"), news(d, 2, "queued")) == 3
    assert open_deliveries(d) == OpenDeliveries(2, 1_000.0, 2_000.0)
    assert open_deliveries(d, after=1_000.0) == OpenDeliveries(1, 2_000.0, 2_000.0)
    assert note(d, news(d, 1), news(d, 2, "undelivered")) == 2
    assert open_deliveries(d) == OpenDeliveries(0)


def test_deliveries_of_another_account_of_cancelled_messages_and_before_their_time_are_not_open(d: Harness) -> None:
    d.add(State.SENT, [0], scheduled=5_000.0)
    d.add(State.SENT, [1], scheduled=5_000.0, batch_id="b")
    assert open_deliveries(d).number == 0
    targets = d.store.transact(lambda: d.store.to_cancel(0, batch=True))
    d.store.transact(lambda: d.store.mark_cancel([Cancellation(one, CancelMark.CANCELLED) for one in targets]))
    d.clock.now = 5_000.0
    assert open_deliveries(d).number == 1
    assert d.store.deliveries().accepted == 1
    d.again(account=THERE, allow_changed_account=True)
    d.claim([7])
    assert open_deliveries(d).number == 0


def test_deliveries_are_counted_by_what_they_mean(d: Harness) -> None:
    d.add(State.SENT, range(7))
    d.add(State.FAILED, [9])
    euro = {"parts": 2, "price": Decimal("0.10"), "currency": "EUR"}
    dollar = {**euro, "currency": "USD"}
    found = [
        news(d, 0, "read", **euro), news(d, 1, **euro), news(d, 2, **dollar),
        news(d, 3, detail="delivered_to_operator"), news(d, 4, "undelivered", code="14"), news(d, 5, "flying", parts=3),
    ]  # fmt: skip
    assert note(d, *found) == 6
    assert d.store.deliveries() == Deliveries(
        accepted=7, read=1, delivered=2, with_operator=1, undelivered=1, on_its_way=1, no_news=1, parts=9,
        prices={"EUR": Decimal("0.20"), "USD": Decimal("0.10")}, priced=3,
    )  # fmt: skip


def test_a_row_has_its_delivery_and_news_come_in_any_order(d: Harness) -> None:
    d.add(State.SENT, [0, 1])
    last = news(d, 0, umid=f"{d.umids}-0".upper(), at=30.0, detail="on the phone")
    for _ in range(2):
        note(d, last)
        note(d, news(d, 0, "sent", at=20.0, country="SG", operator="Singtel", reason="none", code="0", parts=1))
    first, second = d.rows()
    assert second.delivery is None
    found = first.delivery
    assert found is not None
    assert (found.state, found.detail, found.at, found.country, found.operator, found.parts) == (
        "delivered", "on the phone", 30.0, "SG", "Singtel", 1,
    )  # fmt: skip


@pytest.mark.parametrize("odd", ["m\0", "m\ud800", "'); DROP TABLE message", ""])
def test_news_about_other_messages_are_dropped(d: Harness, odd: str) -> None:
    d.add(State.SENT, [0])
    d.add(State.FAILED, [1])
    others = [
        news(d, 0, umid="another"),
        news(d, 1),
        (odd, Delivery(umid=f"{d.umids}-0", state="delivered")),
        ("m0", Delivery(umid=f"{d.umids}{odd}", state="delivered")),
    ]
    assert note(d, *others) == 0
    assert note(d) == 0
    assert d.store.deliveries().no_news == 1
    assert [row.delivery for row in d.rows()] == [None, None]


def test_news_of_a_message_that_may_have_been_sent_are_kept_for_the_umid_that_is_found_later(d: Harness) -> None:
    (claim,) = d.claims([0])
    d.store.transact(lambda: d.store.claim([claim]))
    unknown = Result(claim.id, claim.identity.key, 0, State.UNKNOWN)
    d.store.transact(lambda: d.store.record([unknown]))
    assert note(d, news(d, 0)) == 1
    assert [row.delivery for row in d.rows()] == [None]
    (doubt,) = d.store.transact(lambda: d.store.doubtful(0))
    d.store.transact(lambda: d.store.settle([Settlement(doubt.id, State.SENT, f"{d.umids}-0")], d.clock.now))
    assert [row.delivery and row.delivery.outcome for row in d.rows()] == ["delivered"]
    assert d.store.deliveries().delivered == 1


def test_a_message_is_found_by_its_umid(d: Harness) -> None:
    d.add(State.SENT, [0, 1])
    d.add(State.UNKNOWN, [2])
    asked = [f"{d.umids}-0", f"{d.umids}-2", "none", "\0", "\ud800"]
    found = d.store.transact(lambda: d.store.keys_of_umids(asked))
    assert found == {f"{d.umids}-0": (d.keys.hash_of("m0"), "m0")}
