"""The answer to one ChatApps message (OpenAPI: Send-Message, answer 200): another status shape than that of SMS."""

from __future__ import annotations

from datetime import datetime

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.chatapps_message import ChatAppsUser
from eightbyeight_async.models.message_details import MessageState
from eightbyeight_async.models.privacy import hidden, masked_digits

__all__ = ["ChatAppsResponse", "ChatAppsStatus"]


def _known_state(value: MessageState | str | None) -> MessageState | str | None:
    return rules.known_or_text(MessageState, value)


@attrs.frozen(kw_only=True)
class ChatAppsStatus:
    """How far a message got.

    Attributes:
        state: `MessageState`, or the plain string of a state this version does not know; None if the API told none.
        detail: more exactly, e.g. `delivered_to_recipient`.
        timestamp: when it was observed, aware.
        error_code: the error code, None without an error.
        error_message: the error in words; they can quote a number, so the repr leaves them out.
    """

    state: MessageState | str | None = attrs.field(default=None, converter=_known_state)
    detail: str | None = None
    timestamp: datetime | None = None
    error_code: int | None = None
    error_message: str | None = attrs.field(default=None, repr=hidden)

    @property
    def refused(self) -> bool:
        """True for a message the API refused: it will not be sent."""
        return self.state in {MessageState.REJECTED, MessageState.FAILED}


@attrs.frozen(kw_only=True)
class ChatAppsResponse:
    """The answer to one ChatApps message. Look at `status.state`: a refusal can come as HTTP 200.

    Attributes:
        umid: 8x8's id of the message: cancel, look up and match receipts by it.
        status: how far it got: `queued` for an accepted message.
        user: whom it goes to, as the API understood it.
        client_message_id: your reference, echoed; None if you gave none.
        maybe_done_before: as in `SmsResponse`.
    """

    umid: str
    status: ChatAppsStatus
    user: ChatAppsUser | None = None
    client_message_id: str | None = attrs.field(default=None, repr=masked_digits)
    maybe_done_before: bool = attrs.field(default=False, metadata={"wire": None})
