"""What the API says back: refusals with their documented code, and the error body every one of them has.

Error timestamps take turns through the forms 8x8's documents show (2 to 7 fraction digits, Z or an offset),
so that a reader that knows only one of them is found out.
"""

import itertools
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import Any

JSONObject = dict[str, Any]

_FORMS = itertools.cycle([(7, "+00:00"), (2, "Z"), (3, "Z"), (6, "+08:00"), (4, "Z"), (5, "+00:00")])
_SINGAPORE = timezone(timedelta(hours=8))


class Refusal(Exception):  # noqa: N818 - the API refusing is no fault of this program
    """A request the API answers with an error body.

    `code` is the platform's number, `reason` our own words for it; neither holds a number, a text or a key.
    """

    def __init__(self, code: int, reason: str, *, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.status = status
        self.headers = dict(headers or {})


def new_id() -> str:
    """A random UUID (version 4), in a fifth of uuid4's time: a batch needs ten thousand."""
    digits = secrets.token_hex(16)
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def error_body(code: int | str, reason: str, now: datetime) -> JSONObject:
    return {
        "code": code,
        "message": reason,
        "errorId": new_id(),
        "timestamp": error_timestamp(now),
    }


def error_timestamp(now: datetime) -> str:
    digits, zone = next(_FORMS)
    moment = now.astimezone(_SINGAPORE) if zone == "+08:00" else now
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{f'{moment.microsecond:06d}7'[:digits]}{zone}"


def status_timestamp(now: datetime) -> str:
    """The form of a ChatApps status: two fraction digits and Z."""
    return f"{now:%Y-%m-%dT%H:%M:%S}.{now.microsecond // 10000:02d}Z"
