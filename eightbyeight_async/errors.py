"""The exceptions of this package. Each says whether the message may have been sent.

    EightByEightError                  .sent .attempts
    ├─ InvalidRequestError(ValueError) .field .reason            before sending; sent NO
    ├─ ClientClosedError(RuntimeError) the client was closed;    before sending; sent NO
    ├─ TransportError                  refused, unreachable, TLS, reset, cut off; the phase decides: sent NO or MAYBE
    │  └─ TransportTimeoutError
    ├─ APIError                        .status_code .code .message .error_id .timestamp .retry_after
    │  ├─ BadRequestError   1000-1199 except 1014, 3000-3999, else HTTP 400/422
    │  ├─ TLSVersionError   1014, else HTTP 426
    │  ├─ AuthenticationError 1200, else HTTP 401
    │  ├─ PermissionDeniedError 1201, else HTTP 403
    │  ├─ NotFoundError     1300, else HTTP 404/410
    │  ├─ RateLimitError    HTTP 429
    │  └─ ServerError       2000-2999: the only one that is retried; sent MAYBE
    ├─ LogExportError                  .job_id .reason            an export has no rows to give; sent NO
    └─ UnexpectedResponseError         no error body, an unreadable 2xx, or about another message

Rule: `str()` and `repr()` of an error show only our own words, codes and ids. The server's words can echo a phone
number or a text; they are only in `APIError.message`.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

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
    """Whether a failed call may have taken effect; for a send, whether the message may have been sent.

    - `NO`: the request never left this machine, or the API refused it. Repeating it cannot send the message twice.
    - `MAYBE`: unknown. Repeating it may send the message twice, so look it up first.
    """

    NO = "no"
    MAYBE = "maybe"


class Effect(enum.Enum):
    """What a call does. The value: what an error says if the call had no effect, and if it may have had it."""

    SEND = ("not sent", "may have been sent")
    CANCEL = ("not cancelled", "may have been cancelled")
    FEEDBACK = ("feedback not given", "feedback may have been given")
    START_EXPORT = ("export not started", "export may have been started")
    CANCEL_EXPORT = ("export not cancelled", "export may have been cancelled")
    LOOK_UP = ("could not be looked up", "could not be looked up")

    def words(self, sent: Sent) -> str:
        return self.value[sent is Sent.MAYBE]


class _Rebuilding(type):
    """Lets `cls(*error.args)` rebuild an error, as task queues with a JSON result backend do."""

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - an instance of cls
        if args and isinstance(args[-1], dict) and _STATE in args[-1]:
            *words, state = args
            return _rebuilt(cls, tuple(words), _read_state(state))
        return super().__call__(*args, **kwargs)


class EightByEightError(Exception, metaclass=_Rebuilding):
    """The base class of this package's exceptions.

    Attributes:
        sent: whether the call may have taken effect (`Sent.NO` or `Sent.MAYBE`), in any of its attempts.
        attempts: how many times the request was tried; 0 if it was refused before the first attempt.
        effect: what the call does, for the text of `str()`.
        args: the error's own words, then a dict of its attributes. Both can be written as JSON, and `cls(*args)` makes
            the same error again. Only the server's texts (`APIError.message`, an `error_id` that is not a UUID) and
            attributes that JSON cannot represent (e.g. a campaign's plan) are then None, and tuples are empty.
    """

    sent: Sent = Sent.NO
    attempts: int = 0
    effect: Effect = Effect.SEND

    @property
    def args(self) -> tuple[Any, ...]:
        return (*_words(self), _written_state(self))

    @args.setter
    def args(self, words: tuple[Any, ...]) -> None:
        _OWN_ARGS.__set__(self, words)

    def __reduce__(self) -> tuple[Callable[..., EightByEightError], tuple[object, ...]]:
        # For pickling and copying. `args` does not keep every attribute unchanged; this does.
        return _rebuilt, (type(self), _words(self), dict(self.__dict__))


class InvalidRequestError(EightByEightError, ValueError):
    """The request or a setting breaks a rule. It is raised before anything is sent; `sent` is `Sent.NO`.

    Attributes:
        field: the Python name of the field or setting, or its path, e.g. `messages[3].text`.
        reason: the broken rule, without the value.
    """

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class ClientClosedError(EightByEightError, RuntimeError):
    """The client was closed before the call; nothing was sent."""

    def __init__(self) -> None:
        super().__init__("the client is closed: make a new AsyncConnectClient, or close this one later")

    def __str__(self) -> str:
        # The client was closed between two attempts, and the first attempt may have reached the API.
        after = f" ({self.effect.words(self.sent)})" if self.sent is Sent.MAYBE else ""
        return f"{super().__str__()}{after}"


class TransportError(EightByEightError):
    """The exchange with the server failed: refused, unreachable, TLS, reset, cut off.

    `sent` is `Sent.NO` if it failed before the first byte of the request could leave this machine, else `Sent.MAYBE`.
    `__cause__` is the transport's exception, unless its text may contain text of the server.

    Attributes:
        reason: what failed, in our own words.
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
    """The API responded with an error.

    Attributes:
        status_code: the HTTP status.
        code: 8x8's error code; None if the response had none.
        message: the API's full words. They can echo a phone number or a text, so `str()` does not show them.
        error_id: the id to give to 8x8's support; None if absent.
        timestamp: the time of the error (aware), as the API says; None if absent or unreadable.
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
        super().__init__(meaning or "the API responded with an error")
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
        # Only a UUID is shown: a server other than 8x8's could put any text there.
        if _is_uuid(self.error_id):
            where += f", error id {self.error_id}"
        if self.retry_after is not None:
            where += f", retry after {self.retry_after:.9g} s"
        if self.attempts > 1:
            where += f", {self.attempts} attempts"
        return f"{where}; {self.effect.words(self.sent)})"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class BadRequestError(APIError):
    """The API refused a parameter: codes 1000-1199 except 1014, 3000-3999; without a known code HTTP 400 or 422."""


class TLSVersionError(APIError):
    """The API requires a newer TLS version: code 1014; without a known code HTTP 426."""


class AuthenticationError(APIError):
    """The API does not accept the API key: code 1200; without a known code HTTP 401."""


class PermissionDeniedError(APIError):
    """The API key does not allow this operation: code 1201; without a known code HTTP 403."""


class NotFoundError(APIError):
    """There is no such message, batch or job: code 1300; without a known code HTTP 404 or 410."""


class RateLimitError(APIError):
    """Too many requests: HTTP 429. The message was not sent, and the client does not retry it.

    `retry_after` is the time to wait, in seconds.
    """


class ServerError(APIError):
    """An internal error at 8x8: codes 2000-2999. It is the only error that is retried. `sent` is `Sent.MAYBE`."""


class UnexpectedResponseError(EightByEightError):
    """The response is not one of the API (e.g. a gateway's page), is an unreadable 2xx, or is about another message.

    Attributes:
        status_code: the HTTP status; None if it could not be read.
        reason: what is wrong with the response; for an unreadable 2xx with the JSON path of the bad value.
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
    """A log export failed, gave a broken file, or took too long. The log itself is intact at 8x8.

    Attributes:
        job_id: 8x8's id of the export job.
        reason: how the export ended.
    """

    def __init__(self, job_id: str, reason: str) -> None:
        super().__init__(f"log export {reason}")
        self.job_id = job_id
        self.reason = reason
        self.attempts = 1


_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def _is_uuid(value: object) -> bool:
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def _rebuilt(cls: Any, words: tuple[object, ...], state: dict[str, object]) -> Any:  # noqa: ANN401 - of class cls
    error = cls.__new__(cls, *words)
    error.__dict__.update(state)
    return error


_OWN_ARGS: Any = BaseException.__dict__["args"]
_STATE = "eightbyeight_async"  # the key by which a dict of attributes is recognised among the arguments


def _words(error: EightByEightError) -> tuple[Any, ...]:
    words: tuple[Any, ...] = _OWN_ARGS.__get__(error)
    return words


def _written_state(error: EightByEightError) -> dict[str, object]:
    """Returns the attributes as JSON values.

    The server's texts, and values that JSON cannot represent (e.g. a campaign's plan), become None; a tuple becomes an
    empty list.
    """
    state: dict[str, object] = {_STATE: 1, "sent": error.sent.value, "attempts": error.attempts}
    state["effect"] = error.effect.name
    for name, value in vars(error).items():
        if not name.startswith("_") and name not in state:
            shown = None if name == "message" or (name == "error_id" and not _is_uuid(value)) else value
            shown = shown.isoformat() if isinstance(shown, datetime) else shown
            lost: object = [] if isinstance(shown, tuple) else None
            state[name] = shown if isinstance(shown, str | int | float | None) else lost
    return state


def _read_state(state: dict[str, Any]) -> dict[str, object]:
    read = {name: () if isinstance(value, list) else value for name, value in state.items() if name != _STATE}
    read["sent"] = Sent(state["sent"])
    read["effect"] = Effect[state["effect"]]
    if state.get("timestamp") is not None:
        read["timestamp"] = datetime.fromisoformat(state["timestamp"])
    return read
