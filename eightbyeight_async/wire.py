"""Conversion of JSON to models and back, with one cattrs converter. Only this file imports cattrs.

Rules:
- JSON names are camelCase, Python names snake_case. A field that is None is left out of the JSON.
- Unknown fields of a response are ignored. An unknown enum value stays a string.
- Values are not guessed: a number instead of a string is an error. The error names the JSON path and never shows the
  value, which can be a phone number.
- An optional field that cannot be read counts as missing. Otherwise an accepted message would look lost because of, for
  example, a bad date beside its id.
- Requests are never read from JSON: an unreadable `scheduled` would count as missing, which means "now".
"""

from __future__ import annotations

import json
import re
import types
import typing
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any, TypeVar, Union

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.wire_values import (
    ValueProblemError,
    json_type,
    read_datetime,
    read_decimal,
    read_float,
    strictly,
    write_datetime,
)

__all__ = ["UnreadableError", "camel", "dump", "load", "structure", "unstructure", "wire_name"]

T = TypeVar("T")


class UnreadableError(Exception):
    """The JSON is not what the API documents; `str()` is the JSON path and the rule, without the value."""


def dump(model: object) -> bytes:
    """A request model as the JSON bytes of a request body."""
    return _encode(_converter.unstructure(model)).encode()


def load(body: bytes) -> Any:  # noqa: ANN401 - JSON can be anything
    """Parse a JSON body. Numbers with a fraction become Decimal.

    Half of a surrogate pair, which a JSON escape can carry and UTF-8 cannot, becomes U+FFFD, as in any decoder: an
    accepted message must not fail later, where its id is printed, stored or sent on.

    Raises:
        UnreadableError: the body is not JSON.
    """
    try:
        data = _decode(body.decode().removeprefix("\ufeff"))
        return _well_formed(data) if _SURROGATE_ESCAPE.search(body) else data
    # ValueError: bad JSON, bad UTF-8, an integer with too many digits. ArithmeticError: an exponent with too many.
    except (ValueError, ArithmeticError, RecursionError):
        problem = "the body is empty" if not body.strip() else "the body is not JSON"
    raise UnreadableError(problem)  # outside the except block: a JSONDecodeError has the whole body


# A pair is written with them, too; then looking costs a little time.
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def _well_formed(data: Any) -> Any:  # noqa: ANN401 - JSON can be anything
    if isinstance(data, str):
        return _SURROGATE.sub("\ufffd", data)
    if isinstance(data, list):
        return [_well_formed(item) for item in data]
    if isinstance(data, dict):
        return {_well_formed(key): _well_formed(value) for key, value in data.items()}
    return data


def _refuse_constant(_: str) -> None:
    raise ValueError


def unstructure(model: object) -> Any:  # noqa: ANN401 - JSON can be anything
    """A model as plain dicts, lists and strings, with the API's names."""
    return _converter.unstructure(model)


def structure(data: object, cls: type[T]) -> T:
    """Parsed JSON as a model.

    Raises:
        UnreadableError: a required field is missing, or a value has another type than documented.
    """
    try:
        return _converter.structure(data, cls)
    except (cattrs.BaseValidationError, ValueProblemError) as error:
        problem = _first_problem(error, "")
    raise UnreadableError(problem)  # outside the except block: cattrs' errors have the values


def camel(name: str) -> str:
    """`dlr_callback_url` -> `dlrCallbackUrl`."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


# Made once: json.loads() with options makes a decoder for every call, a third of its time. Decimal is for prices: 0.1
# must not become 0.1000000000000000055. NaN and Infinity are refused, because they are not JSON.
_decode = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant).decode
_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def _first_problem(error: BaseException, path: str) -> str:
    """The JSON path and the reason of the first error in cattrs' exception groups; their notes have the names."""
    if isinstance(error, BaseExceptionGroup):
        inner = error.exceptions[0]
        for note in getattr(inner, "__notes__", ()):
            if isinstance(note, cattrs.AttributeValidationNote):
                name = _name_in(error, note.name)
                path = f"{path}.{name}" if path else name
            elif isinstance(note, cattrs.IterableValidationNote):
                path = f"{path}[{note.index}]"
        return _first_problem(inner, path)
    match error:
        case ValueProblemError():
            problem = str(error)
            path = f"{path}.{error.below}" if path and error.below else path + error.below
        case InvalidRequestError():
            return str(error)
        case KeyError():
            problem = "is missing"
        case _:
            problem = "cannot be read"
    return f"{path or 'the body'} {problem}"


