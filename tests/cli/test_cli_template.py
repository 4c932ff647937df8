"""`--text`: placeholders name columns and can do nothing else."""

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
        ("{{{name}}}", "{Ann}"),
        ("{first name}, {price.eur}", "A. B., 3"),
        ("{0[a]}", "odd"),
        ("{odd!r:>20}", "plain"),
    ],
)
def test_a_template_is_filled_from_the_row(text: str, filled: str) -> None:
    cells = {"name": "Ann", "first name": "A. B.", "price.eur": "3", "0[a]": "odd", "odd!r:>20": "plain"}
    assert TextTemplate.parse(text).fill(cells) == filled


def test_a_value_with_braces_stays_as_it_is() -> None:
    assert TextTemplate.parse("{name}").fill({"name": "{other} {{x}} {0.__class__}"}) == "{other} {{x}} {0.__class__}"


@pytest.mark.parametrize("text", ["{", "}", "a { b", "{name", "name}", "{}", "{ }", "{{}", "{a{b}}", ""])
def test_a_template_that_could_be_misread_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="--text: "):
        TextTemplate.parse(text)
