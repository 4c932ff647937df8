"""The schemas with which pydantic validates, serialises and describes a model. Only this file imports pydantic.

Rule: the converter of `wire.py` reads and writes models. pydantic does not read their fields.
"""

from __future__ import annotations

import enum
import types
import typing
from datetime import datetime
from decimal import Decimal
from typing import Any

import attrs
from pydantic_core import core_schema

from eightbyeight_async import wire
from eightbyeight_async.frame_privacy import private_call

__all__ = ["core_schema_of", "json_schema_of"]


def core_schema_of(cls: Any) -> Any:  # noqa: ANN401 - any model
    @private_call
    def read(value: object) -> object:
        return value if isinstance(value, cls) else wire.read_own(value, cls)

    write = core_schema.plain_serializer_function_ser_schema(private_call(wire.write_own))
    return core_schema.no_info_plain_validator_function(read, serialization=write)


def json_schema_of(cls: Any) -> dict[str, Any]:  # noqa: ANN401 - any model
    """The JSON schema of a model, with the schemas of its parts inside."""
    properties: dict[str, Any] = {}
    required = []
    for field in attrs.fields(attrs.resolve_types(cls)):
        name = wire.own_name(field)
        if name is None:
            continue
        properties[name] = _schema(field.type)
        if tag := field.metadata.get("tag"):
            properties[tag] = {"type": "string"}
        if field.default is attrs.NOTHING:
            required.append(name)
    schema: dict[str, Any] = {"title": cls.__name__, "type": "object", "properties": properties}
    return {**schema, "required": required} if required else schema


_SIMPLE: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": "number"},
    Decimal: {"type": "string"},
    datetime: {"type": "string", "format": "date-time"},
}


def _schema(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - a type expression
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        options: list[dict[str, Any]] = []
        for option in typing.get_args(kind):
            found = {} if option is type(None) else _schema(option)
            if found and found not in options:
                options.append(found)
        return options[0] if len(options) == 1 else {"anyOf": options}
    if typing.get_origin(kind) is tuple:
        return {"type": "array", "items": _schema(typing.get_args(kind)[0])}
    if attrs.has(kind):
        return json_schema_of(kind)
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return {"type": "string", "enum": [member.value for member in kind]}
    return _SIMPLE.get(kind, {"type": "object"})
