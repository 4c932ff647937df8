"""`--map COLUMN=FIELD`: columns with any name. Usual names are suggested, but never used without `--map`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli.command_line import in_process

from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.column_map import ColumnMap

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox


def test_a_map_names_the_fields_of_columns() -> None:
    columns = ColumnMap.parse(["Phone Number=destination", " Kosten = 5 =Client Message ID", "text="])
    assert columns.field_of("Phone Number") == "destination"
    assert columns.field_of("Kosten = 5") == "client_message_id"
    assert columns.field_of("text") is None, "the column sets no field"
    assert columns.field_of("source") == "source"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["Phone"], "COLUMN=FIELD"),
        (["=destination"], "COLUMN=FIELD"),
        (["Phone=number"], "there is no field"),
        (["Phone=destination", "Phone=text"], "one column is given twice"),
        (["Phone=destination", "Mobile=destination"], "two columns are given for destination"),
    ],
)
def test_a_map_that_says_no_clear_thing_is_refused(options: list[str], words: str) -> None:
    with pytest.raises(UsageError, match=f"--map: .*{words}"):
        ColumnMap.parse(options)


FILES = {
    "csv": "{name};Message\n+6591234567;Hi\n",
    "jsonl": '{{"{name}": "+6591234567", "Message": "Hi"}}\n',
}


@pytest.mark.parametrize("name", ["phone", "Phone Number", "MOBILE", "msisdn", "Contact No", "手机号"])
@pytest.mark.parametrize("form", FILES)
def test_a_usual_name_is_suggested_and_not_taken(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, form: str
) -> None:
    file = tmp_path / f"people.{form}"
    file.write_text(FILES[form].format(name=name))
    told = in_process("send-each", file, sandbox=sandbox, capsys=capsys)
    assert (told.code, list(sandbox.messages)) == (2, [])
    assert f'add --map "{name}=destination"' in told.err
    options = ("--map", f"{name}=destination", "--map", "Message=text", "--output", tmp_path / "out.jsonl")
    ended = in_process("send-each", file, *options, sandbox=sandbox, capsys=capsys)
    assert (ended.code, [message.text for message in sandbox.messages]) == (0, ["Hi"]), ended.err


@pytest.mark.parametrize(
    ("data", "options", "words"),
    [
        ("phone,text\n+6591234567,Hi\n", ("--map", "fone=destination"), "there is no column named 'fone'"),
        ("phone,destination\n1,2\n", ("--map", "phone=destination", "--text", "Hi"), "sets the same field"),
        ("destination,message\n+6591234567,Hi\n", (), 'no option --text; add --map "message=text"'),
        ("destination,nachricht\n+6591234567,Hi\n", (), "no option --text; --map COLUMN=text says which column"),
        ("mobilnummer,text\n+6591234567,Hi\n", (), "say which has the numbers: --map COLUMN=destination"),
    ],
)
def test_a_header_that_does_not_fit_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: str, options: tuple[str, ...], words: str
) -> None:
    (tmp_path / "people.csv").write_text(data)
    ended = in_process("send-each", tmp_path / "people.csv", *options, "--dry-run", capsys=capsys)
    assert (ended.code, words in ended.err) == (2, True), ended.err


def test_a_column_can_be_taken_for_no_field(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people.csv").write_text("destination,Country,Text\n+6591234567,Singapore,red\n")
    line = ("send-each", tmp_path / "people.csv", "--text", "Hi from {Country}", "--output", tmp_path / "out.jsonl")
    assert in_process(*line, sandbox=sandbox, capsys=capsys).code == 2
    ended = in_process(*line, "--map", "Country=", "--map", "Text=", sandbox=sandbox, capsys=capsys)
    assert (ended.code, [m.text for m in sandbox.messages]) == (0, ["Hi from Singapore"]), ended.err


def test_a_key_that_no_line_of_jsonl_has_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "people.jsonl").write_text('{"destination": "+6591234567", "text": "Hi"}\n')
    line = ("send-each", tmp_path / "people.jsonl", "--map", "sendr=source", "--dry-run")
    ended = in_process(*line, capsys=capsys)
    assert (ended.code, "--map: no line has a key 'sendr'" in ended.err) == (2, True), ended.err