def _name_in(error: BaseException, attribute: str) -> str:
    """The JSON name of an attribute of the class whose structuring failed."""
    if isinstance(error, cattrs.ClassValidationError) and attrs.has(error.cl):
        return wire_name(attrs.fields_dict(error.cl)[attribute]) or attribute
    return camel(attribute)


def _is_int_or_text(kind: Any) -> bool:  # noqa: ANN401 - a type expression
    if typing.get_origin(kind) not in (Union, types.UnionType):
        return False
    return set(typing.get_args(kind)) - {type(None)} == {int, str}


def _read_int_or_text(value: object, kind: Any) -> Any:  # noqa: ANN401 - a type expression
    if (isinstance(value, int | str) and not isinstance(value, bool)) or (
        value is None and type(None) in typing.get_args(kind)
    ):
        return value
    raise ValueProblemError(f"must be an integer or a string, not {json_type(value)}")


def _is_enum_or_text(kind: Any) -> bool:  # noqa: ANN401 - a type expression
    if typing.get_origin(kind) not in (Union, types.UnionType):
        return False
    kinds = set(typing.get_args(kind)) - {type(None)}
    return str in kinds and all(isinstance(k, type) and issubclass(k, str) for k in kinds)


def _read_enum_or_text(value: object, kind: Any) -> Any:  # noqa: ANN401 - a type expression
    """Read a type like `Encoding | str`. Only the JSON type is checked here; the model's converter finds the member."""
    if isinstance(value, str) or (value is None and type(None) in typing.get_args(kind)):
        return value
    raise ValueProblemError(f"must be a string, not {json_type(value)}")


def wire_name(field: Any) -> str | None:  # noqa: ANN401 - an attrs.Attribute of any type
    """The field's JSON name: camelCase, or the name in its metadata (`wire`). None if the field is not in the JSON."""
    name: str | None = field.metadata.get("wire", camel(field.name))
    return name


def _named(field: Any, **more: Any) -> Any:  # noqa: ANN401 - an attrs.Attribute to an override of cattrs
    name = wire_name(field)
    return override(omit=True) if name is None else override(rename=name, **more)


# Exceptions of structuring: from cattrs, from the hooks of this file, from a model's rules, for a missing field.
_UNREADABLE = (cattrs.BaseValidationError, ValueProblemError, InvalidRequestError, KeyError)


