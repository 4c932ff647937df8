"""The base of all models: pydantic and FastAPI take a model as a field, a request body or a response.

Rule: pydantic is imported only by pydantic's own call.
"""

from __future__ import annotations

from typing import Any

__all__ = ["JsonModel"]


class JsonModel:
    """A model of the API. `to_dict` and `from_dict` write and read it."""

    __slots__ = ()

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:  # noqa: ANN401 - pydantic's types
        from eightbyeight_async.pydantic_schema import core_schema_of  # noqa: PLC0415 - it imports pydantic

        return core_schema_of(cls)

    @classmethod
    def __get_pydantic_json_schema__(cls, core_schema: Any, handler: Any) -> Any:  # noqa: ANN401
        from eightbyeight_async.pydantic_schema import json_schema_of  # noqa: PLC0415 - it imports pydantic

        return json_schema_of(cls)
