"""`--bad-rows`: good rows are sent, and bad rows are written to a file to be corrected. `--problems`: a report of all
problems.
"""

from __future__ import annotations

import csv
import json
import re
from typing import TYPE_CHECKING, Any

import pytest
from cli.command_line import in_process
from cli.spreadsheets import write_xlsx

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Ended

    from eightbyeight_async.sandbox import Sandbox

CSV = """destination;name;client_message_id
+6591234561;Ann;a
98;Bob;b
+6591234563;Cem;c
+6591234564;Dan;a
+6591234565;Eve
+6591234566;Fay;f;
"""
JSONL = """{"destination": "+6591234561", "name": "Ann", "client_message_id": "a", "sum": 12.50}
{"destination": "98", "name": "Bob", "client_message_id": "b", "sum": 12.50}
{"destination": "+6591234563", "name": "Cem", "client_message_id": "c"}
{"destination": "+6591234564", "name": "Dan", "client_message_id": "a"}
{"destination": "+6591234565"
{"destination": "+6591234566", "name": "Fay", "client_message_id": "f"}
"""
COMMANDS = ["send-each", "send-batch", "bulk run"]
TEXT = ("--text", "Hi {name}")


def line(command: str, folder: Path, file: str = "people.csv") -> tuple[object, ...]:
    where = ("--journal", folder / "run.db") if command == "bulk run" else ("--output", folder / "out.jsonl", "--force")
    return (*command.split(), folder / file, *TEXT, *where)


def numbers(sandbox: Sandbox) -> list[str]:
    return sorted(message.destination.lstrip("+")[-1] for message in sandbox.messages)


@pytest.fixture
def here(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: object) -> Ended:
        return in_process(*arguments, sandbox=sandbox, capsys=capsys)

    return run


@pytest.mark.parametrize("command", COMMANDS)
def test_the_good_rows_are_sent_and_the_others_can_be_mended(
    sandbox: Sandbox, tmp_path: Path, here: Any, command: str
) -> None:
    (tmp_path / "people.csv").write_text(CSV)
    rejects = tmp_path / "rejects.csv"
    options = (*line(command, tmp_path), "--bad-rows", rejects)
    assert here(*line(command, tmp_path)).code == 2, "without the option nothing is sent"
    dry = here(*options, "--dry-run")
    assert (dry.code, len(sandbox.messages), rejects.exists()) == (0, 0, False), dry.err
    ran = here(*options)
    assert (ran.code, numbers(sandbox)) == (1, ["1", "3", "6"]), ran.err
    for told in (dry.err, ran.err):
        assert re.search(r"people.csv: 3 messages,.* 3 parts, 3 bad rows set aside", told), told
    assert rejects.stat().st_mode & 0o777 == 0o600, "it has numbers"
    rows = list(csv.reader(rejects.read_text("utf-8-sig").splitlines(), delimiter=";"))
    assert rows[0] == ["destination", "name", "client_message_id", "problem"]
    assert [row[:3] for row in rows[1:]] == [
        ["98", "Bob", "b"],
        ["+6591234564", "Dan", "a"],
        ["+6591234565", "Eve", ""],
    ]
    assert [row[3].partition(":")[0] for row in rows[1:]][:2] == ["destination", "client_message_id"]
    # Without a correction the rows are refused again, and nothing is sent.
    again = here(*line(command, tmp_path, "rejects.csv"))
    assert (again.code, len(sandbox.messages)) == (2, 3), again.err
    mended = (
        "destination;name;client_message_id;problem\n+6591234562;Bob;b;x\n+6591234564;Dan;d;x\n+6591234565;Eve;e;\n"
    )
    rejects.write_text(mended)
    last = here(*line(command, tmp_path, "rejects.csv"))
    assert (last.code, numbers(sandbox)) == (0, list("123456")), last.err


@pytest.mark.parametrize("command", COMMANDS)
def test_records_name_the_rows_of_the_file(sandbox: Sandbox, tmp_path: Path, here: Any, command: str) -> None:
    (tmp_path / "people.csv").write_text(CSV)
    assert here(*line(command, tmp_path), "--bad-rows", tmp_path / "bad.csv").code == 1
    records = (tmp_path / "out.jsonl").read_text() if command != "bulk run" else ""
    if command == "bulk run":
        records = here("bulk", "export", "--journal", tmp_path / "run.db").out
    by_number = {message.umid: message.destination.lstrip("+")[-1] for message in sandbox.messages}
    found = [json.loads(record) for record in records.splitlines()]
    assert sorted((by_number[one["umid"]], one["row"]) for one in found) == [("1", 1), ("3", 3), ("6", 6)]


