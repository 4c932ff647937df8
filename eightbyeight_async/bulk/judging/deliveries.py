"""What became of an accepted message: its delivery, from rows of 8x8's log and from receipts. Pure.

Rules:
- Rows and receipts can be late, repeated or out of order. `ReceiptFolder` decides which of them counts; see its file.
- A price, country, operator or number of parts stays known, whether a row or a receipt gave it.
- 8x8's description of an error can quote a phone number, so its digits are masked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import attrs

from eightbyeight_async.models.privacy import masked_runs
from eightbyeight_async.models.webhooks import DeliveryReceipt, DeliveryState, DeliveryStatus, Namespace
from eightbyeight_async.receipt_folding import ReceiptFolder

__all__ = [
    "DELIVERY_FIELDS",
    "Deliveries",
    "Delivery",
    "columns_of_delivery",
    "counted",
    "delivery_of_columns",
    "delivery_of_log_row",
    "delivery_of_receipt",
    "merged",
    "seconds_of_log",
]

# The columns of a delivery in every store.
DELIVERY_FIELDS = (
    "umid",
    "state",
    "detail",
    "code",
    "reason",
    "at",
    "country",
    "operator",
    "parts",
    "price",
    "currency",
)
_NOT_DELIVERED = (DeliveryState.UNDELIVERED, DeliveryState.REJECTED, DeliveryState.FAILED)


@attrs.frozen(kw_only=True)
class Delivery:
    """What is known about the delivery of one message.

    Attributes:
        umid: 8x8's id of the message.
        state: `DeliveryState`, or the plain string of a state that this version does not know.
        detail: more about the state, such as `delivered_to_operator`.
        code: the error code; None: no error.
        reason: the error in 8x8's words, with digits masked; None: no error.
        at: when the state was observed, seconds since 1970; None: not known.
        country: two letters; None: not known.
        operator: name of the phone's network; None: not known.
        parts: number of message parts; None: not known.
        price: of the whole message; None: not known.
        currency: of the price.
    """

    umid: str
    state: DeliveryState | str
    detail: str | None = None
    code: str | None = None
    reason: str | None = None
    at: float | None = None
    country: str | None = None
    operator: str | None = None
    parts: int | None = None
    price: Decimal | None = None
    currency: str | None = None

    @property
    def outcome(self) -> str:
        """The field of `Deliveries` that counts this delivery."""
        if self._status.operator_only:
            return "with_operator"
        if self.state in _NOT_DELIVERED:
            return "undelivered"
        return str(self.state) if self.state in (DeliveryState.READ, DeliveryState.DELIVERED) else "on_its_way"

    @property
    def final(self) -> bool:
        """Whether the state is final: it says whether the message arrived."""
        return self._status.final

    @property
    def _status(self) -> DeliveryStatus:
        moment = None if self.at is None else datetime.fromtimestamp(self.at, UTC)
        return DeliveryStatus(
            state=self.state, detail=self.detail, timestamp=moment, error_code=self.code, error_message=self.reason
        )

    def as_receipt(self) -> DeliveryReceipt:
        """Returns the delivery as a receipt, so that it can be folded with other receipts."""
        return DeliveryReceipt(namespace=Namespace.SMS, umid=self.umid, status=self._status)


@attrs.frozen(kw_only=True)
class Deliveries:
    """What became of the messages of a journal that 8x8 accepted. The counts add up to `accepted`.

    Attributes:
        accepted: messages that were accepted, and not cancelled.
        read: the person has read the message.
        delivered: the message is on the phone.
        with_operator: the operator has the message. Many routes never report a later state.
        undelivered: 8x8 or the operator could not deliver the message.
        on_its_way: the message is queued or sent, or in a state that this version does not know.
        no_news: nothing is known yet; `Campaign.deliveries` asks 8x8.
        parts: message parts, of the messages for which they are known.
        prices: total price by currency, of the messages whose price is known.
        priced: number of messages whose price is known.
    """

    accepted: int = 0
    read: int = 0
    delivered: int = 0
    with_operator: int = 0
    undelivered: int = 0
    on_its_way: int = 0
    no_news: int = 0
    parts: int = 0
    prices: Mapping[str, Decimal] = attrs.field(factory=dict)
    priced: int = 0

    @property
    def known(self) -> bool:
        """Whether anything is known."""
        return self.no_news < self.accepted

    def as_dict(self) -> dict[str, object]:
        """Returns the fields by name, for JSON; amounts are strings."""
        prices = {currency: str(amount) for currency, amount in self.prices.items()}
        return {**attrs.asdict(self, recurse=False), "prices": prices}


def columns_of_delivery(one: Delivery) -> tuple[Any, ...]:
    """Returns a delivery as the columns of a store: `DELIVERY_FIELDS`, with the price as text."""
    price = None if one.price is None else str(one.price)
    return (
        one.umid, str(one.state), one.detail, one.code, one.reason, one.at, one.country, one.operator, one.parts, price,
        one.currency,
    )  # fmt: skip


def delivery_of_columns(columns: Iterable[Any]) -> Delivery | None:
    """Returns the delivery that a store's columns hold; None: they hold none."""
    umid, state, detail, code, reason, at, country, operator, parts, price, currency = columns
    if umid is None:
        return None
    return Delivery(
        umid=umid, state=state, detail=detail, code=code, reason=reason, at=at, country=country, operator=operator,
        parts=parts, price=None if price is None else Decimal(price), currency=currency,
    )  # fmt: skip


