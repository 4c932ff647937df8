"""Conversion of JSON to models and back, with one cattrs converter. Only this file imports cattrs.

Rules:
- JSON names are camelCase, Python names snake_case. A field that is None is left out of the JSON.
- Unknown fields of a response are ignored. An unknown enum value stays a string.
- Values are not guessed: a number instead of a string is an error. The error names the JSON path and never shows the
  value, which can be a phone number.
- An optional field that cannot be read counts as missing. Otherwise an accepted message would look lost, for example
  because of a bad date next to its id.
- `read_own` and `write_own` are for JSON of our user, e.g. a stored request: an unreadable field never counts as
  missing and an unknown name is never ignored, because a missing `scheduled` would mean "now".
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache, lru_cache
from typing import Any, TypeVar

import attrs
import cattrs
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.quick_models import OddError, quick_reader, quick_writer
from eightbyeight_async.wire_json import NotJsonError, decode, encode
from eightbyeight_async.wire_types import (
    Tagged,
    array_arguments,
    array_within,
    camel,
    is_array,
    is_enum_or_text,
    is_int_or_text,
    own_name,
    read_enum_or_text,
    read_int_or_text,
    tagged,
    unknown,
    wire_name,
)
from eightbyeight_async.wire_values import (
    ValueProblemError,
    json_type,
    read_datetime,
    read_decimal,
    read_float,
    strictly,
    write_datetime,
)

__all__ = [
    "UnreadableError",
    "camel",
    "dump",
    "load",
    "own_name",
    "read_own",
    "structure",
    "unstructure",
    "wire_name",
    "write_own",
]

T = TypeVar("T")


class UnreadableError(Exception):
    """The JSON is not what the API documents; `str()` is the JSON path and the rule, without the value."""


def dump(model: Any) -> bytes:  # noqa: ANN401 - any attrs instance
    """A request model as the JSON bytes of a request body."""
    quick = _quick_writer(type(model))
    if quick is not None:
        try:
            return quick(model).encode()
        except TypeError:
            pass  # A class that an application has derived from a model may allow other types.
    return encode(_converter.get_unstructure_hook(type(model))(model))


def load(body: bytes) -> Any:  # noqa: ANN401 - JSON can be anything
    """Parse a JSON body. Numbers with a fraction become Decimal.

    Raises:
        UnreadableError: the body is not JSON.
    """
    try:
        return decode(body)
    except NotJsonError:
        problem = "the body is empty" if not body.strip() else "the body is not JSON"
    raise UnreadableError(problem)


def unstructure(model: object) -> Any:  # noqa: ANN401 - JSON can be anything
    """A model as plain dicts, lists and strings, with the API's names."""
    return _converter.unstructure(model)


def structure(data: object, cls: type[T]) -> T:
    """Parsed JSON as a model.

    Raises:
        UnreadableError: a required field is missing, or a value has another type than documented.
    """
    quick = _quick_reader(cls)
    if quick is not None:
        try:
            found: T = quick(data)
        except (OddError, InvalidRequestError):
            pass
        else:
            return found
    try:
        return _converter.structure(data, cls)
    except (cattrs.BaseValidationError, ValueProblemError) as error:
        path, cause, problem = _first_problem(error, "")
    # Raised outside the except block, because cattrs' errors contain the values.
    raise UnreadableError(problem if isinstance(cause, InvalidRequestError) else f"{path or 'the body'} {problem}")


_quick_reader: typing.Callable[[Any], typing.Callable[[Any], Any] | None] = cache(quick_reader)


_quick_writer: typing.Callable[[Any], typing.Callable[[Any], str] | None] = cache(quick_writer)


def write_own(model: object) -> Any:  # noqa: ANN401 - JSON can be anything
    """Returns a model as JSON for its user: with the API's names, and with the fields that only this package has."""
    return _own_converter().unstructure(model)


