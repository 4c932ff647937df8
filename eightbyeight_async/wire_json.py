"""JSON text to Python values and back. Pure.

- Numbers with a fraction become Decimal: prices, and 0.1 must not become 0.1000000000000000055.
- NaN and Infinity are refused, because they are not JSON.
- Half of a surrogate pair, which a JSON escape can carry and UTF-8 cannot, becomes U+FFFD, as in any decoder: an
  accepted message must not fail later, where its id is printed, stored or sent on.
- msgspec reads first where it is installed (extra `fast`). What it refuses, json reads again, which alone says what is
  JSON; what it accepts, json would read the same way (`tests/test_wire_json.py`).
"""

from __future__ import annotations

import json
import re
from contextlib import suppress
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["NotJsonError", "decode", "encode"]


class NotJsonError(Exception):
    """The bytes are not JSON. It has no text: a JSONDecodeError has the whole body."""


def decode(body: bytes) -> Any:  # noqa: ANN401 - JSON can be anything
    """Parse JSON.

    Raises:
        NotJsonError: the bytes are not JSON.
    """
    if _quick is not None:
        try:
            return _quick(body)
        except (ValueError, ArithmeticError, RecursionError):
            pass
    elif _looks < 2:
        _look_for_msgspec()
    return _decode(body)


def _decode(body: bytes) -> Any:  # noqa: ANN401 - JSON can be anything
    try:
        text = body.decode()
        try:
            data, end = _scan(text, 0)
        except StopIteration:  # no JSON at the first character
            end = -1
        if end != len(text):
            data = _decoder.decode(text.removeprefix("\ufeff"))
        return _well_formed(data) if b"\\" in body and _SURROGATE_ESCAPE.search(body) else data
    # ValueError: bad JSON, bad UTF-8, an integer with too many digits. ArithmeticError: an exponent with too many.
    except (ValueError, ArithmeticError, RecursionError):
        pass
    raise NotJsonError  # outside the except block, which knows the body


def _look_for_msgspec() -> None:
    """Import msgspec at the second answer: it takes 4 ms, which a process that sends one message need not wait for."""
    global _looks, _quick  # noqa: PLW0603 - a cache
    _looks += 1
    if _looks == 2:
        with suppress(ImportError):
            from msgspec.json import Decoder  # noqa: PLC0415 - see above

            _quick = Decoder(float_hook=Decimal).decode


_looks = 0
_quick: Callable[[bytes], Any] | None = None


def encode(data: object) -> bytes:
    """The bytes of JSON, without blanks."""
    if _encode_at is None:
        return _encoder.encode(data).encode()
    return "".join(_encode_at(data, 0)).encode()


# A pair is written with them, too; then looking costs a little time.
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def _well_formed(data: Any) -> Any:  # noqa: ANN401 - JSON can be anything
    if isinstance(data, str):
        return re.sub("[\ud800-\udfff]", "\ufffd", data)
    if isinstance(data, list):
        return [_well_formed(item) for item in data]
    if isinstance(data, dict):
        return {_well_formed(key): _well_formed(value) for key, value in data.items()}
    return data


def _refuse_constant(_: str) -> None:
    raise ValueError


# Made once: json.loads() with options makes a decoder for every call, a third of its time.
_decoder: Any = json.JSONDecoder(parse_float=Decimal, parse_constant=_refuse_constant)
# `decode` without its two searches for blanks around the text, which take longer than a short answer.
_scan = _decoder.scan_once
_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_make_encoder: Any = getattr(json.encoder, "c_make_encoder", None)  # CPython's
# Made once: `encode` makes one for every call, a third of its time.
_encode_at = (
    None
    if _make_encoder is None
    else _make_encoder(None, _encoder.default, json.encoder.encode_basestring, None, ":", ",", False, False, True)
)
