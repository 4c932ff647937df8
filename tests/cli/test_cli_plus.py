"""Numbers without `+` and without country: every plan counts them, and `--require-plus` refuses them."""

from __future__ import annotations

import itertools
import json
import re
from typing import TYPE_CHECKING

import pytest
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from eightbyeight_async.cli.reading.calling_code import country_of

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Here

    from eightbyeight_async.sandbox import Sandbox

COMMANDS = {
    "send-each": ("send-each",),
    "send-batch": ("send-batch",),
    "bulk run": ("bulk", "run", "--journal", "run.db"),
}
MIXED = "destination,country\n+6591110001,\n98765432,\n98765433,\n98765434,SG\n6591110002,\n98765432,\n"
TOLD = "3 rows have a number with no + and no country; they go to: IR 2, SG 1"
TEXT = ("--text", "We open at nine")


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mixed.csv").write_text(MIXED)


def without_numbers(words: str) -> bool:
    return not any(number in words for number in re.findall(r"\d{7,}", MIXED))


@pytest.mark.parametrize("command", COMMANDS)
def test_the_plan_counts_them_by_country(here: Here, sandbox: Sandbox, command: str) -> None:
    """The dry run and the run print the same lines, before the line of the plan, and never a number."""
    line = (*COMMANDS[command], "mixed.csv", *TEXT)
    dry = here(*line, "--dry-run", sandbox=sandbox)
    assert (dry.code, dry.err.splitlines().count(TOLD)) == (0, 1)
    run = here(*line, sandbox=sandbox)
    assert (run.code, run.err.splitlines().count(TOLD)) == (0, 1)
    assert without_numbers(dry.err + dry.out + run.err + run.out)
    if command == "bulk run":  # all messages are settled now, so none is sent
        assert "no country" not in here(*line, "--dry-run", sandbox=sandbox).err


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("file", "options"),
    [
        ("destination\n+98765432\n", ()),
        ("destination\n98765432\n", ("--country", "SG")),
        ("destination,country\n98765432,SG\n", ()),
    ],
    ids=["+", "--country", "column"],
)
def test_a_number_that_says_its_country_is_not_counted_and_not_refused(
    here: Here, tmp_path: Path, command: str, file: str, options: tuple[str, ...]
) -> None:
    (tmp_path / "a.csv").write_text(file)
    ended = here(*COMMANDS[command], "a.csv", *TEXT, *options, "--require-plus", "--dry-run")
    assert (ended.code, "no country" in ended.err) == (0, False), ended.err


def test_the_json_of_a_plan_has_the_counts(here: Here) -> None:
    plan = json.loads(here(*COMMANDS["bulk run"], "mixed.csv", *TEXT, "--dry-run", "--json").out)
    assert (plan["without_plus"], plan["without_plus_to"]) == (3, {"IR": 2, "SG": 1})


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["run", "dry run"])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("name", "file", "place", "count"),
    [
        ("a.csv", MIXED, "3 (row 2)", "4 such rows"),
        ("a.csv", "destination\n+6591110001\n98765432\n", "3 (row 2)", "this row"),
        ("a.jsonl", '{"destination": "98765432"}\n', "1 (row 1)", "this row"),
    ],
    ids=["several", "one", "JSONL"],
)
def test_require_plus_refuses_the_file_in_one_line(
    here: Here,
    sandbox: Sandbox,
    tmp_path: Path,
    command: str,
    dry: tuple[str, ...],
    name: str,
    file: str,
    place: str,
    count: str,
) -> None:
    (tmp_path / name).write_text(file)
    ended = here(*COMMANDS[command], name, *TEXT, "--require-plus", *dry, sandbox=sandbox)
    assert (ended.code, ended.out, ended.err.count("\n"), sandbox.traffic.requests) == (2, "", 1, 0)
    assert ended.err.startswith(f"eightbyeight: {name}:{place}: destination: has no + and no `country`")
    assert ended.err.endswith(f"--require-plus refuses {count}; nothing was sent\n")
    assert without_numbers(ended.err)
    assert not (tmp_path / "run.db").exists()


def test_require_plus_hides_no_other_problem(here: Here, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("destination\n98765432\n0\n")
    ended = here("send-each", "a.csv", *TEXT, "--require-plus", "--dry-run")
    first, second, last = ended.err.splitlines()
    assert (ended.code, last) == (2, "eightbyeight: 1 problem; nothing was sent")
    assert "a.csv:2 (row 1): destination: has no +" in first
    assert "a.csv:3 (row 2): destination: must be" in second


def test_a_campaign_remembers_to_require_plus(here: Here, sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("destination\n+6591110001\n")
    line = COMMANDS["bulk run"]
    assert here(*line, "a.csv", *TEXT, "--require-plus", sandbox=sandbox).code == 0
    (tmp_path / "a.csv").write_text("destination\n+6591110001\n98765432\n")
    ended = here(*line, "--allow-changed-input", sandbox=sandbox)
    assert (ended.code, len(sandbox.messages)) == (2, 1)
    assert "a.csv:3 (row 2): destination: has no +" in ended.err


@pytest.mark.parametrize("dry", [(), ("--dry-run",)], ids=["run", "dry run"])
def test_send_says_where_such_a_number_goes_to(here: Here, sandbox: Sandbox, dry: tuple[str, ...]) -> None:
    ended = here("send", "--to", "98765432", *TEXT, *dry, sandbox=sandbox)
    assert (ended.code, ended.err) == (0, "the number has no + and no country; it goes to: IR\n")


def test_many_countries_are_only_counted(here: Here, tmp_path: Path) -> None:
    numbers = [f"{code}{'2' * 9}" for code in (20, 27, 30, 31, 32, 33, 34, 36, 40, 41)]
    (tmp_path / "a.csv").write_text("\n".join(["destination", *numbers]))
    told = here("send-each", "a.csv", *TEXT, "--dry-run").err.splitlines()[0]
    assert told.endswith("they go to: BE 1, CH 1, EG 1, ES 1, FR 1, GR 1, HU 1, NL 1 and 2 countries more")


@pytest.mark.parametrize(
    ("digits", "country"),
    [
        ("98765432", "IR"),
        ("6598765432", "SG"),
        ("12125550100", "US"),
        ("16045550100", "CA"),
        ("18765550100", "JM"),
        ("79161234567", "RU"),
        ("77012345678", "KZ"),
        ("447400123456", "GB"),
        ("447700900001", "GB"),  # belongs to nobody, kept for films
        ("447781123456", "GG"),
        ("390698123456", "IT"),
        ("870773111111", "+870"),
        ("80012345678", "+800"),
        ("9991234567", "no country"),
    ],
)
def test_a_calling_code_is_of_a_country(digits: str, country: str) -> None:
    assert country_of(digits) == country


def test_every_calling_code_has_an_answer_at_every_length() -> None:
    for code, length, rest in itertools.product(COUNTRY_CODE_TO_REGION_CODE, range(7, 16), ("0", "07", "12", "9")):
        found = country_of((str(code) + rest * 15)[:length])
        assert re.fullmatch(rf"[A-Z]{{2}}|\+{code}", found), (code, length, found)
