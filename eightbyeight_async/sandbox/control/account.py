"""The account of a sandbox: its balance and its price list, both set by the test.

Sending does not change the balance: the real balance also changes late, and a test sets the balance that it needs.
"""

from collections.abc import Iterable
from decimal import Decimal

from eightbyeight_async.sandbox.messages.countries import PLACES
from eightbyeight_async.sandbox.messages.part_count import CURRENCY, PRICE_PER_PART

_FIRST_BALANCE = Decimal(100)


class Account:
    """The account that the sub-accounts of a sandbox belong to.

    - `id`: its id, a UUID.
    - `subaccount_ids`: its sub-accounts; all have the same prices.
    - `currency`: of balance and prices, ISO 4217.
    - `balance`: the money left; None for a postpaid account, which gets HTTP 403 with code 1201.
    - `outbound`: by two-letter country code and operator, the price of one part; None for an operator without price.
    - `inbound`: by two-letter country code and type of number, the price of one received part.

    At the start, every country that the sandbox knows has one operator, with the price that message details report.
    """

    currency: str
    balance: Decimal | None
    outbound: dict[str, dict[str, Decimal | None]]
    inbound: dict[str, dict[str, Decimal]]

    def __init__(self, id_: str, subaccount_ids: Iterable[str]) -> None:
        self.id = id_
        self.subaccount_ids: tuple[str, ...] = tuple(subaccount_ids)
        self.reset()

    def reset(self) -> None:
        """Restore the balance and the prices of the start."""
        self.currency = CURRENCY
        self.balance = _FIRST_BALANCE
        self.outbound = {place.country: {place.operator: PRICE_PER_PART} for place in PLACES}
        self.inbound = {"SG": {"longcode": PRICE_PER_PART}}

    def is_meant(self, account_id: str) -> bool:
        """Whether an id in a path is this account's; dashes, upper and lower case do not matter."""
        return account_id.replace("-", "").lower() == self.id.replace("-", "").lower()
