"""`--prices`: reads a price list from a file: JSON as from 8x8's API, or a CSV with country, price and currency."""

from __future__ import annotations

import csv
import json
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.json_models import from_dict
from eightbyeight_async.models.account import Amount, CountryPrices, OperatorPrice, PriceList, SubaccountPrices

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["read_prices"]

_NAMES = ("country", "price", "currency")


def read_prices(path: Path) -> PriceList:
    """Reads a price list. A CSV has the columns country (two letters), price (of one part) and currency.

    Raises:
        UsageError: the file cannot be read, or is not a price list.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as wrong:
        why = (wrong.strerror if isinstance(wrong, OSError) else "is not UTF-8") or "cannot be read"
        raise UsageError(f"--prices {path}: {why}") from wrong
    try:
        return _json(text) if text.lstrip().startswith("{") else _csv(text.splitlines())
    except _NoListError as wrong:
        raise UsageError(f"--prices {path}: {wrong}") from wrong


class _NoListError(Exception):
    """The text is not a price list; `str()` says why."""


def _json(text: str) -> PriceList:
    try:
        return from_dict(PriceList, json.loads(text, parse_float=Decimal))
    except (ValueError, InvalidRequestError) as wrong:
        raise _NoListError("is not the price list of 8x8's API (JSON with subAccounts)") from wrong


def _csv(lines: Iterable[str]) -> PriceList:
    rows = csv.DictReader(lines)
    names = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
    if not set(_NAMES) <= set(names):
        raise _NoListError(f"needs the columns {', '.join(_NAMES)}")
    countries: dict[str, list[OperatorPrice]] = {}
    for row in rows:
        country, price, currency = ((row[names[name]] or "").strip() for name in _NAMES)
        try:
            amount = Decimal(price)
        except InvalidOperation:
            amount = Decimal(-1)
        if len(country) != 2 or not amount.is_finite() or amount < 0 or len(currency) != 3:
            raise _NoListError(
                f"line {rows.line_num}: must have two letters, a price such as 0.0312, and a currency such as EUR"
            )
        operators = countries.setdefault(country.upper(), [])
        operators.append(OperatorPrice(price=Amount(amount=amount, currency=currency.upper())))
    outbound = tuple(CountryPrices(alpha2_code=code, operators=tuple(found)) for code, found in countries.items())
    return PriceList(sub_accounts=(SubaccountPrices(outbound=outbound),))
