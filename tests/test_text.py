"""A text is measured as the network counts it: in units and parts, without splitting characters. No error shows the
text.

A text that would be truncated causes one warning, not one for each message.
"""

from __future__ import annotations

import linecache
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import attrs
import gsm0338
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scripted import ScriptedServer, answer

from eightbyeight_async import (
    AsyncConnectClient,
    BatchSmsRequest,
    Encoding,
    InvalidRequestError,
    LongTextWarning,
    SmsRequest,
    SmsTemplate,
    gsm7,
)
from eightbyeight_async.calls.sms_batch import long_texts
from eightbyeight_async.quick_parts import quick_parts
from eightbyeight_async.text import LONG_TEXT, MAX_PARTS, TextMeasure, TextPolicy, check_length, measure

GSM7, UCS2 = Encoding.GSM7, Encoding.UCS2
CODEC = gsm0338.Codec()
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
        # the extension table: two septets a character
        ("€" * 80, GSM7, 160, 1),
        ("€" * 81, GSM7, 162, 2),
        ("a" * 158 + "€", GSM7, 160, 1),
        ("a" * 159 + "€", GSM7, 161, 2),
        # 152 septets and a pair: the pair moves to the next part, and all text after it
        ("a" * 152 + "€" + "a" * 151, GSM7, 305, 2),
        ("a" * 152 + "€" + "a" * 152, GSM7, 306, 3),
        ("a" * 151 + "€" + "a" * 153, GSM7, 306, 2),
        ("€" * 152, GSM7, 304, 2),
        ("€" * 153, GSM7, 306, 3),  # 76 pairs a part, and one septet of each part stays empty
        ("€" * 760, GSM7, 1520, 10),
        ("€" * 761, GSM7, 1522, 11),
        # in the alphabet but not in ASCII; in ASCII but not in the alphabet
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
        (EMOJI * 67, UCS2, 134, 3),  # 33 pairs a part, and one unit of each part stays empty
        (HAN * 66 + EMOJI + HAN * 65, UCS2, 133, 2),
        (HAN * 66 + EMOJI + HAN * 66, UCS2, 134, 3),
        (EMOJI * 330, UCS2, 660, 10),
        (EMOJI * 331, UCS2, 662, 11),
        # a character of the extension table is one unit in UCS2
        (HAN + "€" * 69, UCS2, 70, 1),
    ],
)
def test_auto_takes_gsm7_if_it_can_and_counts_by_the_rules(
    text: str, encoding: Encoding, units: int, parts: int
) -> None:
    expected = TextMeasure(encoding=encoding, units=units, parts=parts, truncated=parts > 10)
    assert measure(text, encoding) == expected
    chosen = measure(text)
    assert attrs.evolve(chosen, foreign="", gsm7_parts=None) == expected
    assert measure(text, None) == measure(text, "AUTO") == chosen


def test_ucs2_can_be_asked_for() -> None:
    assert measure("a" * 71, "UCS2") == TextMeasure(encoding=UCS2, units=71, parts=2, truncated=False)


@pytest.mark.parametrize(
    ("text", "foreign", "parts", "gsm7_parts"),
    [
        ("It" + "\u2019" + "s ready", "\u2019", 1, 1),
        ("It" + "\u2019" + "s ready. " * 12, "\u2019", 2, 1),
        ("\u201cnow\u201d \u2014 or \u201cnever\u201d", "\u201c\u201d\u2014", 1, 1),
        ("€" * 80 + EMOJI, EMOJI, 2, 2),
        (HAN * 71, HAN, 2, 1),
        ("`", "`", 1, 1),
    ],
)
def test_it_says_what_makes_a_text_ucs2_and_what_it_costs(text: str, foreign: str, parts: int, gsm7_parts: int) -> None:
    size = measure(text)
    assert (size.encoding, size.foreign, size.parts, size.gsm7_parts) == (UCS2, foreign, parts, gsm7_parts)
    assert measure(text.replace("\u2019", "'")).encoding is (GSM7 if foreign == "\u2019" else UCS2)
    assert not any(character in repr(size) for character in foreign)


