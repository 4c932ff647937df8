"""A text is measured as the network counts it: units, parts, nothing torn apart, and never shown."""

from __future__ import annotations

import sys

import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eightbyeight_async import Encoding, InvalidRequestError, gsm7
from eightbyeight_async.text import MAX_PARTS, TextMeasure, TextPolicy, check_length, measure

GSM7, UCS2 = Encoding.GSM7, Encoding.UCS2
EMOJI = "\N{GRINNING FACE}"
HAN = "\u6f22"

EVERY_CHARACTER = [chr(code) for code in range(sys.maxunicode + 1) if not 0xD800 <= code <= 0xDFFF]


@pytest.mark.parametrize(
    ("text", "encoding", "units", "parts"),
    [
        ("", GSM7, 0, 0),
        ("Hello", GSM7, 5, 1),
        ("a" * 160, GSM7, 160, 1),
        ("a" * 161, GSM7, 161, 2),
        ("a" * 306, GSM7, 306, 2),
        ("a" * 307, GSM7, 307, 3),
        ("a" * 1530, GSM7, 1530, 10),
        ("a" * 1531, GSM7, 1531, 11),
        # the extension: two septets each
        ("€" * 80, GSM7, 160, 1),
        ("€" * 81, GSM7, 162, 2),
        ("a" * 158 + "€", GSM7, 160, 1),
        ("a" * 159 + "€", GSM7, 161, 2),
        # 152 + a pair: the pair moves on, and everything behind it
        ("a" * 152 + "€" + "a" * 151, GSM7, 305, 2),
        ("a" * 152 + "€" + "a" * 152, GSM7, 306, 3),
        ("a" * 151 + "€" + "a" * 153, GSM7, 306, 2),
        ("€" * 152, GSM7, 304, 2),
        ("€" * 153, GSM7, 306, 3),  # 76 pairs a part, one septet left over in each
        ("€" * 760, GSM7, 1520, 10),
        ("€" * 761, GSM7, 1522, 11),
        # in the alphabet, though not ASCII; ASCII, though not in the alphabet
        ("@£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà\n\r", GSM7, 44, 1),
        ("`", UCS2, 1, 1),
        ("ç", UCS2, 1, 1),
        ("\t", UCS2, 1, 1),
        ("\x1b", UCS2, 1, 1),
        (HAN * 70, UCS2, 70, 1),
        (HAN * 71, UCS2, 71, 2),
        (HAN * 134, UCS2, 134, 2),
        (HAN * 135, UCS2, 135, 3),
        (HAN * 670, UCS2, 670, 10),
        (HAN * 671, UCS2, 671, 11),
        # beyond the BMP: two units each
        (EMOJI * 35, UCS2, 70, 1),
        (EMOJI * 36, UCS2, 72, 2),
        (EMOJI * 66, UCS2, 132, 2),
        (EMOJI * 67, UCS2, 134, 3),  # 33 pairs a part, one unit left over in each
        (HAN * 66 + EMOJI + HAN * 65, UCS2, 133, 2),
        (HAN * 66 + EMOJI + HAN * 66, UCS2, 134, 3),
        (EMOJI * 330, UCS2, 660, 10),
        (EMOJI * 331, UCS2, 662, 11),
        # extension characters are one unit in UCS2
        (HAN + "€" * 69, UCS2, 70, 1),
    ],
)
def test_auto_takes_gsm7_if_it_can_and_counts_by_the_rules(
    text: str, encoding: Encoding, units: int, parts: int
) -> None:
    expected = TextMeasure(encoding=encoding, units=units, parts=parts, truncated=parts > 10)
    assert measure(text) == expected
    assert measure(text, encoding) == expected
    assert measure(text, None) == measure(text, "AUTO") == expected


def test_ucs2_can_be_asked_for() -> None:
    assert measure("a" * 71, "UCS2") == TextMeasure(encoding=UCS2, units=71, parts=2, truncated=False)


@pytest.mark.parametrize(("text", "index"), [("`", 0), ("secret " + HAN, 7), ("€ ok " + EMOJI + "`", 5)])
def test_gsm7_asked_for_and_impossible_names_the_place_not_the_text(text: str, index: int) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        measure(text, GSM7)
    assert caught.value.field == "text"
    assert (
        caught.value.reason == f"has a character outside the GSM7 alphabet at index {index}; use encoding AUTO or UCS2"
    )


@pytest.mark.parametrize(
    ("text", "encoding", "field"),
    [(None, "AUTO", "text"), (b"x", "AUTO", "text"), ("x\ud83d", "AUTO", "text"), ("x", "LATIN1", "encoding")],
)
def test_what_is_no_text_or_no_encoding_is_refused(text: str, encoding: str, field: str) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        measure(text, encoding)
    assert caught.value.field == field