def test_jsonl_is_written_as_jsonl(sandbox: Sandbox, tmp_path: Path, here: Any) -> None:
    (tmp_path / "people.jsonl").write_text(JSONL)
    rejects = tmp_path / "bad.jsonl"
    ran = here(*line("bulk run", tmp_path, "people.jsonl"), "--bad-rows", rejects)
    assert (ran.code, numbers(sandbox)) == (1, ["1", "3", "6"]), ran.err
    first, second, third = rejects.read_text().splitlines()
    assert first.endswith('"destination": "98", "name": "Bob", "client_message_id": "b", "sum": 12.50}')
    assert json.loads(third)["line"] == '{"destination": "+6591234565"'
    assert all(json.loads(one)["problem"] for one in (first, second, third))
    # Bad rows among the rejected rows: the problem is replaced, not added.
    (tmp_path / "again.jsonl").write_text(first + "\n" + second.replace('"a"', '"d"') + "\n")
    ran = here(*line("bulk run", tmp_path, "again.jsonl"), "--bad-rows", tmp_path / "worse.jsonl")
    assert (ran.code, numbers(sandbox)) == (1, ["1", "3", "4", "6"]), ran.err
    assert (tmp_path / "worse.jsonl").read_text() == first + "\n"


def test_a_campaign_goes_on_with_its_bad_rows_and_their_file_stays(sandbox: Sandbox, tmp_path: Path, here: Any) -> None:
    (tmp_path / "people.csv").write_text(CSV)
    rejects = tmp_path / "bad.csv"
    assert here(*line("bulk run", tmp_path), "--bad-rows", rejects).code == 1
    again = here("bulk", "run", "--journal", tmp_path / "run.db")
    assert (again.code, numbers(sandbox)) == (1, ["1", "3", "6"]), again.err
    assert not (tmp_path / "bad-2.csv").exists(), "the same rows are not written again"
    half = rejects.read_text("utf-8-sig").replace("98;", "+6591234562;")
    rejects.write_text(half)
    again = here("bulk", "run", "--journal", tmp_path / "run.db")
    assert (again.code, rejects.read_text(), numbers(sandbox)) == (1, half, ["1", "3", "6"]), again.err
    assert "98;Bob" in (tmp_path / "bad-2.csv").read_text(), "what is half mended is not overwritten"


def test_mended_rows_that_would_be_second_messages_are_refused(sandbox: Sandbox, tmp_path: Path, here: Any) -> None:
    (tmp_path / "people.csv").write_text("destination,name\n+6591234561,Ann\n98,Bob\n")
    assert here(*line("bulk run", tmp_path), "--bad-rows", tmp_path / "bad.csv").code == 1
    (tmp_path / "people.csv").write_text("destination,name\n+6591234561,Anna\n+6591234562,Bob\n")
    refused = here(*line("bulk run", tmp_path))
    assert (refused.code, "second message to a person" in refused.err, len(sandbox.messages)) == (2, True, 1)
    (tmp_path / "people.csv").write_text("destination,name\n+6591234561,Ann\n+6591234562,Bob\n")
    ran = here(*line("bulk run", tmp_path))
    assert (ran.code, numbers(sandbox)) == (0, ["1", "2"]), ran.err


def test_mended_rows_come_after_the_rest(sandbox: Sandbox, tmp_path: Path, here: Any) -> None:
    """Otherwise the campaign would continue with the corrected file, and never send the rest of the first one."""
    rows = ["+6591234561;Ann;a", "98;Bob;b", "+6591234563;Cem;c", "+6591234564;Dan;d"]
    (tmp_path / "people.csv").write_text("\n".join(["destination;name;client_message_id", *rows, ""]))
    rejects = tmp_path / "rejects.csv"
    journal = ("bulk", "run", "--journal", tmp_path / "run.db")
    assert here(*line("bulk run", tmp_path), "--bad-rows", rejects, "--limit", "2").code == 1
    rejects.write_text(rejects.read_text("utf-8-sig").replace("98;", "+6591234562;"))
    early = here(*journal[:2], rejects, *journal[2:])
    assert (early.code, numbers(sandbox)) == (2, ["1", "3"])
    assert "rejects.csv: 1 message of" in early.err
    assert f"First `eightbyeight bulk run --journal {tmp_path / 'run.db'}`, then this file" in early.err
    assert here(*journal).code == 1
    assert here(*journal[:2], rejects, *journal[2:]).code == 0
    assert numbers(sandbox) == ["1", "2", "3", "4"]