def counted(accepted: int, groups: Iterable[tuple[Delivery | None, int]]) -> Deliveries:
    """The counts of the accepted messages.

    Args:
        accepted: how many messages there are.
        groups: each delivery, and the number of messages with its outcome, parts and price.
    """
    counts: Counter[str] = Counter()
    prices: dict[str, Decimal] = {}
    parts = priced = 0
    for one, number in groups:
        if one is None:
            continue
        counts[one.outcome] += number
        parts += (one.parts or 0) * number
        if one.price is not None:
            currency = one.currency or ""
            prices[currency] = prices.get(currency, Decimal(0)) + one.price * number
            priced += number
    return Deliveries(
        accepted=accepted,
        read=counts["read"],
        delivered=counts["delivered"],
        with_operator=counts["with_operator"],
        undelivered=counts["undelivered"],
        on_its_way=counts["on_its_way"],
        no_news=accepted - counts.total(),
        parts=parts,
        prices=prices,
        priced=priced,
    )


def delivery_of_receipt(receipt: DeliveryReceipt) -> Delivery:
    """Returns the delivery that a receipt reports."""
    status, price = receipt.status, receipt.price
    code = None if status.error_code in (None, 0, "0", "") else masked_runs(str(status.error_code))
    return Delivery(
        umid=receipt.umid,
        state=status.state,
        detail=None if status.detail is None else masked_runs(status.detail),
        code=code,
        reason=None if not status.error_message else masked_runs(status.error_message),
        at=None if status.timestamp is None else status.timestamp.timestamp(),
        parts=receipt.sms_count,
        price=None if price is None else price.total,
        currency=None if price is None else price.currency,
    )


def delivery_of_log_row(row: Mapping[str, str]) -> Delivery | None:
    """Returns the delivery that a row of a log export reports; None: the row has no umid or no state."""

    def cell(name: str) -> str | None:
        return row.get(name, "").strip() or None

    umid, state = cell("umid"), cell("status_value")
    if umid is None or state is None:
        return None
    code = cell("status_errorcode")
    reason = cell("status_errormessage")
    parts = cell("smscount") or ""
    moment = seconds_of_log(cell("status_timestamp") or "")
    return Delivery(
        umid=umid,
        state=DeliveryStatus(state=state).state,
        detail=None if (detail := cell("status_details")) is None else masked_runs(detail),
        code=None if code in (None, "0") else masked_runs(code or ""),
        reason=None if reason is None else masked_runs(reason),
        at=moment,
        country=cell("country"),
        operator=cell("operator"),
        parts=int(parts) if parts.isascii() and parts.isdecimal() and len(parts) <= 4 else None,
        price=_amount(cell("price_total")),
        currency=cell("price_currency"),
    )


def merged(before: Delivery | None, news: Iterable[Delivery]) -> Delivery | None:
    """Combines what is known about one message with news about it. None: nothing is known."""
    found = [*([] if before is None else [before]), *news]
    folder, winner, counts = ReceiptFolder(), None, 0
    for at, one in enumerate(found):
        # All get the same umid: they are about one message, and its umids can differ only in the case of letters.
        if folder.fold(attrs.evolve(one.as_receipt(), umid=found[0].umid)).changed:
            winner, counts = one, at
    if winner is None:
        return None
    later = [*found[:counts], *found[counts + 1 :]]
    for other in reversed(later):
        winner = attrs.evolve(
            winner,
            country=winner.country or other.country,
            operator=winner.operator or other.operator,
            parts=other.parts if winner.parts is None else winner.parts,
            price=other.price if winner.price is None else winner.price,
            currency=other.currency if winner.price is None else winner.currency,
        )
    return winner


def seconds_of_log(moment: str) -> float | None:
    """Returns a time of the log in seconds since 1970. Without an offset it is UTC. None: it cannot be read."""
    try:
        found = datetime.fromisoformat(moment)
    except ValueError:
        return None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()


def _amount(text: str | None) -> Decimal | None:
    try:
        found = None if text is None else Decimal(text)
    except InvalidOperation:
        return None
    return found if found is not None and found.is_finite() and abs(found) < 1_000_000 else None
