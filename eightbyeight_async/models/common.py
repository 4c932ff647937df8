"""What both products share: the answer to a cancellation, the body of an error."""

from __future__ import annotations

from datetime import datetime

import attrs

from eightbyeight_async.models.privacy import hidden

__all__ = ["CancelResponse", "ErrorBody"]


@attrs.frozen(kw_only=True)
class CancelResponse:
    """The answer to a cancellation.

    Attributes:
        cancelled_count: how many messages were cancelled by this call; 0 when there was nothing left to cancel
            (already sent, or cancelled before).
    """

    cancelled_count: int


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
