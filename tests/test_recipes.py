"""The recipes of CONTRIBUTING.md name only files and names that exist. `test_recipe_*.py` check the steps."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
RECIPES = (ROOT / ".github" / "CONTRIBUTING.md").read_text().partition("## Recipes\n")[2].partition("\n## ")[0]
FILES = sorted(set(re.findall(r"`([\w/]+/|[\w/]+\.(?:py|json))`", RECIPES)))
NAMES = re.findall(r"`([\w/]+\.py)` \([^()]*?`(\w+)`\)", RECIPES)


def found(name: str) -> Path:
    return ROOT / name if name.startswith("tests/") else ROOT / "eightbyeight_async" / name


@pytest.mark.parametrize("name", FILES)
def test_a_recipe_names_what_exists(name: str) -> None:
    assert found(name).exists(), f"CONTRIBUTING.md, section Recipes: {name} is not there any more"


@pytest.mark.parametrize(("file", "name"), NAMES, ids=[f"{file} {name}" for file, name in NAMES])
def test_a_name_is_in_the_file_of_its_recipe(file: str, name: str) -> None:
    assert re.search(rf"^(?:class|def) {name}\b|^{name}\b", found(file).read_text(), re.MULTILINE), (
        f"CONTRIBUTING.md, section Recipes: {file} has no {name}"
    )


def test_there_are_three_recipes_of_a_few_lines() -> None:
    lists = re.split(r"\n(?=An? [^\n]*:\n)", RECIPES)[1:]
    assert [one.partition("\n")[0] for one in lists] == [
        "A field of a request (here of an SMS):",
        "An operation:",
        "An option of a command:",
    ]
    assert max(len(re.findall(r"^\d\. ", one, re.MULTILINE)) for one in lists) <= 5
    assert len(NAMES) >= 8
