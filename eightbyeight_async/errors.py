"""Every way a call can fail, and for each whether the message may have gone out.

    EightByEightError                  .sent .attempts
    ├─ InvalidRequestError(ValueError) .field .reason            before sending; sent NO
    ├─ ClientClosedError(RuntimeError) the client was closed;    before sending; sent NO
    ├─ TransportError                  refused, unreachable, TLS, reset, cut-off; sent NO or MAYBE by phase
    │  └─ TransportTimeoutError
    ├─ APIError                        .status_code .code .message .error_id .timestamp .retry_after
    │  ├─ BadRequestError   1000-1199 but 1014, 3000-3999, else HTTP 400/422
    │  ├─ TLSVersionError   1014, else HTTP 426
    │  ├─ AuthenticationError 1200, else HTTP 401
    │  ├─ PermissionDeniedError 1201, else HTTP 403
    │  ├─ NotFoundError     1300, else HTTP 404/410
    │  ├─ RateLimitError    HTTP 429
    │  └─ ServerError       2000-2999: the only one that is retried; sent MAYBE
    ├─ LogExportError                  .job_id .reason            an export ended without its rows; sent NO
    └─ UnexpectedResponseError         no error body, or a 2xx that cannot be read; .status_code

Rule of this file: what `str()` and `repr()` of an error show is made of our own words, numbers and ids. The
server's words can echo a phone number or a text; they are in `APIError.message`, for who asks.
"""

from __future__ import annotations

import enum
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

__all__ = [
    "APIError",
    "AuthenticationError",
    "BadRequestError",
    "ClientClosedError",
    "Effect",
    "EightByEightError",
    "InvalidRequestError",
    "LogExportError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "Sent",
    "ServerError",
    "TLSVersionError",
    "TransportError",
    "TransportTimeoutError",
    "UnexpectedResponseError",
]


class Sent(enum.Enum):
    """Whether a failed call may have taken effect: for a send, whether the message may have gone out.

    `NO`: it never left this machine, or the API refused it. Sending it again cannot double it.
    `MAYBE`: nobody here knows. Sending it again may put it on a phone twice; look it up first.
    """

    NO = "no"
    MAYBE = "maybe"


class Effect(enum.Enum):
    """What a call is for. The value: what an error says when it had no effect, and when it may have had it."""

    SEND = ("not sent", "may have been sent")
    CANCEL = ("not cancelled", "may have been cancelled")
    FEEDBACK = ("feedback not given", "feedback may have been given")
    START_EXPORT = ("export not started", "export may have been started")
    CANCEL_EXPORT = ("export not cancelled", "export may have been cancelled")
    LOOK_UP = ("could not be looked up", "could not be looked up")

    def words(self, sent: Sent) -> str:
        return self.value[sent is Sent.MAYBE]


class EightByEightError(Exception):
    """Base of everything this package raises on purpose.

    Attributes:
        sent: whether the call may have taken effect (`Sent.NO` or `Sent.MAYBE`), over all its attempts.
        attempts: how many times the request was tried; 0 when it was refused before the first.
        effect: what the call was for, which `str()` says.
    """

    sent: Sent = Sent.NO
    attempts: int = 0
    effect: Effect = Effect.SEND

    def __reduce__(self) -> tuple[Callable[..., EightByEightError], tuple[object, ...]]:
        # Exceptions cross process borders and get copied; the default way calls __init__ with args alone.
        return _rebuilt, (type(self), self.args, dict(self.__dict__))


class InvalidRequestError(EightByEightError, ValueError):
    """The request or a setting breaks a rule; raised before anything is sent. `sent` is `Sent.NO`.

    Attributes:
        field: the field or setting, in its Python name; `messages[3].text` for one inside a list.
        reason: the rule it breaks, without the offending value.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class ClientClosedError(EightByEightError, RuntimeError):
    """The client was closed before the call; nothing was sent."""

    def __init__(self) -> None:
        super().__init__("the client is closed: make a new AsyncConnectClient, or close it later")

    def __str__(self) -> str:
        # Closed between two attempts, of which the first may have got through.
        after = f" ({self.effect.words(self.sent)})" if self.sent is Sent.MAYBE else ""
        return f"{self.args[0]}{after}" if self.args else super().__str__()


class TransportError(EightByEightError):
    """The exchange with the server broke: refused, unreachable, TLS, reset, cut off.

    `sent` is `Sent.NO` if it broke before the first byte of the request could leave, else `Sent.MAYBE`.
    The `__cause__` is the library's own exception, unless that one quotes what the server sent.
    """

    def __init__(self, reason: str, *, sent: Sent = Sent.MAYBE) -> None:
        super().__init__(reason)
        self.reason = reason
        self.sent = sent
        self.attempts = 1

    def __str__(self) -> str:
        return f"{self.reason} ({self.effect.words(self.sent)})"


class TransportTimeoutError(TransportError):
    """A phase of the exchange took longer than the client's `timeout`."""