def read_own(data: object, cls: type[T]) -> T:
    """The model that `write_own` wrote, or that a user wrote in the same form.

    Raises:
        InvalidRequestError: a field is missing, unknown, of another type, or breaks its rule; `field` is its JSON path.
    """
    try:
        return _own_converter().structure(data, cls)
    except (cattrs.BaseValidationError, ValueProblemError, InvalidRequestError) as error:
        path, cause, problem = _first_problem(error, "")
    if isinstance(cause, InvalidRequestError):
        name = _own_name(cause.field)
        path, problem = f"{path}.{name}" if path else name, cause.reason
    raise InvalidRequestError(path or cls.__name__, problem)


def _own_name(field: str) -> str:
    """The JSON name of a rule's field, e.g. `messages[3].clientMessageId`."""
    return ".".join(camel(part) for part in field.split("."))


def _first_problem(error: BaseException, path: str) -> tuple[str, BaseException, str]:
    """Returns JSON path, exception and reason of the first error in cattrs' groups, whose notes have the names."""
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
            problem = str(error)
        case KeyError():
            problem = "is missing"
        case _:
            problem = "cannot be read"
    return path, error, problem


def _name_in(error: BaseException, attribute: str) -> str:
    """The JSON name of an attribute of the class whose structuring failed."""
    if isinstance(error, cattrs.ClassValidationError) and attrs.has(error.cl):
        return wire_name(attrs.fields_dict(error.cl)[attribute]) or attribute
    return camel(attribute)


_NameOf = typing.Callable[[Any], str | None]


def _named(field: Any, name_of: _NameOf, **more: Any) -> Any:  # noqa: ANN401 - attrs.Attribute to override of cattrs
    name = name_of(field)
    return override(omit=True) if name is None else override(rename=name, **more)


# Exceptions of structuring: from cattrs, from the hooks of this file, from a model's rules, for a missing field.
_UNREADABLE = (cattrs.BaseValidationError, ValueProblemError, InvalidRequestError, KeyError)


def _read_tagged(pair: Any, _: object) -> Any:  # noqa: ANN401 - an instance of one of the classes
    cls, data = pair
    return _converter.structure(data, cls)


def _read_own_tagged(pair: Any, _: object) -> Any:  # noqa: ANN401 - an instance of one of the classes
    cls, data = pair
    return _own_converter().structure(data, cls)


def _structure_own(cls: Any) -> typing.Callable[[object, object], Any]:  # noqa: ANN401 - any attrs class
    fields = attrs.fields(attrs.resolve_types(cls))
    tags = tagged(fields)
    names = {field.name: _named(field, own_name) for field in fields}
    names |= {one.field: override(rename=one.name, struct_hook=_read_own_tagged) for one in tags}
    read = make_dict_structure_fn(cls, _own_converter(), **names)
    known = {name for field in fields if (name := own_name(field))} | {one.tag for one in tags}
    arrays = [name for field in fields if is_array(field.type) and (name := own_name(field))]
    optional = {name for field in fields if field.default is not attrs.NOTHING and (name := own_name(field))}

    def hook(value: object, kind: object) -> Any:  # noqa: ANN401 - an instance of cls
        if not isinstance(value, dict):
            raise ValueProblemError(f"must be an object, not {json_type(value)}")
        for name in value.keys() - known:
            raise ValueProblemError(unknown(name, known))
        kept = {name: part for name, part in value.items() if part is not None or name not in optional}
        for name in arrays:
            if not isinstance(kept.get(name, []), list | tuple):
                raise ValueProblemError(f"must be an array, not {json_type(kept[name])}", below=name)
        for one in tags:
            kept = one.with_class(kept)
        return read(kept, kind)

    return hook


