"""SMS feedback: reports the outcome of a message that was sent with `Track.OUTCOME`.

Source: OpenAPI file of the SMS API, schema SmsFeedback.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.sms import Outcome

__all__ = ["SmsFeedback"]


def _outcome(value: Outcome | str) -> Outcome | None:
    return rules.member(Outcome, value, "outcome")


def _given(_: object, attribute: attrs.Attribute[Outcome | None], value: object) -> None:
    rules.required(attribute.name, value)


@attrs.frozen(kw_only=True)
class SmsFeedback(JsonModel):
    """The request body of SMS feedback.

    Attributes:
        outcome: `Outcome` or its string.
        timestamp: when the outcome happened (aware); None for the time of the call.
    """

    outcome: Outcome | None = attrs.field(converter=_outcome, validator=_given)
    timestamp: datetime | None = attrs.field(default=None, validator=rules.optional(rules.aware_datetime))
