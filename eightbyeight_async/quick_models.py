"""Quick making of models: of given values, and of a JSON object whose fields all have the promised types. Pure.

For an object that is not so, or a model with other types than those here, `wire` asks the thorough converter, which
names the path of a problem and drops optional fields that cannot be read. For every other object both make the same
model.

The functions are made from source text, as attrs and cattrs make theirs: one call for a model instead of one a field.
They set the fields of frozen classes by their slots, which takes half as long as attrs' `__init__`.
"""

from __future__ import annotations

import types
import typing
from datetime import datetime
from enum import StrEnum
from json.encoder import encode_basestring
from typing import Any, TypeVar, Union

import attrs

from eightbyeight_async.frame_privacy import empty_frames, private_call
from eightbyeight_async.wire_types import is_enum_or_text, is_int_or_text, wire_name
from eightbyeight_async.wire_values import write_datetime

if typing.TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["OddError", "private_init", "quick_maker", "quick_reader", "quick_writer"]

T = TypeVar("T")


class OddError(Exception):
    """The object must be read thoroughly."""


def quick_maker(cls: type[T]) -> Callable[..., T]:
    """A function that takes the values of all fields by their names; it neither checks nor converts them."""
    given: dict[str, Any] = {}
    names = [field.name for field in attrs.fields(_class(cls))]
    return _compiled(f"def make({', '.join(names)}):", _making(cls, given, {name: name for name in names}), given)


def private_init(cls: type[Any]) -> Callable[..., None] | None:
    """An `__init__` like that of attrs, which empties its frame if a rule is broken; None without rules of this kind.

    A rule is a validator of attrs in a field's metadata, under `check`. Here all are applied in one pass, and only to
    fields that are set: attrs would call each for every field, and most messages leave seven of them out. One function
    instead of a wrapper around attrs', which takes twice as long.
    """
    if not any("check" in field.metadata for field in attrs.fields(_class(cls))):
        return None
    if not _is_plain(cls):
        return _checked_init(cls)
    given: dict[str, Any] = {"empty_frames": empty_frames}
    parameters, lines, checks = [], [], []
    for field in attrs.fields(_class(cls)):
        name, value = field.name, field.alias
        if (check := field.metadata.get("check")) is not None:
            given |= {f"rule_{name}": check, f"field_{name}": field}
            applied = f"rule_{name}(self, field_{name}, self.{name})"
            checks.append(
                f"    {applied}" if field.default is attrs.NOTHING else f"    if {value} is not None: {applied}"
            )
        parameters.append(value if field.default is attrs.NOTHING else f"{value}=d_{name}")
        given |= {f"d_{name}": field.default, f"c_{name}": field.converter, f"set_{name}": getattr(cls, name).__set__}
        converted = value if field.converter is None else f"c_{name}({value})"
        if field.converter is not None and field.default is None and field.converter(None) is None:
            converted = f"None if {value} is None else {converted}"  # a call less for what most messages leave out
        lines.append(f"    set_{name}(self, {converted})")
    names = ", ".join(field.alias for field in attrs.fields(_class(cls)))
    body = [
        "  try:",
        *lines,
        *checks,
        "  except BaseException as error:",
        f"    del self, {names}",
        "    empty_frames(error)",
        "    raise",
    ]
    return _compiled(f"def __init__(self, *, {', '.join(parameters)}):", body, given)


def _is_plain(cls: Any) -> bool:  # noqa: ANN401 - an attrs class
    """False for a class that an application has derived from a model, if its fields need more of attrs."""
    return not hasattr(cls, "__attrs_post_init__") and all(
        field.kw_only
        and field.init
        and field.validator is None
        and not isinstance(field.default, _Factory)
        and hasattr(getattr(cls, field.name, None), "__set__")
        for field in attrs.fields(cls)
    )


_Factory: type = type(attrs.Factory(list))


