"""A dry run, a look-up and an error show no text and no phone number, in no place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cli.command_line import in_process

from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

NUMBER = "6591110001"
TEXT = "secret words"


@pytest.mark.parametrize("as_json", [False, True])
def test_a_dry_run_of_send(as_json: bool, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    ended = in_process(
        "send", "--to", f"+{NUMBER}", "--text", TEXT, "--dry-run", *(["--json"] if as_json else []),
        "--client-message-id", f"order-{NUMBER}-+{NUMBER}", "--source", f"+{NUMBER}",
        capsys=capsys, sandbox=sandbox,
    )  # fmt: skip
    assert ended.code == 0, ended.err
    assert NUMBER not in ended.out + ended.err
    assert TEXT not in ended.out + ended.err
    if as_json:
        request = json.loads(ended.out)["request"]
        assert (request["client_message_id"], request["source"]) == ("order-65******01-+65******01", "+65******01")
    short = in_process(
        "send", "--to", f"+{NUMBER}", "--text", "x", "--dry-run", "--source", "ACME", "--client-message-id", "o-12345",
        capsys=capsys, sandbox=sandbox,
    )  # fmt: skip
    assert "source ACME, client_message_id o-12345" in short.out


@pytest.mark.parametrize("command", [["send-each"], ["send-batch"], ["bulk", "run"]])
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_dry_run_of_a_file(
    command: list[str], form: str, sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The output shows no values of rows. It shows names of columns and placeholders, with masked numbers."""
    file, journal = tmp_path / f"m.{form}", tmp_path / "run.db"
    row = {"destination": f"+{NUMBER}", "client_message_id": f"o-{NUMBER}", NUMBER: "", "note": TEXT}
    if form == "csv":
        file.write_text(",".join(row) + "\n" + ",".join(row.values()) + "\n")
    else:
        file.write_text(json.dumps(row) + "\n")
    where = ["--journal", str(journal)] if command[0] == "bulk" else []
    runs: list[tuple[int, list[str]]] = [
        (0, ["--text", f"{TEXT} {{{NUMBER}}}"]),
        (0, ["--text", TEXT, "--source", f"+{NUMBER}"]),
        (2, ["--text", f"{TEXT} {{{NUMBER}9}}"]),
        (2, ["--text", f"{TEXT} {{{NUMBER}"]),
        (2, ["--text", TEXT, "--source", f"+{NUMBER}+{NUMBER}"]),
        (2, ["--text", TEXT, f"--{NUMBER}"]),
    ]
    for json_too in ([], ["--json"]) if where else ([],):
        for code, options in runs:
            ended = in_process(*command, file, *where, *options, *json_too, "--dry-run", capsys=capsys, sandbox=sandbox)
            assert ended.code == code, ended.err
            assert NUMBER not in ended.out + ended.err, options
            assert TEXT not in ended.out + ended.err, options


def test_a_look_up(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    details: dict[str, Any] = {
        "umid": "u1", "msisdn": f"+{NUMBER}", "source": f"+{NUMBER}", "clientMessageId": f"o-{NUMBER}", "body": TEXT,
        "clientBatchId": f"b-{NUMBER}", "status": {"state": "rejected", "errorMessage": f"no {NUMBER}"},
    }  # fmt: skip
    for more in ([], ["--json"]):
        sandbox.faults.plan([Fault.answer(json.dumps(details).encode())])
        ended = in_process("status", "u1", *more, capsys=capsys, sandbox=sandbox)
        assert ended.code == 0, ended.err
        assert NUMBER not in ended.out
        assert TEXT not in ended.out
