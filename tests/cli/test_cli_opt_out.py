"""`--opt-out` and the column `opt_out`: these people get no message, are counted, and are recorded as opted out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cli.command_line import in_process
from cli.spreadsheets import write_xlsx

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.opt_outs import OptOuts
from eightbyeight_async.models.sms import SmsRequest

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Ended

    from eightbyeight_async.sandbox import Sandbox

COMMANDS = ["send-each", "send-batch", "bulk run"]
PEOPLE = "destination,name\n+6591234561,Ann\n+6591234562,Bob\n6591234563,Cem\n+6591234562,Bobby\n"


def request(number: str, country: str | None = None) -> SmsRequest:
    return SmsRequest(destination=number, text="Hi", country=country)


def line(command: str, folder: Path, file: str = "people.csv") -> tuple[object, ...]:
    where = ("--journal", folder / "run.db") if command == "bulk run" else ("--output", folder / "out.jsonl", "--force")
    return (*command.split(), folder / file, "--text", "Hi {name}", *where)


def numbers(sandbox: Sandbox) -> list[str]:
    return sorted(message.destination.lstrip("+")[-1] for message in sandbox.messages)


@pytest.fixture
def here(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> Ended:
        return in_process(*arguments, sandbox=sandbox, capsys=capsys)

    return run


@pytest.mark.parametrize(
    "data",
    [
        "+6591234562\n",
        "# by the web form\n\n  +65 9123-4562  \n",
        "0065 9123 4562\n",
        "6591234562",
        "'+6591234562\n",
        "\ufeffphone\n+6591234562\n",
        "name;Mobile Number\nBob;+65 9123 4562\nNobody;\n",
        "sender,destination,to\nx,+6591234562,y\n",
        "numbers\n+6591234562\n",
    ],
)
def test_a_list_is_read_in_any_notation(tmp_path: Path, data: str) -> None:
    (tmp_path / "out.txt").write_text(data)
    found = OptOuts()
    found.add_file(str(tmp_path / "out.txt"))
    assert len(found) == 1
    assert found(request("+6591234562"))
    assert found(request("6591234562"))
    assert found(request("91234562", "SG"))
    assert not found(request("+6591234563"))
    assert not found(request("91234562", "IN"))


def test_a_list_in_national_form_needs_the_default_country(tmp_path: Path) -> None:
    (tmp_path / "out.csv").write_text("9123 4562\n6591234563\n393331234567\n")
    found = OptOuts("SG")
    found.add_file(str(tmp_path / "out.csv"))
    assert [found(request(n)) for n in ("+6591234562", "+6591234563", "+393331234567")] == [True] * 3
    with pytest.raises(UsageError, match=r"--opt-out out.csv:1: has no \+ .* add --default-country; nothing was sent"):
        OptOuts().add_file(str(tmp_path / "out.csv"))


def test_lists_of_other_formats(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('"+6591234561"\n{"phone": 6591234562, "since": 1}\n')
    write_xlsx(tmp_path / "b.xlsx", {"Out": [["Name", "Phone"], ["Cem", 6591234563.0]]})
    found = OptOuts()
    for name in ("a.jsonl", "b.xlsx"):
        found.add_file(str(tmp_path / name))
    assert [found(request(f"+659123456{n}")) for n in "1234"] == [True, True, True, False]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("+6591234562\nnobody\n", "out.csv:2: is not a number"),
        ("name,since\nAnn,2026\n", "several columns"),
        ("phone,mobile\n1,2\n", "several columns"),
        ("+6591234562 +6591234563\n", "is not a number"),
        ("+659\n", "is not a number"),
        ("+6591234562\nZo\udce9\n", "not UTF-8"),
        ("9.1E+07\n", "cut digits off"),
    ],
)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_list_that_is_not_understood_sends_nothing(
    sandbox: Sandbox, tmp_path: Path, here: Any, command: str, data: str, words: str
) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "out.csv").write_bytes(data.encode(errors="surrogateescape"))
    ended = here(*line(command, tmp_path), "--opt-out", tmp_path / "out.csv")
    assert (ended.code, words in ended.err, list(sandbox.messages)) == (2, True, []), ended.err
    assert not (tmp_path / "run.db").exists()
    missing = here(*line(command, tmp_path), "--opt-out", tmp_path / "nowhere.txt")
    assert (missing.code, list(sandbox.messages)) == (2, []), missing.err


@pytest.mark.parametrize("command", COMMANDS)
def test_people_who_opted_out_are_counted_and_recorded(
    sandbox: Sandbox, tmp_path: Path, here: Any, command: str
) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "one.txt").write_text("+65 9123 4562\n")
    (tmp_path / "two.csv").write_text("phone\n+6599999999\n")
    options = (*line(command, tmp_path), "--opt-out", tmp_path / "one.txt", "--opt-out", tmp_path / "two.csv")
    dry = here(*options, "--dry-run")
    ran = here(*options)
    assert (dry.code, ran.code, numbers(sandbox)) == (0, 0, ["1", "3"]), ran.err
    for told in (dry.err, ran.err):
        assert "2 opted out" in told
        assert "91234562" not in told
    if command == "bulk run":
        exported = here("bulk", "export", "--journal", tmp_path / "run.db").out
        states = [(one["row"], one["state"]) for one in map(json.loads, exported.splitlines())]
        assert sorted(states) == [(1, "sent"), (2, "opted_out"), (3, "sent"), (4, "opted_out")]
        told = json.loads(here("bulk", "status", "--journal", tmp_path / "run.db", "--json").out)
        assert (told["total"], told["sent"], told["opted_out"], told["not_sent"]) == (4, 2, 2, 0)
    else:
        records = [json.loads(one) for one in (tmp_path / "out.jsonl").read_text().splitlines()]
        assert sorted((one["row"], one["outcome"]) for one in records) == [
            (1, "accepted"), (2, "opted_out"), (3, "accepted"), (4, "opted_out"),
        ]  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_the_column_opt_out_speaks_for_the_person(
    sandbox: Sandbox, tmp_path: Path, here: Any, command: str, form: str
) -> None:
    rows = [
        ("+6591234561", "no"),
        ("+6591234562", ""),
        ("+6591234563", "No"),
        ("6591234562", "Yes"),
        ("+6591234564", "x"),
    ]
    if form == "csv":
        data = "destination,name,Opt Out\n" + "".join(
            f"{number},N{at},{out}\n" for at, (number, out) in enumerate(rows)
        )
    else:
        values = [{"no": False, "Yes": True, "": None}.get(out, out) for _, out in rows]
        objects = [{"destination": n, "name": f"N{a}", "optOut": values[a]} for a, (n, _) in enumerate(rows)]
        data = "".join(json.dumps(one) + "\n" for one in objects)
    (tmp_path / f"people.{form}").write_text(data)
    ended = here(*line(command, tmp_path, f"people.{form}"))
    assert (ended.code, numbers(sandbox), "3 opted out" in ended.err) == (0, ["1", "3"], True), ended.err


def test_a_cell_that_says_neither_yes_nor_no_is_refused(sandbox: Sandbox, tmp_path: Path, here: Any) -> None:
    (tmp_path / "people.csv").write_text("destination,name,opt_out\n+6591234561,Ann,maybe\n")
    ended = here(*line("send-each", tmp_path))
    assert (ended.code, "opt_out: must be yes or no" in ended.err, list(sandbox.messages)) == (2, True, [])


def test_a_usual_name_of_the_column_is_suggested(sandbox: Sandbox, tmp_path: Path, here: Any) -> None:
    (tmp_path / "people.csv").write_text("destination,name,Unsubscribed\n+6591234561,Ann,yes\n")
    told = here(*line("send-each", tmp_path), "--dry-run")
    assert '--map "Unsubscribed=opt_out"' in told.err
    ended = here(*line("send-each", tmp_path), "--map", "Unsubscribed=opt_out")
    assert (ended.code, list(sandbox.messages)) == (0, []), ended.err


def test_a_campaign_remembers_the_lists_and_tells_who_is_back(sandbox: Sandbox, tmp_path: Path, here: Any) -> None:
    (tmp_path / "people.csv").write_text(PEOPLE)
    (tmp_path / "out.txt").write_text("+6591234562\n")
    journal = ("--journal", tmp_path / "run.db")
    assert here(*line("bulk run", tmp_path), "--opt-out", tmp_path / "out.txt").code == 0
    again = here("bulk", "run", *journal)
    assert (again.code, numbers(sandbox)) == (0, ["1", "3"]), again.err
    assert "--opt-out" in again.err.splitlines()[0]
    (tmp_path / "out.txt").unlink()
    lost = here("bulk", "run", *journal)
    assert (lost.code, numbers(sandbox)) == (2, ["1", "3"]), "a list that is gone is not an empty one"
    (tmp_path / "out.txt").write_text("+6591234561\n")
    dry = here("bulk", "run", *journal, "--dry-run")
    assert "2 new (2 to people who had opted out before)" in dry.err
    last = here("bulk", "run", *journal)
    assert (last.code, numbers(sandbox)) == (0, ["1", "2", "2", "3"]), last.err
    told = json.loads(here("bulk", "status", *journal, "--json").out)
    assert (told["sent"], told["opted_out"]) == (4, 0), "who opts out later keeps the message that was sent"
