"""Request bodies against the JSON Schemas in `schemas/`, derived from 8x8's OpenAPI files."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema


@cache
def _schemas(product: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((Path(__file__).parent / "schemas" / f"{product}.json").read_text())
    return loaded


def check(body: bytes | None, product: str, name: str) -> Any:
    """The body as JSON, if it keeps the schema; formats (date-time, uri) included where jsonschema knows them."""
    data = json.loads(body or b"null")
    jsonschema.validate(data, _schemas(product)[name], format_checker=jsonschema.FormatChecker())
    return data


def schema(product: str, name: str) -> dict[str, Any]:
    found: dict[str, Any] = _schemas(product)[name]
    return found
