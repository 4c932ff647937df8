"""`prices.cost`: price ranges over operators, messages without a price, and exact sums."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eightbyeight_async import Amount, CountryPrices, InvalidRequestError, OperatorPrice, PriceList, SubaccountPrices
from eightbyeight_async.prices import Cost, CountryCost, TotalCost, cost


def price(written: str | None) -> Amount | None:
    if written is None:
        return None
    amount, currency = written.split()
    return Amount(amount=Decimal(amount), currency=currency)


def country(code: str, *prices: str | None) -> CountryPrices:
    return CountryPrices(alpha2_code=code, operators=tuple(OperatorPrice(price=price(one)) for one in prices))


def listed(*countries: CountryPrices, name: str | None = "acme_hq") -> PriceList:
    return PriceList(sub_accounts=(SubaccountPrices(sub_account_id=name, outbound=countries),))


SINGAPORE = country("SG", "0.05 SGD", "0.0421477 SGD", "0.0495856 SGD")


def test_a_country_costs_from_its_cheapest_operator_to_its_dearest() -> None:
    found = cost({"SG": 1000}, listed(SINGAPORE))
    assert found == Cost(
        countries=(
            CountryCost(country="SG", parts=1000, lowest=Decimal("42.1477"), highest=Decimal("50.00"), currency="SGD"),
        )
    )
    assert found.totals == (TotalCost(currency="SGD", lowest=Decimal("42.1477"), highest=Decimal("50.00")),)
    assert (found.without_price, found.complete) == ((), True)


@pytest.mark.parametrize(
    "prices",
    [
        listed(country("MY", "1 SGD")),  # another country
        listed(),
        listed(country("SG")),  # no operator
        listed(country("SG", None, None)),  # no operator has a price
        listed(country("SG", "1 SGD", "1 EUR")),  # two currencies
    ],
)
def test_a_country_without_a_price_has_no_cost_and_is_named(prices: PriceList) -> None:
    found = cost({"SG": 5}, prices)
    (one,) = found.countries
    assert (one.country, one.parts, one.lowest, one.highest, one.currency) == ("SG", 5, None, None, None)
    assert (found.without_price, found.totals, found.complete) == (("SG",), (), False)


def test_a_price_that_is_missing_for_one_operator_is_counted() -> None:
    found = cost({"SG": 2}, listed(country("SG", "1 SGD", None, "3 SGD")))
    (one,) = found.countries
    assert (one.lowest, one.highest, one.operators_without_price) == (2, 6, 1)
    assert (found.without_price, found.complete) == ((), False)


def test_currencies_are_summed_apart() -> None:
    prices = listed(country("SG", "1 SGD"), country("MY", "2 SGD", "3 SGD"), country("DE", "0.1 EUR"))
    found = cost({"DE": 1, "SG": 10, "MY": 100, "": 7}, prices)
    assert [one.country for one in found.countries] == ["DE", "SG", "MY", ""]
    assert found.without_price == ("",)
    assert found.totals == (
        TotalCost(currency="EUR", lowest=Decimal("0.1"), highest=Decimal("0.1")),
        TotalCost(currency="SGD", lowest=Decimal(210), highest=Decimal(310)),
    )


def test_case_does_not_matter_and_a_country_that_is_listed_twice_is_one() -> None:
    prices = listed(country("sg", "1 sgd"), country("SG", "2 SGD"), name="Acme_HQ")
    found = cost({"sg": 1, "SG": 2}, prices, "acme_hq")
    assert found.countries == (
        CountryCost(country="SG", parts=3, lowest=Decimal(3), highest=Decimal(6), currency="SGD"),
    )


def test_nothing_costs_nothing() -> None:
    assert cost({}, listed(SINGAPORE)) == Cost(countries=())
    assert cost({"SG": 0}, listed(SINGAPORE)).totals[0].highest == 0


OTHER = listed(country("SG", "9 SGD"), name="other")
TWO = PriceList(sub_accounts=(*listed(SINGAPORE).sub_accounts, *OTHER.sub_accounts))


@pytest.mark.parametrize(("name", "highest"), [("acme_hq", Decimal("0.05")), ("other", Decimal(9))])
def test_the_prices_are_those_of_the_sub_account(name: str, highest: Decimal) -> None:
    assert cost({"SG": 1}, TWO, name).countries[0].highest == highest


@pytest.mark.parametrize(
    ("parts", "prices", "name", "field"),
    [
        ({"SG": 1}, TWO, None, "subaccount_id"),
        ({"SG": 1}, TWO, "third", "subaccount_id"),
        ({"SG": 1}, listed(SINGAPORE, name=None), "acme_hq", "subaccount_id"),
        ({"SG": 1}, PriceList(sub_accounts=()), None, "subaccount_id"),
        ({"SG": 1}, {"subAccounts": []}, None, "prices"),
        *[({"SG": count}, TWO, "other", "parts_by_country['SG']") for count in (-1, 1.5, "1", None, True, 10**21)],
        ({"+6598765432": "Hello"}, TWO, "other", "parts_by_country['+65******32']"),
        ({5: 1}, TWO, "other", "parts_by_country"),
        (["SG"], TWO, "other", "parts_by_country"),
    ],
)
def test_what_cannot_be_computed_is_refused_by_name(parts: Any, prices: Any, name: str | None, field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        cost(parts, prices, name)
    assert caught.value.field == field


@given(
    amounts=st.lists(st.decimals(0, 10**6, places=9), min_size=1, max_size=3),
    counts=st.lists(st.integers(0, 10**9), min_size=1, max_size=3),
)
def test_sums_are_exact_whatever_the_callers_decimal_context(amounts: list[Decimal], counts: list[int]) -> None:
    codes = ["SG", "MY", "DE"][: len(counts)]
    operators = [f"{amount} SGD" for amount in amounts]
    with localcontext(prec=3):
        found = cost(dict(zip(codes, counts, strict=True)), listed(*(country(code, *operators) for code in codes)))
        (total,) = found.totals
    units = [int(amount.scaleb(9)) for amount in amounts]  # integers, in billionths
    assert int(total.lowest.scaleb(9)) == min(units) * sum(counts)
    assert int(total.highest.scaleb(9)) == max(units) * sum(counts)
