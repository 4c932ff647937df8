"""No content of a file, a journal or a server controls the terminal, runs in a spreadsheet, or gets lost."""

from __future__ import annotations

import ast
import csv
import io
import json
import os
import pty
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from cli.command_line import environment, in_process, preloaded, start_preloaded
from patience import PATIENCE

import eightbyeight_async.cli
from eightbyeight_async.cli.terminal.safe_text import csv_cell, json_text, visible
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from cli.command_line import Here

    from eightbyeight_async.sandbox import Sandbox

UMID = "bda3d56d-1424-e711-813c-06ed3428fe67"
TO = "+6591110001"
# A window title; a cleared screen (C1); another writing direction; a new line; DEL; a line separator.
EVIL = "a\x1b]0;x\x07b\x9b2Jc\u202ed\r\ne\x7ff\u2028g"
# Forbidden on a terminal and in a pipe: all of these except our own line ends.
JOINED = "\u0646\u0645\u06cc\u200c\u062f \U0001f468\u200d\U0001f469"  # a Persian word and a family emoji
UNSAFE = re.compile("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]|\r(?!\n)")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, [bold] {x} :smile:", "plain, [bold] {x} :smile:"),
        ("\x00\x07\x08\t\n\r\x1b[31m\x7f", r"\x00\x07\x08\t\n\r\x1b[31m\x7f"),
        ("\x80\x85\x9b\x9f", r"\x80\x85\x9b\x9f"),
        ("\u061c\u200e\u200f\u202a\u202e\u2066\u2069", r"\u061c\u200e\u200f\u202a\u202e\u2066\u2069"),
        ("\u200b\u2028\u2029\u2060\ufeff\U000e0041", r"\u200b\u2028\u2029\u2060\ufeff\U000e0041"),
        ("\udcff\ud800", r"\udcff\ud800"),
        ("Zoë 田中 สวัสดี", "Zoë 田中 สวัสดี"),
        (JOINED, JOINED),
        ("", ""),
    ],
)
def test_what_is_shown_of_a_text(text: str, shown: str) -> None:
    assert visible(text) == shown
    for encoding in ("utf-8", "ascii", "cp1252"):
        line = json_text({text: text}, encoding)
        line.encode(encoding)
        assert json.loads(line) == {text: text}
        assert not UNSAFE.search(line)
        assert "\n" not in line


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("+6591110001", "'+6591110001"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("\r=1", r"'\r=1"),
        ("a\r\nb\rc", "a\r\nb" + r"\rc"),
        ("\n=1", "'\n=1"),
        ("  =1", "'  =1"),
        ("\uff1d1", "'\uff1d1"),
        ("a=1", "a=1"),
        ("Hi\nthere", "Hi\nthere"),
        ("a\x1bb", r"a\x1bb"),
        ("", ""),
        (-5, -5),
        (None, None),
        (True, True),
    ],
)
def test_a_cell_of_a_csv(value: object, cell: object) -> None:
    assert csv_cell(value) == cell


def test_a_cell_of_a_csv_can_be_encoded() -> None:
    assert csv_cell("é田", "ascii") == "\\xe9\\u7530"


def answers(sandbox: Sandbox, body: dict[str, Any], times: int | None = None) -> None:
    sandbox.faults.plan([Fault.answer(json.dumps(body).encode(), times=times)])


def accepted(**fields: Any) -> dict[str, Any]:
    return {"umid": UMID, "destination": TO, "encoding": "GSM7", "status": {"code": "QUEUED"}, **fields}


def test_a_servers_words_are_escaped_on_every_output(sandbox: Sandbox, tmp_path: Path, here: Here) -> None:
    file, journal = tmp_path / "m.csv", tmp_path / "run.db"
    file.write_text(f"destination,text\n{TO},x\n")
    message = accepted(umid=EVIL, encoding=EVIL, clientMessageId=EVIL, status={"code": "QUEUED", "description": EVIL})
    batch = {"batchId": EVIL, "acceptedCount": 1, "rejectedCount": 0, "messages": [message]}
    details = {"umid": EVIL, "subAccountId": EVIL, "source": EVIL, "status": {"state": EVIL}, "country": EVIL}
    for body, *command in (
        (message, "send", "--to", TO, "--text", "x"),
        (message, "send", "--to", TO, "--text", "x", "--json"),
        (message, "send-each", file),
        (batch, "send-batch", file),
        (batch, "bulk", "run", file, "--journal", journal, "--mode", "batch"),
        (details, "status", UMID),
        (details, "status", UMID, "--json"),
        (details, "bulk", "export", "--journal", journal),
        (details, "bulk", "export", "--journal", journal, "--format", "csv"),
    ):
        answers(sandbox, body)
        ended = here(*command, sandbox=sandbox)
        assert ended.code == 0, (command, ended.err)
        assert not UNSAFE.search(ended.out + ended.err), command
        if ended.out.startswith("{"):
            (told,) = ended.records
            assert told["umid"] == EVIL  # JSON contains the unchanged value


