"""A number that breaks its rule is refused. The error helps the user and does not show the number."""

from __future__ import annotations

import re

import pytest

from eightbyeight_async import BatchSmsRequest, InvalidRequestError, SmsRequest, SmsTemplate

SHAPE = "must be 7 to 15 digits, the first not 0, with or without a leading +"


def reason(number: str, country: str | None = None) -> str:
    with pytest.raises(InvalidRequestError) as caught:
        SmsRequest(destination=number, country=country, text="x")
    assert caught.value.field == "destination"
    assert caught.value.reason.startswith(SHAPE)
    return caught.value.reason.removeprefix(SHAPE)


@pytest.mark.parametrize(
    ("number", "country", "words"),
    [
        ("", None, "; it is empty"),
        ("+", None, "; it has no digits"),
        ("123456", None, "; it has 6 digits"),
        ("1234567890123456", None, "; it has 16 digits"),
        ("+65 9876 5432", None, ", and nothing else; it has blanks: without them it would be '+65******32'"),
        (
            "(65) 9876-5432",
            None,
            ", and nothing else; it has brackets and blanks and dashes: without them it would be '65******32'",
        ),
        ("65.9876/5432", None, ", and nothing else; it has dots and slashes: without them it would be '65******32'"),
        (
            "006598765432",
            None,
            "; it starts with 00: write + instead, then it would be '+65******32'",
        ),
        (
            "00 65 98765432",
            None,
            ", and nothing else; it has blanks: remove them; besides, it starts with 00: write + instead, "
            "then it would be '+65******32'",
        ),
        (
            "0412345678",
            "au",
            "; it starts with the 0 of the national format: with country AU leave the 0 out, "
            "then it would be '41*****78'",
        ),
        (
            "0412345678",
            None,
            "; it starts with 0: write + and the country's calling code instead, or leave the 0 out and give "
            "`country` (two letters)",
        ),
        ("+0598765432", None, "; after the + comes the country's calling code, which never starts with 0"),
        ("++6598765432", None, "; it has a character that is no digit at index 1"),
        ("65+98765432", None, "; it has a character that is no digit at index 2"),
        ("98765432 ext", None, "; it has a character that is no digit at index 9"),
        ("tel:+6598765432", None, "; it has a character that is no digit at index 0"),
        ("+659876543O", None, "; it has a character that is no digit at index 10"),
        ("+65\u200b98765432", None, "; it has an invisible character (U+200B ZERO WIDTH SPACE) at index 3"),
        ("\u202a+6598765432", None, "; it has an invisible character (U+202A LEFT-TO-RIGHT EMBEDDING) at index 0"),
        ("+6598765432\n", None, "; it has an invisible character (U+000A) at index 11"),
        ("\ufeff6598765432", None, "; it has an invisible character (U+FEFF ZERO WIDTH NO-BREAK SPACE) at index 0"),
        ("+65\xa098765432", None, "; it has an invisible character (U+00A0 NO-BREAK SPACE) at index 3"),
        ("٦٥٩٨٧٦٥٤٣٢", None, "; it has a digit of another script (U+0666 ARABIC-INDIC DIGIT SIX) at index 0"),
        (
            "\uff0b6598765432",
            None,
            "; it has a character that is no digit (U+FF0B FULLWIDTH PLUS SIGN) at index 0",
        ),
        (
            "+65\u20119876",
            None,
            "; it has a character that is no digit (U+2011 NON-BREAKING HYPHEN) at index 3",
        ),
    ],
)
def test_the_error_says_what_is_wrong_and_what_the_number_would_be(
    number: str, country: str | None, words: str
) -> None:
    assert reason(number, country) == words


@pytest.mark.parametrize(
    "number",
    [
        "+65 9876 5432",
        "006598765432",
        "0412345678",
        "98765432 ext",
        "+65\u200b98765432",
        "1234567890123456",
        "+0598765432",
    ],
)
@pytest.mark.parametrize("country", [None, "AU"])
def test_the_error_never_has_the_number(number: str, country: str | None) -> None:
    said = reason(number, country)
    digits = re.sub(r"\D", "", number)
    for start in range(len(digits) - 4):
        assert digits[start : start + 5] not in said
    assert digits not in re.sub(r"\D", "", said)


def test_a_batch_names_the_place() -> None:
    with pytest.raises(InvalidRequestError) as caught:
        BatchSmsRequest(destinations=["+6598765432", "0065 98765432"], template=SmsTemplate(text="x"))
    assert caught.value.field == "destinations[1]"
    assert "it would be '+65******32'" in caught.value.reason