class _Tagged(typing.NamedTuple):
    """A field with a `tag` in its metadata, e.g. `content` with the tag `type`.

    The JSON string with the tag's name, beside the field, decides the class of the field's value. Each class of the
    field's union has its tag's value as a class attribute. One class (`rest`) has the tag as a field instead: it serves
    every other value, and its field with this field's name takes the JSON as it came.

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


def _read_tagged(pair: Any, _: object) -> Any:  # noqa: ANN401 - an instance of one of the classes
    cls, data = pair
    return _converter.structure(data, cls)


def _tagged(fields: Any) -> list[_Tagged]:  # noqa: ANN401 - attrs.Attributes
    found = []
    for field in fields:
        if tag := field.metadata.get("tag"):
            classes = [kind for kind in typing.get_args(field.type) if attrs.has(kind)]
            (rest,) = [kind for kind in classes if tag in attrs.fields_dict(kind)]
            by_tag = {getattr(kind, tag): kind for kind in classes if kind is not rest}
            found.append(_Tagged(field.name, wire_name(field) or field.name, tag, by_tag, rest))
    return found


def _structure_object(cls: Any) -> typing.Callable[[object, object], Any]:  # noqa: ANN401 - any attrs class
    fields = attrs.fields(attrs.resolve_types(cls))
    tagged = _tagged(fields)
    names = {field.name: _named(field) for field in fields}
    names |= {one.field: override(rename=one.name, struct_hook=_read_tagged) for one in tagged}
    read = make_dict_structure_fn(cls, _converter, **names)
    optional = {name: field for field in fields if field.default is not attrs.NOTHING and (name := wire_name(field))}
    arrays = [name for field in fields if _is_array(field.type) and (name := wire_name(field))]

    def strict(value: dict[str, Any], kind: object) -> Any:  # noqa: ANN401 - an instance of cls
        for name in arrays:
            # cattrs would accept any iterable: the keys of an object, the letters of a string.
            if not isinstance(value.get(name, []), list):
                raise ValueProblemError(f"must be an array, not {json_type(value[name])}", below=name)
        for one in tagged:
            value = one.with_class(value)
        return read(value, kind)

    def without_unreadable(value: dict[str, Any]) -> dict[str, Any]:
        kept = dict(value)
        for name, field in optional.items():
            if name in value and not _readable(name, field, value, tagged):
                items = value[name] if field.metadata.get("items") == "readable" else None
                if isinstance(items, list):
                    (item,) = {arg for arg in _array_arguments(field.type) if arg is not ...}
                    kept[name] = [one for one in items if _can_read(one, item)]
                else:
                    del kept[name]
        return kept

    def hook(value: object, kind: object) -> Any:  # noqa: ANN401 - an instance of cls
        if not isinstance(value, dict):
            raise ValueProblemError(f"must be an object, not {json_type(value)}")
        # null in an optional field counts as missing, so the field gets its default.
        if None in value.values():
            value = {k: v for k, v in value.items() if v is not None or k not in optional}
        try:
            return strict(value, kind)
        except _UNREADABLE:
            kept = without_unreadable(value)
            if kept == value:
                raise
        return strict(kept, kind)

    return hook


def _readable(name: str, field: Any, value: dict[str, Any], tagged: list[_Tagged]) -> bool:  # noqa: ANN401
    part = value[name]
    if _is_array(field.type) and not isinstance(part, list):
        return False
    for one in tagged:
        if one.name == name:
            try:
                _read_tagged(one.with_class(value)[name], None)
            except _UNREADABLE:
                return False
            return True
    return _can_read(part, field.type)


def _can_read(value: object, kind: Any) -> bool:  # noqa: ANN401 - a type expression
    try:
        _converter.structure(value, kind)
    except _UNREADABLE:
        return False
    return True


def _array_arguments(kind: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a type expression
    options = typing.get_args(kind) if typing.get_origin(kind) in (Union, types.UnionType) else (kind,)
    return next(typing.get_args(option) for option in options if typing.get_origin(option) is tuple)


def _is_array(kind: Any) -> bool:  # noqa: ANN401 - a type expression
    options = typing.get_args(kind) if typing.get_origin(kind) in (Union, types.UnionType) else (kind,)
    return any(typing.get_origin(option) is tuple for option in options)


def _unstructure_object(cls: Any) -> typing.Callable[[Any], dict[str, Any]]:  # noqa: ANN401 - any attrs class
    names = {
        # Every optional field of a request has the default None, so omitting defaults omits None.
        field.name: _named(field, omit_if_default=field.default is None)
        for field in attrs.fields(attrs.resolve_types(cls))
    }
    write = make_dict_unstructure_fn(cls, _converter, **names)
    tagged = _tagged(attrs.fields(cls))
    if not tagged:
        return write

    def hook(model: Any) -> dict[str, Any]:  # noqa: ANN401 - an instance of cls
        data = write(model)
        for one in tagged:
            part = getattr(model, one.field)
            if isinstance(part, one.rest):
                data |= data.pop(one.name)
            elif part is not None:
                data[one.tag] = getattr(part, one.tag)
        return data

    return hook


# JSON arrays are lists; models have tuples, because they are frozen.
_converter = cattrs.Converter(unstruct_collection_overrides={tuple: list})
_converter.register_structure_hook(str, strictly(str, "a string"))
_converter.register_structure_hook(int, strictly(int, "an integer"))
_converter.register_structure_hook(bool, strictly(bool, "a boolean"))
_converter.register_structure_hook(Decimal, read_decimal)
_converter.register_structure_hook(float, read_float)
_converter.register_structure_hook(datetime, read_datetime)
_converter.register_unstructure_hook(datetime, write_datetime)
_converter.register_structure_hook_func(_is_enum_or_text, _read_enum_or_text)
_converter.register_structure_hook_func(_is_int_or_text, _read_int_or_text)
# An object of any content is kept as it came.
_converter.register_structure_hook_func(
    lambda kind: kind in (dict[str, Any], Mapping[str, Any]), strictly(dict, "an object")
)
_converter.register_unstructure_hook(StrEnum, lambda member: member.value)
_converter.register_structure_hook_factory(attrs.has, _structure_object)
_converter.register_unstructure_hook_factory(attrs.has, _unstructure_object)
