"""A row of a file becomes a request, or a complaint that says where and which rule. Pure.

A complaint never holds a value of the file: it can be somebody's number, and complaints end up in build logs.
The same check that the client makes before it sends is made here, so that a file that passes will not be stopped
half-way by a rule of ours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

import attrs

from eightbyeight_async.calls.sms import send_sms
from eightbyeight_async.calls.times import passed
from eightbyeight_async.cli.reading.field_names import value_of
from eightbyeight_async.cli.reading.text_template import TextTemplate
from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models.sms import SmsRequest
from eightbyeight_async.text import TextPolicy, check_length

__all__ = ["Complaint", "Recipe", "Row"]


@attrs.frozen(kw_only=True)
class Row:
    """One message of the file.

    Attributes:
        number: of the row, from 1; the header, empty lines and rows of nothing but empty cells do not count.
        line: the physical line it begins on, from 1.
        request: what will be sent.
        blanks: the columns of `--text` that are empty in this row.
        long: the text takes more than 10 parts, and that is to be said.
        late: the complaint about a time of it that has passed, for who reads the file for the first time. While the
            file is being sent, time goes on: such a row is sent, and fails alone.
    """

    number: int
    line: int
    request: SmsRequest
    blanks: tuple[str, ...] = ()
    long: bool = False
    late: Complaint | None = None


@attrs.frozen(kw_only=True)
class Complaint:
    """What is wrong, and where. `number`, `field` None: it is about the line, not about a row, a field."""

    line: int
    rule: str
    number: int | None = None
    field: str | None = None

    def __str__(self) -> str:
        row = "" if self.number is None else f" (row {self.number})"
        field = "" if self.field is None else f"{self.field}: "
        return f"{self.line}{row}: {field}{self.rule}"


@attrs.frozen(kw_only=True)
class Recipe:
    """How the cells of a row become a request.

    Attributes:
        template: the text of every message; None: each row has its own.
        defaults: values for what a row leaves out, by field.
        now: the clock that `scheduled` and `expiry` are checked against.
        long_text: what to do with a text of more than 10 parts.
    """

    template: TextTemplate | None
    defaults: Mapping[str, object]
    now: Callable[[], datetime]
    long_text: TextPolicy = TextPolicy.WARN

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns that the text is made of."""
        return () if self.template is None else self.template.columns

    def row(
        self, number: int, line: int, fields: Iterable[tuple[str, str]], cells: Mapping[str, str]
    ) -> Row | Complaint:
        """
        Args:
            number, line: where it is.
            fields: the cells that are fields, by field name; an empty one is left out.
            cells: all cells by the names that placeholders use.
        """
        try:
            values: dict[str, Any] = dict(self.defaults)  # the model checks them itself
            for name, text in fields:
                if text:
                    values[name] = value_of(name, text)
            if self.template is not None:
                values["text"] = self.template.fill(cells)
            if "destination" not in values:
                return Complaint(line=line, number=number, field="destination", rule="is missing")
            request = SmsRequest(**values)
            late = self._late(number, line, request)
            long = check_length(request.text, request.encoding, self.long_text) is not None
        except InvalidRequestError as wrong:
            return Complaint(line=line, number=number, field=wrong.field, rule=wrong.reason)
        blanks = tuple(name for name in self.columns if not cells[name])
        return Row(number=number, line=line, request=request, blanks=blanks, long=long, late=late)

    def _late(self, number: int, line: int, request: SmsRequest) -> Complaint | None:
        try:
            send_sms("any", request, self.now)
        except InvalidRequestError as wrong:
            if wrong.field not in ("scheduled", "expiry") or not passed(request, self.now()):
                raise
            return Complaint(line=line, number=number, field=wrong.field, rule=wrong.reason)
        return None
