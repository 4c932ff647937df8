"""What became of one message, as a word and as a JSON object. Pure.

Without `private` the record holds no number and no text. The caller's own reference is in it, because it is there to
be matched by; where it contains the very number the message went to, that is masked.
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
    "answered",
    "failed",
    "outcome_of",
    "record_of",
    "status_word",
    "without_private",
]


class RecordOutcome(StrEnum):
    """`REJECTED`: the API took the request and refused the message. `FAILED`: it certainly did not go out.
    `UNKNOWN`: it may have gone out, nobody here knows."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    FAILED = "failed"
    UNKNOWN = "unknown"


def answered(response: SmsResponse) -> RecordOutcome:
    """Neither an acceptance nor a refusal: a status that this version does not know, a refusal after a lost attempt."""
    if response.sent is None:
        return RecordOutcome.ACCEPTED
    return RecordOutcome.REJECTED if response.sent is Sent.NO else RecordOutcome.UNKNOWN


def failed(error: EightByEightError) -> RecordOutcome:
    return RecordOutcome.UNKNOWN if error.sent is Sent.MAYBE else RecordOutcome.FAILED


def outcome_of(response: SmsResponse | None, error: EightByEightError | None) -> RecordOutcome:
    """Of a SendResult's two halves."""
    if response is not None:
        return answered(response)
    return RecordOutcome.UNKNOWN if error is None else failed(error)


# Of a message that is refused now.
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
    """
    Args:
        request: what was sent, or tried.
        response, error: what came of it; both None: interrupted before anything came.
        private: with number and text.
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


def without_private(line: str) -> str:
    """A record's line, without what only `private` puts there: for a place that was not meant for it."""
    record = json.loads(line)
    if "destination" not in record:
        return line
    return json.dumps({k: v for k, v in record.items() if k not in ("destination", "text", "client_message_id")})


def status_word(response: SmsResponse) -> str:
    """The status code, if it is a word: a server that is not 8x8 could put anything there."""
    code = str(response.status.code)
    return code if re.fullmatch(r"[A-Za-z_]{1,40}", code) else "?"


def _reference(request: SmsRequest, *, private: bool) -> str | None:
    reference, number = request.client_message_id, request.destination.removeprefix("+")
    if reference is None or private:
        return reference
    return reference.replace(number, masked_number(number).strip("'"))
