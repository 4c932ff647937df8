"""`--rules FILE`, `--rate-for SG=100`: sender, rate and window by country. Pure, except that it reads a file.

The file is TOML, with a table for each country:

    [SG]
    source = "ACME"            # of messages whose row has none; before --source
    rate = 100                 # messages a second
    window = "09:00-20:00"     # instead of --window
    weekdays = true

Rules:
- The number determines the country, as in the plan. For a country without a table, the command's options apply.
- An unknown name in the file is refused: with a misspelt `windw`, messages would be sent at night.
- `--rate-for` has priority over the file.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.send_window import SendWindow
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.rules import checked_sender
from eightbyeight_async.settings import checked_rate

if TYPE_CHECKING:
    from datetime import datetime

    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["CountryRule", "CountryRules", "country_of"]

_KINDS: dict[str, Any] = {"source": str, "rate": (int, float), "window": str, "weekdays": bool}


@attrs.frozen(kw_only=True)
class CountryRule:
    """The rule for one country.

    Attributes:
        source: the sender of messages in rows without a sender; None: the command's.
        rate: at most this many messages a second; None: no limit for this country.
        window: when messages may be sent to people; None: the command's.
        words: the rule in words, for the plan.
    """

    source: str | None = None
    rate: float | None = None
    window: SendWindow | None = None
    words: str = ""


@attrs.frozen
class CountryRules:
    """The rules by country, in two capital letters."""

    by_country: Mapping[str, CountryRule]

    @classmethod
    def read(cls, file: str | None, rate_for: Sequence[str], now: datetime) -> CountryRules | None:
        """Reads the rules of the options; None: there are no rules.

        Raises:
            UsageError: an option or the file breaks a rule.
        """
        found = {} if file is None else _tables(Path(file))
        for option in rate_for:
            country, equals, rate = (part.strip() for part in option.partition("="))
            try:
                number = float(rate) if equals else 0.0
            except ValueError:
                number = 0.0
            code = _country(country, "--rate-for")
            found[code] = {**found.get(code, {}), "rate": _rate(number, f"--rate-for {code}")}
        if len({_country(option.partition("=")[0], "--rate-for") for option in rate_for}) < len(rate_for):
            raise UsageError("--rate-for: one country is given twice")
        return cls({code: _rule(code, table, now) for code, table in found.items()}) if found else None

    def of(self, request: SmsRequest) -> CountryRule | None:
        """Returns the rule for a message; None: its country has no rule."""
        return self.by_country.get(country_of(request))

    def group_of(self, request: SmsRequest) -> tuple[str, float] | None:
        """Returns the group and rate of a message, for `Campaign(group_rate=...)`."""
        rule = self.of(request)
        return None if rule is None or rule.rate is None else (country_of(request), rule.rate)

    @property
    def rates(self) -> dict[str, float]:
        """Messages a second by country."""
        return {code: rule.rate for code, rule in self.by_country.items() if rule.rate is not None}

    @property
    def window(self) -> SendWindow | None:
        """Returns any one of the windows. Every window has the same clock."""
        return next((rule.window for rule in self.by_country.values() if rule.window is not None), None)

    def lines(self, countries: Iterable[str]) -> list[str]:
        """Returns the rules for these countries in words, for the plan."""
        return [f"{code}: {self.by_country[code].words}" for code in sorted(countries) if code in self.by_country]


def country_of(request: SmsRequest) -> str:
    """Returns the country of a message's number. A national number belongs to its request's `country`."""
    number = request.destination
    if number[0] != "+" and request.country is not None:
        return request.country.upper()
    return _calling_codes()(number.lstrip("+"))


@functools.cache
def _calling_codes() -> Callable[[str], str]:
    from eightbyeight_async.cli.reading.calling_code import country_of as by_digits  # noqa: PLC0415 - 20 ms

    return by_digits


def _tables(file: Path) -> dict[str, dict[str, Any]]:
    try:
        # editors on Windows write a BOM at the beginning of a file
        data = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as wrong:
        raise UsageError(f"--rules {file.name}: {wrong.strerror or 'cannot be read'}") from wrong
    except RecursionError as wrong:
        raise UsageError(f"--rules {file.name}: is not TOML: nested too deeply") from wrong
    except ValueError as wrong:  # bad TOML, bad UTF-8, an integer with too many digits
        raise UsageError(f"--rules {file.name}: is not TOML: {wrong}") from wrong
    found: dict[str, dict[str, Any]] = {}
    for name, table in data.items():
        code = _country(name, f"--rules {file.name}")
        if not isinstance(table, dict):
            raise UsageError(f"--rules {file.name}: {code}: must be a table, [{code}] on a line of its own")
        if code in found:
            raise UsageError(f"--rules {file.name}: {code}: is there twice")
        for key, value in table.items():
            kind = _KINDS.get(key)
            if kind is None:
                raise UsageError(f"--rules {file.name}: {code}: {key!r} is none of {', '.join(_KINDS)}")
            if not isinstance(value, kind) or (kind is not bool and isinstance(value, bool)):
                named = "a text in quotes" if kind is str else "true or false" if kind is bool else "a number"
                raise UsageError(f"--rules {file.name}: {code}: {key}: must be {named}")
        found[code] = {"place": f"--rules {file.name}: {code}", **table}
        if "rate" in table:
            _rate(table["rate"], f"--rules {file.name}: {code}: rate")
    return found


def _rule(code: str, table: Mapping[str, Any], now: datetime) -> CountryRule:
    place, source, rate = table.get("place", code), table.get("source"), table.get("rate")
    span, weekdays = table.get("window"), table.get("weekdays", False)
    try:
        if source is not None:
            checked_sender(source, "source")
        window = SendWindow.parse(span, now, weekdays=weekdays)
    except InvalidRequestError as wrong:
        raise UsageError(f"{place}: {wrong.field}: {wrong.reason}") from wrong
    except UsageError as wrong:
        raise UsageError(f"{place}: {str(wrong).removeprefix('--')}") from wrong
    words = [f"sender {source}"] if source is not None else []
    words += [f"at most {rate:g} messages a second"] if rate is not None else []
    words += [f"sent from {span}"] if span is not None else []
    words += ["from Monday to Friday"] if weekdays else []
    return CountryRule(source=source, rate=rate, window=window, words=", ".join(words) or "no rule")


def _country(name: str, place: str) -> str:
    from eightbyeight_async.cli.reading.clean_number import is_country  # noqa: PLC0415 - 20 ms

    if not is_country(name.strip()):
        raise UsageError(f"{place}: must name a country by its two letters, such as SG")
    return name.strip().upper()


def _rate(number: float, place: str) -> float:
    try:
        return checked_rate(number, "rate") or 0.0
    except InvalidRequestError:
        raise UsageError(f"{place}: must be a number of messages a second above 0, such as SG=100") from None
