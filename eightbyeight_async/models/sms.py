"""The messages of the SMS API: what is sent, what comes back.

Fields are the API's JSON names in snake_case; the wire turns them round. Rules: OpenAPI of the SMS API, schemas
SmsRequest, SmsResponse, SmsStatus.
"""

from __future__ import annotations

import enum
from datetime import datetime

import attrs

from eightbyeight_async.errors import Sent
from eightbyeight_async.models import rules
from eightbyeight_async.models.privacy import hidden, masked_digits, masked_number

__all__ = ["Encoding", "Outcome", "SmsRequest", "SmsResponse", "SmsStatus", "SmsStatusCode", "Track"]


class Encoding(enum.StrEnum):
    """The alphabet of a text. `AUTO` lets the platform choose: GSM7 if every character has a place there."""

    AUTO = "AUTO"
    GSM7 = "GSM7"
    UCS2 = "UCS2"


class Track(enum.StrEnum):
    """Conversion tracking. `NONE` is the string "None" and switches it off; leaving the field out (`track=None`)
    means "as the sub-account is configured"."""

    NONE = "None"
    OUTCOME = "Outcome"


class Outcome(enum.StrEnum):
    """What became of a message sent with `Track.OUTCOME`, as reported by SMS feedback."""

    SUCCESS = "success"
    FAILURE = "failure"


class SmsStatusCode(enum.StrEnum):
    """`QUEUED`: accepted. `REJECTED`: the request was fine, the message was refused (this comes as HTTP 200)."""

    QUEUED = "QUEUED"
    REJECTED = "REJECTED"


# Named functions, not lambdas or closures: mypy's attrs plugin reads a converter's types only off those.
def _encoding(value: Encoding | str | None) -> Encoding | None:
    return None if value is None else rules.member(Encoding, value, "encoding")


def _track(value: Track | str | None) -> Track | None:
    return None if value is None else rules.member(Track, value, "track")


def _known_encoding(value: Encoding | str | None) -> Encoding | str | None:
    return rules.known_or_text(Encoding, value)


def _known_code(value: SmsStatusCode | str) -> SmsStatusCode | str:
    return rules.known_or_text(SmsStatusCode, value) or value


@attrs.frozen(kw_only=True)
class SmsRequest:
    """One SMS.

    Attributes:
        destination: the phone number: 7 to 15 digits, `+` optional; in national format only with `country`.
        text: the message; beyond 10 parts (1,530 GSM7 or 670 UCS2 characters) the platform truncates it and
            sends. None only inside a batch whose template has a text.
        country: ISO 3166-1 alpha-2 code, for a `destination` in national format.
        source: the sender id, at most 16 characters; None: the sub-account's own.
        client_message_id: your reference, at most 350 characters; echoed in answers, receipts and exports. It
            does NOT make a send idempotent.
        encoding: `Encoding` or its string; None: AUTO.
        scheduled: when to send it; aware, at most 7 days ahead, at most a minute ago; None: now.
        expiry: after when it must not be sent any more; aware, ahead, and after `scheduled`.
        dlr_callback_url: where 8x8 POSTs the delivery receipts of this message, http(s).
        client_ip: the end user's IP address, for 8x8's limiting per address.
        track: `Track` or its string; None: as the sub-account is configured.

    Raises:
        InvalidRequestError: a field breaks its rule; the error names field and rule, not the value.
    """

    destination: str = attrs.field(validator=rules.destination, repr=masked_number)
    text: str | None = attrs.field(default=None, validator=rules.optional(rules.text_up_to(None, least=1)), repr=hidden)
    country: str | None = attrs.field(default=None, validator=rules.optional(rules.country))
    source: str | None = attrs.field(default=None, validator=rules.optional(rules.text_up_to(16)), repr=masked_digits)
    client_message_id: str | None = attrs.field(
        default=None, validator=rules.optional(rules.text_up_to(350)), repr=masked_digits
    )
    encoding: Encoding | None = attrs.field(default=None, converter=_encoding)
    scheduled: datetime | None = attrs.field(default=None, validator=rules.optional(rules.aware_datetime))
    expiry: datetime | None = attrs.field(default=None, validator=rules.optional(rules.aware_datetime))
    dlr_callback_url: str | None = attrs.field(default=None, validator=rules.optional(rules.callback_url), repr=hidden)
    client_ip: str | None = attrs.field(default=None, validator=rules.optional(rules.ip_address), repr=hidden)
    track: Track | None = attrs.field(default=None, converter=_track)


@attrs.frozen(kw_only=True)
class SmsStatus:
    """What the platform decided about one message.

    Attributes:
        code: `SmsStatusCode`, or the plain string of a code this version does not know.
        description: the platform's explanation, None if it gave none.
    """

    code: SmsStatusCode | str = attrs.field(converter=_known_code)
    description: str | None = attrs.field(default=None, repr=hidden)


@attrs.frozen(kw_only=True)
class SmsResponse:
    """The answer to one SMS. Look at `status.code`: HTTP 200 with `REJECTED` exists.

    Attributes:
        umid: 8x8's id of the message: cancel, look up and match receipts by it.
        status: accepted (`QUEUED`) or refused (`REJECTED`).
        destination: the number as the platform understood it.
        encoding: the encoding it chose; a plain string if this version does not know it.
        client_message_id: your reference, echoed; None if you gave none.
        maybe_done_before: an earlier attempt of this call ended in an internal error of 8x8, and may have sent the
            message: then `REJECTED` does not mean that nothing went out.
    """

    umid: str
    status: SmsStatus
    destination: str | None = attrs.field(default=None, repr=masked_number)
    encoding: Encoding | str | None = attrs.field(default=None, converter=_known_encoding)
    client_message_id: str | None = attrs.field(default=None, repr=masked_digits)
    maybe_done_before: bool = attrs.field(default=False, metadata={"wire": None})

    @property
    def sent(self) -> Sent | None:
        """Whether a message that was not accepted may have gone out all the same; None for an accepted one.

        A refusal is `MAYBE` after an attempt that may have got through, and so is a status that this version does not
        know.
        """
        if self.status.code is SmsStatusCode.QUEUED:
            return None
        refused = self.status.code is SmsStatusCode.REJECTED and not self.maybe_done_before
        return Sent.NO if refused else Sent.MAYBE
