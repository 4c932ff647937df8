"""Receipts are merged into one state a message, in any order and with any number of repetitions."""

from __future__ import annotations

import json
import tracemalloc
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from webhook_samples import CHATAPPS_RECEIPT, SMS_RECEIPT

from eightbyeight_async import InvalidRequestError
from eightbyeight_async.webhooks import (
    ChannelUser,
    DeliveryReceipt,
    DeliveryState,
    DeliveryStatus,
    InboundMessage,
    MessageProgress,
    Namespace,
    Price,
    ReceiptFolder,
    UnknownEvent,
    parse,
)

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


def receipt(state: str, minute: int | None = 0, *, umid: str = "m1", detail: str | None = None) -> DeliveryReceipt:
    timestamp = None if minute is None else NOON + timedelta(minutes=minute)
    status = DeliveryStatus(state=state, detail=detail, timestamp=timestamp)
    return DeliveryReceipt(namespace="SMS", umid=umid, status=status)


OPERATOR = "delivered_to_operator"
HANDSET = "delivered_to_recipient"


@pytest.mark.parametrize(
    ("winner", "loser"),
    [
        # a higher rank wins, even with an earlier timestamp
        (receipt("sent", 0), receipt("queued", 9)),
        (receipt("undelivered", 0), receipt("sent", 9)),
        (receipt("rejected", 0), receipt("queued", 9)),
        (receipt("failed", 0), receipt("sent", 9)),
        (receipt("delivered", 0), receipt("failed", 9)),
        (receipt("delivered", 0), receipt("sent", 9)),
        (receipt("delivered", 0), receipt("undelivered", 9)),
        (receipt("delivered", 0, detail=HANDSET), receipt("undelivered", 9)),
        (receipt("read", 0), receipt("delivered", 9)),
        (receipt("read", None), receipt("delivered", 9)),
        # "delivered to the handset" wins over "delivered to the operator"
        (receipt("delivered", 0, detail=HANDSET), receipt("delivered", 9, detail=OPERATOR)),
        # within a rank the later one wins: delivered to the operator, then not to the phone, or a fallback channel
        (receipt("undelivered", 2), receipt("delivered", 1, detail=OPERATOR)),
        (receipt("delivered", 2, detail=OPERATOR), receipt("undelivered", 1)),
        (receipt("undelivered", 2), receipt("rejected", 1)),
        (receipt("failed", 2), receipt("undelivered", 1)),
        (receipt("undelivered", 2), receipt("failed", 1)),
        (receipt("failed", 2), receipt("delivered", 1, detail=OPERATOR)),
        (receipt("sent", 2), receipt("sent", 1)),
        (receipt("undelivered", 0), receipt("undelivered", None)),
        # an unknown state has the rank of `sent`, and never replaces a final state
        (receipt("expired", 2), receipt("sent", 1)),
        (receipt("sent", 2), receipt("expired", 1)),
        (receipt("expired", 0), receipt("queued", 9)),
        (receipt("undelivered", 0), receipt("expired", 9)),
        (receipt("failed", 0), receipt("expired", 9)),
    ],
)
def test_which_of_two_receipts_counts(winner: DeliveryReceipt, loser: DeliveryReceipt) -> None:
    for first, second in ((winner, loser), (loser, winner)):
        folder = ReceiptFolder()
        assert folder.fold(first).changed
        progress = folder.fold(second)
        assert progress == MessageProgress(umid="m1", receipt=winner) == folder.state("m1")
        assert progress.changed is (second is winner)
        assert not folder.fold(first).changed
        assert not folder.fold(second).changed


def test_progress_speaks_for_its_receipt() -> None:
    progress = ReceiptFolder().fold(receipt("undelivered", detail="rejected_by_operator"))
    assert (progress.umid, progress.state, progress.final) == ("m1", DeliveryState.UNDELIVERED, True)
    assert progress.status.detail == "rejected_by_operator"
    assert ReceiptFolder().fold(receipt("failed")).final
    assert not ReceiptFolder().fold(receipt("sent")).final
    assert not ReceiptFolder().fold(receipt("expired")).final


