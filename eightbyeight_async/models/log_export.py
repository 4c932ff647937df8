"""Log exports of SMS: the request, the job, its state and the links to its files.

Source: OpenAPI file of the SMS API, schemas LogExportRequest and LogExportJobStatus.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from datetime import datetime

import attrs

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.models import rules
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.privacy import hidden, masked_number

__all__ = ["LogExportJob", "LogExportRequest", "LogExportState", "LogExportStatus"]


def _countries(value: Iterable[str] | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    if isinstance(value, str):
        raise InvalidRequestError("countries", "must be a sequence of country codes, not one string")
    countries = tuple(value)
    for index, code in enumerate(countries):
        rules.checked_country(code, f"countries[{index}]")
    return countries


def _limit(_: object, attribute: attrs.Attribute[int | None], value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidRequestError(attribute.name, "must be a whole number of at least 0; 0 means no limit")


@attrs.frozen(kw_only=True)
class LogExportRequest(JsonModel):
    """The filter of a log export: which messages it contains.

    Attributes:
        from_: the first time (aware); None for seven days ago.
        to: the last time (aware), later than `from_`; None for today.
        phone_number: only messages to or from this number; None for every number.
        countries: only messages to these countries, as two-letter codes; None for every country.
        limit: the most rows; 0 or None for no limit.

    Raises:
        InvalidRequestError: a field breaks its rule.
    """

    from_: datetime | None = attrs.field(default=None, validator=rules.optional(rules.aware_datetime))
    to: datetime | None = attrs.field(default=None, validator=rules.optional(rules.aware_datetime))
    phone_number: str | None = attrs.field(
        default=None, validator=rules.optional(rules.destination), repr=masked_number
    )
    countries: tuple[str, ...] | None = attrs.field(default=None, converter=_countries)
    limit: int | None = attrs.field(default=None, validator=rules.optional(_limit))

    def __attrs_post_init__(self) -> None:
        if self.from_ is not None and self.to is not None and self.from_ >= self.to:
            raise InvalidRequestError("to", "must be later than from_")


@attrs.frozen(kw_only=True)
class LogExportJob(JsonModel):
    """A started log export.

    Attributes:
        job_id: 8x8's id of the export job.
    """

    job_id: str


class LogExportState(enum.StrEnum):
    """The state of a log export; every state except `QUEUED` and `RUNNING` is final."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EMPTY = "empty"
    ERROR = "error"


def _state(value: LogExportState | str) -> LogExportState | str:
    return rules.known_or_text(LogExportState, value) or value


@attrs.frozen(kw_only=True)
class LogExportStatus(JsonModel):
    """The status of a log export.

    Attributes:
        status: `LogExportState`, or the plain string of a state that this version does not know.
        data: the links to the CSV files of a successful export. Anybody who has a link can open the file, so the repr
            hides them.
        expires: until when the links work (aware).
    """

    status: LogExportState | str = attrs.field(converter=_state)
    data: tuple[str, ...] | None = attrs.field(default=None, repr=hidden)
    expires: datetime | None = None
