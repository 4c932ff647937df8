"""Files that are not plain UTF-8: spreadsheets, gzip, other encodings, stdin. The run sends the checked rows."""

from __future__ import annotations

import gzip
import sys
from typing import TYPE_CHECKING

import pytest
from cli.command_line import in_process, preloaded
from cli.spreadsheets import write_ods, write_xlsx

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli.spreadsheets import Sheets

    from eightbyeight_async.sandbox import Sandbox

    Write = Callable[[Path, Sheets], Path]

WRITERS = {"xlsx": write_xlsx, "ods": write_ods}
PEOPLE: Sheets = {
    "People": [
        ["destination", "name", "sum"],
        ["+6591234567", "Ann, the 1st", 12.5],
        [None, None, None],
        [6591234568.0, 'Bo"b\nLee', 7.0],
        [6591234569.0, None, True],
    ]
}
TEXTS = ["Hi Ann, the 1st: 12.5", 'Hi Bo"b\nLee: 7', "Hi you: true"]
TEXT = ("--text", "Hi {name|you}: {sum}")


@pytest.mark.parametrize("form", WRITERS)
def test_a_spreadsheet_is_read(sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    file = WRITERS[form](tmp_path / f"people.{form}", PEOPLE)
    journal = ("--journal", tmp_path / "run.db")
    line = ("bulk", "run", file, *TEXT, *journal)
    dry = in_process(*line, "--dry-run", sandbox=sandbox, capsys=capsys)
    assert (dry.code, f"people.{form}: 3 messages" in dry.err, len(sandbox.messages)) == (0, True, 0), dry.err
    assert in_process(*line, sandbox=sandbox, capsys=capsys).code == 0
    assert sorted(message.text or "" for message in sandbox.messages) == sorted(TEXTS)
    assert sorted(message.destination.lstrip("+")[-1] for message in sandbox.messages) == ["7", "8", "9"]
    again = in_process("bulk", "run", *journal, sandbox=sandbox, capsys=capsys)
    assert (again.code, len(sandbox.messages)) == (0, 3), again.err


@pytest.mark.parametrize("form", WRITERS)
def test_a_sheet_is_named_where_there_are_several(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    empty: Sheets = {**PEOPLE, "Nothing": []}
    file = WRITERS[form](tmp_path / f"one.{form}", empty)
    assert in_process("send-each", file, *TEXT, "--dry-run", capsys=capsys).code == 0
    file = WRITERS[form](tmp_path / f"two.{form}", {**empty, "Old": PEOPLE["People"][:2]})
    line = ("send-each", file, *TEXT, "--dry-run")
    refused = in_process(*line, capsys=capsys)
    assert (refused.code, "add --sheet, with 'People' or 'Old'" in refused.err) == (2, True), refused.err
    refused = in_process(*line, "--sheet", "New", capsys=capsys)
    assert (refused.code, "has no sheet of that name" in refused.err) == (2, True), refused.err
    old = in_process(*line, "--sheet", "Old", capsys=capsys)
    assert (old.code, "1 message," in old.err) == (0, True), old.err


@pytest.mark.parametrize("form", WRITERS)
def test_a_problem_has_the_row_of_the_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str) -> None:
    rows = [["destination", "name"], ["+6591234567", "Ann"], [None, None], [98.0, "Bob"]]
    file = WRITERS[form](tmp_path / f"people.{form}", {"People": rows})
    ended = in_process("send-each", file, "--text", "Hi {name}", "--dry-run", capsys=capsys)
    assert (ended.code, f"people.{form}:4 (row 2): destination" in ended.err) == (2, True), ended.err


@pytest.mark.parametrize("data", [b"", b"destination,text\n+6591234567,Hi\n", b"PK\x03\x04 and no more"])
def test_what_is_no_spreadsheet_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str], data: bytes) -> None:
    (tmp_path / "people.xlsx").write_bytes(data)
    ended = in_process("send-each", tmp_path / "people.xlsx", "--dry-run", capsys=capsys)
    assert (ended.code, "cannot be read as a spreadsheet" in ended.err) == (2, True), ended.err