@pytest.mark.parametrize(("text", "encoding"), [("plain", "AUTO"), ("plain", "GSM7"), ("plain", "UCS2"), (HAN, "UCS2")])
def test_nothing_makes_a_text_ucs2_that_is_not_or_has_to_be(text: str, encoding: str) -> None:
    size = measure(text, encoding)
    assert (size.foreign, size.gsm7_parts) == ("", None)


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
    """Every character of Unicode. The test encodes only those the codec decodes: a million calls would take 2 s."""
    codes = [bytes([*before, code]) for before in (b"", b"\x1b") for code in range(256)]
    theirs = {}
    for character in {character for code in codes for character in CODEC.decode(code, "ignore")[0]}:
        theirs[character] = len(CODEC.encode(character)[0])
    ours = {c: measure(c, GSM7).units for c in EVERY_CHARACTER if gsm7.is_gsm7(c)}
    assert ours == theirs
    assert len(gsm7.BASIC) == len(set(gsm7.BASIC)) == 127
    assert len(gsm7.EXTENSION) == 10


def slow_parts(sizes: list[int], alone: int, each: int) -> int:
    """The rule by hand: puts one character after another into a part, and begins a new part when one does not fit."""
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
    sizes = [len(CODEC.encode(character)[0]) for character in text]
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
        CODEC.encode(text)
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
        # GSM7 is requested but impossible: the platform decides, and the count assumes the longer encoding
        (LONG_UCS2, GSM7, "11 parts (671 units of UCS2)"),
        (EMOJI * 331, Encoding.AUTO, "11 parts (662 units of UCS2)"),
    ],
)
def test_beyond_ten_parts_the_policy_decides_and_shows_no_text(text: str, encoding: Encoding | None, size: str) -> None:
    warning = f"the text takes {size}; beyond 10 the platform truncates it and sends it"
    assert check_length(text, encoding, TextPolicy.WARN) == warning
    assert check_length(text, encoding, TextPolicy.ALLOW) is None
    assert check_length(text, encoding, "allow") is None
    with pytest.raises(InvalidRequestError) as caught:
        check_length(text, encoding, TextPolicy.REFUSE)
    assert str(caught.value) == f"text: takes {size}; beyond 10 the platform would truncate it and send it"


@given(GSM7_TEXTS | UCS2_TEXTS, st.sampled_from([None, *Encoding]))
def test_a_policy_speaks_exactly_when_the_measure_says_truncated(text: str, encoding: Encoding | None) -> None:
    counted = None if encoding is GSM7 else encoding
    size = measure(text, counted)
    assert size.truncated is (size.parts > MAX_PARTS)
    assert (check_length(text, encoding, TextPolicy.WARN) is not None) is size.truncated


def sms(text: str | None, **more: Any) -> SmsRequest:
    return SmsRequest(destination="+6598765432", text=text, **more)


@contextmanager
def shown_by_default() -> Iterator[list[warnings.WarningMessage]]:
    """Yields the warnings that Python shows with its default filter: each text once a line."""
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("default")
        yield shown


def line_of(warning: warnings.WarningMessage) -> str:
    assert warning.category is LongTextWarning
    assert warning.filename == __file__
    return linecache.getline(warning.filename, warning.lineno).strip()


@pytest.mark.anyio
async def test_single_messages_are_warned_of_once_a_line_of_the_caller(
    serve: Callable[..., ScriptedServer], connect: Callable[..., AsyncConnectClient]
) -> None:
    lengths = range(1531, 1551)
    with serve() as server, shown_by_default() as shown:
        async with connect(server) as client:
            for length in lengths:
                await client.sms.send(sms("x" * length))
            assert len(globals()["__warningregistry__"]) == 2  # the registry's version, and one warning
            await client.sms.send(sms(LONG_UCS2))  # another line
    assert len(server.received) == 21
    assert [str(warning.message) for warning in shown] == [LONG_TEXT] * 2
    assert [line_of(warning) for warning in shown] == [
        'await client.sms.send(sms("x" * length))',
        "await client.sms.send(sms(LONG_UCS2))  # another line",
    ]


@pytest.mark.anyio
async def test_a_run_is_warned_of_once_where_it_was_made(
    serve: Callable[..., ScriptedServer], connect: Callable[..., AsyncConnectClient]
) -> None:
    """The tasks that send its messages have no caller on their stack."""
    with serve() as server, shown_by_default() as shown:
        async with connect(server) as client:
            run = client.sms.send_each(sms("x" * length) for length in range(1531, 1551))
            async with run as results:
                assert len([result async for result in results if result.ok]) == 20
    assert [str(warning.message) for warning in shown] == [LONG_TEXT]
    assert line_of(shown[0]) == 'run = client.sms.send_each(sms("x" * length) for length in range(1531, 1551))'


