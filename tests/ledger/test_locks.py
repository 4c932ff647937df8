"""Two processes access the same row: one waits for the other, and neither loses the other's change."""

from __future__ import annotations

import threading
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from eightbyeight_async import SmsRequest
from eightbyeight_async.bulk.judging.outcomes import State
from eightbyeight_async.bulk.store.records import Account, Claim
from eightbyeight_async.ledger.store import LedgerStore
from eightbyeight_async.models.webhooks import DeliveryReceipt, DeliveryStatus, Namespace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@pytest.fixture
def stores(postgres: str, name: str) -> Iterator[list[LedgerStore]]:
    account = Account("sms.8x8.com", "acme")
    with (
        closing(LedgerStore(postgres, name, account=account)) as one,
        closing(LedgerStore(postgres, name, account=account)) as two,
    ):
        for store in (one, two):
            store.transact(store.begin_run)
        yield [one, two]


def while_open(first: LedgerStore, does: Callable[[], Any], second: LedgerStore, then: Callable[[], Any]) -> Any:
    """Runs `does` in a transaction of `first`, and while it is open, `then` in a transaction of `second`. Returns the
    second value.
    """
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(second.transact(then)))

    def body() -> None:
        does()
        if not thread.ident:
            thread.start()
            thread.join(0.5)  # it waits for the lock; without a lock it would be finished now

    first.transact(body)
    thread.join()
    return found[0]


def test_a_fingerprint_is_read_by_one_process_at_a_time(stores: list[LedgerStore]) -> None:
    """Otherwise two processes that begin with different messages could both find no fingerprint."""
    one, two = stores

    def begin() -> None:
        assert one.meta("fingerprint") is None
        one.set_meta("fingerprint", "of the first")

    assert while_open(one, begin, two, lambda: two.meta("fingerprint")) == "of the first"


def test_a_receipt_is_folded_into_what_another_replica_is_about_to_write(stores: list[LedgerStore], name: str) -> None:
    one, two = stores

    def receipt(state: str) -> DeliveryReceipt:
        return DeliveryReceipt(namespace=Namespace.SMS, umid=name, status=DeliveryStatus(state=state))

    one.transact(lambda: one.fold_receipts([receipt("queued")]))
    (known,) = while_open(
        one, lambda: one.fold_receipts([receipt("delivered")]), two, lambda: two.fold_receipts([receipt("sent")])
    )
    assert str(known.state) == "delivered"


def test_a_claim_waits_for_a_claim_of_the_same_message(stores: list[LedgerStore]) -> None:
    one, two = stores
    identity = one._keys.of(SmsRequest(destination="+6581000001", text="Hi"))
    answers = while_open(
        one,
        lambda: one.claim([Claim(one.last_id + 1, identity, 0)]),
        two,
        lambda: two.claim([Claim(two.last_id + 1, identity, 0)]),
    )
    assert [answer.state for answer in answers] == [State.INTENT]


def test_the_same_messages_in_opposite_orders_do_not_deadlock(stores: list[LedgerStore]) -> None:
    """PostgreSQL would end a deadlock after a second, and the transaction would run again. So the test counts runs."""
    identities = [
        stores[0]._keys.of(SmsRequest(destination=f"+6581{number:06d}", text="Hi")) for number in range(3_000)
    ]
    runs: list[int] = []
    together = threading.Barrier(2)

    def claim(number: int) -> None:
        store = stores[number]
        mine = identities[1:] if number else identities[:0:-1]
        # The first claim of a process takes the campaign's lock.
        store.transact(lambda: store.claim([Claim(store.last_id + 1, identities[0], 0)]))
        claims = [Claim(store.last_id + at, identity, at) for at, identity in enumerate(mine, 1)]

        def body() -> None:
            runs.append(number)
            store.claim(claims)

        together.wait()
        store.transact(body)

    threads = [threading.Thread(target=claim, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(runs) == [0, 1]
