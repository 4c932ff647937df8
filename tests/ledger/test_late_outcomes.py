"""Outcomes that come late, twice, or for a message that another claim holds now. The number of the claim decides."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.records import Account, Claim, Result
from eightbyeight_async.ledger.store import LedgerStore

if TYPE_CHECKING:
    from collections.abc import Iterator

REQUEST = SmsRequest(destination="+6581000001", text="Hi", client_message_id="key")


@pytest.fixture
def stores(postgres: str, name: str) -> Iterator[list[LedgerStore]]:
    """Two processes of one campaign."""
    account = Account("sms.8x8.com", "acme")
    with (
        closing(LedgerStore(postgres, name, account=account)) as one,
        closing(LedgerStore(postgres, name, account=account)) as two,
    ):
        for store in (one, two):
            store.transact(store.begin_run)
        yield [one, two]


def claim(store: LedgerStore) -> int:
    number = store.last_id + 1
    made = Claim(number, store._keys.of(REQUEST), 0)
    (answer,) = store.transact(lambda: store.claim([made]))
    assert answer.state is None
    return number


def record(store: LedgerStore, *outcomes: tuple[int, State]) -> None:
    results = [Result(number, "key", 0, state, f"umid {state.name}") for number, state in outcomes]
    store.transact(lambda: store.record(results))


def state(store: LedgerStore) -> State:
    return store.found(["key"])["key"].state


def test_the_first_of_two_outcomes_in_one_group_stays(stores: list[LedgerStore]) -> None:
    number = claim(stores[0])
    record(stores[0], (number, State.SENT), (number, State.UNKNOWN))
    assert state(stores[1]) is State.SENT


@pytest.mark.parametrize("together", [True, False])
def test_what_did_go_out_is_no_longer_called_unsent(stores: list[LedgerStore], together: bool) -> None:
    """Otherwise the next run would send the message again. A later "not sent" changes nothing."""
    number = claim(stores[0])
    outcomes = [(number, State.NOT_SENT), (number, State.SENT)]
    for group in [outcomes] if together else [[one] for one in outcomes]:
        record(stores[0], *group)
    assert state(stores[1]) is State.SENT
    record(stores[0], (number, State.NOT_SENT))
    assert state(stores[1]) is State.SENT


def test_an_outcome_settles_nothing_that_somebody_has_claimed_again(stores: list[LedgerStore]) -> None:
    first = claim(stores[0])
    record(stores[0], (first, State.NOT_SENT))
    second = claim(stores[1])
    record(stores[0], (first, State.SENT))
    assert state(stores[0]) is State.INTENT
    record(stores[1], (second, State.FAILED))
    record(stores[0], (first, State.UNKNOWN))
    assert state(stores[0]) is State.FAILED


def test_an_outcome_of_a_forgotten_message_makes_no_row(stores: list[LedgerStore]) -> None:
    number = claim(stores[0])
    record(stores[0], (number, State.SENT))
    stores[0].transact(lambda: stores[0].forget(0, -10.0))
    record(stores[0], (number, State.SENT))
    assert stores[0].found(["key"]) == {}
