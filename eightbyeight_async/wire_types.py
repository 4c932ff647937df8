"""The JSON form of the types of a model's fields: names, arrays, enums, unions with a tag. Pure, without cattrs."""

from __future__ import annotations

import re
import types
import typing
from typing import Any, Union

import attrs

from eightbyeight_async.wire_values import ValueProblemError, json_type

__all__ = [
    "Tagged",
    "array_arguments",
    "array_within",
    "camel",
    "is_array",
    "is_enum_or_text",
    "is_int_or_text",
    "own_name",
    "read_enum_or_text",
    "read_int_or_text",
    "tagged",
    "unknown",
    "wire_name",
]


def is_int_or_text(kind: Any) -> bool:  # noqa: ANN401 - a type expression
    if typing.get_origin(kind) not in (Union, types.UnionType):
        return False
    return set(typing.get_args(kind)) - {type(None)} == {int, str}


def read_int_or_text(value: object, kind: Any) -> Any:  # noqa: ANN401 - a type expression
    if (isinstance(value, int | str) and not isinstance(value, bool)) or (
        value is None and type(None) in typing.get_args(kind)
    ):
        return value
    raise ValueProblemError(f"must be an integer or a string, not {json_type(value)}")


def is_enum_or_text(kind: Any) -> bool:  # noqa: ANN401 - a type expression
    if typing.get_origin(kind) not in (Union, types.UnionType):
        return False
    kinds = set(typing.get_args(kind)) - {type(None)}
    return str in kinds and all(isinstance(k, type) and issubclass(k, str) for k in kinds)


def read_enum_or_text(value: object, kind: Any) -> Any:  # noqa: ANN401 - a type expression
    """Read a type like `Encoding | str`. Only the JSON type is checked here; the model's converter finds the member."""
    if isinstance(value, str) or (value is None and type(None) in typing.get_args(kind)):
        return value
    raise ValueProblemError(f"must be a string, not {json_type(value)}")


class Tagged(typing.NamedTuple):
    """A field with a `tag` in its metadata, e.g. `content` with the tag `type`.

    The tag is a JSON string next to the field. It decides the class of the field's value. Each class of the field's
    union has its tag value as a class attribute. One class (`rest`) has the tag as a field: it is used for every other
    tag value, and keeps the JSON unchanged in its field with this field's name.

    - `field`: the Python name.
    - `name`: the JSON name.
    - `tag`: the JSON name of the tag.
    - `classes`: the class of each tag value.
    - `rest`: the class for every other tag value.
    """

    field: str
    name: str
    tag: str
    classes: dict[str, Any]
    rest: Any

    def with_class(self, value: dict[str, Any]) -> dict[str, Any]:
        """The JSON object with the tagged value replaced by (class, data), for `_read_tagged`."""
        data = value.get(self.name)
        if data is None:
            return value
        if not isinstance(data, dict):
            raise ValueProblemError(f"must be an object, not {json_type(data)}", below=self.name)
        tag = value.get(self.tag)
        if not isinstance(tag, str):
            raise ValueProblemError(f"must be a string, not {json_type(tag)}", below=self.tag)
        cls = self.classes.get(tag)
        return {**value, self.name: (cls, data) if cls else (self.rest, {self.tag: tag, self.name: data})}


def tagged(fields: Any) -> list[Tagged]:  # noqa: ANN401 - attrs.Attributes
    found = []
    for field in fields:
        if tag := field.metadata.get("tag"):
            classes = [kind for kind in typing.get_args(field.type) if attrs.has(kind)]
            (rest,) = [kind for kind in classes if tag in attrs.fields_dict(kind)]
            by_tag = {getattr(kind, tag): kind for kind in classes if kind is not rest}
            found.append(Tagged(field.name, wire_name(field) or field.name, tag, by_tag, rest))
    return found


def array_arguments(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a type expression
    options = typing.get_args(kind) if typing.get_origin(kind) in (Union, types.UnionType) else (kind,)
    return next(typing.get_args(option) for option in options if typing.get_origin(option) is tuple)


def array_within(value: object, name: str) -> object:
    """Returns the array in a field's value, which the API writes in three ways. Any other value is returned unchanged.

    An array; an object that has the array under `name`; an array of such objects.
    """
    parts = value if isinstance(value, list) else [value]
    if any(isinstance(part, dict) and isinstance(part.get(name), list) for part in parts):
        return [item for part in parts for item in _items(part, name)]
    return value


def _items(part: object, name: str) -> list[object]:
    found = part.get(name) if isinstance(part, dict) else None
    return found if isinstance(found, list) else [part]


def is_array(kind: Any) -> bool:  # noqa: ANN401 - a type expression
    options = typing.get_args(kind) if typing.get_origin(kind) in (Union, types.UnionType) else (kind,)
    return any(typing.get_origin(option) is tuple for option in options)


def unknown(name: object, known: set[str]) -> str:
    # The user chose this name, and it could be a phone number.
    shown = name if isinstance(name, str) and _FIELD.fullmatch(name) else "one field"
    meant = camel(shown) if camel(shown) in known else None
    return f"has no field {shown}" + (f": write {meant}" if meant else f"; it has {', '.join(sorted(known))}")


_FIELD = re.compile(r"[A-Za-z][A-Za-z_]{0,40}")


def wire_name(field: Any) -> str | None:  # noqa: ANN401 - an attrs.Attribute of any type
    """The field's JSON name: camelCase, or the name in its metadata (`wire`). None if the field is not in the JSON."""
    name: str | None = field.metadata.get("wire", camel(field.name))
    return name


def own_name(field: Any) -> str | None:  # noqa: ANN401 - an attrs.Attribute of any type
    """The field's name in JSON for the user. Fields that only this package has (`kept`) have such a name, too."""
    return camel(field.name) if field.metadata.get("kept") else wire_name(field)


def camel(name: str) -> str:
    """`dlr_callback_url` -> `dlrCallbackUrl`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
