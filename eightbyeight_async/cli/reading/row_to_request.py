"""Converts a row of a file into a request, or into a problem with its place and the broken rule. Pure.

Rules:
- A problem never contains a value of the file: the value can be a phone number, and problems end up in build logs.
- The client's own checks of a request run here too. So no check of the client can stop the sending of a file half-way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from eightbyeight_async.calls.sms import check_sms
from eightbyeight_async.calls.times import passed
from eightbyeight_async.cli.reading.column_map import ColumnMap
from eightbyeight_async.cli.reading.country_rules import CountryRules
from eightbyeight_async.cli.reading.field_names import OPT_OUT, TIME_ZONE, says_opt_out, value_of
from eightbyeight_async.cli.reading.send_window import SendWindow
from eightbyeight_async.cli.reading.text_template import TextTemplate
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.text import TextPolicy, check_length

__all__ = ["Problem", "Row", "RowConverter"]


_NONE: tuple[str, ...] = ()


@attrs.define(kw_only=True, eq=False)
class Row:
    """One message of the file. No code changes a row; it is not frozen, because freezing costs a microsecond a row.

    Attributes:
        number: row number, from 1. The header, empty lines and rows with only empty cells do not count.
        line: number of the line where the row begins, from 1.
        request: the request that will be sent.
        blanks: columns that `--text` uses and that are empty in this row.
        long: whether the text takes more than 10 parts and `long_text` is `warn`.
        late: the problem of a row if its time has passed. Only the first reading of the file uses it. In the second
            reading the row is passed on, and only its message fails.
        cleaned: what `--clean-numbers` changed in the number.
        opted_out: whether the row's column `opt_out` says yes.
        skipped: whether this run does not concern the message; it is then neither planned nor sent.
    """

    number: int
    line: int
    request: SmsRequest
    blanks: tuple[str, ...] = ()
    long: bool = False
    late: Problem | None = None
    cleaned: tuple[str, ...] = ()
    opted_out: bool = False
    skipped: bool = False


@attrs.frozen(kw_only=True)
class Problem:
    """A problem of a file; `str()` is what the command prints.

    Attributes:
        line: line number, from 1.
        rule: the rule that is broken.
        number: row number, from 1; None: the problem is about a line that is not a row.
        field: field of the message; None: the problem is about the whole row or line.
    """

    line: int
    rule: str
    number: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        row = "" if self.number is None else f" (row {self.number})"
        return f"{self.line}{row}: {self.reason}"

    @property
    def reason(self) -> str:
        """Field and rule."""
        return self.rule if self.field is None else f"{self.field}: {self.rule}"


@attrs.frozen(kw_only=True)
class RowConverter:
    """Converts the cells of a row into a request.

    Attributes:
        template: makes the text of every message; None: each row has its own text.
        defaults: per field: the value for rows without a value.
        now: clock for the check of `scheduled` and `expiry`.
        long_text: what to do with a text of more than 10 parts.
        column_map: which field a column sets.
        default_country: two letters, for numbers without `+` in rows without a country.
        window: when messages may be sent to people; None: always.
        rules: the rules by country; None: there are none.
        only: returns whether the run concerns a message; None: it concerns all messages.
        clean: cleans a number, given the row's country, and also returns what was changed. None: numbers stay
            unchanged.
    """

    template: TextTemplate | None
    defaults: Mapping[str, object]
    now: Callable[[], datetime]
    long_text: TextPolicy = TextPolicy.WARN
    column_map: ColumnMap = ColumnMap()  # noqa: RUF009 - frozen
    default_country: str | None = None
    window: SendWindow | None = None
    rules: CountryRules | None = None
    only: Callable[[SmsRequest], bool] | None = None
    clean: Callable[[str, str | None], tuple[str, tuple[str, ...]]] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that `--text` uses."""
        return () if self.template is None else self.template.columns

    @property
    def any_window(self) -> SendWindow | None:
        """Any one of the windows, which all have the same clock. None: there is no window."""
        return self.window or (None if self.rules is None else self.rules.window)

    def convert(self, number: int, line: int, fields: Iterable[tuple[str, str]], cells: list[str]) -> Row | Problem:
        """Converts one row.

        Args:
            number: row number.
            line: number of the row's first line.
            fields: pairs of field name and text; an empty text leaves the field out.
            cells: cells of the columns that `--text` uses, in the order of `columns`; stripped.
        """
        values: dict[str, Any] = dict(self.defaults)  # typed Any, because the model checks the values itself
        try:
            opted_out, zone, blanks, window, has_source = False, "", _NONE, self.window, False
            for name, text in fields:
                if name == OPT_OUT:
                    opted_out = says_opt_out(text)
                elif name == TIME_ZONE:
                    zone = text.strip()
                elif text and not text.isspace():
                    values[name] = value_of(name, text)
                    has_source = has_source or name == "source"
            if self.template is not None:
                values["text"], blanks = self.template.fill(cells)
            if "destination" not in values:
                return Problem(line=line, number=number, field="destination", rule="is missing")
            cleaned = () if self.clean is None and self.default_country is None else self._clean(values)
            request = SmsRequest(**values)
            if self.rules is not None and (rule := self.rules.of(request)) is not None:
                window = rule.window or window
                if rule.source is not None and not has_source:
                    values["source"] = rule.source
                    request = SmsRequest(**values)
            if window is not None and (moment := window.moment(request, zone)) != request.scheduled:
                request = SmsRequest(**{**values, "scheduled": moment})
            late = self._late(number, line, request)
            long = check_length(request.text, request.encoding, self.long_text) is not None
        except InvalidRequestError as wrong:
            remedy = self._remedy(values) if wrong.field == "destination" else ""
            return Problem(line=line, number=number, field=wrong.field, rule=f"{wrong.reason}{remedy}")
        return Row(
            number=number,
            line=line,
            request=request,
            blanks=blanks,
            long=long,
            late=late,
            cleaned=cleaned,
            opted_out=opted_out,
            skipped=self.only is not None and not self.only(request),
        )

    def _clean(self, values: dict[str, Any]) -> tuple[str, ...]:
        """Puts number and country into the form in which they are sent. Returns what was changed in the number."""
        country = values.get("country")
        if self.clean is not None:
            values["destination"], changes = self.clean(values["destination"], country)
            return changes
        if self.default_country is not None and country is None and values["destination"][0] != "+":
            values["country"] = self.default_country
        return ()

    def _remedy(self, values: dict[str, Any]) -> str:
        """Returns the option that would correct this row's number; empty if it is already given, or would not help."""
        if self.clean is not None:
            return ""
        from eightbyeight_async.cli.reading.clean_number import NumberCleaner  # noqa: PLC0415 - loads phonenumbers

        try:
            number = NumberCleaner(self.default_country).clean(values["destination"], values.get("country")).number
            SmsRequest(destination=number, text="-")
        except InvalidRequestError:
            return ""
        return "; --clean-numbers corrects such numbers"

    def _late(self, number: int, line: int, request: SmsRequest) -> Problem | None:
        try:
            check_sms(request, self.now)
        except InvalidRequestError as wrong:
            if wrong.field not in ("scheduled", "expiry") or not passed(request, self.now()):
                raise
            return Problem(line=line, number=number, field=wrong.field, rule=wrong.reason)
        return None
