"""The options about the plan of a run: cost limits, message limits, and whether the command asks before it sends.

Rules:
- No `from __future__ import annotations` here: cyclopts reads the annotations when the commands are created.
"""

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Group, Parameter

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.plan_limits import PlanLimits
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.number_plus import require_plus
from eightbyeight_async.models.rules import account
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.settings import checked_count

__all__ = ["PlanOptions", "limits_of"]

PLAN = Group.create_ordered("Plan")


@Parameter(name="*", group=PLAN)
@dataclass(frozen=True, kw_only=True)
class PlanOptions:
    """What a plan must not exceed."""

    prices: Annotated[
        Path | None,
        Parameter(
            help="A price list for the cost of the plan: JSON of 8x8's API, or CSV with country, price, currency. "
            "Default: 8x8 is asked, if --account-id is known."
        ),
    ] = None
    account_id: Annotated[
        str | None,
        Parameter(help="The account, whose price list and balance 8x8 is asked for. Default: EIGHTBYEIGHT_ACCOUNT_ID."),
    ] = None
    max_cost: Annotated[
        str | None, Parameter(help="Send nothing if it may cost more, or if the cost is not known: an amount, 12.50.")
    ] = None
    max_messages: Annotated[int | None, Parameter(help="Send nothing if there are more messages to send.")] = None
    limit: Annotated[
        int | None,
        Parameter(
            alias="--sample",
            help="Send only the first messages, at most this number. `bulk run` sends the rest when it is run again.",
        ),
    ] = None
    test_to: Annotated[
        str | None,
        Parameter(
            help="Send the samples of the plan (at most three) to this number of yours, at once, and nothing else.",
            allow_leading_hyphen=True,
        ),
    ] = None
    keep_trying: Annotated[
        str | None,
        Parameter(
            help="Wait for the network, and where 8x8 asks for a pause, and try again, for so long: 90s, 30m, 2h. "
            "Default: the run stops when it reaches nobody."
        ),
    ] = None
    on_end: Annotated[
        str | None,
        Parameter(
            help="Run this command when the run has ended, with the results as JSON on its stdin.",
            allow_leading_hyphen=True,
        ),
    ] = None
    yes: Annotated[
        bool,
        Parameter(
            negative=(), show_default=False, help="Do not ask before sending more than 100 messages from a terminal."
        ),
    ] = False

    def trial(self) -> dict[str, Any]:
        """Returns the options for a trial run, by field of `FilePlan`.

        Raises:
            UsageError: an option breaks its rule.
        """
        if self.limit is not None:
            checked_count(self.limit, "--limit")
        if self.test_to is not None:
            try:
                require_plus(SmsRequest(destination=self.test_to, text="x"))
            except InvalidRequestError as wrong:
                raise UsageError(f"--test-to: {wrong.reason}") from wrong
        return {"limit": self.limit, "test_to": self.test_to, "yes": self.yes}

    def limits(self) -> PlanLimits:
        """Returns the options as the limits of a plan.

        Raises:
            UsageError: an option breaks its rule.
        """
        return limits_of(self.prices, self.max_cost, self.max_messages, self.account_id)


def limits_of(
    prices: Path | None, max_cost: str | None, max_messages: int | None, account_id: str | None = None
) -> PlanLimits:
    """Checks the options.

    Raises:
        UsageError: an option breaks its rule.
    """
    amount = None
    if max_cost is not None:
        try:
            amount = Decimal(max_cost)
        except InvalidOperation:
            amount = Decimal("nan")
        if not amount.is_finite() or amount < 0:
            raise UsageError("--max-cost: must be an amount such as 12.50")
    if max_messages is not None:
        checked_count(max_messages, "--max-messages")
    if account_id is not None:
        try:
            account(account_id)
        except InvalidRequestError as wrong:
            raise UsageError(f"--account-id: {wrong.reason}") from wrong
    return PlanLimits(prices=prices, max_cost=amount, max_messages=max_messages, account_id=account_id)
