"""Makes models quickly: from given values, or from a JSON object in which all fields have the promised types. Pure.

For any other object, or a model with other types than the ones here, `wire` uses the thorough converter. That converter
names the path of a problem, and drops optional fields that cannot be read. If all types are right, both ways make the
same model.

The functions are made from source text, as attrs and cattrs do: one call makes a model, instead of one call per field.
They set the fields of frozen classes through their slots, which takes half as long as attrs' `__init__`.
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
    """The object must be read by the thorough converter."""


def quick_maker(cls: type[T]) -> Callable[..., T]:
    """Returns a function that makes the model from the values of all fields, without checking or converting them."""
    given: dict[str, Any] = {}
    names = [field.name for field in attrs.fields(_class(cls))]
    return _compiled(f"def make({', '.join(names)}):", _making(cls, given, {name: name for name in names}), given)


def private_init(cls: type[Any]) -> Callable[..., None] | None:
    """Returns an `__init__` like that of attrs, which empties its frame if a rule is broken; None without `check`.

    A rule is an attrs validator in a field's metadata, under `check`. This function applies all rules in one pass, and
    only to fields that are set. attrs would call the rule of every field, and most messages leave out seven fields. It
    is one function and not a wrapper around that of attrs, which would take twice as long.
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
            # without a call for None: most messages leave these fields out
            converted = f"None if {value} is None else {converted}"
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
    """False for a class that an application has derived from a model, if its fields use more features of attrs."""
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
    """Returns a function that makes a model from parsed JSON; None if the model has a type that is not simple.

    The function raises OddError for an object that needs the thorough converter.
    """
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
                # Looks up known strings in a dict, which avoids a call.
                enums = [one for one in typing.get_args(field.type) if issubclass(one, StrEnum)]
                given[f"m_{local}"] = {member.value: convert(member.value) for one in enums for member in one}
                lines.append(f"  {local} = m_{local}.get({local}) or c_{local}({local})")
            else:
                lines.append(f"  {local} = c_{local}({local})")
        values[field.name] = local
    if hasattr(cls, "__attrs_post_init__"):
        return None
    return _compiled("def read(value):", [*lines, *_making(cls, given, values)], given)


# Metadata keys that do not change how an object is read if all its values have the promised types.
_HARMLESS = {"wire", "kept", "items"}


def _class(cls: Any) -> Any:  # noqa: ANN401 - a class, which attrs' stubs want to know as one of its own
    return cls


def _making(cls: Any, given: dict[str, Any], values: dict[str, str]) -> list[str]:  # noqa: ANN401
    """Returns the source lines that make a model. `values`: the expression for each field."""
    given |= {"new": object.__new__, "cls": cls}
    if cls.__setattr__ is object.__setattr__:  # not frozen
        stores = [f"  made.{name} = {value}" for name, value in values.items()]
    else:
        given |= {f"set_{name}": getattr(cls, name).__set__ for name in values}
        stores = [f"  set_{name}(made, {value})" for name, value in values.items()]
    return ["  made = new(cls)", *stores, "  return made"]


def _compiled(head: str, lines: list[str], given: dict[str, Any]) -> Callable[..., Any]:
    given["__name__"] = __name__  # `frame_privacy` finds the owner of a frame by this name
    code = compile("\n".join([head, *lines]), f"<made by {__name__}>", "exec")
    exec(code, given)  # noqa: S102 - names of our own fields, nothing from outside
    made: Callable[..., Any] = given[head.removeprefix("def ").partition("(")[0]]
    return made


def _check(kind: Any, local: str, given: dict[str, Any]) -> str | None:  # noqa: ANN401 - a type expression
    """Returns a source line that reads the value of a variable; None if the type is not simple."""
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
    """Returns a function that converts a model to JSON text; None if the model has a type that is not simple.

    `replaced`: fields whose values come from further arguments of the function, and not from the model.

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