def test_without_the_extra_a_spreadsheet_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    ended = in_process("send-each", write_xlsx(tmp_path / "p.xlsx", PEOPLE), *TEXT, "--dry-run", capsys=capsys)
    assert (ended.code, "needs the extra [sheets]" in ended.err) == (2, True), ended.err


CSV = "destination;name\n+6591234567;Zoë \u2013 50 €\n+6591234568;Bob\n"


@pytest.mark.parametrize(
    ("encoding", "data"),
    [
        ("utf-16", CSV.encode("utf-16")),
        ("UTF16", CSV.replace("\n", "\r\n").encode("utf-16")),
        ("utf-16", b"\xfe\xff" + CSV.encode("utf-16-be")),
        ("utf-16-le", CSV.encode("utf-16-le")),
        ("windows-1252", CSV.encode("cp1252")),
        ("cp1252", CSV.encode("cp1252")),
        ("latin-1", CSV.encode("cp1252")),
        ("utf-8", CSV.encode("utf-8-sig")),
    ],
)
def test_a_file_of_another_encoding_is_read(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], encoding: str, data: bytes
) -> None:
    (tmp_path / "people.csv").write_bytes(data)
    options = ("--file-encoding", encoding, "--output", tmp_path / "out.jsonl")
    line = ("send-batch", tmp_path / "people.csv", "--text", "Hi {name}", *options)
    ended = in_process(*line, sandbox=sandbox, capsys=capsys)
    assert (ended.code, [m.text for m in sandbox.messages]) == (0, ["Hi Zoë \u2013 50 €", "Hi Bob"]), ended.err


@pytest.mark.parametrize(
    ("encoding", "data", "words"),
    [
        (None, CSV.encode("utf-16"), "is UTF-16; save it as UTF-8, or add --file-encoding utf-16"),
        (None, CSV.encode("utf-16-le"), "UTF-16 is read with --file-encoding utf-16"),
        (None, CSV.encode("cp1252"), "add its encoding: --file-encoding windows-1252"),
        (None, b"PK\x03\x04\n", "--format xlsx"),
        (None, gzip.compress(CSV.encode(), mtime=0), "ends in .gz"),
        ("windows-1252", CSV.encode(), "is UTF-8: leave out --file-encoding"),
        ("windows-1252", CSV.encode("utf-8-sig"), "is UTF-8: leave out --file-encoding"),
        ("windows-1252", CSV.encode("cp1252") + b"\x81", "is not cp1252"),
        ("shift_jis", CSV.encode("cp1252"), "is not shift_jis"),
        ("utf-16", CSV.encode("utf-16")[:-1], "is not utf-16"),
        ("punycode", CSV.encode(), "--file-encoding: is not known"),
        ("unicode_escape", CSV.encode(), "--file-encoding: is not known"),
        ("rot13", CSV.encode(), "--file-encoding: is not known"),
        ("hex", CSV.encode(), "--file-encoding: is not known"),
        ("", CSV.encode(), "--file-encoding: is not known"),
    ],
)
def test_a_wrong_encoding_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], encoding: str | None, data: bytes, words: str
) -> None:
    (tmp_path / "people.csv").write_bytes(data)
    options = () if encoding is None else ("--file-encoding", encoding)
    line = ("send-each", tmp_path / "people.csv", "--text", "Hi {name}", *options, "--dry-run")
    ended = in_process(*line, capsys=capsys)
    assert (ended.code, words in ended.err) == (2, True), ended.err


