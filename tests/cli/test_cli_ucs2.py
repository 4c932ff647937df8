"""The plan shows the characters that make texts UCS2, and the number of extra parts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from eightbyeight_async.text import measure

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Here

    from eightbyeight_async.sandbox import Sandbox

MARK = "\u2019"
QUOTE = f"'{MARK}' (U+2019 RIGHT SINGLE QUOTATION MARK)"
LONG = f"We{MARK}re open at nine, and on Saturdays at ten. " * 3  # 135 characters: 3 parts in UCS2, 1 in GSM7
SHORT = f"It{MARK}s nine"
PLAIN = "We open at nine"
COMMANDS = {
    "send-each": ("send-each",),
    "send-batch": ("send-batch",),
    "bulk run": ("bulk", "run", "--journal", "run.db"),
}


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def rows(*texts: str, encoding: str = "") -> str:
    return "destination,text,encoding\n" + "".join(
        f'+6591110{number:03},"{text}",{encoding}\n' for number, text in enumerate(texts)
    )


CASES = {
    "two texts": (rows(LONG, SHORT, PLAIN), f"2 texts need UCS2 because of {QUOTE}: 2 parts more"),
    "no part more": (rows(SHORT), f"1 text needs UCS2 because of {QUOTE}: no part more"),
    "one part more": (
        rows(MARK + "a" * 70),
        f"1 text needs UCS2 because of {QUOTE}: 1 part more",
    ),
    "ASCII that is not in GSM7": (rows("`" + "a" * 70), "1 text needs UCS2 because of '`' (U+0060 GRAVE ACCENT): 1"),
    "invisible": (rows("Hi\u200b"), r"1 text needs UCS2 because of '\u200b' (U+200B ZERO WIDTH SPACE): no part more"),
    "three characters": (
        rows("ą", "ćę"),
        "2 texts need UCS2 because of 'ą' (U+0105 LATIN SMALL LETTER A WITH OGONEK) and "
        "'ć' (U+0107 LATIN SMALL LETTER C WITH ACUTE) and 'ę' (U+0119 LATIN SMALL LETTER E WITH OGONEK): no part more",
    ),
    "four characters": (rows("ąć", "ęą", "ł"), "3 texts need UCS2 because of 4 different characters: no part more"),
    "beyond the BMP": (rows("😀"), "1 text needs UCS2 because of '😀' (U+1F600 GRINNING FACE): no part more"),
    "GSM7": (rows("{€}[]~^|" * 20), None),
    "UCS2 is asked for": (rows(LONG, encoding="UCS2"), None),
    "GSM7 is asked for": (rows(LONG, encoding="GSM7"), f"1 text needs UCS2 because of {QUOTE}: 2 parts more"),
    "a duplicate is not sent": (rows(SHORT) + f'+6591110000,"{SHORT}",\n', f"1 text needs UCS2 because of {QUOTE}"),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("case", CASES)
def test_the_plan_names_the_characters_and_their_cost(
    here: Here, sandbox: Sandbox, tmp_path: Path, command: str, case: str
) -> None:
    file, expected = CASES[case]
    (tmp_path / "a.csv").write_text(file)
    for dry in ("--dry-run",), ():
        ended = here(*COMMANDS[command], "a.csv", *dry, sandbox=sandbox)
        told = [line for line in ended.err.splitlines() if "UCS2" in line]
        if expected is None:
            assert told == []
        else:
            (line,) = told
            assert line.startswith(expected)
            assert line.endswith(" more than with GSM7 characters")


def test_the_sums_are_those_of_measure(here: Here, tmp_path: Path) -> None:
    """With and without the fast path for short texts: 33 to 37 and 68 to 72 characters, and pairs of two units."""
    lengths = [*range(1, 5), *range(33, 38), *range(66, 73), 134, 135, 152, 153, 154, 160, 161, 307, 400]
    texts = [kind + fill * (length - 1) for length in lengths for kind in f"{MARK}😀a{{" for fill in "a€"]
    (tmp_path / "a.csv").write_text(rows(*texts))
    plan = json.loads(here(*COMMANDS["bulk run"], "a.csv", "--dry-run", "--json").out)
    sizes = [measure(text) for text in texts]
    foreign = [size for size in sizes if size.gsm7_parts is not None]
    assert plan["parts"] == sum(size.parts for size in sizes)
    assert plan["ucs2"] == {
        "texts": len(foreign),
        "more_parts": sum(size.parts - (size.gsm7_parts or 0) for size in foreign),
        "characters": 2,
        "names": ["U+2019 RIGHT SINGLE QUOTATION MARK", "U+1F600 GRINNING FACE"],
    }


def test_many_characters_have_no_names_in_the_json(here: Here, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(rows("你好世界"))
    plan = json.loads(here(*COMMANDS["bulk run"], "a.csv", "--dry-run", "--json").out)
    assert plan["ucs2"] == {"texts": 1, "more_parts": 0, "characters": 4, "names": None}
