"""A stray pair of quotes hides the rows between the quotes. So a cell with a line break is refused unless it is
allowed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cli.test_cli_rows import converter, read

from eightbyeight_async.cli.reading.csv_rows import CsvRows
from eightbyeight_async.cli.reading.row_to_request import Problem, Row

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Here

    from eightbyeight_async.sandbox import Sandbox

SWALLOWED = (
    'destination,text\n+6591110001,"Hi\n+6591110002,Hello\n+6591110003,Hey\n+6591110004,Bye"\n+6591110005,Good day\n'
)
RULE = "a quoted cell contains a line break, and the row ends in line"


@pytest.mark.parametrize(
    ("data", "problems", "texts"),
    [
        (SWALLOWED, ["2 (row 1): column 2: ... 5"], ["Good day"]),
        (SWALLOWED.replace("\n", "\r\n"), ["2 (row 1): column 2: ... 5"], ["Good day"]),
        # Quotes around one line end, and quotes around whole rows.
        ('destination,text\n+6591110001,"Hi\nBye"\n', ["2 (row 1): column 2: ... 3"], []),
        ('destination,text\n"+6591110001,Hi\n+6591110002,Ho"\n', ["2 (row 1): column 1: ... 3"], []),
        ('text,destination\n"Hi,+6591110001\nHo",+6591110002\n', ["2 (row 1): column 1: ... 3"], []),
        # An unused column can hide rows, too; also with another separator, or with a single column.
        ('destination,text,note\n+6591110001,Hi,"a\n+6591110002,Ho,b"\n', ["2 (row 1): column 3: ... 3"], []),
        ('destination;text\n+6591110001;"Hi\n+6591110002;Ho"\n', ["2 (row 1): column 2: ... 3"], []),
        ('destination,text\n+6591110001,"Hi\n6591110002"\n', ["2 (row 1): column 2: ... 3"], []),
        ('destination,text\n+6591110001,"\n"\n', ["2 (row 1): column 2: ... 3"], []),
        # Line ends of an old Mac, inside quotes.
        ('destination,text\n+6591110001,"Hi\r+6591110002,Ho"\n', ["2 (row 1): column 2: ... 2"], []),
        # Two such cells; the rows between and after them are read as usual.
        (
            'destination,text\n+6591110001,"a\nb"\n+6591110002,c\n+6591110003,"d\n\ne"\n+6591110004,f\n',
            ["2 (row 1): column 2: ... 3", "5 (row 3): column 2: ... 7"],
            ["c", "f"],
        ),
        # In the header.
        ('destination,"text\n+6591110001,Hi"\n+6591110002,Ho\n', ["1: column 2: ... 2"], []),
        # No line break in a cell: quotes alone are allowed, and so are characters that only look like line breaks.
        ('destination,text\n+6591110001,"Hi, ""Ann"""\n', [], ['Hi, "Ann"']),
        ('destination,text\n+6591110001,"a\u2028b\x0bc\x85d"\n', [], ["a\u2028b\x0bc\x85d"]),
        ("destination,text\n+6591110001,a\\nb\n", [], ["a\\nb"]),
    ],
)
def test_the_table_of_line_breaks(data: str, problems: list[str], texts: list[str]) -> None:
    found = read(CsvRows(converter()), data.encode())
    said = [str(one).replace(f"{RULE} ", "... ").partition(";")[0] for one in found if isinstance(one, Problem)]
    assert said == problems
    assert [one.request.text for one in found if isinstance(one, Row)] == texts
    assert not any("6591110" in str(one) for one in found if isinstance(one, Problem))


def test_what_is_meant_is_read() -> None:
    rows = read(CsvRows(converter(), multiline=True), SWALLOWED.encode())
    assert [row.request.text for row in rows if isinstance(row, Row)] == [
        "Hi\n+6591110002,Hello\n+6591110003,Hey\n+6591110004,Bye",
        "Good day",
    ]


@pytest.mark.parametrize("command", [["send-each"], ["send-batch"], ["bulk", "run", "--mode", "each"]])
def test_every_command_refuses_it_and_sends_it_when_it_is_meant(
    command: list[str], sandbox: Sandbox, tmp_path: Path, here: Here
) -> None:
    file, journal = tmp_path / "m.csv", tmp_path / "run.db"
    file.write_text(SWALLOWED)
    where = ["--journal", journal] if command[0] == "bulk" else []
    ended = here(*command, file, *where, sandbox=sandbox)
    assert (ended.code, sandbox.traffic.requests) == (2, 0)
    assert ended.err.splitlines() == [
        f"eightbyeight: m.csv:2 (row 1): column 2: {RULE} 5; remove the extra quote, "
        "or add --multiline if texts of several lines are meant",
        "eightbyeight: 1 problem; nothing was sent",
    ]
    ended = here(*command, file, *where, "--multiline", sandbox=sandbox)
    assert ended.code == 0, ended.err
    assert sorted(message.text.count("\n") for message in sandbox.messages) == [0, 3]
    if where:
        again = here("bulk", "run", *where, sandbox=sandbox)
        assert (again.code, len(sandbox.messages)) == (0, 2), again.err
        assert "from run.db: m.csv, --multiline" in again.err


def test_jsonl_has_line_breaks_that_are_meant(sandbox: Sandbox, tmp_path: Path, here: Here) -> None:
    file = tmp_path / "m.jsonl"
    file.write_text('{"destination": "+6591110001", "text": "Hi\\nthere"}\n')
    assert here("send-each", file, sandbox=sandbox).code == 0
    assert [message.text for message in sandbox.messages] == ["Hi\nthere"]
