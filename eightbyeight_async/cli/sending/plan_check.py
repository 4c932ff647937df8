"""The last step before a run sends: prints people, countries, times, samples and cost, checks the limits, and asks.

A dry run prints the same and does not ask.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import anyio

from eightbyeight_async import settings
from eightbyeight_async.cli.commands.single_message import print_json
from eightbyeight_async.cli.exit_codes import Exit, UsageError, exit_after
from eightbyeight_async.cli.reading.plan_limits import cost_dict, cost_line, refusal
from eightbyeight_async.cli.reading.price_file import read_prices
from eightbyeight_async.cli.sending.result_record import RecordOutcome, outcome_of_response
from eightbyeight_async.cli.terminal.loop_and_signals import run
from eightbyeight_async.errors import EightByEightError, InvalidRequestError
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.prices import cost

if TYPE_CHECKING:
    from eightbyeight_async.bulk import Plan
    from eightbyeight_async.cli.commands.shared_options import ConnectionOptions
    from eightbyeight_async.cli.reading.country_rules import CountryRules
    from eightbyeight_async.cli.reading.plan_limits import PlanLimits
    from eightbyeight_async.cli.reading.send_costs import SendCosts
    from eightbyeight_async.cli.terminal.display import Display
    from eightbyeight_async.client import AsyncConnectClient
    from eightbyeight_async.models.account import AccountBalance, PriceList
    from eightbyeight_async.prices import Cost

__all__ = ["PlanCheck"]

_ASK_ABOVE = 100
# In order of severity. If samples have several outcomes, the command's exit code is the last of them in this order.
_SEVERITY = (Exit.OK, Exit.REFUSED, Exit.USAGE, Exit.AUTHENTICATION, Exit.UNKNOWN)
_PATIENCE = 10.0  # Seconds to wait for the price list and the balance. After that the plan is printed without cost.


class PlanCheck:
    """Prints a plan and checks it.

    Args:
        plan: the counts.
        costs: the sums of the messages to send.
        limits: what the plan must not exceed.
        connection: how to reach the API, for prices and balance.
        display: prints.
        rules: the rules by country; None: there are none.
    """

    def __init__(
        self,
        plan: Plan,
        costs: SendCosts,
        limits: PlanLimits,
        connection: ConnectionOptions,
        display: Display,
        rules: CountryRules | None = None,
    ) -> None:
        self._rules = rules
        self._plan = plan
        self._costs = costs
        self._limits = limits
        self._connection = connection
        self._display = display
        self.cost: Cost | None = None
        self.balance: AccountBalance | None = None

    def tell(self, *, private: bool, rate: float | None) -> None:
        """Prints the lines of the plan. `rate`: requests a second; None: no limit."""
        for line in self._costs.lines():
            self._display.info(line)
        if people := self._costs.people_line(self._plan.people):
            self._display.info(people)
        for line in [] if self._rules is None else self._rules.lines(self._costs.messages_to):
            self._display.info(line)
        for line in (*self._costs.times.lines(), *self._costs.samples.lines(private=private)):
            self._display.info(line)
        if self._plan.to_send:
            self._find_cost()
        if self.cost is not None:
            self._display.info(cost_line(self.cost, self.balance))
        if (seconds := self.seconds(rate)) is not None and seconds >= 1:
            at = "" if rate is None or seconds > self._plan.requests / rate else f" at {rate:g} a second"
            self._display.info(f"takes at least {seconds:,.0f} s{at}")

    def seconds(self, rate: float | None) -> float | None:
        """Returns the seconds that the requests take at this rate and at the countries' rates; None: no rate is set."""
        rates = {} if self._rules is None else self._rules.rates
        times = [self._costs.messages_to[country] / pace for country, pace in rates.items()]
        times += [] if rate is None else [self._plan.requests / rate]
        return max(times, default=None)

    def check(self) -> None:
        """Raises UsageError if the plan exceeds a limit."""
        if why := refusal(self._limits, self._plan.to_send, self.cost):
            raise UsageError(f"{why}; nothing was sent")

    def not_confirmed(self, *, yes: bool, again: bool = False) -> Exit | None:
        """Asks whether to send many messages. Returns None to send, or else the exit code.

        Without a terminal or with `--yes` it does not ask.

        Args:
            yes: whether to send without asking.
            again: whether people get a second message. Then it asks for any number of messages, and nothing is sent if
                there is neither a terminal nor `yes`.

        Raises:
            UsageError: the user must be asked, but there is no terminal.
        """
        terminal = os.isatty(0) and self._display.on_terminal
        if yes or not self._plan.to_send or (not again and (self._plan.to_send <= _ASK_ABOVE or not terminal)):
            return None
        if not terminal:
            many = f"{self._plan.to_send:,} messages would be sent again"
            raise UsageError(f"--resend-undelivered: {many}; nothing was sent; add --yes if that is meant")
        self._display.info(f"send {self._plan.to_send:,} messages? [y/N]")
        try:
            answer = sys.stdin.readline().strip().lower()
        except KeyboardInterrupt:
            self._display.error("interrupted; nothing was sent")
            return Exit.INTERRUPTED
        if answer in ("y", "yes"):
            return None
        self._display.error("not confirmed; nothing was sent")
        return Exit.USAGE

    def send_samples(self, number: str, client: AsyncConnectClient | None, *, as_json: bool = False) -> Exit:
        """Sends each sample once to a number, without a journal. `client`: None in a dry run."""
        samples = {
            name: SmsRequest(destination=number, text=one.text, source=one.source, encoding=one.encoding)
            for name, one in self._costs.samples.requests().items()
        }
        words = f"samples: {len(samples)} to send by --test-to, and nothing else"
        if client is None or not samples:
            self._display.info(f"{words}; nothing was sent")
            if as_json:
                print_json({"dry_run": client is None, "samples": len(samples), "ok": None})
            return Exit.OK
        self._display.info(words)

        async def send() -> list[Exit]:
            async with client:
                return [await self._send_sample(client, name, one) for name, one in samples.items()]

        code = max(run(send), key=_SEVERITY.index)
        if as_json:
            print_json({"dry_run": False, "samples": len(samples), "ok": code is Exit.OK})
        return code

    async def _send_sample(self, client: AsyncConnectClient, name: str, request: SmsRequest) -> Exit:
        try:
            response = await client.sms.send(request)
        except EightByEightError as error:
            self._display.error(f"sample ({name}): {error}")
            return exit_after(error)
        outcome = outcome_of_response(response)
        self._display.info(f"sample ({name}): {outcome.value}, umid {response.umid}")
        return {RecordOutcome.ACCEPTED: Exit.OK, RecordOutcome.REJECTED: Exit.REFUSED}.get(outcome, Exit.UNKNOWN)

    def as_dict(self, *, private: bool, rate: float | None) -> dict[str, object]:
        """For JSON."""
        seconds = self.seconds(rate)
        return {
            "countries": self._costs.countries(),
            "times": self._costs.times.as_list(),
            "samples": self._costs.samples.as_dict(private=private),
            "cost": cost_dict(self.cost, self.balance),
            "seconds": None if seconds is None else round(seconds, 1),
        }

    def _find_cost(self) -> None:
        parts = {("" if len(code) != 2 else code): 0 for code in self._costs.parts_to}
        for code, count in self._costs.parts_to.items():
            parts["" if len(code) != 2 else code] += count
        prices, subaccount = None, None
        if self._limits.prices is not None:
            prices = read_prices(self._limits.prices)
        elif self._known_account():
            subaccount = self._connection.subaccount_id or os.environ.get(f"{settings.PREFIX}SUBACCOUNT_ID") or None
            try:
                prices = self._ask(subaccount)
            except EightByEightError as error:
                self._display.note(f"the cost is not known: {error}")
        if prices is None:
            return
        try:
            self.cost = cost(parts, prices, subaccount)
        except InvalidRequestError as wrong:
            self._display.note(f"the cost is not known: the price list: {wrong.field} {wrong.reason}")

    def _known_account(self) -> bool:
        """Whether 8x8 can be asked for prices and balance: key, sub-account and account id are given.

        A dry run works without them.
        """
        environment = os.environ
        key = self._connection.api_key_file is not None or environment.get(f"{settings.PREFIX}API_KEY")
        subaccount = self._connection.subaccount_id or environment.get(f"{settings.PREFIX}SUBACCOUNT_ID")
        account = self._limits.account_id or environment.get(f"{settings.PREFIX}ACCOUNT_ID")
        return bool(key and subaccount and account)

    def _ask(self, subaccount: str | None) -> PriceList | None:
        client = self._connection.client(account_id=self._limits.account_id)

        async def ask() -> PriceList | None:
            async with client:
                with anyio.move_on_after(_PATIENCE):
                    prices = await client.account.prices(subaccount_id=subaccount, direction="outbound")
                    try:
                        self.balance = await client.account.balance()
                    except EightByEightError as error:  # a postpaid account has no balance
                        self._display.note(f"the balance is not known: {error}")
                    return prices
            self._display.note("the cost is not known: 8x8 did not answer in time")
            return None

        return run(ask)
