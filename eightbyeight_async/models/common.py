"""Models that both products share: the response to a cancellation, the body of an error."""

from __future__ import annotations

from datetime import datetime

import attrs

from eightbyeight_async.models.privacy import hidden

__all__ = ["CancelResponse", "ErrorBody"]


@attrs.frozen(kw_only=True)
class CancelResponse:
    """The response to a cancellation.

    Attributes:
        cancelled_count: how many messages this call cancelled; 0 if every message was already sent or cancelled.
    """

    cancelled_count: int


@attrs.frozen(kw_only=True)
class ErrorBody:
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
