"""A place on the map, for location content and for template parameters."""

from __future__ import annotations

import attrs

from eightbyeight_async.models.chatapps_rules import number, ruled, string
from eightbyeight_async.models.json_model import JsonModel
from eightbyeight_async.models.privacy import hidden

__all__ = ["Location"]


@attrs.frozen(kw_only=True)
class Location(JsonModel):
    """A place on the map.

    Attributes:
        latitude: in degrees, -90 to 90.
        longitude: in degrees, -180 to 180.
        name: the place's name, shown below the map.
        address: the place's address, shown below the map.
    """

    latitude: float = attrs.field(repr=hidden, metadata=ruled(number(-90, 90)))
    longitude: float = attrs.field(repr=hidden, metadata=ruled(number(-180, 180)))
    name: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(least=0)))
    address: str | None = attrs.field(default=None, repr=hidden, metadata=ruled(string(least=0)))
