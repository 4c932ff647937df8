"""`client.account`: prices and balance of the account that the sub-accounts belong to.

Rule: these operations need the setting `account_id`, and no other operation does. They look up and change nothing.
"""

from __future__ import annotations

from eightbyeight_async import late_types
from eightbyeight_async.exchange import Exchange
from eightbyeight_async.operation_errors import operations
from eightbyeight_async.settings import CallOptions, found_account

__all__ = ["AccountOperations"]


@operations
class AccountOperations:
    """The operations of the account. Use it as `client.account`; the client makes it."""

    def __init__(self, exchange: Exchange, options: CallOptions) -> None:
        self._exchange = exchange
        self._options = options

    async def prices(
        self,
        *,
        country: str | None = None,
        subaccount_id: str | None = None,
        direction: late_types.Direction | str | None = None,
        mcc: int | None = None,
        mnc: int | None = None,
    ) -> late_types.PriceList:
        """Get the price list (8x8's reference: get-price-list). `prices.cost` computes costs from it.

        Args:
            country: only this country, as a two-letter code (ISO 3166-1); None for every country.
            subaccount_id: only this sub-account; None for every sub-account of the account.
            direction: `Direction` or its string; None for both.
            mcc: only the network with this mobile country code, e.g. 525; needs `mnc`.
            mnc: the mobile network code, e.g. 1; needs `mcc`.

        Raises:
            InvalidRequestError: the client has no `account_id`, or an argument breaks its rule.
            RateLimitError: too many requests in a second.
            EightByEightError: another error of `errors`.
        """
        from eightbyeight_async.calls import account

        call = account.get_prices(
            found_account(self._options),
            country=country,
            subaccount_id=subaccount_id,
            direction=direction,
            mcc=mcc,
            mnc=mnc,
        )
        return await self._exchange.run(call, self._options)

    async def balance(self) -> late_types.AccountBalance:
        """Get the money that is left on a prepaid account (8x8's reference: get-account-balance).

        Raises:
            InvalidRequestError: the client has no `account_id`.
            PermissionDeniedError: the account is not prepaid, or the API key may not read the balance.
            RateLimitError: too many requests in a second.
            EightByEightError: another error of `errors`.
        """
        from eightbyeight_async.calls import account

        return await self._exchange.run(account.get_balance(found_account(self._options)), self._options)
