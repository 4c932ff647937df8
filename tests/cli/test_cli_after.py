"""`status`, `feedback`, `measure`, texts that are too long, and the event loop of the commands."""

from __future__ import annotations

import asyncio
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from cli.command_line import eightbyeight

from eightbyeight_async.cli.terminal.loop_and_signals import run
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Here

    from eightbyeight_async.sandbox import Sandbox

TO, TEXT = "+6598765432", "a text nobody should see"
NO_SUCH = "7a4bbd96-19f0-4b6a-a7a4-cf0b0a5a7a3e"


def sent(sandbox: Sandbox, here: Here, *more: object) -> str:
    assert here("send", "--to", TO, "--text", TEXT, *more, sandbox=sandbox).code == 0
    return sandbox.messages[-1].umid


# --- status


def test_status_tells_what_8x8_knows(here: Here, sandbox: Sandbox) -> None:
    umid = sent(sandbox, here, "--client-message-id", "ref-1", "--source", "ACME")
    ended = here("status", umid, sandbox=sandbox)
    assert (ended.code, ended.err) == (0, "")
    told = dict(line.split(": ", 1) for line in ended.out.splitlines())
    assert (told["umid"], told["client_message_id"], told["source"], told["country"]) == (umid, "ref-1", "ACME", "SG")
    assert told["status.state"] in ("queued", "sent", "delivered")
    assert (told["encoding"], told["sms_count"]) == ("GSM7", "1")
    assert "body" not in told
    assert TO[1:] not in ended.out


def test_status_json_keeps_the_digits_of_a_price(here: Here, sandbox: Sandbox) -> None:
    umid = sent(sandbox, here)
    details = {
        "umid": umid,
        "status": {
            "state": "undelivered",
            "errorCode": 14,
            "errorMessage": f"no {TO}",
            "timestamp": "2026-01-02T03:04Z",
        },
        "msisdn": TO,
        "body": TEXT,
        "price": {"total": 0.03750, "perSms": 1.0, "currency": "EUR"},
    }
    body = json.dumps(details).replace("0.0375", "0.03750").encode()
    sandbox.faults.on_lookup(umid, *[Fault.answer(body)] * 2)
    told = json.loads(here("status", umid, "--json", sandbox=sandbox).out)
    assert told["price"] == {"total": "0.03750", "per_sms": "1.0", "currency": "EUR"}
    status = {"state": "undelivered", "detail": None, "timestamp": "2026-01-02T03:04:00+00:00", "error_code": 14}
    assert (told["status"], told["msisdn"], "body" in told) == (status, "+65******32", False)
    told = json.loads(here("status", umid, "--json", "--include-private", sandbox=sandbox).out)
    assert (told["status"]["error_message"], told["msisdn"], told["body"]) == (f"no {TO}", TO, TEXT)


def test_status_of_what_is_not_there(sandbox: Sandbox, here: Here) -> None:
    ended = here("status", NO_SUCH, "--json", sandbox=sandbox)
    assert (ended.code, json.loads(ended.out)["code"]) == (1, 1300)
    assert here("status", "../x", sandbox=sandbox).code == 2
    umid = sent(sandbox, here)
    sandbox.faults.on_lookup(umid, Fault.html())
    assert here("status", umid, sandbox=sandbox).code == 1  # a look-up sends no message


# --- feedback


def test_feedback_gets_there(here: Here, sandbox: Sandbox) -> None:
    umid = sent(sandbox, here, "--track", "Outcome")
    ended = here("feedback", umid, "success", "--timestamp", "2026-01-02T03:04:05+00:00", sandbox=sandbox)
    assert (ended.code, ended.out, ended.err) == (0, "taken: success\n", "")
    ended = here("feedback", umid, "failure", "--json", sandbox=sandbox)
    assert json.loads(ended.out) == {"ok": True, "outcome": "failure", "error": None, "code": None}
    first, second = sandbox.feedback
    assert (first.outcome, first.timestamp) == ("success", datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert (second.outcome, second.timestamp) == ("failure", None)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["feedback", NO_SUCH, "perhaps"], 2, "OUTCOME must be one of success, failure"),
        (["feedback", NO_SUCH], 2, "OUTCOME is missing"),
        (["feedback", NO_SUCH, "success", "--timestamp", "today"], 2, "--timestamp: must be ISO 8601"),
        (["feedback", NO_SUCH, "success"], 1, "code 1008"),
    ],
)
def test_feedback_that_makes_no_sense(
    sandbox: Sandbox, here: Here, arguments: list[str], code: int, words: str
) -> None:
    ended = here(*arguments, sandbox=sandbox)
    assert (ended.code, words in ended.err, sandbox.feedback) == (code, True, [])


# --- measure


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (["Hello"], "1 part: 5 septets, encoding GSM7\n"),
        (["-5"], "1 part: 2 septets, encoding GSM7\n"),
        (["x" * 161], "2 parts: 161 septets, encoding GSM7\n"),
        (["Hello", "--encoding", "UCS2"], "1 part: 5 UTF-16 units, encoding UCS2\n"),
    ],
)
def test_measure_counts(here: Here, arguments: list[str], out: str) -> None:
    ended = here("measure", *arguments)
    assert (ended.code, ended.out, ended.err) == (0, out, "")


