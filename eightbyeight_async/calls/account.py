"""Calls about the account: its price list and its balance. The account is in the path, not a sub-account."""

from __future__ import annotations

from urllib.parse import urlencode

from eightbyeight_async.calls.call import Call
from eightbyeight_async.errors import InvalidRequestError, Sent
from eightbyeight_async.hosts import Product
from eightbyeight_async.models import rules
from eightbyeight_async.models.account import AccountBalance, Direction, PriceList

__all__ = ["get_balance", "get_prices"]


def get_prices(
    account_id: str,
    *,
    country: str | None,
    subaccount_id: str | None,
    direction: Direction | str | None,
    mcc: int | None,
    mnc: int | None,
) -> Call[PriceList]:
    """Get the price list: `GET /api/v1/accounts/{accountId}/prices`, with the filters in the query."""
    filters: dict[str, str | int] = {}
    if country is not None:
        rules.checked_country(country, "country")
        filters["country"] = country.upper()
    if (mcc is None) != (mnc is None):
        raise InvalidRequestError("mcc" if mcc is None else "mnc", "is missing: give mcc and mnc, or neither")
    for name, code in (("mcc", mcc), ("mnc", mnc)):
        if code is not None:
            filters[name] = _network_code(code, name)
    wanted = rules.member(Direction, direction, "direction")
    if wanted is not None:
        filters["direction"] = wanted.value
    if subaccount_id is not None:
        filters["subAccountId"] = rules.subaccount(subaccount_id)
    query = f"?{urlencode(filters)}" if filters else ""
    return Call(
        product=Product.SMS,
        method="GET",
        path=f"{_path(account_id)}/prices{query}",
        body=None,
        response_class=PriceList,
        unknown=Sent.NO,
    )


def get_balance(account_id: str) -> Call[AccountBalance]:
    """Get the balance: `GET /api/v1/accounts/{accountId}/balance`."""
    return Call(
        product=Product.SMS,
        method="GET",
        path=f"{_path(account_id)}/balance",
        body=None,
        response_class=AccountBalance,
        unknown=Sent.NO,
        # For a postpaid account 8x8 answers with the code for a key without the right (OpenAPI, get-account-balance).
        meanings={1201: "the account is not prepaid and has no balance, or the API key may not do this"},
    )


def _path(account_id: str) -> str:
    return f"/api/v1/accounts/{rules.account(account_id)}"


def _network_code(value: object, field: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 999:
        raise InvalidRequestError(field, "must be a whole number of up to three digits, e.g. 525")
    return value