def test_a_header_that_is_wrong_sets_no_row_aside(sandbox: Sandbox, tmp_path: Path, here: Any) -> None:
    for data in ("phone,name\n+6591234561,Ann\n", 'destination,name\n+6591234561,Ann\n"98,Bob\n', ""):
        (tmp_path / "people.csv").write_text(data)
        ended = here(*line("send-each", tmp_path), "--bad-rows", tmp_path / "bad.csv")
        assert (ended.code, list(sandbox.messages), (tmp_path / "bad.csv").exists()) == (2, [], False), ended.err


def test_require_plus_sets_aside_and_all_can_be_bad(sandbox: Sandbox, tmp_path: Path, here: Any) -> None:
    (tmp_path / "people.csv").write_text("destination,name\n6591234561,Ann\n")
    options = ("--bad-rows", tmp_path / "bad.csv", "--require-plus")
    ended = here(*line("send-batch", tmp_path), *options)
    assert (ended.code, list(sandbox.messages)) == (1, []), ended.err
    assert '6591234561,Ann,"destination: has no +' in (tmp_path / "bad.csv").read_text()


def test_a_spreadsheet_and_lost_characters(sandbox: Sandbox, tmp_path: Path, here: Any) -> None:
    rows = [["destination", "name"], [98.0, "Bob"], ["+6591234561", "Ann"]]
    write_xlsx(tmp_path / "people.xlsx", {"P": rows})
    ended = here(*line("send-each", tmp_path, "people.xlsx"), "--bad-rows", tmp_path / "bad.csv")
    assert (ended.code, numbers(sandbox)) == (1, ["1"]), ended.err
    assert (tmp_path / "bad.csv").read_text("utf-8-sig").splitlines()[1].startswith("98,Bob,")
    (tmp_path / "people.csv").write_bytes(b"destination,name\n+6591234562,Zo\xeb\n")
    assert here(*line("send-each", tmp_path), "--bad-rows", tmp_path / "lost.csv").code == 1
    again = here(*line("send-each", tmp_path, "lost.csv"))
    assert (again.code, len(sandbox.messages)) == (2, 1), "a row that lost a character is not sent by mistake"


@pytest.mark.parametrize(
    ("given", "words"), [("people.csv", "is the file with the messages"), ("bad.jsonl", "format of the input")]
)
@pytest.mark.parametrize("command", COMMANDS)
def test_a_wrong_path_is_refused(
    sandbox: Sandbox, tmp_path: Path, here: Any, command: str, given: str, words: str
) -> None:
    (tmp_path / "people.csv").write_text(CSV)
    ended = here(*line(command, tmp_path), "--bad-rows", tmp_path / given)
    assert (ended.code, words in ended.err, list(sandbox.messages)) == (2, True, []), ended.err
    assert not (tmp_path / "run.db").exists()
    ended = here(*line(command, tmp_path), "--bad-rows", tmp_path / "nowhere" / "bad.csv")
    assert (ended.code, "--bad-rows" in ended.err, list(sandbox.messages)) == (2, True, []), ended.err
    assert not (tmp_path / "run.db").exists()


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("dry", [(), ("--dry-run",)])
def test_all_problems_are_reported(tmp_path: Path, here: Any, command: str, dry: tuple[str, ...]) -> None:
    wrong = [f"{number},Bob" for number in range(1, 51)]
    (tmp_path / "people.csv").write_text("\n".join(["destination,name", *wrong, ""]))
    report = tmp_path / "problems.csv"
    ended = here(*line(command, tmp_path), "--problems", report, *dry)
    assert ended.code == 2
    rows = list(csv.DictReader(report.read_text().splitlines()))
    assert [(row["line"], row["row"], row["field"]) for row in rows] == [
        (str(n + 1), str(n), "destination") for n in range(1, 51)
    ]
    (tmp_path / "people.csv").write_text("destination,name\n+6591234561,Ann\n")
    assert here(*line(command, tmp_path), "--problems", report, *dry).code == 0
    assert report.read_text() == "line,row,field,problem\n", "an older report is replaced"
    before = (tmp_path / "people.csv").read_text()
    refused = here(*line(command, tmp_path), "--problems", tmp_path / "people.csv", *dry)
    assert (refused.code, (tmp_path / "people.csv").read_text()) == (2, before), "other files are not"
    (tmp_path / "people.csv").write_text("destination,name\n1,Ann\n")
    assert here(*line(command, tmp_path), "--problems", tmp_path / "p.jsonl", *dry).code == 2
    assert json.loads((tmp_path / "p.jsonl").read_text())["row"] == 1