@pytest.mark.parametrize(
    ("stdin", "out"),
    [
        ("Hell\u00f6\n", "1 part: 5 septets, encoding GSM7\n"),
        ("\ufeff\u00e9\r\n", "1 part: 1 septet, encoding GSM7\n"),
        ("", "0 parts: 0 septets, encoding GSM7\n"),
    ],
)
def test_measure_reads_stdin(stdin: str, out: str) -> None:
    ended = eightbyeight("measure", stdin=stdin.encode())
    assert (ended.code, ended.out, ended.err) == (0, out, "")


def test_measure_warns_of_what_will_be_cut_and_never_shows_the_text(tmp_path: Path, here: Here) -> None:
    path = tmp_path / "text.txt"
    path.write_text(f"{TEXT} " * 100 + "\n")
    ended = here("measure", "--file", path, "--json")
    found = {"encoding": "GSM7", "units": 2500, "parts": 17, "truncated": True, "foreign": "", "gsm7_parts": None}
    assert json.loads(ended.out) == found
    assert (ended.code, ended.err) == (0, "the platform truncates it to 10 parts and sends it\n")
    path.write_text(f"{TEXT}\u4e16")
    ended = here("measure", "--file", path, "--encoding", "GSM7")
    assert (ended.code, TEXT in ended.err) == (2, False)
    assert here("measure", "Hello", "--file", path).code == 2
    path.write_bytes(b"\xff")
    assert here("measure", "--file", path).err == f"eightbyeight: {path}: is not UTF-8\n"
    assert here("measure", "--file", tmp_path / "no").code == 2


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (
            "It\u2019s ready. " * 12,
            "UCS2: '\u2019' (U+2019 RIGHT SINGLE QUOTATION MARK) is not in GSM7; with GSM7 characters instead the text "
            "takes 1 part, not 3",
        ),
        (
            "\u201cnow\u201d",
            "UCS2: '\u201c' (U+201C LEFT DOUBLE QUOTATION MARK) and '\u201d' (U+201D RIGHT DOUBLE QUOTATION MARK) are "
            "not in GSM7; it costs no part more",
        ),
        ("\u60a8\u7684\u5305\u88f9", "UCS2: 4 different characters are not in GSM7; it costs no part more"),
    ],
)
def test_measure_says_what_makes_a_text_ucs2_and_what_it_costs(here: Here, text: str, note: str) -> None:
    ended = here("measure", text)
    assert (ended.code, ended.err) == (0, f"{note}\n")
    assert json.loads(here("measure", text, "--json").out)["foreign"] == "".join(
        dict.fromkeys(character for character in text if ord(character) > 255)
    )


# --- texts of more than ten parts


def test_a_long_text_is_sent_with_a_warning_unless_it_is_to_be_refused(sandbox: Sandbox, here: Here) -> None:
    long = "x" * 1531
    warning = "the text takes 11 parts (1531 septets of GSM7); beyond 10 the platform truncates it and sends it\n"
    for more, code, sends, err in (
        ([], 0, 1, warning),
        (["--long-text", "allow"], 0, 2, ""),
        (["--long-text", "refuse"], 2, 2, "eightbyeight: --text: takes 11 parts"),
    ):
        ended = here("send", "--to", TO, "--text", long, *more, sandbox=sandbox)
        assert (ended.code, len(sandbox.messages)) == (code, sends)
        assert ended.err.startswith(err) if err else not ended.err


@pytest.mark.parametrize("command", ["send-each", "send-batch"])
def test_long_texts_of_a_file(here: Here, sandbox: Sandbox, tmp_path: Path, command: str) -> None:
    path = tmp_path / "a.csv"
    lengths = [5, 1530, 1531, 5, *[2000] * 6]
    path.write_text("destination,text\n" + "".join(f"+4477009{n:05d},{'x' * size}\n" for n, size in enumerate(lengths)))
    refused = here(command, path, "--long-text", "refuse", sandbox=sandbox)
    assert (refused.code, refused.out, sandbox.traffic.requests) == (2, "", 0)
    assert refused.err.startswith("eightbyeight: a.csv:4 (row 3): text: takes 11 parts (1531 septets of GSM7); beyond")
    assert "7 problems; nothing was sent" in refused.err
    warned = here(command, path, sandbox=sandbox)
    assert (warned.code, len(sandbox.messages)) == (0, 10)
    note = "the platform will truncate texts of more than 10 parts, in 7 rows: 3, 5, 6, 7, 8, ...\n"
    assert warned.err.startswith(note)
    assert here(command, path, "--long-text", "allow", sandbox=sandbox).err.count("more than 10 parts") == 0


# --- the loop


async def _loop() -> str:
    return type(asyncio.get_running_loop()).__module__.partition(".")[0]


def test_uvloop_is_used_where_it_is_installed() -> None:
    pytest.importorskip("uvloop")
    assert run(_loop) == "uvloop"


def test_without_uvloop_asyncio_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert run(_loop) == "asyncio"