class APIError(EightByEightError):
    """The API answered with an error.

    Attributes:
        status_code: the HTTP status.
        code: 8x8's own error code (int), None if the answer had none.
        message: the API's words, unabridged; they can echo a number or a text, so `str()` leaves them out.
        error_id: the id to give to 8x8's support, None if absent.
        timestamp: when the API says it happened (aware), None if absent or unreadable.
        retry_after: seconds the API asks to wait, at most a year; None if it did not ask.
    """

    def __init__(
        self,
        *,
        status_code: int,
        code: int | None = None,
        message: str | None = None,
        error_id: str | None = None,
        timestamp: datetime | None = None,
        retry_after: float | None = None,
        meaning: str | None = None,
        sent: Sent = Sent.NO,
    ) -> None:
        super().__init__(meaning or "the API answered with an error")
        self.status_code = status_code
        self.code = code
        self.message = message
        self.error_id = error_id
        self.timestamp = timestamp
        self.retry_after = retry_after
        self.sent = sent
        self.attempts = 1

    def __str__(self) -> str:
        code = "no code" if self.code is None else f"code {self.code}"
        where = f"{self.args[0]} ({code}, HTTP {self.status_code}"
        # A server that is not 8x8 could put anything there; only an id is shown.
        if self.error_id and _UUID.fullmatch(self.error_id):
            where += f", error id {self.error_id}"
        if self.retry_after is not None:
            where += f", retry after {self.retry_after:.9g} s"
        if self.attempts > 1:
            where += f", {self.attempts} attempts"
        return f"{where}; {self.effect.words(self.sent)})"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class BadRequestError(APIError):
    """A parameter is refused: codes 1000-1199 but 1014, and 3000-3999; without a known code HTTP 400, 422."""


class TLSVersionError(APIError):
    """The API wants a newer TLS: code 1014; without a known code HTTP 426."""


class AuthenticationError(APIError):
    """The API key is not accepted: code 1200; without a known code HTTP 401."""


class PermissionDeniedError(APIError):
    """The key may not do this: code 1201; without a known code HTTP 403."""


class NotFoundError(APIError):
    """No such message, batch or job: code 1300; without a known code HTTP 404, 410."""


class RateLimitError(APIError):
    """Too many requests: HTTP 429. Not sent, and never retried by itself; `retry_after` says how long to wait."""


class ServerError(APIError):
    """8x8's own fault: codes 2000-2999. The only error that is retried. `sent` is `Sent.MAYBE`."""


class UnexpectedResponseError(EightByEightError):
    """An answer that is not the API's: no error body (a gateway's page), or a 2xx that cannot be read.

    Attributes:
        status_code: the HTTP status, None if not even that could be read.
        reason: what is wrong with it; for a 2xx that cannot be read, the JSON path of the value.
    """

    def __init__(self, reason: str, *, status_code: int | None = None, sent: Sent = Sent.MAYBE) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status_code = status_code
        self.sent = sent
        self.attempts = 1

    def __str__(self) -> str:
        status = "" if self.status_code is None else f"HTTP {self.status_code}: "
        return f"{status}{self.reason} ({self.effect.words(self.sent)})"


class LogExportError(EightByEightError):
    """A log export ended without its rows, gave a broken file, or took too long; the log itself is intact at 8x8.

    Attributes:
        job_id: the export.
        reason: how it ended.
    """

    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(f"log export {reason}")
        self.job_id = job_id
        self.reason = reason
        self.attempts = 1


_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _rebuilt(cls: type[EightByEightError], args: tuple[object, ...], state: dict[str, object]) -> EightByEightError:
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error
