"""`--clean-numbers`, `--default-country`: numbers as people write them become numbers that 8x8 takes, counted."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from cli.command_line import in_process

from eightbyeight_async.cli.reading.clean_number import NumberCleaner
from eightbyeight_async.errors import InvalidRequestError

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox


@pytest.mark.parametrize(
    ("text", "country", "number", "changes"),
    [
        ("+6591234567", None, "+6591234567", ()),
        ("+65 9123 4567", None, "+6591234567", ("blanks",)),
        ("+65\u00a09123\u00a04567", None, "+6591234567", ("blanks",)),
        ("+65-9123-4567", None, "+6591234567", ("dashes",)),
        ("+65\u20139123\u20114567", None, "+6591234567", ("dashes",)),
        ("(+65) 9123.4567", None, "+6591234567", ("brackets", "blanks", "dots")),
        ("'+6591234567", None, "+6591234567", ("apostrophes",)),
        ("\u2019+6591234567", None, "+6591234567", ("apostrophes",)),
        ("\u202a+6591234567\u202c", None, "+6591234567", ("invisible characters",)),
        ("\uff0b\uff16\uff1591234567", None, "+6591234567", ("digits of another script",)),
        ("tel:+6591234567", None, "+6591234567", ("tel:",)),
        ("006591234567", None, "+6591234567", ("00 for +",)),
        ("00 65 9123 4567", "SG", "+6591234567", ("blanks", "00 for +")),
        ("006597428807", "SG", "+6597428807", ("00 for +",)),
        ("0061412345678", "AU", "+61412345678", ("00 for +",)),
        ("+44 (0)20 7946 0958", None, "+442079460958", ("blanks", "brackets", "0 after the calling code")),
        ("+4402079460958", None, "+442079460958", ("0 after the calling code",)),
        ("+39 06 1234 5678", None, "+390612345678", ("blanks",)),  # Italy keeps its 0
        ("9123 4567", "SG", "+6591234567", ("blanks", "national form of SG")),
        ("9123 4567", "sg", "+6591234567", ("blanks", "national form of SG")),
        ("07700 900001", "GB", "+447700900001", ("blanks", "national form of GB")),
        ("6591234567", "SG", "+6591234567", ("no +",)),
        ("6591234567.0", "SG", "+6591234567", ("decimals", "no +")),
        ("6591234567.0", None, "6591234567", ("decimals",)),
        ("6591234567", None, "6591234567", ()),
        ("+9991234567", None, "+9991234567", ()),  # a code of nobody is 8x8's to refuse
        # Not cleaned: the model refuses them.
        ("91234567/98765432", "SG", "91234567/98765432", ()),
        ("91234567 or 98765432", "SG", "91234567 or 98765432", ()),
        ("1-800-FLOWERS", "US", "1-800-FLOWERS", ()),
        ("91234567 x12", "SG", "91234567 x12", ()),
        ("65+91234567", "SG", "65+91234567", ()),
    ],
)
def test_a_number_is_cleaned_of_signs_and_of_nothing_else(
    text: str, country: str | None, number: str, changes: tuple[str, ...]
) -> None:
    assert NumberCleaner().clean(text, country) == (number, changes)
    if text[0] != "+":
        assert NumberCleaner(country).clean(text, None) == (number, changes), "the default country does the same"


@pytest.mark.parametrize(
    ("text", "country", "why"),
    [
        ("6.59E+09", None, "cut digits off"),
        ("6,59123E+09", "SG", "cut digits off"),
        ("07700 900001", None, "national form"),
        ("0016598765432", "SG", "two different numbers"),
        ("393331234567", "SG", "length of a number of SG"),
        ("12345", "US", "length of a number of US"),
    ],
)
def test_a_number_that_would_be_a_guess_is_refused(text: str, country: str | None, why: str) -> None:
    with pytest.raises(InvalidRequestError, match=why) as caught:
        NumberCleaner(country).clean(text)
    assert text not in str(caught.value)


ROWS = """Number,country,name
'+65 9123 4567,,Ann
0065 9123-4568,,Bob
9123 4569,,Cem
07700 900001,GB,Dan
+6591234560,,Eve
"""
LINE = ("--text", "Hi {name}", "--clean-numbers", "--default-country", "SG", "--map", "Number=destination")


@pytest.mark.parametrize("command", ["send-each", "send-batch", "bulk run"])
def test_the_dry_run_counts_what_the_run_cleans(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (tmp_path / "people.csv").write_text(ROWS)
    journal = ("--journal", tmp_path / "run.db") if command == "bulk run" else ()
    records = () if journal else ("--output", tmp_path / "out.jsonl")
    line = (*command.split(), tmp_path / "people.csv", *LINE, *journal, *records)
    dry = in_process(*line, "--dry-run", sandbox=sandbox, capsys=capsys)
    run = in_process(*line, sandbox=sandbox, capsys=capsys)
    assert (dry.code, run.code) == (0, 0), dry.err + run.err
    for told in (dry.err, run.err):
        assert (
            "numbers cleaned: 4 of 5 (blanks 4, apostrophes 1, dashes 1, 00 for + 1, national form of SG 1, "
            "national form of GB 1)"
        ) in " ".join(told.split()), told
        assert not re.search(r"9123.?45", told)
    sent = sorted(message.destination.lstrip("+") for message in sandbox.messages)
    assert sent == ["447700900001", "6591234560", "6591234567", "6591234568", "6591234569"]
    sandbox.reset()


def test_two_notations_of_one_number_are_one_person(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people.csv").write_text("destination,text\n+65 9123 4567,Hi\n9123-4567,Hi\n006591234567,Hi\n")
    options = ("--clean-numbers", "--default-country", "sg", "--journal", tmp_path / "run.db")
    ended = in_process("bulk", "run", tmp_path / "people.csv", *options, sandbox=sandbox, capsys=capsys)
    assert (ended.code, len(sandbox.messages)) == (0, 1), ended.err
    again = in_process("bulk", "run", "--journal", tmp_path / "run.db", sandbox=sandbox, capsys=capsys)
    assert (again.code, len(sandbox.messages)) == (0, 1), "the journal remembers how numbers were read"


@pytest.mark.parametrize("command", ["bulk run", "send-each", "send-batch"])
@pytest.mark.parametrize(("options", "messages"), [((), 2), (("--one-per-number",), 2), (("--clean-numbers",), 1)])
def test_the_case_of_a_country_makes_no_other_number_and_a_plus_does(
    sandbox: Sandbox,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
    options: tuple[str],
    messages: int,
) -> None:
    (tmp_path / "people.csv").write_text("destination,country,text\n91234567,SG,Hi\n91234567,sg,Hi\n+6591234567,,Hi\n")
    where = "--journal" if command == "bulk run" else "--output"
    line = (*command.split(), tmp_path / "people.csv", *options, where, tmp_path / "new")
    ended = in_process(*line, sandbox=sandbox, capsys=capsys)
    assert (ended.code, len(sandbox.messages)) == (0, messages), ended.err


def test_without_cleaning_the_default_country_goes_with_numbers_without_plus(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people.csv").write_text("destination,text,country\n91234567,a,\n+447700900001,b,\n7700900002,c,GB\n")
    line = ("send-each", tmp_path / "people.csv", "--default-country", "SG", "--output", tmp_path / "out.jsonl")
    ended = in_process(*line, sandbox=sandbox, capsys=capsys)
    assert ended.code == 0, ended.err
    assert {m.body["text"]: m.body.get("country") for m in sandbox.messages} == {"a": "SG", "b": None, "c": "GB"}


def test_a_default_country_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "people.csv").write_text("destination,text\n91234567,a\n")
    for wrong in ("XX", "Singapore", "65", ""):
        line = ("send-each", tmp_path / "people.csv", "--dry-run", "--default-country", wrong)
        ended = in_process(*line, capsys=capsys)
        assert (ended.code, "--default-country: must be the two letters" in ended.err) == (2, True), ended.err