def test_names_of_files_columns_and_options_are_escaped(sandbox: Sandbox, tmp_path: Path, here: Here) -> None:
    name = EVIL.replace("/", "")
    file = tmp_path / f"{name}.csv"
    file.write_text(f'destination,text,"x\x1by","\u202ez"\n{TO},x,1,2\n', encoding="utf-8")
    bad = tmp_path / f"bad{name}.csv"
    bad.write_text("destination,text\n12,x\n")
    for code, *command in (
        (2, "send-each", tmp_path / f"{name}none.csv"),
        (2, "send-each", bad),
        (0, "send-each", file, "--dry-run"),
        (0, "send-each", file, "--output", tmp_path / f"{name}.jsonl"),
        (2, "send-each", file, "--output", tmp_path / f"{name}.jsonl"),
        (2, "send-each", file, "--text", f"Hi {{{EVIL}}}"),
        (0, "bulk", "run", file, "--journal", tmp_path / f"{name}.db"),
        (0, "bulk", "run", "--journal", tmp_path / f"{name}.db"),
        (0, "bulk", "export", "--journal", tmp_path / f"{name}.db", "--output", tmp_path / f"{name}1.csv"),
        (0, "bulk", "export", "--journal", tmp_path / f"{name}.db", "--output", tmp_path / f"{name}2.csv", "--json"),
        (2, "bulk", "status", "--journal", tmp_path / f"{name}none.db"),
        (2, "bulk", "resolve", EVIL, "--sent", "--journal", tmp_path / f"{name}.db"),
        (2, "send", f"--{EVIL}", "x"),
        (2, "send", "--to", TO, "--text", "x", "--api-key-file", tmp_path / f"{name}key"),
        (0, "send", "--to", TO, "--text", EVIL, "--client-message-id", EVIL, "--dry-run"),
        (0, "send", "--to", TO, "--text", EVIL, "--client-message-id", EVIL, "--dry-run", "--json"),
        (0, "send", "--to", TO, "--text", EVIL, "--client-message-id", EVIL, "--json"),
    ):
        ended = here(*command, sandbox=sandbox)
        assert ended.code == code, (command, ended.err)
        assert not UNSAFE.search(ended.out + ended.err), command


def test_on_a_terminal_a_name_is_neither_control_nor_markup(sandbox: Sandbox, tmp_path: Path) -> None:
    """The output contains the bar's own escape sequences, but not the name's. The braces, brackets and colons of the
    name have no effect.
    """
    file = tmp_path / "{x}[red]:smile:\x1b]0;x\x07.csv"
    file.write_text(f"destination,text,y\n{TO},x,1\n")
    ours, theirs = pty.openpty()
    process = start_preloaded(
        "send-each", file, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
        env=environment(sandbox, COLUMNS="200"),
    )  # fmt: skip
    os.close(theirs)
    seen = b""
    try:
        while piece := os.read(ours, 65536):
            seen += piece
    except OSError:  # Linux: the other side is closed
        pass
    os.close(ours)
    assert process.wait(PATIENCE) == 0, seen
    assert b"\x1b]0;" not in seen
    assert b"{x}[red]:smile:\\x1b]0;x\\x07.csv" in seen


HALF = "x\udfff\ud83dy"
FIELDS = {name: {name: HALF} for name in ("umid", "destination", "encoding", "clientMessageId")}
FIELDS["description"] = {"status": {"code": "QUEUED", "description": HALF}}


