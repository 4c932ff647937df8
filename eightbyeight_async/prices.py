"""Computes the cost of message parts from a price list. Pure: no request is sent.

    prices = await client.account.prices(subaccount_id=client.subaccount_id)
    planned = cost({"SG": 1200, "MY": 300}, prices)

Rules:
- A price is for one part to one operator. The operator of a number is known only after the message. So the cost of a
  country is a range: from its cheapest to its most expensive operator.
- Nothing is guessed: a country without a price has no cost and is in `without_price`, and amounts of two currencies are
  never added.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Context, Decimal

import attrs

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.account import Amount, CountryPrices, PriceList
from eightbyeight_async.models.privacy import masked_digits

__all__ = ["Cost", "CountryCost", "TotalCost", "cost"]

# Exact for every amount: an amount that is read has at most 61 digits, a number of parts at most 20.
_EXACT = Context(prec=200)
_MOST_PARTS = 10**20


@attrs.frozen(kw_only=True)
class TotalCost:
    """The sum of all countries with a price in one currency.

    Attributes:
        currency: ISO 4217 code.
        lowest: every part at its country's cheapest operator.
        highest: every part at its country's most expensive operator.
    """

    currency: str
    lowest: Decimal
    highest: Decimal


@attrs.frozen(kw_only=True)
class CountryCost:
    """The cost of the parts to one country.

    Attributes:
        country: the two-letter code of `parts_by_country`, in upper case.
        parts: number of parts.
        lowest: every part at the cheapest operator; None without a price.
        highest: every part at the most expensive operator; None without a price.
        currency: ISO 4217 code; None without a price.
        operators_without_price: operators of the country without a price in the list. The cost is that of the other
            operators, so the real cost can be outside the range.
    """

    country: str
    parts: int
    lowest: Decimal | None = None
    highest: Decimal | None = None
    currency: str | None = None
    operators_without_price: int = 0


@attrs.frozen(kw_only=True)
class Cost:
    """The cost of message parts, by country.

    Attributes:
        countries: the cost of each country of `parts_by_country`, in the same order.
    """

    countries: tuple[CountryCost, ...]

    @property
    def without_price(self) -> tuple[str, ...]:
        """The countries that have no cost. The totals do not contain them."""
        return tuple(one.country for one in self.countries if one.lowest is None)

    @property
    def complete(self) -> bool:
        """True if every country has a cost, and a price for every operator. Then the real cost is within the totals."""
        return not any(one.lowest is None or one.operators_without_price for one in self.countries)

    @property
    def totals(self) -> tuple[TotalCost, ...]:
        """A sum for each currency, in order of its code; empty if no country has a price."""
        sums: dict[str, tuple[Decimal, Decimal]] = {}
        for one in self.countries:
            if one.lowest is not None and one.highest is not None and one.currency is not None:
                lowest, highest = sums.get(one.currency, (Decimal(0), Decimal(0)))
                sums[one.currency] = _EXACT.add(lowest, one.lowest), _EXACT.add(highest, one.highest)
        return tuple(TotalCost(currency=code, lowest=low, highest=high) for code, (low, high) in sorted(sums.items()))


def cost(parts_by_country: Mapping[str, int], prices: PriceList, subaccount_id: str | None = None) -> Cost:
    """The cost of message parts to some countries, by the outbound prices of one sub-account.

    Args:
        parts_by_country: the number of parts for each two-letter country code, in upper or lower case. A country that
            is not in the list (or is not known: `""`) has no cost.
        prices: the answer of `client.account.prices()`.
        subaccount_id: the sub-account whose prices are used; None if the list has only one sub-account.

    Returns:
        The cost of each country, the totals, and the countries without a price. A country whose operators have prices
        in several currencies counts as a country without a price.

    Raises:
        InvalidRequestError: a number of parts is not a whole number of at least 0; the list does not have that
            sub-account; or it has several and `subaccount_id` is None.
    """
    parts = _checked(parts_by_country)
    listed = _by_country(_outbound(prices, subaccount_id))
    return Cost(countries=tuple(_of(country, count, listed.get(country, [])) for country, count in parts.items()))


def _of(country: str, parts: int, prices: list[Amount | None]) -> CountryCost:
    known = [price for price in prices if price is not None]
    currencies = {price.currency.upper() for price in known}
    missing = len(prices) - len(known)
    if len(currencies) != 1:
        return CountryCost(country=country, parts=parts, operators_without_price=missing)
    amounts = [price.amount for price in known]
    return CountryCost(
        country=country,
        parts=parts,
        lowest=_EXACT.multiply(min(amounts), Decimal(parts)),
        highest=_EXACT.multiply(max(amounts), Decimal(parts)),
        currency=currencies.pop(),
        operators_without_price=missing,
    )


def _checked(parts_by_country: Mapping[str, int]) -> dict[str, int]:
    parts: dict[str, int] = {}
    given: object = parts_by_country
    if not isinstance(given, Mapping) or not all(isinstance(country, str) for country in given):
        raise InvalidRequestError("parts_by_country", "must map country codes to numbers of parts")
    for country, count in parts_by_country.items():
        if type(count) is not int or not 0 <= count <= _MOST_PARTS:
            raise InvalidRequestError(
                f"parts_by_country[{masked_digits(country)}]", "must be a whole number of at least 0"
            )
        parts[country.upper()] = parts.get(country.upper(), 0) + count
    return parts


def _outbound(prices: PriceList, subaccount_id: str | None) -> Iterable[CountryPrices]:
    if not isinstance(prices, PriceList):
        raise InvalidRequestError("prices", f"must be a PriceList, not {type(prices).__name__}")
    found = [one for one in prices.sub_accounts if subaccount_id is None or _is(one.sub_account_id, subaccount_id)]
    if subaccount_id is None and len({one.sub_account_id for one in found}) > 1:
        raise InvalidRequestError("subaccount_id", "is needed: the price list has more than one sub-account")
    if not found:
        raise InvalidRequestError("subaccount_id", "is not in the price list")
    return [country for one in found for country in one.outbound]


def _is(listed: str | None, subaccount_id: str) -> bool:
    return listed is not None and listed.casefold() == subaccount_id.casefold()


def _by_country(outbound: Iterable[CountryPrices]) -> dict[str, list[Amount | None]]:
    """Returns the price of each operator, by country; None if it is missing."""
    listed: dict[str, list[Amount | None]] = {}
    for country in outbound:
        prices = listed.setdefault(country.alpha2_code.upper(), [])
        prices += [operator.price for operator in country.operators]
    return listed
