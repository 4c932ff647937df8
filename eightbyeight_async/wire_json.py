"""JSON text to Python values and back. Pure.

- Numbers with a fraction (prices) become Decimal: 0.1 must not become 0.1000000000000000055.
- NaN and Infinity are refused, because they are not JSON.
- A JSON escape can contain half of a surrogate pair, but UTF-8 cannot. Such a half becomes U+FFFD, as in other
  decoders: an accepted message must not fail later, when its id is printed, stored or passed on.
- If msgspec is installed (extra `fast`), it reads first. If it refuses a text, json reads the text again: json alone
  decides what is JSON. If msgspec accepts a text, json would give the same values (`tests/test_wire_json.py`).
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
    """The bytes are not JSON. This exception has no text, unlike a JSONDecodeError, which contains the whole body."""


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
    # ValueError: bad JSON, bad UTF-8, or an integer with too many digits. ArithmeticError: an exponent with too many
    # digits.
    except (ValueError, ArithmeticError, RecursionError):
        pass
    raise NotJsonError  # Raised outside the except block, where the exception would contain the body.


def _look_for_msgspec() -> None:
    """Import msgspec at the second answer. The import takes 4 ms, which a process that sends one message can save."""
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


# A valid pair is also written with these escapes; then the search only costs a little time.
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
# Like `decode`, but without its two searches for blanks around the text, which take longer than a short answer.
_scan = _decoder.scan_once
_encoder = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
_make_encoder: Any = getattr(json.encoder, "c_make_encoder", None)  # only CPython has it
# Made once: `encode` makes one for every call, a third of its time.
_encode_at = (
    None
    if _make_encoder is None
    else _make_encoder(None, _encoder.default, json.encoder.encode_basestring, None, ":", ",", False, False, True)
)