def test_the_encoding_of_a_file_is_told_from_that_of_messages(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "people.csv").write_bytes(CSV.encode("cp1252"))
    line = ("bulk", "run", tmp_path / "people.csv", "--text", "Hi {name}", "--journal", tmp_path / "run.db")
    ended = in_process(*line, "--encoding", "windows-1252", sandbox=sandbox, capsys=capsys)
    assert (ended.code, len(sandbox.messages)) == (0, 2), ended.err
    again = in_process("bulk", "run", "--journal", tmp_path / "run.db", sandbox=sandbox, capsys=capsys)
    assert (again.code, len(sandbox.messages)) == (0, 2), again.err
    both = ("--encoding", "UCS2", "--file-encoding", "windows-1252", "--dry-run")
    ended = in_process(*line, *both, sandbox=sandbox, capsys=capsys)
    assert ended.code == 0, ended.err
    for wrong in (("--encoding", "GSM8"), ("--encoding", "utf-16", "--file-encoding", "utf-16")):
        ended = in_process(*line, *wrong, sandbox=sandbox, capsys=capsys)
        assert (ended.code, "--encoding: " in ended.err) == (2, True), ended.err
    (tmp_path / "sheet.xlsx").write_bytes(write_xlsx(tmp_path / "p.xlsx", {**PEOPLE, "Old": [["x"]]}).read_bytes())
    line = ("bulk", "run", tmp_path / "sheet.xlsx", *TEXT, "--sheet", "People", "--journal", tmp_path / "sheet.db")
    assert in_process(*line, sandbox=sandbox, capsys=capsys).code == 0
    again = in_process("bulk", "run", "--journal", tmp_path / "sheet.db", sandbox=sandbox, capsys=capsys)
    assert (again.code, "--sheet" in again.err.splitlines()[0], len(sandbox.messages)) == (0, True, 5), again.err


@pytest.mark.parametrize("name", ["people.csv.gz", "people.CSV.GZ", "people.jsonl.gz", "people.xlsx.gz"])
def test_a_compressed_file_is_read(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    data = CSV.encode()
    if "jsonl" in name:
        data = b'{"destination": "+6591234567", "name": "Ann"}\n{"destination": "+6591234568", "name": "Bob"}\n'
    if "xlsx" in name:
        rows = [["destination", "name"], ["+6591234567", "Ann"], ["+6591234568", "Bob"]]
        data = write_xlsx(tmp_path / "p.xlsx", {"P": rows}).read_bytes()
    (tmp_path / name).write_bytes(gzip.compress(data))
    line = ("send-batch", tmp_path / name, "--text", "Hi {name}", "--output", tmp_path / "out.jsonl")
    ended = in_process(*line, sandbox=sandbox, capsys=capsys)
    assert (ended.code, len(sandbox.messages)) == (0, 2), ended.err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data[:-9], "is cut off"),
        (lambda data: data[:20], "is cut off"),
        (lambda data: data[:-5] + b"abcde", "is not a gzip file, or is damaged"),
        (lambda _: CSV.encode(), "is not a gzip file, or is damaged"),
    ],
)
def test_a_damaged_compressed_file_sends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Callable[[bytes], bytes], words: str
) -> None:
    (tmp_path / "people.csv.gz").write_bytes(change(gzip.compress(CSV.encode())))
    ended = in_process("send-each", tmp_path / "people.csv.gz", "--text", "Hi {name}", "--dry-run", capsys=capsys)
    assert (ended.code, words in ended.err) == (2, True), ended.err


@pytest.mark.parametrize(
    ("form", "data", "options"),
    [
        ("csv", CSV.encode(), ()),
        ("csv", CSV.encode("utf-16"), ("--encoding", "utf-16")),
        ("xlsx", None, ()),
    ],
)
def test_stdin_is_read_like_a_file(
    sandbox: Sandbox, tmp_path: Path, form: str, data: bytes | None, options: tuple[str, ...]
) -> None:
    if data is None:
        rows = [["destination", "name"], ["+6591234567", "Ann"], ["+6591234568", "Bob"]]
        data = write_xlsx(tmp_path / "p.xlsx", {"P": rows}).read_bytes()
    line = ("send-batch", "-", "--format", form, *options, "--text", "Hi {name}")
    ended = preloaded(*line, sandbox=sandbox, stdin=data)
    assert (ended.code, len(sandbox.messages)) == (0, 2), ended.err


def test_the_records_never_overwrite_the_file_behind_a_copy(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "people.csv.gz"
    file.write_bytes(gzip.compress(CSV.encode()))
    before = file.read_bytes()
    line = ("send-each", file, "--text", "Hi {name}", "--output", file, "--force")
    ended = in_process(*line, sandbox=sandbox, capsys=capsys)
    assert (ended.code, file.read_bytes()) == (2, before), ended.err
