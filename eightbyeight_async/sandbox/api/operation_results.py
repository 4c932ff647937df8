"""Results of an operation: refusals with their documented code, error bodies, downloads, redirects, ids, times.

The timestamps of errors rotate through the forms in 8x8's documents (2 to 7 fraction digits, Z or an offset). So a
client that parses only one form fails its tests.
"""

import itertools
import os
import secrets
import string
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

JSONObject = dict[str, Any]

_FORMS = itertools.cycle([(7, "+00:00"), (2, "Z"), (3, "Z"), (6, "+08:00"), (4, "Z"), (5, "+00:00")])
_ALPHANUMERIC = string.ascii_letters + string.digits
_SINGAPORE = timezone(timedelta(hours=8))


class Refusal(Exception):  # noqa: N818 - not an error of this program: the API refuses the request
    """The API refuses a request and responds with an error body.

    - `code`: 8x8's error code.
    - `reason`: our own words for it, without phone number, text or key.
    - `status`: the HTTP status.
    - `headers`: extra response headers.
    """

    def __init__(self, code: int, reason: str, *, status: int = 400, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason
        self.status = status
        self.headers: dict[str, str] = dict(headers or {})


@dataclass(frozen=True, slots=True)
class Download:
    """A file as the response; its pieces are made while it is sent."""

    pieces: Callable[[], Iterator[bytes]]


@dataclass(frozen=True, slots=True)
class Moved:
    """A redirect (HTTP 302) to `location`."""

    location: str


def new_id() -> str:
    """A random UUID (version 4)."""
    return next(new_ids(1))


def new_ids(count: int) -> Iterator[str]:
    """Random UUIDs (version 4), ten times as fast as `uuid.uuid4`: a batch needs ten thousand."""
    digits = os.urandom(16 * count).hex()
    for at in range(0, 32 * count, 32):
        a, b, c, d, e = at + 8, at + 12, at + 16, at + 20, at + 32
        yield f"{digits[at:a]}-{digits[a:b]}-4{digits[b + 1 : c]}-a{digits[c + 1 : d]}-{digits[d:e]}"


def new_token(length: int = 64) -> str:
    """A random alphanumeric string, like the job ids in 8x8's documents."""
    return "".join(secrets.choice(_ALPHANUMERIC) for _ in range(length))


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


def status_timestamp(moment: datetime) -> str:
    """The time as statuses and logs write it: UTC, two fraction digits and Z."""
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    return utc.isoformat(timespec="milliseconds")[:22] + "Z"
