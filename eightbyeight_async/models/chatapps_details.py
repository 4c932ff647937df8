"""What 8x8 knows of one ChatApps message: a record for each channel that was tried.

OpenAPI: operation get-chatapps-message-details. Texts and numbers come masked by 8x8 itself, unless its support has
switched that off for the account.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.chatapps_message import Channel, ChatAppsUser
from eightbyeight_async.models.chatapps_response import ChatAppsStatus
from eightbyeight_async.models.privacy import hidden, masked_digits

__all__ = ["ChatAppsMessageDetails", "ChatAppsMessageRecord"]


def _known_channel(value: Channel | str | None) -> Channel | str | None:
    return rules.known_or_text(Channel, value)


@attrs.frozen(kw_only=True)
class ChatAppsMessageRecord:
    """One attempt to deliver a message, by one channel.

    Attributes:
        umid: 8x8's id of the message, the same in all its records.
        status: how far it got on this channel.
        step: which attempt this was, from 1.
        channel: `Channel`, or the plain string of one this version does not know.
        channel_id: 8x8's id of the channel, where the sub-account has several of a kind.
        sub_account_id: the sub-account it belongs to.
        direction: `outbound` or `inbound`, in whatever case the API writes it.
        country: two-letter code.
        user: whom it went to, masked by 8x8 by default.
        content_type: e.g. `Text` or `Template`.
        content: what it said, masked by 8x8 by default.
        created_at: when the API took it, aware.
        client_message_id, client_batch_id: your references.
        batch_id: the batch it was sent in.
    """

    umid: str
    status: ChatAppsStatus
    step: int | None = None
    channel: Channel | str | None = attrs.field(default=None, converter=_known_channel)
    channel_id: str | None = None
    sub_account_id: str | None = None
    direction: str | None = None
    country: str | None = None
    user: ChatAppsUser | None = None
    content_type: str | None = None
    content: str | None = attrs.field(default=None, repr=hidden)
    created_at: datetime | None = None
    client_message_id: str | None = attrs.field(default=None, repr=masked_digits)
    client_batch_id: str | None = attrs.field(default=None, repr=masked_digits)
    batch_id: str | None = None


@attrs.frozen(kw_only=True)
class ChatAppsMessageDetails:
    """What 8x8 knows of one message.

    Attributes:
        records: one for each channel that was tried, in the API's order.
    """

    records: tuple[ChatAppsMessageRecord, ...] = attrs.field(metadata={"wire": "data"})

    @property
    def latest(self) -> ChatAppsMessageRecord | None:
        """The record of the last step; None if there is none. Of records without a step, the last one listed."""
        if not self.records:
            return None
        return max(enumerate(self.records), key=lambda item: (item[1].step or 0, item[0]))[1]
