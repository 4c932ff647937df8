"""What can go wrong on request. Which request it happens to is `fault_queue` decides that.

A fault says three things: whether the request still takes effect (`accepts`: a message is recorded, a cancel
is carried out), what the caller sees, and how many requests it holds for (`times`, None for all that follow).
"""

from dataclasses import dataclass, field
from typing import Literal, Self, TypedDict, Unpack

Kind = Literal["normal", "error", "body", "drop", "truncate", "raw"]

BAD_GATEWAY_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


class Options(TypedDict, total=False):
    """What every kind of fault takes."""

    accepts: bool
    times: int | None
    delay: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One fault. Built by the class methods below; every one takes `accepts`, `times` and `delay` too.

    `delay`: seconds between taking effect and the answer.
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
            raise ValueError("times is at least 1, or None for all that follow")

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
        """A complete error body with any code on any HTTP status."""
        headers = {} if retry_after is None else {"Retry-After": f"{retry_after:.12g}"}
        return cls(kind="error", code=code, status=status, headers=headers, reason=reason, **more)

    @classmethod
    def server_error(
        cls, *, code: int = 2000, status: int = 500, retry_after: float | None = None, **more: Unpack[Options]
    ) -> Self:
        """Code 2000 (HTTP 500), `times` times, then fine. Not accepted unless `accepts=True`."""
        return cls.error(code, status=status, reason="internal error", retry_after=retry_after, **more)

    @classmethod
    def wrong_subaccount(cls, **more: Unpack[Options]) -> Self:
        """Code 1001 on HTTP 500: the status says server fault, the code says caller's mistake."""
        return cls.error(1001, status=500, reason="the sub-account is not yours", **more)

    @classmethod
    def too_many_requests(cls, *, retry_after: float = 1, **more: Unpack[Options]) -> Self:
        """HTTP 429 with `Retry-After`."""
        return cls.error(429, status=429, retry_after=retry_after, reason="quota exceeded", **more)

    @classmethod
    def accept_then_drop(cls, *, reset: bool = False, **more: Unpack[Options]) -> Self:
        """Takes effect, then the connection ends without an answer; `reset` sends a TCP RST instead of a FIN."""
        more.setdefault("accepts", True)
        return cls(kind="drop", reset=reset, **more)

    @classmethod
    def drop_before_accept(cls, *, reset: bool = False, **more: Unpack[Options]) -> Self:
        """The request is read, has no effect, and the connection ends without an answer."""
        return cls(kind="drop", reset=reset, **more)

    @classmethod
    def slow(cls, seconds: float, *, times: int | None = 1) -> Self:
        """Takes effect at once; the right answer comes `seconds` later."""
        return cls(kind="normal", accepts=True, delay=seconds, times=times)

    @classmethod
    def html(cls, *, status: int = 502, body: bytes = BAD_GATEWAY_PAGE, **more: Unpack[Options]) -> Self:
        """A gateway's HTML page."""
        return cls.answer(body, status=status, content_type="text/html", **more)

    @classmethod
    def empty_body(cls, *, status: int = 502, **more: Unpack[Options]) -> Self:
        """An HTTP status and nothing else."""
        return cls.answer(b"", status=status, **more)

    @classmethod
    def truncated_body(cls, **more: Unpack[Options]) -> Self:
        """Takes effect; half of the right answer, then the connection ends."""
        more.setdefault("accepts", True)
        return cls(kind="truncate", **more)

    @classmethod
    def without_code(cls, *, status: int = 500, **more: Unpack[Options]) -> Self:
        """A JSON object that has no `code`."""
        return cls.answer(b'{"message": "something went wrong"}', status=status, **more)

    @classmethod
    def code_as_string(cls, *, code: str = "2000", status: int = 500, **more: Unpack[Options]) -> Self:
        """An error body whose `code` is a string instead of a number."""
        return cls(kind="error", code=code, status=status, reason="internal error", **more)

    @classmethod
    def list_body(cls, *, status: int = 500, **more: Unpack[Options]) -> Self:
        """A JSON array where an object belongs."""
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
        """Any status and body, framed as proper HTTP."""
        return cls(kind="body", body=body, status=status, content_type=content_type, headers=headers or {}, **more)

    @classmethod
    def raw(cls, data: bytes, **more: Unpack[Options]) -> Self:
        """These very bytes instead of an HTTP answer, then the connection ends."""
        return cls(kind="raw", body=data, **more)
