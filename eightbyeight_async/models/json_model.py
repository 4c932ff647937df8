"""The base of all models. It lets pydantic and FastAPI use a model as a field, a request body or a response.

Rule: this package imports pydantic only when pydantic itself calls it.
"""

from __future__ import annotations

from functools import wraps
from typing import Any

import attrs

from eightbyeight_async.frame_privacy import private_call
from eightbyeight_async.quick_models import private_init

__all__ = ["JsonModel"]


class JsonModel:
    """A model of the API. `to_dict` and `from_dict` write and read it."""

    __slots__ = ()

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        # If a model is refused, its arguments are locals of its `__init__`, so that frame must be emptied. A model
        # without rules is never refused. It needs no decorator, which saves 0.5 us per response.
        made: Any = cls
        ours = private_init(cls)
        if ours is not None:
            made.__init__ = wraps(made.__init__)(ours)
        elif hasattr(cls, "__attrs_post_init__") or any(
            field.validator is not None or "rule" in field.metadata for field in attrs.fields(made)
        ):
            made.__init__ = private_call(made.__init__)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:  # noqa: ANN401 - pydantic's types
        from eightbyeight_async.pydantic_schema import core_schema_of  # noqa: PLC0415 - it imports pydantic

        return core_schema_of(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> Any:  # noqa: ANN401
        from eightbyeight_async.pydantic_schema import json_schema_of  # noqa: PLC0415 - it imports pydantic

        return json_schema_of(cls)
