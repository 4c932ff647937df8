"""The response to one ChatApps message. Its status has other fields than the status of an SMS.

Source: OpenAPI file of the Messaging Apps API, Send-Message, response 200.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.chatapps_message import ChatAppsUser
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.message_details import MessageState
from eightbyeight_async.models.privacy import hidden, masked_digits

__all__ = ["ChatAppsResponse", "ChatAppsStatus"]


def _known_state(value: MessageState | str | None) -> MessageState | str | None:
    return rules.known_or_text(MessageState, value)


@attrs.frozen(kw_only=True)
class ChatAppsStatus(JsonModel):
    """The delivery status of a message.

    Attributes:
        state: `MessageState`, or the plain string of a state that this version does not know; None if there is none.
        detail: more about the state, e.g. `delivered_to_recipient`.
        timestamp: when the state was observed (aware).
        error_code: the error code; None without an error.
        error_message: the error in the API's words. They can quote a phone number, so the repr hides them.
    """

    state: MessageState | str | None = attrs.field(default=None, converter=_known_state)
    detail: str | None = None
    timestamp: datetime | None = None
    error_code: int | None = None
    error_message: str | None = attrs.field(default=None, repr=hidden)

    @property
    def refused(self) -> bool:
        """True if the API refused the message and will not send it."""
        return self.state in {MessageState.REJECTED, MessageState.FAILED}


@attrs.frozen(kw_only=True)
class ChatAppsResponse(JsonModel):
    """The response to one ChatApps message. Check `status.state`: a refusal can come with HTTP 200.

    Attributes:
        umid: 8x8's id of the message, for cancelling, looking up and matching receipts.
        status: its status; the state is `queued` for an accepted message.
        user: the person it goes to, as the API understood it.
        client_message_id: your reference, echoed; None if you gave none.
        maybe_done_before: as in `SmsResponse`.
    """

    umid: str
    status: ChatAppsStatus
    user: ChatAppsUser | None = None
    client_message_id: str | None = attrs.field(default=None, repr=masked_digits)
    maybe_done_before: bool = attrs.field(default=False, metadata={"wire": None, "kept": True})
