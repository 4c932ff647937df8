"""The details of one ChatApps message: a record for each channel that was tried.

8x8 masks texts and numbers, unless its support has switched masking off for the account.
Source: OpenAPI file of the Messaging Apps API, operation get-chatapps-message-details.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from eightbyeight_async.models import rules
from eightbyeight_async.models.chatapps_message import Channel, ChatAppsUser
from eightbyeight_async.models.chatapps_response import ChatAppsStatus
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.privacy import hidden, masked_digits

__all__ = ["ChatAppsMessageDetails", "ChatAppsMessageRecord"]


def _known_channel(value: Channel | str | None) -> Channel | str | None:
    return rules.known_or_text(Channel, value)


@attrs.frozen(kw_only=True)
class ChatAppsMessageRecord(JsonModel):
    """One attempt to deliver a message, by one channel.

    Attributes:
        umid: 8x8's id of the message, the same in all its records.
        status: its delivery status on this channel.
        step: the number of this attempt, from 1.
        channel: `Channel`, or the plain string of a channel that this version does not know.
        channel_id: 8x8's id of the channel; it distinguishes several channels of one kind.
        sub_account_id: the sub-account that the message belongs to.
        direction: `outbound` or `inbound`; the API does not always write it in lower case.
        country: two-letter country code.
        user: the person that the message was sent to, masked by 8x8 by default.
        content_type: e.g. `Text` or `Template`.
        content: its content, masked by 8x8 by default.
        created_at: when the API accepted it (aware).
        client_message_id: your reference of the message.
        client_batch_id: your reference of the batch.
        batch_id: 8x8's id of the batch that it was sent in.
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
class ChatAppsMessageDetails(JsonModel):
    """The details of one message.

    Attributes:
        records: one record for each channel that was tried, in the API's order.
    """

    records: tuple[ChatAppsMessageRecord, ...] = attrs.field(metadata={"wire": "data"})

    @property
    def latest(self) -> ChatAppsMessageRecord | None:
        """The record with the highest step; None without records. Records without a step count as step 0.

        If several records have the highest step, the last of them in the list.
        """
        if not self.records:
            return None
        return max(enumerate(self.records), key=lambda item: (item[1].step or 0, item[0]))[1]
