"""Cleans the errors of operations: their frames hold no private value, and wrong arguments give an error of one line.

Python's own TypeError names a wrong argument, but it does not say that the fields of a message belong in the request.
"""

from __future__ import annotations

import inspect
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.frame_privacy import empty_frames

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["operations"]

C = TypeVar("C")


def operations(cls: type[C]) -> type[C]:
    """Decorate a class of operations. Each public method is an operation.

    - An exception that leaves an operation has no frame with the API key, a number or a text (see `frame_privacy`).
    - Wrong arguments raise InvalidRequestError: its `field` is the wrong or missing argument. Nothing was sent.
    - A coroutine function stays a coroutine function: frameworks run any other function in a thread, and never await
      the coroutine that it returns. Each operation adds a frame to the stack, which `stacklevel` of a warning counts.
    """
    for name, function in list(vars(cls).items()):
        if inspect.isfunction(function) and not name.startswith("_"):
            setattr(cls, name, _operation(function))
    return cls


def _operation(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - those of any operation
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            wrong = _wrong_argument(function, error, len(args), list(kwargs))
            del args, kwargs
            empty_frames(error)
            if wrong is None:
                raise
        raise InvalidRequestError(*wrong)

    @wraps(function)
    async def call_and_wait(*args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - those of any operation
        try:
            return await function(*args, **kwargs)
        except BaseException as error:
            wrong = _wrong_argument(function, error, len(args), list(kwargs))
            del args, kwargs
            empty_frames(error)
            if wrong is None:
                raise
        raise InvalidRequestError(*wrong)

    return call_and_wait if inspect.iscoroutinefunction(function) else call


def _wrong_argument(
    function: Callable[..., Any], error: BaseException, positional: int, keywords: list[str]
) -> tuple[str, str] | None:
    """Returns field and reason of the InvalidRequestError; None if the arguments are right, so the error is another."""
    if not isinstance(error, TypeError):
        return None
    own = list(inspect.signature(function).parameters.values())[1:]  # without self
    named = [parameter.name for parameter in own]
    shown = f"{function.__name__}({', '.join(named)})"
    allowed = [parameter.name for parameter in own if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
    given = allowed[: positional - 1]
    model = _request_model(function)
    for keyword in keywords:
        if keyword in given:
            return keyword, f"is given twice to {shown}"
        if keyword not in named:
            if model is not None and keyword in model.__annotations__:
                return (
                    keyword,
                    f"is a field of {model.__name__}: write {function.__name__}({model.__name__}({keyword}=...))",
                )
            return keyword, f"is no argument of {shown}"
    if positional - 1 > len(allowed):
        return "arguments", f"{shown} takes {len(allowed)} without a name, not {positional - 1}"
    for parameter in own:
        if parameter.default is parameter.empty and parameter.name not in (*given, *keywords):
            kind = f": a {model.__name__}" if model is not None and parameter.name == "request" else ""
            return parameter.name, f"is missing in {shown}{kind}"
    return None


def _request_model(function: Callable[..., Any]) -> type | None:
    """Returns the class in the annotation of the parameter `request`; None if there is no such parameter."""
    first, *attributes = str(function.__annotations__.get("request")).partition(" ")[0].split(".")
    found = inspect.unwrap(function).__globals__.get(first)
    for attribute in attributes:
        found = getattr(found, attribute, None)
    return found if isinstance(found, type) else None