def test_the_alphabet_is_that_of_an_independent_codec() -> None:
    """Every character there is; the codec also encodes the escape itself, which no text can hold."""
    codec = gsm0338.Codec()
    theirs = {}
    for character in EVERY_CHARACTER:
        try:
            theirs[character] = len(codec.encode(character)[0])
        except UnicodeEncodeError:
            continue
    assert theirs.pop("\x1b") == 1
    ours = {c: measure(c, GSM7).units for c in EVERY_CHARACTER if gsm7.is_gsm7(c)}
    assert ours == theirs
    assert len(gsm7.BASIC) == len(set(gsm7.BASIC)) == 127
    assert len(gsm7.EXTENSION) == 10


def slow_parts(sizes: list[int], alone: int, each: int) -> int:
    """The rule by hand: character after character into a part, and a new part when one does not fit."""
    if not sizes or sum(sizes) <= alone:
        return 1 if sizes else 0
    parts, room = 1, each
    for size in sizes:
        if size > room:
            parts, room = parts + 1, each
        room -= size
    return parts


GSM7_TEXTS = st.lists(
    st.one_of(
        st.text("a[€é", max_size=20), st.integers(60, 160).map("a".__mul__), st.integers(30, 160).map("{".__mul__)
    ),
    max_size=14,
).map("".join)
UCS2_TEXTS = st.lists(
    st.one_of(
        st.text("a€" + HAN + EMOJI, max_size=20),
        st.integers(30, 70).map(HAN.__mul__),
        st.integers(15, 70).map(EMOJI.__mul__),
    ),
    max_size=14,
).map("".join)


@given(GSM7_TEXTS)
def test_gsm7_parts_are_those_of_the_rule_by_hand(text: str) -> None:
    sizes = [len(gsm0338.Codec().encode(character)[0]) for character in text]
    parts = slow_parts(sizes, 160, 153)
    assert measure(text) == TextMeasure(encoding=GSM7, units=sum(sizes), parts=parts, truncated=parts > 10)


@given(UCS2_TEXTS | st.text(max_size=300))
def test_ucs2_parts_are_those_of_the_rule_by_hand(text: str) -> None:
    sizes = [len(character.encode("utf-16-be")) // 2 for character in text]
    parts = slow_parts(sizes, 70, 67)
    assert measure(text, UCS2) == TextMeasure(encoding=UCS2, units=sum(sizes), parts=parts, truncated=parts > 10)


@given(st.text(st.sampled_from(gsm7.BASIC + gsm7.EXTENSION + "`" + HAN), max_size=20))
def test_auto_is_gsm7_exactly_if_the_codec_can(text: str) -> None:
    try:
        gsm0338.Codec().encode(text)
        encoding = GSM7
    except UnicodeEncodeError:
        encoding = UCS2
    assert measure(text).encoding is encoding


LONG = "a" * 1531
LONG_UCS2 = HAN * 671


@pytest.mark.parametrize("policy", TextPolicy)
@pytest.mark.parametrize(
    ("text", "encoding"),
    [(None, None), ("", None), ("a" * 1530, None), ("a" * 1530, GSM7), (HAN * 670, None), (EMOJI * 330, UCS2)],
)
def test_up_to_ten_parts_no_policy_says_anything(
    text: str | None, encoding: Encoding | None, policy: TextPolicy
) -> None:
    assert check_length(text, encoding, policy) is None


@pytest.mark.parametrize(
    ("text", "encoding", "size"),
    [
        (LONG, None, "11 parts (1531 septets of GSM7)"),
        (LONG, GSM7, "11 parts (1531 septets of GSM7)"),
        (LONG, UCS2, "23 parts (1531 units of UCS2)"),
        (LONG_UCS2, None, "11 parts (671 units of UCS2)"),
        # GSM7 asked for and impossible: the platform decides; counted as the worse
        (LONG_UCS2, GSM7, "11 parts (671 units of UCS2)"),
        (EMOJI * 331, Encoding.AUTO, "11 parts (662 units of UCS2)"),
    ],
)
def test_beyond_ten_parts_the_policy_decides_and_shows_no_text(text: str, encoding: Encoding | None, size: str) -> None:
    warning = f"the text takes {size}; beyond 10 the platform truncates it and sends"
    assert check_length(text, encoding, TextPolicy.WARN) == warning
    assert check_length(text, encoding, TextPolicy.ALLOW) is None
    assert check_length(text, encoding, "allow") is None
    with pytest.raises(InvalidRequestError) as caught:
        check_length(text, encoding, TextPolicy.REFUSE)
    assert str(caught.value) == f"text: takes {size}; beyond 10 the platform would truncate it and send"


@given(GSM7_TEXTS | UCS2_TEXTS, st.sampled_from([None, *Encoding]))
def test_a_policy_speaks_exactly_when_the_measure_says_truncated(text: str, encoding: Encoding | None) -> None:
    counted = None if encoding is GSM7 else encoding
    size = measure(text, counted)
    assert size.truncated is (size.parts > MAX_PARTS)
    assert (check_length(text, encoding, TextPolicy.WARN) is not None) is size.truncated
