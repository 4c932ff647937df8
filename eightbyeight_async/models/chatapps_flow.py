"""What a WhatsApp flow opens with: the same object in an interactive message and in a template's flow button."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs

from eightbyeight_async.models.chatapps_rules import json_copy, json_object, ruled, string
from eightbyeight_async.models.privacy import hidden

__all__ = ["FlowAction", "FlowPayload"]


class FlowAction(enum.StrEnum):
    """What opening a flow does."""

    NAVIGATE = "navigate"
    DATA_EXCHANGE = "data_exchange"


def _data(value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    copy: Mapping[str, Any] | None = json_copy("data", value)
    return copy


@attrs.frozen(kw_only=True)
class FlowPayload:
    """The first screen of a flow.

    Attributes:
        screen: its id; None: FIRST_ENTRY_SCREEN.
        data: what it is filled with: a non-empty JSON object, copied.

    Raises:
        InvalidRequestError: `data` is not JSON.
    """

    screen: str | None = attrs.field(default=None, metadata=ruled(string()))
    data: Mapping[str, Any] | None = attrs.field(
        default=None, converter=_data, repr=hidden, hash=False, metadata=ruled(json_object)
    )
