"""The faults that a test can ask for. `fault_queue` decides which request gets which fault.

A fault determines three things:

- whether the request still takes effect (`accepts`): a message is stored, a cancellation is carried out
- what the caller sees
- how many requests get it (`times`; None for every later request)
"""

from dataclasses import dataclass, field
from typing import Literal, Self, TypedDict, Unpack

Kind = Literal["normal", "error", "body", "drop", "truncate", "raw"]

BAD_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Options(TypedDict, total=False):
    """The options of every class method that makes a fault; see `Fault`."""

    accepts: bool
    times: int | None
    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. Make it with the class methods; each of them also takes `accepts`, `times` and `delay`.

    - `accepts`: whether the request takes effect; False unless a class method says otherwise.
    - `times`: how many requests get this fault, at least 1 (default); None for every later request.
    - `delay`: seconds between the effect and the response.

    The other fields are what the caller sees:

    - `kind`: how the response is made.
    - `status`, `headers`, `content_type`, `body`: these parts of the HTTP response.
    - `code`, `reason`: these fields of the error body.
    - `reset`: close the connection with a TCP RST instead of a FIN.
    """

    kind: Kind
    accepts: bool = False
    times: int | None = 1
    delay: float = 0.0
    status: int = 500
    code: int | str | None = None
    reason: str = ""
    headers: dict[str, str] = field(default_factory=dict, hash=False)
    body: bytes = field(default=b"", repr=False)
    content_type: str = "application/json"
    reset: bool = False

    def __post_init__(self) -> None:
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1, or None for every later request")

    @classmethod
    def error(
        cls,
        code: int,
        *,
        status: int = 400,
        reason: str = "asked for by a fault",
        retry_after: float | None = None,
        **more: Unpack[Options],
    ) -> Self:
        """A complete error body with any code on any HTTP status; `retry_after` in seconds."""
        headers = {} if retry_after is None else {"Retry-After": f"{retry_after:.12g}"}
        return cls(kind="error", code=code, status=status, headers=headers, reason=reason, **more)

    @classmethod
    def server_error(
        cls, *, code: int = 2000, status: int = 500, retry_after: float | None = None, **more: Unpack[Options]
    ) -> Self:
        """An error body with code 2000 on HTTP 500. The request has no effect unless `accepts=True`."""
        return cls.error(code, status=status, reason="internal error", retry_after=retry_after, **more)

    @classmethod
    def wrong_subaccount(cls, **more: Unpack[Options]) -> Self:
        """Code 1001 on HTTP 500: the status means an error of the server, the code a mistake of the caller."""
        return cls.error(1001, status=500, reason="the sub-account is not yours", **more)

    @classmethod
    def too_many_requests(cls, *, retry_after: float = 1, **more: Unpack[Options]) -> Self:
        """HTTP 429 with the header `Retry-After` in seconds."""
        return cls.error(429, status=429, retry_after=retry_after, reason="quota exceeded", **more)

    @classmethod
    def accept_then_drop(cls, *, reset: bool = False, **more: Unpack[Options]) -> Self:
        """The request takes effect, then the connection closes without a response.

        `reset`: close with a TCP RST instead of a FIN.
        """
        more.setdefault("accepts", True)
        return cls(kind="drop", reset=reset, **more)

    @classmethod
    def drop_before_accept(cls, *, reset: bool = False, **more: Unpack[Options]) -> Self:
        """The request is read but has no effect, then the connection closes without a response."""
        return cls(kind="drop", reset=reset, **more)

    @classmethod
    def slow(cls, seconds: float, *, times: int | None = 1) -> Self:
        """The request takes effect at once; the correct response comes `seconds` later."""
        return cls(kind="normal", accepts=True, delay=seconds, times=times)

    @classmethod
    def html(cls, *, status: int = 502, body: bytes = BAD_GATEWAY_PAGE, **more: Unpack[Options]) -> Self:
        """An HTML page, as a gateway in front of the API sends it."""
        return cls.answer(body, status=status, content_type="text/html", **more)

    @classmethod
    def empty_body(cls, *, status: int = 502, **more: Unpack[Options]) -> Self:
        """An HTTP status with an empty body."""
        return cls.answer(b"", status=status, **more)

    @classmethod
    def truncated_body(cls, **more: Unpack[Options]) -> Self:
        """The request takes effect; half of the correct response is sent, then the connection closes."""
        more.setdefault("accepts", True)
        return cls(kind="truncate", **more)

    @classmethod
    def without_code(cls, *, status: int = 500, **more: Unpack[Options]) -> Self:
        """A JSON error body without `code`."""
        return cls.answer(b'{"message": "something went wrong"}', status=status, **more)

    @classmethod
    def code_as_string(cls, *, code: str = "2000", status: int = 500, **more: Unpack[Options]) -> Self:
        """An error body whose `code` is a string instead of a number."""
        return cls(kind="error", code=code, status=status, reason="internal error", **more)

    @classmethod
    def list_body(cls, *, status: int = 500, **more: Unpack[Options]) -> Self:
        """A JSON array instead of an object."""
        return cls.answer(b'[{"code": 2000, "message": "internal error"}]', status=status, **more)

    @classmethod
    def answer(
        cls,
        body: bytes,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
        **more: Unpack[Options],
    ) -> Self:
        """A correct HTTP response with any status and body."""
        return cls(kind="body", body=body, status=status, content_type=content_type, headers=headers or {}, **more)

    @classmethod
    def raw(cls, data: bytes, **more: Unpack[Options]) -> Self:
        """Exactly these bytes instead of an HTTP response, then the connection closes."""
        return cls(kind="raw", body=data, **more)
