"""Describes the result of one message: its outcome as a word, its record as a JSON object. Pure.

Rules:
- Without `private` a record contains no number and no text.
- A record contains the caller's `client_message_id`, so that the caller can match it. If the reference contains the
  destination number, the number is masked in it.
"""

from __future__ import annotations

import json
import re
from enum import StrEnum
from typing import TYPE_CHECKING

from eightbyeight_async.errors import Sent
from eightbyeight_async.models.privacy import masked_number

if TYPE_CHECKING:
    from eightbyeight_async.errors import EightByEightError
    from eightbyeight_async.models.sms import SmsRequest, SmsResponse

__all__ = [
    "EARLIER",
    "RecordOutcome",
    "outcome_of",
    "outcome_of_error",
    "outcome_of_response",
    "record_of",
    "record_of_left_out",
    "status_word",
    "without_private",
]


class RecordOutcome(StrEnum):
    """Outcome of one message.

    Attributes:
        ACCEPTED: the API accepted the message.
        REJECTED: the API accepted the request and refused the message.
        FAILED: the message was certainly not sent.
        UNKNOWN: the message may have been sent.
        DUPLICATE: left out; an earlier row has the same message.
        SAME_NUMBER: left out; an earlier row has another message to the same number.
        OPTED_OUT: left out; the person has opted out.
    """

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DUPLICATE = "duplicate"
    SAME_NUMBER = "same_number"
    OPTED_OUT = "opted_out"


def outcome_of_response(response: SmsResponse) -> RecordOutcome:
    """The outcome that a response reports.

    `UNKNOWN`: a status code that this version does not know, or a refusal after an attempt that may have gone out.
    """
    if response.sent is None:
        return RecordOutcome.ACCEPTED
    return RecordOutcome.REJECTED if response.sent is Sent.NO else RecordOutcome.UNKNOWN


def outcome_of_error(error: EightByEightError) -> RecordOutcome:
    return RecordOutcome.UNKNOWN if error.sent is Sent.MAYBE else RecordOutcome.FAILED


def outcome_of(response: SmsResponse | None, error: EightByEightError | None) -> RecordOutcome:
    """Returns the outcome of a message, from its response or its error.

    If both are None, the request was aborted, and the outcome is `UNKNOWN`.
    """
    if response is not None:
        return outcome_of_response(response)
    return RecordOutcome.UNKNOWN if error is None else outcome_of_error(error)


# Why a message is unknown although the last attempt was refused.
EARLIER = "an earlier attempt, to which 8x8 gave an internal error, may have been sent"

_SENT = {
    RecordOutcome.ACCEPTED: "yes",
    RecordOutcome.REJECTED: "no",
    RecordOutcome.FAILED: "no",
    RecordOutcome.UNKNOWN: "maybe",
}


def record_of(
    request: SmsRequest, response: SmsResponse | None, error: EightByEightError | None, *, private: bool = False
) -> dict[str, object]:
    """The record of one message.

    Args:
        request: the message.
        response: the API's answer; None: there is none.
        error: why there is no answer. If `response` and `error` are None, the request was aborted.
        private: whether to include the number and the text.
    """
    outcome = outcome_of(response, error)
    record: dict[str, object] = {
        "ok": outcome is RecordOutcome.ACCEPTED,
        "outcome": outcome.value,
        "umid": None if response is None else response.umid,
        "status": None if response is None else status_word(response),
        "client_message_id": _reference(request, private=private),
        "error": None if error is None else f"{type(error).__name__}: {error}",
        "code": getattr(error, "code", None),
        "sent": _SENT[outcome],
        "attempts": None if error is None else error.attempts,
    }
    if private:
        record |= {"destination": request.destination, "text": request.text}
    return record


def record_of_left_out(
    request: SmsRequest, outcome: RecordOutcome, why: str, *, private: bool = False
) -> dict[str, object]:
    """Returns the record of a message that is left out, with the same members as `record_of`."""
    return {**record_of(request, None, None, private=private), "outcome": outcome.value, "error": why, "sent": "no"}


def without_private(line: str) -> str:
    """Returns the line of a record without number, text and reference.

    Used to print a record on stderr if it could not be written to the file.
    """
    record = json.loads(line)
    if "destination" not in record:
        return line
    return json.dumps({k: v for k, v in record.items() if k not in ("destination", "text", "client_message_id")})


def status_word(response: SmsResponse) -> str:
    """Returns the status code if it is a word, else `?`: a server other than 8x8's could send anything."""
    code = str(response.status.code)
    return code if re.fullmatch(r"[A-Za-z_]{1,40}", code) else "?"


def _reference(request: SmsRequest, *, private: bool) -> str | None:
    reference, number = request.client_message_id, request.destination.removeprefix("+")
    if reference is None or private:
        return reference
    return reference.replace(number, masked_number(number).strip("'"))
