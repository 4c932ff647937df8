"""One request, ready for the wire, and the rule of its path: no id can become more than one segment of it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import quote

import attrs

from eightbyeight_async.errors import Effect, InvalidRequestError, Sent
from eightbyeight_async.models import rules

if TYPE_CHECKING:
    from eightbyeight_async.hosts import Product

__all__ = ["Call", "check_kind", "messages_path", "segment"]

T = TypeVar("T")


@attrs.define(kw_only=True)
class Call(Generic[T]):
    """One request, ready for the wire. Nobody changes one; not frozen, for that costs every message a microsecond.

    Attributes:
        product: which of the two hosts.
        method: HTTP method.
        path: from the base URL on, percent-encoded.
        body: JSON bytes, None for none.
        answer: the class of a successful answer; None: a success says nothing.
        unknown: what a failure with an unknown outcome means for the caller (`Sent.NO` for a mere look-up).
        effect: what a call that is no look-up is for, so that an error's words fit.
    """

    product: Product
    method: str
    path: str
    body: bytes | None = attrs.field(repr=False)  # it holds numbers and texts
    answer: type[T] | None
    unknown: Sent = Sent.MAYBE
    effect: Effect = Effect.SEND


@lru_cache(maxsize=256)
def messages_path(subaccount_id: str) -> str:
    return f"/api/v1/subaccounts/{quote(subaccount_id, safe='')}/messages"


def segment(value: str, field: str) -> str:
    """A server-made id as one segment of a path.

    Raises:
        InvalidRequestError: it is not an id, by the name of `field`.
    """
    return quote(rules.segment(value, field), safe="")


def check_kind(request: object, kind: type) -> None:
    """Whoever passes a dict gets one line, not an AttributeError from the depths."""
    if not isinstance(request, kind):
        raise InvalidRequestError("request", f"must be of class {kind.__name__}, not {type(request).__name__}")
