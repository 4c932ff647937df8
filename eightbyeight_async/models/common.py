"""Models that both products share: the response to a cancellation, the body of an error."""

from __future__ import annotations

from datetime import datetime
from typing import Any, TypeVar

import attrs

from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.privacy import hidden

__all__ = ["CancelResponse", "ErrorBody", "after_doubt"]

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class CancelResponse(JsonModel):
    """The response to a cancellation.

    Attributes:
        cancelled_count: how many messages this call cancelled; 0 if every message was already sent or cancelled.
        maybe_done_before: True if an earlier attempt of this call ended in an internal error of 8x8. That attempt may
            have cancelled messages which the last attempt no longer found.
    """

    cancelled_count: int
    maybe_done_before: bool = attrs.field(default=False, metadata={"wire": None, "kept": True})


@attrs.frozen(kw_only=True)
class ErrorBody(JsonModel):
    """The JSON body of the API's own errors (OpenAPI: ErrorResponse). A missing field is None.

    Attributes:
        code: 8x8's error code; None unless it is an integer in the JSON.
        message: the API's words. They can echo a phone number or a text, so the repr hides them.
        error_id: the id to give to 8x8's support.
        timestamp: when the error happened (aware); None if it cannot be read.
    """

    code: int | None = None
    message: str | None = attrs.field(default=None, repr=hidden)
    error_id: str | None = None
    timestamp: datetime | None = None


def after_doubt(answer: T) -> T:
    """Returns the answer of a call whose earlier attempt may have taken effect.

    `maybe_done_before` is set in it, and in each of its `messages`, if the models have that field.
    """
    model: Any = answer
    if not attrs.has(type(model)) or "maybe_done_before" not in attrs.fields_dict(type(model)):
        return answer
    changes: dict[str, Any] = {"maybe_done_before": True}
    if (messages := getattr(model, "messages", None)) is not None:
        changes["messages"] = tuple(after_doubt(message) for message in messages)
    marked: T = attrs.evolve(model, **changes)
    return marked
