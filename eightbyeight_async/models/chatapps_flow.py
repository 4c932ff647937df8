"""The first screen of a WhatsApp flow, for interactive messages and for the flow button of a template."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Any

import attrs

from eightbyeight_async.models.chatapps_rules import json_copy, json_object, ruled, string
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.privacy import hidden

__all__ = ["FlowAction", "FlowPayload"]


class FlowAction(enum.StrEnum):
    """What happens when a flow opens: `NAVIGATE` shows a screen, `DATA_EXCHANGE` asks your endpoint for data."""

    NAVIGATE = "navigate"
    DATA_EXCHANGE = "data_exchange"


def _data(value: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    copy: Mapping[str, Any] | None = json_copy("data", value)
    return copy


@attrs.frozen(kw_only=True)
class FlowPayload(JsonModel):
    """The first screen of a flow.

    Attributes:
        screen: the screen's id; None for FIRST_ENTRY_SCREEN.
        data: the values that fill the screen: a non-empty JSON object. It is copied.

    Raises:
        InvalidRequestError: `data` is not JSON.
    """

    screen: str | None = attrs.field(default=None, metadata=ruled(string()))
    data: Mapping[str, Any] | None = attrs.field(
        default=None, converter=_data, repr=hidden, hash=False, metadata=ruled(json_object)
    )
