"""The class `Call`: one HTTP request before it is sent.

Rule: an id is exactly one segment of the path. `segment` checks and encodes it, so that no id can change the path.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import quote

import attrs

from eightbyeight_async.errors import Effect, InvalidRequestError, Sent
from eightbyeight_async.models import rules

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from eightbyeight_async.hosts import Product

__all__ = ["NO_MEANINGS", "BatchCall", "Call", "check_kind", "messages_path", "segment"]

T = TypeVar("T")

NO_MEANINGS: Mapping[int, str] = {}  # shared: a dict of its own costs time for each message


@attrs.define(kw_only=True, eq=False)
class Call(Generic[T]):
    """One HTTP request before it is sent.

    No code changes a Call. It is not frozen, because freezing costs a microsecond for each message.

    Attributes:
        product: decides the host.
        method: HTTP method.
        path: the path after the base URL, percent-encoded.
        body: the request body as JSON bytes; None for no body.
        response_class: the model of a successful response; None if a successful response has no content.
        unknown: the `sent` of an error if the outcome is unknown: `Sent.MAYBE`, or `Sent.NO` for a call that changes
            nothing, such as a look-up.
        effect: what the call does, for the text of an error.
        meanings: what error codes mean for this call, if that differs from the general table.
        contradiction: a function that returns why a successful response cannot belong to this call, or None if it can;
            None: this is not checked.
    """

    product: Product
    method: str
    path: str
    body: bytes | None = attrs.field(repr=False)  # hidden: it contains phone numbers and texts
    response_class: type[T] | None
    unknown: Sent = Sent.MAYBE
    effect: Effect = Effect.SEND
    meanings: Mapping[int, str] = attrs.field(default=NO_MEANINGS, repr=False)
    contradiction: Callable[[T], str | None] | None = attrs.field(default=None, repr=False)


@attrs.define(kw_only=True, eq=False)
class BatchCall(Call[T]):
    """The request that sends a batch.

    Attributes:
        batch_size: how many messages it has.
        quick: reads the parsed JSON of a plain response. If it is None or returns None, the response is read as the
            model `response_class`.
    """

    batch_size: int
    quick: Callable[[object], T | None] | None = attrs.field(default=None, repr=False)


@lru_cache(maxsize=256)
def messages_path(subaccount_id: str) -> str:
    return f"/api/v1/subaccounts/{quote(subaccount_id, safe='')}/messages"


def segment(value: str, field: str) -> str:
    """Returns an id of the API, percent-encoded as one segment of a path.

    Raises:
        InvalidRequestError: the value is not such an id; the error names `field`.
    """
    return quote(rules.segment(value, field), safe="")


def check_kind(request: object, kind: type) -> None:
    """Refuse a request of another class, e.g. a dict, with one clear line instead of a later AttributeError."""
    if not isinstance(request, kind):
        wanted, given = kind.__name__, type(request).__name__
        raise InvalidRequestError("request", f"must be of class {wanted}, not {given}: put the fields in {wanted}(...)")