def test_the_operators_word_is_final_and_may_be_corrected() -> None:
    folder = ReceiptFolder()
    first = folder.fold(receipt("delivered", 1, detail=OPERATOR))
    assert (first.final, first.changed, first.status.operator_only) == (True, True, True)
    second = folder.fold(receipt("undelivered", 2))
    assert (second.state, second.final, second.changed, second.status.operator_only) == (
        "undelivered",
        True,
        True,
        False,
    )


def test_messages_are_kept_apart() -> None:
    folder = ReceiptFolder()
    folder.fold(receipt("sent", umid="a"))
    folder.fold(receipt("read", umid="b"))
    assert [folder.state(umid) and folder.state(umid).state for umid in "abc"] == ["sent", "read", None]  # type: ignore[union-attr]
    assert len(folder) == 2


# Few values, so that every field has ties.
STATUSES = st.builds(
    DeliveryStatus,
    state=st.sampled_from([*DeliveryState, "expired", "Delivered"]),
    detail=st.sampled_from([None, OPERATOR, HANDSET]),
    timestamp=st.sampled_from(
        [None, NOON, NOON.astimezone(timezone(timedelta(hours=8))), NOON + timedelta(microseconds=1)]
    ),
    error_code=st.sampled_from([None, 0, 15, "X"]),
)
RECEIPTS = st.builds(
    DeliveryReceipt,
    namespace=st.sampled_from(Namespace),
    umid=st.sampled_from(["m1", "m2"]),
    status=STATUSES,
    price=st.sampled_from([None, Price(total=Decimal("0.1")), Price(total=Decimal("0.10"))]),
    user=st.sampled_from([None, ChannelUser(name="x")]),
    sms_count=st.sampled_from([None, 1, 2]),
)


def folded(receipts: list[DeliveryReceipt]) -> dict[str, str | None]:
    """Returns the final state, field by field as shown. Equal decimals with different digits differ here."""
    folder = ReceiptFolder()
    for one in receipts:
        folder.fold(one)
    return {umid: repr(folder.state(umid)) for umid in ("m1", "m2")}


@given(st.data(), st.lists(RECEIPTS, max_size=8))
def test_any_order_and_repetition_gives_the_same_end(data: st.DataObject, receipts: list[DeliveryReceipt]) -> None:
    again = data.draw(st.lists(st.sampled_from(receipts), max_size=6)) if receipts else []
    shuffled = data.draw(st.permutations(receipts + again))
    assert folded(shuffled) == folded(receipts)


@given(st.lists(RECEIPTS, min_size=1, max_size=8))
def test_a_message_never_goes_back(receipts: list[DeliveryReceipt]) -> None:
    folder = ReceiptFolder()
    finished: set[str] = set()
    for one in receipts:
        progress = folder.fold(one)
        assert progress == folder.state(one.umid)
        assert progress.final or one.umid not in finished
        if progress.final:
            finished.add(one.umid)


def test_memory_is_bounded_and_the_finished_go_first() -> None:
    folder = ReceiptFolder(max_messages=3)
    folder.fold(receipt("sent", umid="open-1"))
    folder.fold(receipt("delivered", umid="done-1"))
    folder.fold(receipt("delivered", umid="done-2"))
    folder.fold(receipt("read", 1, umid="done-1"))  # a later receipt of a finished message does not make it younger
    folder.fold(receipt("sent", umid="open-2"))
    assert folder.state("done-1") is None
    folder.fold(receipt("sent", umid="open-3"))
    assert folder.state("done-2") is None
    assert (len(folder), folder.forgotten) == (3, 2)


def test_when_nothing_is_finished_the_oldest_goes_but_never_the_newest() -> None:
    folder = ReceiptFolder(max_messages=2)
    folder.fold(receipt("sent", umid="open-1"))
    folder.fold(receipt("sent", umid="open-2"))
    folder.fold(receipt("delivered", umid="done"))
    assert [umid for umid in ("open-1", "open-2", "done") if folder.state(umid)] == ["open-2", "done"]
    folder = ReceiptFolder(max_messages=1)
    for umid in "abc":
        assert folder.fold(receipt("delivered", umid=umid)).changed
        assert folder.state(umid) is not None
    assert (len(folder), folder.forgotten) == (1, 2)