@pytest.mark.anyio
async def test_a_run_obeys_filters_of_the_callers_module(
    serve: Callable[..., ScriptedServer], connect: Callable[..., AsyncConnectClient]
) -> None:
    with serve() as server, warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=f"{__name__}$")  # takes precedence over "error", which the tests set
        async with connect(server) as client, client.sms.send_each([sms(LONG)]) as results:
            assert [result.ok async for result in results] == [True]


@pytest.mark.anyio
async def test_a_batch_is_warned_of_once_whatever_is_in_it(
    serve: Callable[..., ScriptedServer], connect: Callable[..., AsyncConnectClient]
) -> None:
    done = answer(200, '{"batchId":"b","acceptedCount":1,"rejectedCount":0}')
    long = BatchSmsRequest(messages=[sms("short"), *(sms("x" * (1531 + n)) for n in range(2000)), sms("short")])
    with serve(done) as server, warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter("always")
        async with connect(server) as client:
            await client.sms.send_batch(long)
            await client.with_options(long_text="allow").sms.send_batch(long)
            await client.sms.send_batch(BatchSmsRequest(messages=[sms("short")]))
    assert [str(warning.message) for warning in shown] == [
        "messages of more than 10 parts: 2,000 of 2,002, the first is messages[1].text; "
        "the platform truncates their texts and sends them"
    ]
    assert line_of(shown[0]) == "await client.sms.send_batch(long)"


@pytest.mark.parametrize(
    ("batch", "count", "place"),
    [
        ({"messages": [sms("x"), sms(LONG)]}, "1 of 2", "messages[1].text"),
        ({"messages": [sms(LONG), sms(None)], "template": SmsTemplate(text=LONG)}, "2 of 2", "messages[0].text"),
        ({"messages": [sms("x"), sms(None)], "template": SmsTemplate(text=LONG)}, "1 of 2", "template.text"),
        (
            {"destinations": ["6598765432"] * 1000, "template": SmsTemplate(text=LONG)},
            "1,000 of 1,000",
            "template.text",
        ),
        # the count uses the encoding that is sent: the message's, else the template's
        (
            {"messages": [sms("x" * 700)], "template": SmsTemplate(encoding=UCS2)},
            "1 of 1",
            "messages[0].text",
        ),
        (
            {"messages": [sms(None), sms(None, encoding=UCS2)], "template": SmsTemplate(text="x" * 700)},
            "1 of 2",
            "template.text",
        ),
        # a template text that no message uses
        ({"messages": [sms("x")], "template": SmsTemplate(text=LONG)}, None, ""),
        ({"messages": [sms("x" * 700, encoding=GSM7)], "template": SmsTemplate(encoding=UCS2)}, None, ""),
    ],
)
def test_a_batch_is_measured_as_it_is_sent(batch: dict[str, Any], count: str | None, place: str) -> None:
    request = BatchSmsRequest(**batch)
    words = long_texts(request, TextPolicy.WARN)
    assert long_texts(request, TextPolicy.ALLOW) is long_texts(request, "allow") is None
    if count is None:
        assert words is long_texts(request, TextPolicy.REFUSE) is None
        return
    assert words is not None
    assert words.startswith(f"messages of more than 10 parts: {count}, the first is {place}; ")
    with pytest.raises(InvalidRequestError, match="parts .*; beyond 10 the platform would truncate") as caught:
        long_texts(request, TextPolicy.REFUSE)
    assert caught.value.field == place


@pytest.mark.parametrize("tail", ["", "[", "ë", "\U0001f600", "ë€^\U0001f600"])
@pytest.mark.parametrize(
    "length", [0, 1, 30, 35, 36, 67, 68, 70, 71, 134, 135, 153, 154, 160, 161, 306, 307, 1530, 1531]
)
def test_the_quick_count_finds_what_measure_finds(length: int, tail: str) -> None:
    """Also for pairs that must not be split, at each end of a part."""
    for text in ("a" * length + tail, tail * length, (tail + "a") * length):
        size = measure(text)
        assert quick_parts(text) == (
            size.parts,
            size.foreign,
            size.parts if size.gsm7_parts is None else size.gsm7_parts,
        )
