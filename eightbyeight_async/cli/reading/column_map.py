"""Finds the message field that a column sets: by its name, or by `--map "Phone Number=destination"`. Pure.

Rules:
- A column with the name of a field sets that field. `--map COLUMN=FIELD` assigns a column with another name.
  `--map COLUMN=` assigns no field to a column, e.g. to `Country` with the names of countries.
- Usual names for a field (`phone`, `mobile`, ...) are suggested, but never used without `--map`: a column `phone` can
  be the number of a shop.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

import attrs

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.field_names import (
    FIELDS,
    OPT_OUT,
    TIME_ZONE,
    field_named,
    field_nearly_named,
    spelling,
)

__all__ = ["ColumnMap"]

_MOST_SUGGESTED = 3
_USUAL_NAMES = {
    "destination": (
        "phone", "phonenumber", "phoneno", "phonenr", "mobile", "mobilenumber", "mobileno", "mobilephone",
        "mobilephonenumber", "msisdn", "cell", "cellphone", "cellnumber", "cellphonenumber", "telephone",
        "telephonenumber", "tel", "telno", "number", "contact", "contactnumber", "contactno", "contactphone",
        "customerphone", "handphone", "handphonenumber", "hp", "hpno", "nohp", "nomorhp", "whatsapp", "whatsappnumber",
        "gsm", "to", "recipient", "recipientnumber", "sendto", "phone1", "mobile1", "primaryphone", "homephone",
        "telefon", "telefonnummer", "handy", "handynummer", "telefono", "teléfono", "móvil", "celular", "portable",
        "téléphone", "numéro", "手机", "手机号", "手机号码", "电话", "電話", "手機", "携帯電話", "전화번호", "휴대폰",
    ),
    OPT_OUT: ("optedout", "unsubscribed", "unsubscribe", "donotcontact", "donotsms", "donottext", "dnc", "blocked"),
    "text": ("message", "messagetext", "msg", "sms", "smstext", "body", "content", "textmessage"),
    "source": ("sender", "senderid", "sendername", "from"),
    "client_message_id": ("messageid", "reference", "clientreference"),
    "scheduled": ("schedule", "scheduledat", "scheduledtime", "sendat", "sendtime"),
}  # fmt: skip


@attrs.frozen
class ColumnMap:
    """The message fields that columns set.

    Attributes:
        given: the values of `--map`: for each column name the field; empty: no field.
    """

    given: Mapping[str, str] = MappingProxyType({})

    @classmethod
    def parse(cls, options: Iterable[str]) -> ColumnMap:
        """Parses the values of `--map`.

        Raises:
            UsageError: a value has no `=` or no column, it names an unknown field, or two values contradict each other.
        """
        given: dict[str, str] = {}
        for option in options:
            column, equals, target = (part.strip() for part in option.rpartition("="))
            if not equals or not column:
                raise UsageError('--map: must be COLUMN=FIELD, such as "Phone Number=destination"')
            field = field_named(target) if target else ""
            if field is None:
                known = ", ".join((*FIELDS, OPT_OUT, TIME_ZONE))
                raise UsageError(f"--map: there is no field of the name after the =; fields are {known}")
            if given.setdefault(column, field) != field:
                raise UsageError("--map: one column is given twice, with different fields")
        targets = [field for field in given.values() if field]
        if twice := next((field for field in targets if targets.count(field) > 1), None):
            raise UsageError(f"--map: two columns are given for {twice}")
        return cls(given)

    def field_of(self, column: str) -> str | None:
        """Returns the field that a column sets; None: no field."""
        if column in self.given:
            return self.given[column] or None
        return field_named(column)

    def field_nearly_named(self, column: str) -> str | None:
        """Returns the field that a column name probably misspells; None: there is none, or `--map` has the column."""
        return None if column in self.given else field_nearly_named(column)

    def suggestion(self, field: str, columns: Iterable[str]) -> str | None:
        """Returns the `--map` to add for a field that no column sets, if a column has a usual name for the field."""
        found = [
            column
            for column in columns
            if column not in self.given and field_named(column) is None and spelling(column) in _USUAL_NAMES[field]
        ]
        if not found:
            return None
        options = [f'--map "{column}={field}"' for column in found[:_MOST_SUGGESTED]]
        return f"{' or '.join(options)}, if that column has it"