def _checked_init(cls: Any) -> Callable[..., None]:  # noqa: ANN401 - an attrs class
    of_attrs = cls.__init__

    def init(self: Any, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401
        of_attrs(self, *args, **kwargs)
        for field in attrs.fields(cls):
            check, value = field.metadata.get("check"), getattr(self, field.name)
            if check is not None and (value is not None or field.default is attrs.NOTHING):
                check(self, field, value)

    return private_call(init)


def quick_reader(cls: type[T]) -> Callable[[Any], T] | None:
    """A function that takes parsed JSON; None if a type of the model is not simple. The function raises OddError."""
    given: dict[str, Any] = {"OddError": OddError}
    lines = ["  if type(value) is not dict: raise OddError"]
    values = {}
    for field in attrs.fields(attrs.resolve_types(_class(cls))):
        name, local = wire_name(field), f"f_{field.name}"
        if field.validator is not None or isinstance(field.default, _Factory) or field.metadata.keys() - _HARMLESS:
            return None
        if name is None:
            values[field.name] = local
            lines.append(f"  {local} = d_{local}")
            given[f"d_{local}"] = field.default
            continue
        check = _check(field.type, local, given)
        if check is None:
            return None
        lines.append(f"  {local} = value.get({name!r})")
        if field.default is attrs.NOTHING:
            lines.append(f"  {check}")
        elif field.default is None:
            lines += [f"  if {local} is not None:", f"    {check}"]
        else:
            given[f"d_{local}"] = field.default
            lines += [f"  if {local} is None: {local} = d_{local}", "  else:", f"    {check}"]
        if field.converter is not None:
            given[f"c_{local}"] = convert = field.converter
            if is_enum_or_text(field.type):
                # A dict instead of a call for the strings that have a member.
                enums = [one for one in typing.get_args(field.type) if issubclass(one, StrEnum)]
                given[f"m_{local}"] = {member.value: convert(member.value) for one in enums for member in one}
                lines.append(f"  {local} = m_{local}.get({local}) or c_{local}({local})")
            else:
                lines.append(f"  {local} = c_{local}({local})")
        values[field.name] = local
    if hasattr(cls, "__attrs_post_init__"):
        return None
    return _compiled("def read(value):", [*lines, *_making(cls, given, values)], given)


# What a field's metadata can say without changing how an object is read that has all promised types.
_HARMLESS = {"wire", "kept", "items"}


def _class(cls: Any) -> Any:  # noqa: ANN401 - a class, which attrs' stubs want to know as one of its own
    return cls


def _making(cls: Any, given: dict[str, Any], values: dict[str, str]) -> list[str]:  # noqa: ANN401
    """The lines that make a model; `values`: the expression of each field."""
    given |= {"new": object.__new__, "cls": cls}
    if cls.__setattr__ is object.__setattr__:  # not frozen
        stores = [f"  made.{name} = {value}" for name, value in values.items()]
    else:
        given |= {f"set_{name}": getattr(cls, name).__set__ for name in values}
        stores = [f"  set_{name}(made, {value})" for name, value in values.items()]
    return ["  made = new(cls)", *stores, "  return made"]


def _compiled(head: str, lines: list[str], given: dict[str, Any]) -> Callable[..., Any]:
    given["__name__"] = __name__  # `frame_privacy` asks whose a frame is
    code = compile("\n".join([head, *lines]), f"<made by {__name__}>", "exec")
    exec(code, given)  # noqa: S102 - names of our own fields, nothing from outside
    made: Callable[..., Any] = given[head.removeprefix("def ").partition("(")[0]]
    return made


def _check(kind: Any, local: str, given: dict[str, Any]) -> str | None:  # noqa: ANN401 - a type expression
    """A statement that reads the value of a variable; None if the type is not simple."""
    optional = typing.get_origin(kind) in (Union, types.UnionType) and type(None) in typing.get_args(kind)
    if is_enum_or_text(kind):
        return f"if type({local}) is not str: raise OddError"
    if is_int_or_text(kind):
        return f"if type({local}) is not str and type({local}) is not int: raise OddError"
    if optional:
        rest = [one for one in typing.get_args(kind) if one is not type(None)]
        return _check(rest[0], local, given) if len(rest) == 1 else None
    if kind in (str, int, bool):
        return f"if type({local}) is not {kind.__name__}: raise OddError"
    is_list = typing.get_origin(kind) is tuple and typing.get_args(kind)[1:] == (...,)
    item = typing.get_args(kind)[0] if is_list else kind
    if not (isinstance(item, type) and attrs.has(item)):
        return None
    reader = quick_reader(item)
    if reader is None:
        return None
    given[f"r_{local}"] = reader
    if not is_list:
        return f"{local} = r_{local}({local})"
    given[f"list_{local}"] = _list_reader(reader)
    return f"{local} = list_{local}({local})"


def quick_writer(cls: type[Any], replaced: Sequence[str] = ()) -> Callable[..., str] | None:
    """A function from a model to the text of its JSON; None if a type of the model is not simple.

    `replaced`: the fields whose values the function takes as further arguments, instead of those of the model.

    The function raises TypeError for a model whose values do not have the types of its class.
    """
    given: dict[str, Any] = {"quote": encode_basestring, "write_datetime": write_datetime}
    lines = ["  text = ''"]
    for field in attrs.fields(attrs.resolve_types(_class(cls))):
        name, required = wire_name(field), field.default is attrs.NOTHING
        if name is None:
            continue
        kind = field.type
        if not required:
            rest = [one for one in typing.get_args(kind) if one is not type(None)]
            if field.default is not None or len(rest) != 1:
                return None
            (kind,) = rest
        written = _WRITTEN.get(StrEnum if isinstance(kind, type) and issubclass(kind, StrEnum) else kind)
        if written is None:
            return None
        lines.append(f"  value = {field.name if field.name in replaced else f'model.{field.name}'}")
        lines.append(f"  {'' if required else 'if value is not None: '}text += f',\"{name}\":{{quote({written})}}'")
    return _compiled(f"def write({', '.join(('model', *replaced))}):", [*lines, "  return '{' + text[1:] + '}'"], given)


_WRITTEN = {str: "value", StrEnum: "value.value", datetime: "write_datetime(value)"}


def _list_reader(reader: Callable[[Any], Any]) -> Callable[[Any], tuple[Any, ...]]:
    def read(value: Any) -> tuple[Any, ...]:  # noqa: ANN401 - JSON can be anything
        if type(value) is not list:
            raise OddError
        return tuple([reader(item) for item in value])

    return read
