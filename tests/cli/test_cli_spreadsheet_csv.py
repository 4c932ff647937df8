"""CSV from spreadsheet programs: `sep=;`, byte order marks, columns without a name, blank cells; defaults, texts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli.command_line import in_process
from cli.test_cli_rows import converter, read

from eightbyeight_async.cli.reading.csv_rows import CsvRows
from eightbyeight_async.cli.reading.option_text import with_line_breaks
from eightbyeight_async.cli.reading.row_to_request import Problem, Row

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

BOM = "\ufeff"


@pytest.mark.parametrize(
    "data",
    [
        "sep=;\ndestination;text\n+6591234567;Hi, you\n",
        "SEP=;\r\ndestination;text\r\n+6591234567;Hi, you\r\n",
        '"sep=;"\ndestination;text\n+6591234567;Hi, you\n',
        f"{BOM}sep=;\ndestination;text\n+6591234567;Hi, you\n",
        "sep=~\ndestination~text\n+6591234567~Hi, you\n",
        "sep=\t\ndestination\ttext\n+6591234567\tHi, you\n",
        f'{BOM}{BOM}destination,text\n+6591234567,"Hi, you"\n',
        "destination;text;;\n+6591234567;Hi, you;;\n",
        "destination;;text; \n+6591234567; ;Hi, you;\n",
        "destination;text\n+6591234567;Hi, you;;\n",
        "destination;text;;\n+6591234567;Hi, you\n",
    ],
)
def test_what_a_spreadsheet_adds_is_read(data: str) -> None:
    (row,) = read(CsvRows(converter()), data.encode())
    assert isinstance(row, Row), row
    assert (row.request.destination, row.request.text) == ("+6591234567", "Hi, you")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("destination,text,\n+6591234567,Hi,9\n", "column 3 has a value, but no name"),
        ("destination,text\n+6591234567,Hi,9\n", "has 3 cells, the header has 2"),
        ("destination,text,name\n+6591234567,Hi\n", "has 2 cells, the header has 3"),
        ("destination,text,,name,\n+6591234567,Hi,\n", "has 3 cells, the header has 5"),
        ("sep=;\n", "is empty"),
        ("destination,text\n+6591234567,  \n", "text: "),
    ],
)
def test_what_would_be_lost_is_refused(data: str, words: str) -> None:
    (found,) = read(CsvRows(converter()), data.encode())
    assert isinstance(found, Problem)
    assert words in str(found)


def test_line_numbers_count_the_sep_line() -> None:
    (found,) = read(CsvRows(converter()), b"sep=,\ndestination,text\n98,Hi\n")
    assert str(found).startswith("3 (row 1): destination")


@pytest.mark.parametrize(
    ("text", "name", "filled"),
    [
        ("Hi {name}!", " Ann ", "Hi Ann!"),
        ("Hi {name}!", " \u00a0", "Hi !"),
        ("Hi {name|there}!", "Ann", "Hi Ann!"),
        ("Hi {name|there}!", "  ", "Hi there!"),
        ("Hi {name|dear customer}!", "", "Hi dear customer!"),
        ("Hi{name|}!", "", "Hi!"),
        ("Hi {name | there}!", "", "Hi  there!"),
        ("{{name|there}} {name|a|b}", "", "{name|there} a|b"),
    ],
)
def test_cells_are_stripped_and_empty_ones_have_a_default(text: str, name: str, filled: str) -> None:
    (row,) = read(CsvRows(converter(text)), f"destination,name\n+6591234567,{name}\n".encode())
    assert isinstance(row, Row), row
    assert row.request.text == filled


def test_the_plan_tells_how_often_a_default_is_used(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "people.csv").write_text("destination,name,town\n+6591234567, ,\n+6591234568,Bob,Ulm\n")
    line = ("send-each", tmp_path / "people.csv", "--text", "Hi {name|there} of {town}", "--dry-run")
    told = in_process(*line, capsys=capsys).err
    assert "{name} is empty in 1 of 2 rows; its default is used\n" in told
    assert "{town} is empty in 1 of 2 rows\n" in told


@pytest.mark.parametrize(
    ("given", "text"),
    [(r"a\nb", "a\nb"), (r"a\\nb", r"a\nb"), (r"C:\temp", r"C:\temp"), ("a\nb", "a\nb"), ("a\\", "a\\")],
)
def test_a_backslash_n_of_the_command_line_is_a_line_break(given: str, text: str) -> None:
    assert with_line_breaks(given) == text


@pytest.mark.parametrize("command", ["send-each", "bulk run", "send"])
def test_line_breaks_reach_the_person(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    (tmp_path / "people.csv").write_text("destination,name\n+6591234567,a\\nb\n")
    where = {
        "send": ("--to", "+6591234567"),
        "send-each": (tmp_path / "people.csv", "--output", tmp_path / "out.jsonl"),
        "bulk run": (tmp_path / "people.csv", "--journal", tmp_path / "j.db"),
    }[command]
    line = (*command.split(), *where, "--text", r"Hi\n{name}")
    assert in_process(*line, sandbox=sandbox, capsys=capsys).code == 0
    (message,) = sandbox.messages
    assert message.text == ("Hi\n{name}" if command == "send" else "Hi\na\\nb"), "a cell stays as it is"
    if command == "bulk run":
        again = in_process("bulk", "run", "--journal", tmp_path / "j.db", sandbox=sandbox, capsys=capsys)
        assert (again.code, len(sandbox.messages)) == (0, 1), again.err


@pytest.mark.parametrize("data", [b"Hi {name}\nBye\n", b"\xef\xbb\xbfHi {name}\r\nBye\r\n", b"Hi {name}\nBye"])
def test_a_text_can_be_in_a_file(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    (tmp_path / "people.csv").write_text("destination,name\n+6591234567,Ann\n")
    (tmp_path / "text.txt").write_bytes(data)
    options = ("--text-file", tmp_path / "text.txt", "--journal", tmp_path / "run.db")
    ended = in_process("bulk", "run", tmp_path / "people.csv", *options, sandbox=sandbox, capsys=capsys)
    assert (ended.code, [message.text for message in sandbox.messages]) == (0, ["Hi Ann\nBye"]), ended.err
    (tmp_path / "text.txt").unlink()
    again = in_process("bulk", "run", "--journal", tmp_path / "run.db", sandbox=sandbox, capsys=capsys)
    assert (again.code, len(sandbox.messages)) == (0, 1), "the journal has the text"


@pytest.mark.parametrize(
    ("data", "more", "words"),
    [
        (None, (), "No such file"),
        (b"", (), "is empty"),
        (b" \n", (), "is empty"),
        (b"Gr\xfc\xdfe", (), "is not UTF-8"),
        (b"Hi", ("--text", "Hi"), "leave out --text"),
    ],
)
def test_a_text_file_that_is_none_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes | None, more: tuple[str, ...], words: str
) -> None:
    (tmp_path / "people.csv").write_text("destination\n+6591234567\n")
    if data is not None:
        (tmp_path / "text.txt").write_bytes(data)
    line = ("send-each", tmp_path / "people.csv", "--text-file", tmp_path / "text.txt", *more, "--dry-run")
    ended = in_process(*line, capsys=capsys)
    assert (ended.code, words in ended.err) == (2, True), ended.err
