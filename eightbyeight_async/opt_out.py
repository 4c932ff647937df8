"""Recognises inbound messages that opt out: STOP and similar words, by language. Pure.

Rule: the whole message must be such a word. "STOP" is an opt-out; "please stop calling me at noon" is not.

Source of the English words: the list that the FCC names for the USA (47 CFR 64.1200(a)(10)) and that US carriers
support (CTIA, Messaging Principles). The other words are those that senders in these languages usually name as the
answer that stops their messages.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType

from eightbyeight_async.errors import InvalidRequestError
from eightbyeight_async.frame_privacy import private_call
from eightbyeight_async.models.webhooks import InboundMessage

__all__ = ["OPT_OUT_WORDS", "is_opt_out"]

OPT_OUT_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "ar": frozenset({"إيقاف", "ايقاف", "توقف"}),
        "da": frozenset({"AFMELD", "STOP"}),
        "de": frozenset({"ABMELDEN", "STOPP"}),
        "en": frozenset(
            {
                "CANCEL",
                "END",
                "OPT OUT",
                "OPTOUT",
                "QUIT",
                "REVOKE",
                "STOP",
                "STOP ALL",
                "STOPALL",
                "UNSUBSCRIBE",
            }
        ),
        "es": frozenset({"ALTO", "BAJA", "CANCELAR", "PARAR"}),
        "fi": frozenset({"LOPETA"}),
        "fr": frozenset({"ARRET", "ARRÊT", "DESABONNER", "DÉSABONNER"}),
        "he": frozenset({"הסר"}),
        "id": frozenset({"BERHENTI", "UNREG"}),
        "it": frozenset({"ANNULLA", "BASTA", "CANCELLA"}),
        "ja": frozenset({"停止", "配信停止"}),
        "ko": frozenset({"수신거부"}),
        "ms": frozenset({"BATAL", "BERHENTI"}),
        "nb": frozenset({"STOPP"}),
        "nl": frozenset({"AFMELDEN", "STOP"}),
        "pt": frozenset({"CANCELAR", "PARAR", "SAIR"}),
        "ru": frozenset({"СТОП"}),
        "sv": frozenset({"AVSLUTA", "STOPP"}),
        "th": frozenset({"ยกเลิก", "หยุด"}),
        "vi": frozenset({"HỦY", "HUỶ", "TỪ CHỐI"}),
        "zh": frozenset({"TD", "取消订阅", "退訂", "退订"}),
    }
)
"""The words that `is_opt_out` knows, by language (ISO 639-1)."""

_ALL = frozenset[str]().union(*OPT_OUT_WORDS.values())
# All words are shorter. A longer message is not an opt-out, and is not examined.
_LONGEST = 200


@private_call
def is_opt_out(message: InboundMessage | str | None, *, words: Iterable[str] | None = None) -> bool:
    """Whether the whole message is a word that asks the sender to stop, such as STOP::

        if isinstance(event, InboundMessage) and is_opt_out(event):
            ...  # keep event.sender where your next campaign leaves it out

    Upper and lower case and full-width letters do not matter, nor do blanks, punctuation and emoji around the word or
    between two words: "Stop!", " opt-out " and "STOP 🙏" are opt-outs.

    A person can ask for the same in other words. This function does not recognise that, so let somebody read the other
    messages. The function also decides nothing for you. It depends on the country which words a carrier or a law
    requires, whether you must confirm, and how soon you must leave out a number: check this yourself.

    Args:
        message: an inbound message, of SMS or of a Messaging App; or its text. None, or a message without text, is not
            an opt-out.
        words: the words that count, instead of all words of `OPT_OUT_WORDS`. Example: a service in which CANCEL cancels
            an appointment passes `OPT_OUT_WORDS["en"] - {"CANCEL"}`.

    Raises:
        InvalidRequestError: `message` is neither an inbound message nor a text; or `words` is one string, is empty, or
            contains something that is not a word.
    """
    if isinstance(message, InboundMessage):
        text = message.text
    elif message is None or isinstance(message, str):
        text = message
    else:
        raise InvalidRequestError("message", f"must be an InboundMessage or a text, not {type(message).__name__}")
    known = _plain_words(_ALL if words is None else _listed(words))
    text = "" if text is None else text.strip()
    return len(text) <= _LONGEST and _plain(text) in known


def _listed(words: Iterable[str]) -> frozenset[str]:
    if isinstance(words, str):
        raise InvalidRequestError("words", "must be a collection of words, not one string")
    listed: list[object] = list(words)
    if not listed or not all(isinstance(word, str) and len(word) <= _LONGEST and _plain(word) for word in listed):
        raise InvalidRequestError("words", f"must be words with a letter or a digit, of at most {_LONGEST} characters")
    return frozenset(str(word) for word in listed)


@lru_cache(maxsize=16)
def _plain_words(words: frozenset[str]) -> frozenset[str]:
    return frozenset(_plain(word) for word in words)


def _plain(text: str) -> str:
    """Returns the words of a text in lower case, with one blank between two words, without punctuation and symbols."""
    kept: list[str] = []
    for character in unicodedata.normalize("NFKC", text).casefold():
        category = unicodedata.category(character)
        # A mark (M) belongs to the letter before it, as in Thai. After a symbol it is part of an emoji; so is a
        # variation selector, wherever it is.
        mark = category[0] == "M" and kept[-1:] not in ([], [" "]) and not "\ufe00" <= character <= "\ufe0f"
        kept.append(character if category[0] in "LN" or mark else " ")
    return " ".join("".join(kept).split())
