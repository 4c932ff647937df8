"""JSON is read in the same way with msgspec and without it, for any bytes."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eightbyeight_async import wire_json
from eightbyeight_async.wire_json import NotJsonError, decode

msgspec = pytest.importorskip("msgspec.json")
QUICK = msgspec.Decoder(float_hook=Decimal).decode

PIECES = [
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b":",
    b'"a"',
    b'"b"',
    b'"',
    b"\\",
    b'"\\u00',
    b"\\ud83d",
    b"\\ude00",
    b"\\/",
    b"\\x",
]
PIECES += [b"1", b"0", b"-", b"+", b".", b"e", b"E", b"_", b"9" * 20, b"18446744073709551616", b"1e999999999", b"5"]
PIECES += [b"true", b"null", b"NaN", b"Infinity", b" ", b"\n", b"\t", b"\x0b", b"\x00", b"\x1f", b"\x7f", b"\xa0"]
PIECES += [
    b"\xc3\xa9",
    b"\xed\xa0\x80",
    b"\xc0\x80",
    b"\xf0\x9f\x98\x80",
    b"\xf4\x90\x80\x80",
    b"\xef\xbb\xbf",
    b"\xff",
]
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=8,
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """Draws JSON with some pieces inserted or replaced, or only pieces."""
    data = json.dumps(draw(VALUES), ensure_ascii=draw(st.booleans())).encode(errors="surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        return b"".join(draw(st.lists(st.sampled_from(PIECES), max_size=8)))
    for _ in range(draw(st.integers(0, 2))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.sampled_from(PIECES)) + data[at + draw(st.integers(0, 2)) :]
    return data


def outcome(body: bytes, quick: Any) -> object:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(wire_json, "_quick", quick)
        patch.setattr(wire_json, "_looks", 2)  # no further look
        try:
            return exact(decode(body))
        except NotJsonError:
            return NotJsonError


def exact(data: Any) -> Any:
    """Returns a form that compares types, the order of the keys and each digit: 1 == True == Decimal("1.0")."""
    if isinstance(data, dict):
        return [(exact(key), exact(value)) for key, value in data.items()]
    if isinstance(data, list):
        return (list, [exact(item) for item in data])
    return (type(data), data.as_tuple() if isinstance(data, Decimal) else data)


@settings(max_examples=10 * settings.default.max_examples)
@given(body=bodies())
@example(body=b'{"a":1,"a":2.50,"b":"\\ud800"}')
@example(body=b"[-0,-0.0,1e5,1E+2,12345678901234567890123,-9223372036854775809,18446744073709551616]")
@example(body=b"1" * 4301)
@example(body=b"1e99999999999999999999")
@example(body=b'\xef\xbb\xbf{"a":1}')
@example(body=b"[" * 100_000)
def test_both_read_the_same(body: bytes) -> None:
    assert outcome(body, QUICK) == outcome(body, None)


def test_it_is_msgspec_that_reads_what_is_plain_json() -> None:
    asked = []
    body = b'{"umid":"1","price":0.0450}'
    assert outcome(body, lambda given: asked.append(given) or QUICK(given)) == outcome(body, None)
    assert asked == [body]


@pytest.mark.parametrize("installed", [True, False])
def test_msgspec_is_imported_for_the_second_answer_if_it_is_there(installed: bool) -> None:
    """Runs in a process of its own, because imported modules are part of the state of a process."""
    code = f"""
import sys
if not {installed}:
    sys.modules["msgspec"] = None
from eightbyeight_async import wire_json
for times in range(3):
    assert wire_json.decode(b'{{"a":1.50}}') == {{"a": __import__("decimal").Decimal("1.50")}}
    found = [name for name in sys.modules if name.startswith("msgspec.")]
    assert bool(found) is ({installed} and times > 0), (times, found)
"""
    # This program is our own.
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)  # noqa: S603
