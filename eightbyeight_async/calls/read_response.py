"""Reading a response: status, headers and body in, a model or an error out. Pure.

Rules:
- A 2xx with the expected object as its body is a success, even if the object has more fields.
- Otherwise the API's error code decides, for every HTTP status: a 500 with code 1001 means a wrong sub-account.
- Without a known code the HTTP status decides, if it is in `_BY_STATUS`.
- With neither, a response with any code is an `APIError`. A response without a code comes from a gateway:
  UnexpectedResponseError.
"""

from __future__ import annotations

import re
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, TypeVar, cast

from eightbyeight_async import errors, wire
from eightbyeight_async.calls.call import BatchCall
from eightbyeight_async.errors import APIError, Sent, UnexpectedResponseError
from eightbyeight_async.models.common import ErrorBody

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eightbyeight_async.calls.call import Call

__all__ = ["read_response"]

T = TypeVar("T")


def read_response(call: Call[T], status: int, headers: Mapping[str, str], body: bytes) -> T:
    """The response as a model; None if the call expects no content.

    Args:
        call: the request.
        status: the HTTP status.
        headers: the response headers; names are looked up in lower case.
        body: the whole response body, after content decoding.

    Raises:
        APIError: the API refused the request or failed.
        UnexpectedResponseError: the response is not one of the API, or it is about another message.
    """
    data: object = None
    try:
        data = wire.load(body)
        if 200 <= status < 300 and call.response_class is not None:
            if isinstance(call, BatchCall) and call.quick is not None and (plain := call.quick(data)) is not None:
                return cast("T", plain)
            found = wire.structure(data, call.response_class)
            other = None if call.contradiction is None else call.contradiction(found)
            if other is None:
                return found
            raise UnexpectedResponseError(other, status_code=status, sent=call.unknown)
        problem = "the body is not an error of the API"
    except wire.UnreadableError as unreadable:
        problem = str(unreadable)
    if call.response_class is None and 200 <= status < 300 and _error_body(data).code is None:
        return cast("T", None)
    raise _error(call, status, headers, _error_body(data), problem)


def _error(
    call: Call[T], status: int, headers: Mapping[str, str], body: ErrorBody, problem: str
) -> APIError | UnexpectedResponseError:
    found = _class_of(status, body.code)
    if found is None:
        if 200 <= status < 300:
            problem = f"a response that cannot be read: {problem}"
        elif 300 <= status < 400:
            problem = "a redirect, which is not followed; check the base URL"
        return UnexpectedResponseError(problem, status_code=status, sent=call.unknown)
    cls, sent = found
    return cls(
        status_code=status,
        code=body.code,
        message=body.message,
        error_id=body.error_id,
        timestamp=body.timestamp,
        retry_after=_retry_after(headers),
        meaning=call.meanings.get(body.code or 0) or _meaning(body.code, cls),
        sent=Sent.NO if call.unknown is Sent.NO else sent,
    )


def _class_of(status: int, code: int | None) -> tuple[type[APIError], Sent] | None:
    """Returns the class and the `sent` of an error; None without a code, if the status is not in `_BY_STATUS`."""
    match code:
        case 1014:
            return errors.TLSVersionError, Sent.NO
        case 1200:
            return errors.AuthenticationError, Sent.NO
        case 1201:
            return errors.PermissionDeniedError, Sent.NO
        case 1300:
            return errors.NotFoundError, Sent.NO
        case int() if 2000 <= code <= 2999:
            return errors.ServerError, Sent.MAYBE
        case int() if 1000 <= code <= 1199 or 3000 <= code <= 3999:
            return errors.BadRequestError, Sent.NO
    by_status = _BY_STATUS.get(status)
    if by_status is not None and not 200 <= status < 300:
        return by_status, Sent.NO
    if code is None:
        return None
    # An undocumented code is still an error of the API, and a 4xx means that the API refused the request. Code 1400
    # (resending interval violation) is documented as a refusal, so it is a refusal with any status.
    refused = 400 <= status < 500 or code == 1400
    return APIError, Sent.NO if refused else Sent.MAYBE


_BY_STATUS: dict[int, type[APIError]] = {
    400: errors.BadRequestError,
    401: errors.AuthenticationError,
    403: errors.PermissionDeniedError,
    404: errors.NotFoundError,
    410: errors.NotFoundError,
    422: errors.BadRequestError,
    426: errors.TLSVersionError,
    429: errors.RateLimitError,
}


# Our own words, because the API's message can echo a phone number or a text. Source: 8x8's table of error codes.
_MEANINGS = {
    1000: "a parameter is invalid",
    1001: "the sub-account is unknown or belongs to another account or region (setting subaccount_id)",
    1002: "the phone number is invalid (field destination)",
    1003: "the encoding is invalid (field encoding)",
    1004: "the text is invalid (field text)",
    1005: "the sender id is invalid or not allowed (field source)",
    1006: "the expiry is invalid (field expiry)",
    1007: "the template is invalid",
    1008: "the id is invalid",
    1009: "the country is invalid (field country)",
    1010: "a parameter is out of range",
    1011: "the schedule time is invalid (field scheduled)",
    1012: "the IP address is invalid (field client_ip)",
    1014: "the connection's TLS is too old for this destination, TLS 1.3 is required",
    1100: "too many messages in one request",
    1200: "the API key is not accepted (setting api_key)",
    1201: "the API key may not do this",
    1300: "not found",
    1400: "sent again too soon to the same number",
    2000: "internal error at 8x8",
    2001: "8x8 does not implement this function",
    2002: "unsupported API version",
    2003: "unsupported product",
}


def _meaning(code: int | None, cls: type[APIError]) -> str:
    if code in _MEANINGS:
        return _MEANINGS[code]
    if code is not None and 3000 <= code <= 3999:
        return "a parameter of the Messaging App is refused (.message has the API's words)"
    return {
        errors.AuthenticationError: "the API key is not accepted (setting api_key)",
        errors.PermissionDeniedError: "the API key may not do this",
        errors.NotFoundError: "not found",
        errors.RateLimitError: "too many requests, slow down",
        errors.ServerError: "internal error at 8x8",
        errors.TLSVersionError: "the connection's TLS is too old, TLS 1.3 is required",
    }.get(cls, "the API refused the request (.message has the API's words)")


def _error_body(data: object) -> ErrorBody:
    """Returns the error body with the fields that can be read; all fields are optional."""
    return wire.structure(data, ErrorBody) if isinstance(data, dict) else ErrorBody()


# Only ASCII digits, as in RFC 9110 (10.2.3); a fraction is tolerated.
_SECONDS = re.compile(r"[0-9]+(?:\.[0-9]+)?")
# A year. A longer wait means the same ("do not try again"), and a number of 400 digits would become infinity.
_LONGEST_WAIT = 365 * 24 * 3600.0


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Returns the seconds of `Retry-After`, at most a year; None if it is missing, or is neither seconds nor a date.

    A date is compared with the response's own `Date` header, so no clock is needed and clock skew does not matter. A
    date in the past gives 0. Similar headers (`X-RateLimit-Reset`, `Retry-After-Ms`) are not read.
    """
    value = headers.get("retry-after", "").strip()
    if _SECONDS.fullmatch(value):
        return min(float(value), _LONGEST_WAIT)
    try:
        wait = parsedate_to_datetime(value) - parsedate_to_datetime(headers["date"])
    except (ValueError, TypeError, KeyError, IndexError, OverflowError):
        return None
    return min(max(0.0, wait.total_seconds()), _LONGEST_WAIT)