PADDINGS: list[Callable[[str], dict[str, Any]]] = [
    lambda text: {"umid": text},
    lambda text: {"client_message_id": text},
    lambda text: {"namespace": text},
    lambda text: {"channel": text},
    lambda text: {"price": Price(total=Decimal(1), currency=text)},
    lambda text: {"price": Price(total=Decimal("1" * 50_000), currency=text[:1])},
    lambda text: {"user": ChannelUser(name=text)},
    lambda text: {"status": DeliveryStatus(state="delivered", error_message=text)},
    lambda text: {"status": DeliveryStatus(state=text)},
    lambda text: {"status": DeliveryStatus(state="sent", error_code="E" + text)},
]


@pytest.mark.parametrize("padding", PADDINGS)
@pytest.mark.parametrize("letter", ["x", "\u2603", "\U0001f600"])
def test_memory_is_bounded_in_bytes_too(padding: Callable[[str], dict[str, Any]], letter: str) -> None:
    """Anybody who can post to the callback URL can post a receipt of a megabyte. The limit counts real bytes."""
    folder = ReceiptFolder(max_bytes=2_000_000)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(150):
            large = padding(letter * 50_000 + str(number))
            values = {"namespace": "SMS", "umid": str(number), "status": DeliveryStatus(state="delivered")}
            folder.fold(DeliveryReceipt(**{**values, **large}))
            del large
        assert tracemalloc.get_traced_memory()[0] - before < 2_500_000
    finally:
        tracemalloc.stop()
    assert 8 < len(folder) < 42
    assert len(folder) + folder.forgotten == 150


def test_a_message_that_grows_and_shrinks_is_counted_once() -> None:
    folder = ReceiptFolder(max_bytes=300_000)
    for number in range(50):
        for at, size in enumerate((100_000, 10, 100_000)):
            status = DeliveryStatus(
                state="sent", detail="x" * size, timestamp=NOON + timedelta(seconds=number * 3 + at)
            )
            folder.fold(DeliveryReceipt(namespace="SMS", umid="m1", status=status))
    folder.fold(receipt("sent", umid="m2"))
    assert (len(folder), folder.forgotten) == (2, 0)
    for umid in "abc":
        folder.fold(DeliveryReceipt(namespace="SMS", umid=umid, status=status))
    assert [umid for umid in ("m1", "m2", "a", "b", "c") if folder.state(umid)] == ["b", "c"]


def test_one_receipt_larger_than_the_limit_is_kept_alone() -> None:
    folder = ReceiptFolder(max_bytes=1)
    for umid in "abc":
        assert folder.fold(receipt("delivered", umid=umid)).changed
        assert folder.state(umid) is not None
    assert len(folder) == 1


def test_a_hundred_thousand_real_receipts_are_within_the_default() -> None:
    for sample in (SMS_RECEIPT, CHATAPPS_RECEIPT):
        folder = ReceiptFolder()
        real = parse(json.dumps(sample).encode())
        assert isinstance(real, DeliveryReceipt)
        folder.fold(real)
        assert folder._bytes * 100_000 <= folder._max_bytes


@pytest.mark.parametrize("field", ["max_messages", "max_bytes"])
@pytest.mark.parametrize("limit", [0, -1, 1.5, True, "9"])
def test_a_limit_that_is_none_is_refused(field: str, limit: object) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        ReceiptFolder(**{field: limit})  # type: ignore[arg-type]
    assert caught.value.field == field


NO_RECEIPTS = [
    ("delivered", "str"),
    (None, "NoneType"),
    (UnknownEvent(event_type="ping", raw={}), "UnknownEvent"),
    (InboundMessage(namespace="SMS", umid="m1"), "InboundMessage"),
]


@pytest.mark.parametrize(("event", "kind"), NO_RECEIPTS)
def test_only_receipts_are_folded(event: Any, kind: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        ReceiptFolder().fold(event)
    assert str(caught.value) == f"receipt: must be a DeliveryReceipt, not {kind}"


def test_no_repr_shows_a_person() -> None:
    folder = ReceiptFolder()
    status = DeliveryStatus(state="undelivered", error_message="no such number +6598765432")
    one = DeliveryReceipt(namespace="SMS", umid="m1", status=status, destination="+6598765432")
    assert "98765432" not in repr(folder.fold(one)) + repr(folder)
