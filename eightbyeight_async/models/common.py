"""What both products share: the answer to a cancellation, the body of an error."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import attrs

from eightbyeight_async.models.privacy import hidden

__all__ = ["CancelResponse", "ErrorBody", "after_doubt"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class CancelResponse:
    """The answer to a cancellation.

    Attributes:
        cancelled_count: how many messages were cancelled by this call; 0 when there was nothing left to cancel
            (already sent, or cancelled before).
        maybe_done_before: an earlier attempt of this call ended in an internal error of 8x8: it may have cancelled
            what this one did not find any more.
    """

    cancelled_count: int
    maybe_done_before: bool = attrs.field(default=False, metadata={"wire": None})


@attrs.frozen(kw_only=True)
class ErrorBody:
    """The JSON body of the API's own errors (OpenAPI: ErrorResponse). What is missing is None.

    Attributes:
        code: 8x8's error code; None unless it came as an integer.
        message: the API's words; they can echo a number or a text, so the repr leaves them out.
        error_id: the id to quote to 8x8's support.
        timestamp: when it happened, aware; None if it cannot be read.
    """

    code: int | None = None
    message: str | None = attrs.field(default=None, repr=hidden)
    error_id: str | None = None
    timestamp: datetime | None = None


def after_doubt(answer: T) -> T:
    """The answer to a call of which an earlier attempt may have taken effect; says so, if its model can."""
    model: Any = answer
    if not attrs.has(type(model)) or "maybe_done_before" not in attrs.fields_dict(type(model)):
        return answer
    changes: dict[str, Any] = {"maybe_done_before": True}
    if (messages := getattr(model, "messages", None)) is not None:
        changes["messages"] = tuple(after_doubt(message) for message in messages)
    marked: T = attrs.evolve(model, **changes)
    return marked
