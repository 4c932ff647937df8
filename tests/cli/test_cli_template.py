"""`--text`: placeholders name columns and have no other function."""

from __future__ import annotations

import pytest

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.text_template import TextTemplate


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("Hi", "Hi"),
        ("Hi {name}", "Hi Ann"),
        ("{name}{name}", "AnnAnn"),
        ("{ name }!", "Ann!"),
        ("{{name}}", "{name}"),
        ("100 % for {name}: %s %d", "100 % for Ann: %s %d"),
        ("{{{name}}}", "{Ann}"),
        ("{first name}, {price.eur}", "A. B., 3"),
        ("{0[a]}", "odd"),
        ("{odd!r:>20}", "plain"),
    ],
)
def test_a_template_is_filled_from_the_row(text: str, filled: str) -> None:
    cells = {"name": "Ann", "first name": "A. B.", "price.eur": "3", "0[a]": "odd", "odd!r:>20": "plain"}
    template = TextTemplate.parse(text)
    assert template.fill([cells[column] for column in template.columns])[0] == filled


def test_a_value_with_braces_stays_as_it_is() -> None:
    assert TextTemplate.parse("{name}").fill(["{other} %s {{x}} {0.__class__}"])[0] == "{other} %s {{x}} {0.__class__}"


@pytest.mark.parametrize("text", ["{", "}", "a { b", "{name", "name}", "{}", "{ }", "{{}", "{a{b}}", ""])
def test_a_template_that_could_be_misread_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--text: "):
        TextTemplate.parse(text)