@pytest.mark.parametrize("field", FIELDS)
def test_half_of_a_surrogate_pair_loses_no_accepted_message(
    field: str, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    for more in ([], ["--json"]):
        answers(sandbox, accepted(**FIELDS[field]))
        ended = in_process("send", "--to", TO, "--text", "x", *more, capsys=capsys, sandbox=sandbox)
        assert (ended.code, ended.err) == (0, "")
        ended.out.encode()
        assert "accepted" in ended.out


def test_and_none_in_records_journals_and_exports(sandbox: Sandbox, tmp_path: Path, here: Here) -> None:
    file, journal, output = tmp_path / "m.csv", tmp_path / "run.db", tmp_path / "out.jsonl"
    file.write_text(f"destination,text\n{TO},x\n")
    message = accepted(umid=HALF, encoding=HALF, status={"code": "QUEUED", "description": HALF})
    batch = {"batchId": HALF, "acceptedCount": 1, "rejectedCount": 0, "messages": [message]}

    def out(body: dict[str, Any], *command: object) -> str:
        answers(sandbox, body)
        ended = here(*command, sandbox=sandbox)
        assert ended.code == 0, ended.err
        return ended.out

    assert json.loads(out(message, "send-each", file))["outcome"] == "accepted"
    out(message, "send-each", file, "--output", output)
    assert json.loads(output.read_text(encoding="utf-8"))["outcome"] == "accepted"
    assert json.loads(out(batch, "send-batch", file))["outcome"] == "accepted"
    out(batch, "bulk", "run", file, "--journal", journal, "--mode", "batch")
    (row,) = csv.DictReader(io.StringIO(out(message, "bulk", "export", "--journal", journal, "--format", "csv")))
    assert (row["state"], row["umid"], row["batch_id"]) == ("sent", "x\ufffd\ufffdy", "x\ufffd\ufffdy")


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_a_stdout_that_lacks_a_character_loses_no_accepted_message(
    encoding: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    file, journal = tmp_path / "m.csv", tmp_path / "run.db"
    file.write_text(f"destination,text\n{TO},田\n", encoding="utf-8")
    message = accepted(umid="é田\U0001f600", encoding="é田\U0001f600")
    for command in (
        ["send", "--to", TO, "--text", "x"],
        ["send", "--to", TO, "--text", "x", "--json"],
        ["bulk", "run", file, "--journal", journal, "--mode", "each", "--store-private"],
        ["bulk", "export", "--journal", journal, "--include-private"],
        ["bulk", "export", "--journal", journal, "--include-private", "--format", "csv"],
    ):
        answers(sandbox, message)
        ended = preloaded(*command, sandbox=sandbox, PYTHONIOENCODING=encoding)
        assert ended.code == 0, ended.err
        if ended.out.startswith("{"):
            assert json.loads(ended.out)["umid"] == "é田\U0001f600"


def test_an_export_as_csv_runs_nothing_in_a_spreadsheet(sandbox: Sandbox, tmp_path: Path, here: Here) -> None:
    file, journal = tmp_path / "m.csv", tmp_path / "run.db"
    file.write_text(f'destination,text,client_message_id\n{TO},"=HYPERLINK(""x"")",@a\n')
    answers(sandbox, accepted(umid="-1+1"))
    ran = here("bulk", "run", file, "--journal", journal, "--mode", "each", "--store-private", sandbox=sandbox)
    assert ran.code == 0, ran.err
    exported = {}
    for form in ("csv", "jsonl"):
        output = tmp_path / f"out.{form}"
        ended = here("bulk", "export", "--journal", journal, "--output", output, "--include-private")
        assert ended.code == 0, ended.err
        exported[form] = output.read_text(encoding="utf-8")
    (row,) = csv.DictReader(io.StringIO(exported["csv"]))
    raw = json.loads(exported["jsonl"])
    assert (row["umid"], row["destination"], row["text"]) == ("'-1+1", f"'{TO}", '\'=HYPERLINK("x")')
    assert (raw["umid"], raw["destination"], raw["text"]) == ("-1+1", TO, '=HYPERLINK("x")')
    assert not any(cell.startswith(("=", "+", "-", "@")) for cell in row.values())


def test_nothing_is_printed_past_these_functions() -> None:
    """The package calls `print` and `json.dumps` only where the text is made safe, or where no person reads it."""
    folder = Path(eightbyeight_async.cli.__file__).parent
    calls: dict[str, set[str]] = {"print": set(), "dumps": set()}
    for path in folder.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                inside_rich = isinstance(node.func, ast.Attribute) and name == "print"
                if name in calls and not inside_rich:
                    calls[name].add(path.relative_to(folder).as_posix())
    assert calls["print"] == {
        "terminal/safe_text.py",
        "terminal/display.py",  # a status line with numbers
        "terminal/guarded_stream.py",  # the system's reason for a failed stdout
        "entry.py",  # the last line of a command, through `visible`
        "first_page.py",  # the version
        "commands/single_message.py",  # JSON, through `json_text`
        "commands/sandbox_server.py",  # for a shell
    }
    assert calls["dumps"] == {
        "terminal/safe_text.py",
        "sending/result_record.py",  # only ASCII
        "bulk/remembered_file_check.py",  # for the journal
        "bulk/follow_status.py",  # numbers
        "bulk/remembered_options.py",  # for the journal
        "reading/bad_rows.py",  # for a file: ASCII, or the unchanged line
        "reading/problem_report.py",  # for a file, only ASCII
    }
