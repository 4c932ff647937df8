"""One SMS: its request, its response, and the enums of their fields.

Fields are the API's JSON names in snake_case; `wire.py` converts them.
Source: OpenAPI file of the SMS API, schemas SmsRequest, SmsResponse, SmsStatus.
"""

from __future__ import annotations

import enum
from datetime import datetime

import attrs

from eightbyeight_async.errors import Sent
from eightbyeight_async.models import rules
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.privacy import hidden, masked_digits, masked_number

__all__ = ["Encoding", "Outcome", "SmsRequest", "SmsResponse", "SmsStatus", "SmsStatusCode", "Track"]


class Encoding(enum.StrEnum):
    """The encoding of a text. With `AUTO` the platform chooses GSM7 if that alphabet has every character, else UCS2."""

    AUTO = "AUTO"
    GSM7 = "GSM7"
    UCS2 = "UCS2"


class Track(enum.StrEnum):
    """Conversion tracking of a message.

    `NONE` (the string "None") switches it off. `OUTCOME` expects SMS feedback. Without the field (`track=None`) the
    configuration of the sub-account applies.
    """

    NONE = "None"
    OUTCOME = "Outcome"


class Outcome(enum.StrEnum):
    """The result that SMS feedback reports for a message sent with `Track.OUTCOME`."""

    SUCCESS = "success"
    FAILURE = "failure"


class SmsStatusCode(enum.StrEnum):
    """The status of one SMS. `QUEUED`: accepted. `REJECTED`: refused, although the request got HTTP 200."""

    QUEUED = "QUEUED"
    REJECTED = "REJECTED"


_QUEUED = SmsStatusCode.QUEUED  # looked up once: a look-up takes 900 instructions


# Named functions, not lambdas or closures: mypy's attrs plugin only reads the types of a named converter.
def _encoding(value: Encoding | str | None) -> Encoding | None:
    return None if value is None else rules.member(Encoding, value, "encoding")


def _track(value: Track | str | None) -> Track | None:
    return None if value is None else rules.member(Track, value, "track")


def _known_encoding(value: Encoding | str | None) -> Encoding | str | None:
    return rules.known_or_text(Encoding, value)


def _known_code(value: SmsStatusCode | str) -> SmsStatusCode | str:
    return rules.known_or_text(SmsStatusCode, value) or value


@attrs.frozen(kw_only=True)
class SmsRequest(JsonModel):
    """One SMS.

    Attributes:
        destination: the phone number: 7 to 15 digits, `+` optional; in national format only with `country`.
        text: the text. The platform truncates it to 10 parts (1,530 GSM7 or 670 UCS2 characters) and sends that.
            None only in a batch whose template has a text.
        country: ISO 3166-1 alpha-2 code, for a `destination` in national format.
        source: the sender id: at most 16 printable characters, not only blanks; None for the sub-account's default.
        client_message_id: your reference, at most 350 characters, echoed in responses, receipts and exports. It does
            NOT make a send idempotent.
        encoding: `Encoding` or its string; None for AUTO.
        scheduled: when to send it; aware, at most 7 days in the future, at most a minute in the past; None for now.
        expiry: the time after which it must not be sent any more; aware, in the future, and after `scheduled`.
        dlr_callback_url: the http(s) URL to which 8x8 POSTs the delivery receipts of this message.
        client_ip: the end user's IP address, for 8x8's rate limit per address.
        track: `Track` or its string; None for the configuration of the sub-account.

    Raises:
        InvalidRequestError: a field breaks its rule. The error names the field and the rule, but not the value.
    """

    destination: str = attrs.field(metadata={"check": rules.destination}, repr=masked_number)
    text: str | None = attrs.field(default=None, metadata={"check": rules.text_up_to(None, least=1)}, repr=hidden)
    country: str | None = attrs.field(default=None, metadata={"check": rules.country})
    source: str | None = attrs.field(default=None, metadata={"check": rules.sender}, repr=masked_digits)
    client_message_id: str | None = attrs.field(
        default=None, metadata={"check": rules.text_up_to(350)}, repr=masked_digits
    )
    encoding: Encoding | None = attrs.field(default=None, converter=_encoding)
    scheduled: datetime | None = attrs.field(default=None, metadata={"check": rules.aware_datetime})
    expiry: datetime | None = attrs.field(default=None, metadata={"check": rules.aware_datetime})
    dlr_callback_url: str | None = attrs.field(default=None, metadata={"check": rules.callback_url}, repr=hidden)
    client_ip: str | None = attrs.field(default=None, metadata={"check": rules.ip_address}, repr=hidden)
    track: Track | None = attrs.field(default=None, converter=_track)


@attrs.frozen(kw_only=True)
class SmsStatus(JsonModel):
    """The platform's decision about one SMS.

    Attributes:
        code: `SmsStatusCode`, or the plain string of a code that this version does not know.
        description: the platform's explanation; None if it gave none.
    """

    code: SmsStatusCode | str = attrs.field(converter=_known_code)
    description: str | None = attrs.field(default=None, repr=hidden)


@attrs.frozen(kw_only=True)
class SmsResponse(JsonModel):
    """The response to one SMS. Check `ok`: a refusal (`status.code` is `REJECTED`) can come with HTTP 200.

    Attributes:
        umid: 8x8's id of the message, for cancelling, looking up and matching receipts.
        status: accepted (`QUEUED`) or refused (`REJECTED`).
        destination: the number as the platform understood it.
        encoding: the encoding that the platform chose; a plain string if this version does not know it.
        client_message_id: your reference, echoed; None if you gave none.
        maybe_done_before: an earlier attempt of this call ended in an internal error of 8x8, and may have sent the
            message: then `REJECTED` does not mean that nothing went out.
    """

    umid: str
    status: SmsStatus
    destination: str | None = attrs.field(default=None, repr=masked_number)
    encoding: Encoding | str | None = attrs.field(default=None, converter=_known_encoding)
    client_message_id: str | None = attrs.field(default=None, repr=masked_digits)
    maybe_done_before: bool = attrs.field(default=False, metadata={"wire": None, "kept": True})

    @property
    def ok(self) -> bool:
        """True only for an accepted message: the status QUEUED."""
        return self.status.code is _QUEUED

    @property
    def sent(self) -> Sent | None:
        """For a message that was not accepted: whether it may have gone out nevertheless. None for an accepted message.

        It is `MAYBE` for a refusal if an earlier attempt may have reached the API, and for a status that this version
        does not know.
        """
        if self.ok:
            return None
        refused = self.status.code is SmsStatusCode.REJECTED and not self.maybe_done_before
        return Sent.NO if refused else Sent.MAYBE
