"""The limits of a plan (`--max-cost`, `--max-messages`), and its cost in words. Pure."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from eightbyeight_async.models.account import AccountBalance
    from eightbyeight_async.prices import Cost

__all__ = ["PlanLimits", "cost_dict", "cost_line", "refusal"]

_COUNTRIES_SHOWN = 8


@attrs.frozen(kw_only=True)
class PlanLimits:
    """Limits of a run.

    Attributes:
        prices: file with the price list; None: the prices come from 8x8.
        max_cost: the most that the run may cost, in the currency of the price list; None: no limit.
        max_messages: the most messages that the run may send; None: no limit.
        account_id: the account whose prices and balance are used; None: the account of the environment.
    """

    prices: Path | None = None
    max_cost: Decimal | None = None
    max_messages: int | None = None
    account_id: str | None = None


def refusal(limits: PlanLimits, messages: int, cost: Cost | None) -> str | None:
    """Returns why a plan exceeds its limits; None: it does not.

    A cost that is not certainly within the limit counts as too high.
    """
    if limits.max_messages is not None and messages > limits.max_messages:
        return f"--max-messages {limits.max_messages:,}: there are {messages:,} messages to send"
    if limits.max_cost is None or not messages:
        return None
    if cost is None:
        return "--max-cost: the cost is not known; give --prices, or an account that 8x8 tells the prices of"
    if cost.without_price:
        return f"--max-cost: there is no price for {', '.join(map(_country, cost.without_price))}"
    if len(cost.totals) != 1:
        return "--max-cost: the prices are in several currencies"
    (total,) = cost.totals
    if total.highest > limits.max_cost:
        return f"--max-cost {limits.max_cost}: it may cost {_amount(total.highest)} {total.currency}"
    return None


def cost_line(cost: Cost, balance: AccountBalance | None) -> str:
    """`cost: 12.30 to 15.40 EUR (SG 10.00, MY 2.30 to 5.40); balance 100.00 EUR`."""
    totals = [f"{_range(one.lowest, one.highest)} {one.currency}" for one in cost.totals]
    words = " and ".join(totals) or "not known"
    known = [one for one in cost.countries if one.lowest is not None and one.highest is not None]
    parts = [f"{one.country} {_range(one.lowest or Decimal(0), one.highest or Decimal(0))}" for one in known]
    if len(parts) > 1:
        more = f", {len(parts) - _COUNTRIES_SHOWN} more" if len(parts) > _COUNTRIES_SHOWN else ""
        words += f" ({', '.join(parts[:_COUNTRIES_SHOWN])}{more})"
    if cost.without_price:
        words += f"; no price for {', '.join(map(_country, cost.without_price[:_COUNTRIES_SHOWN]))}"
    if balance is not None:
        words += f"; balance {_amount(balance.balance)} {balance.currency or ''}".rstrip()
        if any(one.currency == balance.currency and one.highest > balance.balance for one in cost.totals):
            words += ": it may not be enough"
    return f"cost: {words}"


def cost_dict(cost: Cost | None, balance: AccountBalance | None) -> dict[str, object] | None:
    """Returns the cost for JSON. Amounts are strings: a float would round them."""
    if cost is None:
        return None
    return {
        "totals": [
            {"currency": one.currency, "lowest": str(one.lowest), "highest": str(one.highest)} for one in cost.totals
        ],
        "without_price": list(cost.without_price),
        "complete": cost.complete,
        "balance": None if balance is None else str(balance.balance),
        "balance_currency": None if balance is None else balance.currency,
    }


def _range(lowest: Decimal, highest: Decimal) -> str:
    return _amount(lowest) if lowest == highest else f"{_amount(lowest)} to {_amount(highest)}"


def _amount(amount: Decimal) -> str:
    """Returns an amount with at least two decimals, and without further zeros at the end."""
    plain = f"{amount.normalize():,f}"
    whole, _, decimals = plain.partition(".")
    return f"{whole}.{decimals.ljust(2, '0')}"


def _country(code: str) -> str:
    return code or "an unknown country"