def _structure_object(cls: Any) -> typing.Callable[[object, object], Any]:  # noqa: ANN401 - any attrs class
    fields = attrs.fields(attrs.resolve_types(cls))
    tags = tagged(fields)
    names = {field.name: _named(field, wire_name) for field in fields}
    names |= {one.field: override(rename=one.name, struct_hook=_read_tagged) for one in tags}
    read = make_dict_structure_fn(cls, _converter, **names)
    optional = {name: field for field in fields if field.default is not attrs.NOTHING and (name := wire_name(field))}
    arrays = [name for field in fields if is_array(field.type) and (name := wire_name(field))]
    within = [(name, inner) for f in fields if (inner := f.metadata.get("within")) and (name := wire_name(f))]

    def strict(value: dict[str, Any], kind: object) -> Any:  # noqa: ANN401 - an instance of cls
        for name in arrays:
            # cattrs would accept any iterable, such as the keys of an object or the letters of a string.
            if not isinstance(value.get(name, []), list):
                raise ValueProblemError(f"must be an array, not {json_type(value[name])}", below=name)
        for one in tags:
            value = one.with_class(value)
        return read(value, kind)

    def without_unreadable(value: dict[str, Any]) -> dict[str, Any]:
        kept = dict(value)
        for name, field in optional.items():
            if name in value and not _readable(name, field, value, tags):
                items = value[name] if field.metadata.get("items") == "readable" else None
                if isinstance(items, list):
                    (item,) = {arg for arg in array_arguments(field.type) if arg is not ...}
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
        for name, inner in within:
            if name in value:
                value = {**value, name: array_within(value[name], inner)}
        try:
            return strict(value, kind)
        except _UNREADABLE:
            kept = without_unreadable(value)
            if kept == value:
                raise
        return strict(kept, kind)

    return hook


def _readable(name: str, field: Any, value: dict[str, Any], tags: list[Tagged]) -> bool:  # noqa: ANN401
    part = value[name]
    if is_array(field.type) and not isinstance(part, list):
        return False
    for one in tags:
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


def _unstructure_object(
    cls: Any,  # noqa: ANN401 - any attrs class
    converter: cattrs.Converter,
    name_of: _NameOf,
) -> typing.Callable[[Any], dict[str, Any]]:
    names = {
        # Every optional field of a request has the default None, so omitting defaults omits None.
        field.name: _named(field, name_of, omit_if_default=field.default is None)
        for field in attrs.fields(attrs.resolve_types(cls))
    }
    write = make_dict_unstructure_fn(cls, converter, **names)
    tags = tagged(attrs.fields(cls))
    if not tags:
        return write

    def hook(model: Any) -> dict[str, Any]:  # noqa: ANN401 - an instance of cls
        data = write(model)
        for one in tags:
            part = getattr(model, one.field)
            if isinstance(part, one.rest):
                data |= data.pop(one.name)
            elif part is not None:
                data[one.tag] = getattr(part, one.tag)
        return data

    return hook


def _converter_of_values() -> cattrs.Converter:
    # JSON arrays are lists; models have tuples, because they are frozen.
    made = cattrs.Converter(unstruct_collection_overrides={tuple: list})
    made.register_structure_hook(str, strictly(str, "a string"))
    made.register_structure_hook(int, strictly(int, "an integer"))
    made.register_structure_hook(bool, strictly(bool, "a boolean"))
    made.register_structure_hook(Decimal, read_decimal)
    made.register_structure_hook(float, read_float)
    made.register_structure_hook(datetime, read_datetime)
    made.register_unstructure_hook(datetime, write_datetime)
    made.register_structure_hook_func(is_enum_or_text, read_enum_or_text)
    made.register_structure_hook_func(is_int_or_text, read_int_or_text)
    # A JSON object with any content is kept unchanged.
    made.register_structure_hook_func(
        lambda kind: kind in (dict[str, Any], Mapping[str, Any]), strictly(dict, "an object")
    )
    made.register_unstructure_hook(StrEnum, lambda member: member.value)
    return made


_converter = _converter_of_values()
_converter.register_structure_hook_factory(attrs.has, _structure_object)
_converter.register_unstructure_hook_factory(attrs.has, lambda cls: _unstructure_object(cls, _converter, wire_name))


@lru_cache(maxsize=1)
def _own_converter() -> cattrs.Converter:
    # Made at its first use: a send needs only the other converter.
    made = _converter_of_values()
    made.register_structure_hook_factory(attrs.has, _structure_own)
    made.register_unstructure_hook_factory(attrs.has, lambda cls: _unstructure_object(cls, made, own_name))
    # As a string: a JSON number would become a binary float somewhere.
    made.register_unstructure_hook(Decimal, lambda number: format(number, "f"))
    return made
