"""The account's price list and balance.

8x8 lists prices by sub-account, country and operator. Amounts are Decimal, made from the digits in the JSON.

Source: OpenAPI file of the SMS API, operations get-price-list and get-account-balance. Its schema and its examples
differ: `outbound` and `inbound` are an array in the schema, and an object with `countries` in the examples. Both are
read.
"""

from __future__ import annotations

import enum
from decimal import Decimal
from typing import Any

import attrs

from eightbyeight_async.models.json_model import JsonModel

__all__ = [
    "AccountBalance",
    "Amount",
    "CountryPrices",
    "Direction",
    "InboundPrices",
    "MobileNetwork",
    "NumberPrice",
    "OperatorPrice",
    "PriceList",
    "SubaccountPrices",
]

# An entry that cannot be read is left out; the other entries stay.
_READABLE: dict[str, Any] = {"items": "readable"}
_COUNTRIES = {**_READABLE, "within": "countries"}


class Direction(enum.StrEnum):
    """Which prices: those of messages that you send, or of messages that you receive."""

    OUTBOUND = "outbound"
    INBOUND = "inbound"


@attrs.frozen(kw_only=True)
class Amount(JsonModel):
    """An amount of money.

    Attributes:
        amount: exact.
        currency: ISO 4217 code.
    """

    amount: Decimal
    currency: str


@attrs.frozen(kw_only=True)
class MobileNetwork(JsonModel):
    """A mobile network, as the digits of its codes (ITU-T E.212).

    Attributes:
        mcc: the mobile country code.
        mnc: the mobile network code; leading zeros count.
    """

    mcc: str | None = None
    mnc: str | None = None


@attrs.frozen(kw_only=True)
class OperatorPrice(JsonModel):
    """The price of one message part to one operator.

    Attributes:
        operator_name: the operator's name.
        operator_id: 8x8's id of the operator.
        hni: the operator's networks (home network identities).
        price: the price of one part; None if it is missing or cannot be read.
    """

    operator_name: str | None = None
    operator_id: int | None = None
    hni: tuple[MobileNetwork, ...] = attrs.field(default=(), metadata=_READABLE)
    price: Amount | None = None


@attrs.frozen(kw_only=True)
class CountryPrices(JsonModel):
    """The prices of messages to one country.

    Attributes:
        alpha2_code: two-letter country code (ISO 3166-1).
        country_name: the country's name in English.
        dialing_prefix: its calling code with a plus.
        operators: a price for each operator.
    """

    alpha2_code: str
    country_name: str | None = None
    dialing_prefix: str | None = None
    operators: tuple[OperatorPrice, ...] = attrs.field(default=(), metadata=_READABLE)


@attrs.frozen(kw_only=True)
class NumberPrice(JsonModel):
    """The price of one message part that one of your numbers receives.

    Attributes:
        type: the type of the number, e.g. `longcode` or `tollfree`; upper and lower case vary.
        default_price: the price of one part; None if it is missing or cannot be read.
    """

    type: str | None = None
    default_price: Amount | None = None


@attrs.frozen(kw_only=True)
class InboundPrices(JsonModel):
    """The prices of messages that your numbers in one country receive.

    Attributes:
        alpha2_code: two-letter country code (ISO 3166-1).
        country_name: the country's name in English.
        dialing_prefix: its calling code with a plus.
        number_types: a price for each type of number.
    """

    alpha2_code: str
    country_name: str | None = None
    dialing_prefix: str | None = None
    number_types: tuple[NumberPrice, ...] = attrs.field(default=(), metadata=_READABLE)


@attrs.frozen(kw_only=True)
class SubaccountPrices(JsonModel):
    """The prices of one sub-account.

    Attributes:
        sub_account_id: the sub-account.
        outbound: the countries that you send to.
        inbound: the countries where you receive.
    """

    sub_account_id: str | None = None
    outbound: tuple[CountryPrices, ...] = attrs.field(default=(), metadata=_COUNTRIES)
    inbound: tuple[InboundPrices, ...] = attrs.field(default=(), metadata=_COUNTRIES)


@attrs.frozen(kw_only=True)
class PriceList(JsonModel):
    """The prices of an account. `prices.cost` computes costs from them.

    Attributes:
        sub_accounts: the prices of each sub-account.
    """

    sub_accounts: tuple[SubaccountPrices, ...]


@attrs.frozen(kw_only=True)
class AccountBalance(JsonModel):
    """The money that is left on a prepaid account.

    Attributes:
        balance: exact; negative if the account is overdrawn.
        currency: ISO 4217 code.
    """

    balance: Decimal
    currency: str | None = None
