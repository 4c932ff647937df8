"""`webhooks.is_opt_out`: true only if the whole message is an opt-out word, in any spelling."""

from __future__ import annotations

import json
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eightbyeight_async import InvalidRequestError
from eightbyeight_async.webhooks import OPT_OUT_WORDS, InboundMessage, Namespace, is_opt_out, parse

WORDS = sorted(set().union(*OPT_OUT_WORDS.values()))


@pytest.mark.parametrize("word", WORDS)
def test_every_word_is_one_in_any_spelling(word: str) -> None:
    for text in (
        word,
        word.lower(),
        word.title(),
        f"  {word}\r\n",
        f"{word}!!",
        f'"{word}."',
        f"\u200b{word}\u00a0",
        f"¡{word}! 🙏🏽",
        f"✋️{word}☝️",
        f"{word}\ufe0f",
        f"{word} \u20e0",  # a combining mark without a letter
    ):
        assert is_opt_out(text), text


def test_the_words_that_regulators_and_carriers_name_are_there() -> None:
    named = {"STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "OPTOUT", "OPT OUT", "REVOKE"}
    assert named <= OPT_OUT_WORDS["en"]


@pytest.mark.parametrize("word", ["arret", "Arrêt", "alto", "parar", "stopp", "basta", "退订", "СТОП", "หยุด", "הסר"])
def test_other_languages_are_known(word: str) -> None:
    assert is_opt_out(word)


@pytest.mark.parametrize(
    "text",
    [
        "opt-out",
        "Opt  Out",
        "opt.out",
        "OPT—OUT",
        "stop\nall",
        "\uff33\uff34\uff2f\uff30",  # full width
        "arre\u0302t",  # the accent is a separate character
        "'STOP'",
        "(stop)",
        "¡ALTO!",
        "「停止」",
        "STOP\x00",
        "STOP" + " " * 100_000,
    ],
)
def test_spelling_between_and_around_does_not_matter(text: str) -> None:
    assert is_opt_out(text)


@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        " ",
        "!?",
        "🛑",
        "please stop calling me at noon",
        "stop it",
        "don't stop",
        "non-stop",
        "STOP1",
        "stopped",
        "st op",
        "s t o p",
        "bus stop",
        "the end",
        "Cancel my appointment",
        "START",
        "Yes",
        "đúng",
        "ยก",
        "STOP " * 1000,
    ],
)
def test_anything_else_is_none(text: str | None) -> None:
    assert not is_opt_out(text)


def test_a_long_message_is_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    looked_at: list[str] = []
    monkeypatch.setattr("eightbyeight_async.opt_out._plain", lambda text: looked_at.append(text) or "stop")
    assert is_opt_out("x" * 200, words=["one"])
    assert not is_opt_out("x" * 201, words=["one"])
    assert max(map(len, looked_at)) == 200


def inbound(**fields: Any) -> InboundMessage:
    return InboundMessage(namespace=Namespace.SMS, umid="u", **fields)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (inbound(body="Stop"), True),
        (inbound(body="Stop by at noon"), False),
        (inbound(), False),
        (inbound(content={"text": "stop!"}), True),
        (inbound(content={"text": 5}), False),
        (inbound(content={"url": "https://example.com/stop"}), False),
    ],
)
def test_a_message_of_either_product_is_read(message: InboundMessage, expected: bool) -> None:
    assert is_opt_out(message) is expected


def test_what_the_webhook_posts_is_read() -> None:
    payload = {"umid": "u", "source": "+6598765432", "body": " stop. "}
    event = parse(
        json.dumps({"namespace": "SMS", "eventType": "inbound_message_received", "payload": payload}).encode()
    )
    assert isinstance(event, InboundMessage)
    assert is_opt_out(event)


def test_the_words_can_be_set() -> None:
    without = OPT_OUT_WORDS["en"] - {"CANCEL"}
    assert (is_opt_out("cancel", words=without), is_opt_out("quit", words=without)) == (False, True)
    assert is_opt_out("No  más!", words=["no mas", "NO-MÁS"])
    assert not is_opt_out("STOP", words=["No más"])
    assert is_opt_out("ab", words=iter(["AB"]))


@pytest.mark.parametrize("words", ["STOP", [], [""], ["STOP", "!"], ["STOP", 5], [None], ["x" * 201]])
def test_words_that_are_none_are_refused(words: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        is_opt_out("STOP", words=words)
    assert caught.value.field == "words"


@pytest.mark.parametrize("message", [5, b"STOP", {"body": "STOP"}, ["STOP"]])
def test_what_is_no_message_is_refused_and_not_shown(message: Any) -> None:
    with pytest.raises(InvalidRequestError) as caught:
        is_opt_out(message)
    assert caught.value.field == "message"
    shown = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    ours = [frame for frame in shown.stack if "opt_out.py" in frame.filename and "tests" not in frame.filename]
    assert not any("STOP" in str(frame.locals) for frame in ours)


def test_the_default_words_cannot_be_changed_by_accident() -> None:
    words: Any = OPT_OUT_WORDS
    with pytest.raises(TypeError):
        words["en"] = frozenset()


@given(text=st.text(max_size=30))
def test_any_text_has_an_answer_and_punctuation_never_changes_it(text: str) -> None:
    assert is_opt_out(text) is is_opt_out(f" {text} ... ")
