"""The message after a failure: it has the words of the command's own operation, and it includes earlier attempts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from cli.command_line import Ended, in_process

from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Here

    from eightbyeight_async.sandbox import Sandbox

UMID = "bda3d56d-1424-e711-813c-06ed3428fe67"
TWICE = ["--max-attempts", "2"]


@pytest.mark.parametrize(
    ("command", "refused", "lost", "code"),
    [
        (["send", "--to", "+6591110001", "--text", "x"], "not sent)", "may have been sent)", 4),
        (["cancel", UMID], "not cancelled)", "may have been cancelled)", 4),
        (["cancel-batch", UMID], "not cancelled)", "may have been cancelled)", 4),
        (["chatapps-cancel", UMID], "not cancelled)", "may have been cancelled)", 4),
        (["feedback", UMID, "success"], "feedback not given)", "feedback may have been given)", 4),
        (["status", UMID], "could not be looked up)", "could not be looked up)", 1),
    ],
)
def test_the_words_fit_the_command(
    command: list[str],
    refused: str,
    lost: str,
    code: int,
    sandbox: Sandbox,
    capsys: pytest.CaptureFixture[str],
) -> None:
    for fault, words, exit_code in (
        (Fault.error(1000), refused, 1),
        (Fault.drop_before_accept(), lost, code),
        (Fault.html(), lost, code),
    ):
        for json_too in ([], ["--json"]):
            sandbox.faults.plan([fault])
            ended = in_process(*command, *json_too, capsys=capsys, sandbox=sandbox)
            assert (ended.code, ended.err.endswith(f"{words}\n")) == (exit_code, True), ended.err
            if json_too:
                assert json.loads(ended.out)["error"].endswith(words)
            assert command[0] == "send" or "sent" not in ended.out + ended.err


def planned(sandbox: Sandbox, answer: dict[str, Any], *, lost: bool) -> None:
    first = [Fault.server_error()] if lost else []
    sandbox.faults.plan([*first, Fault.answer(json.dumps(answer).encode())])


REJECTED = {"umid": UMID, "status": {"code": "REJECTED", "description": "no"}}
EARLIER = "an earlier attempt, to which 8x8 gave an internal error, may have been sent"


@pytest.mark.parametrize("lost", [False, True])
def test_send_says_that_an_earlier_attempt_may_be_out(
    lost: bool, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    def send(*more: str) -> Ended:
        planned(sandbox, REJECTED, lost=lost)
        return in_process("send", "--to", "+6591110001", "--text", "x", *TWICE, *more, capsys=capsys, sandbox=sandbox)

    ended = send()
    assert (ended.code, ended.err) == (4 if lost else 1, "")
    assert ended.out == (
        f"unknown: umid {UMID} is rejected, but {EARLIER}\n"
        if lost
        else f"rejected: umid {UMID}; the API took the request and refused the message\n"
    )
    (record,) = send("--json").records
    told = {name: record[name] for name in ("ok", "outcome", "status", "sent")}
    assert told == {
        "ok": False,
        "outcome": "unknown" if lost else "rejected",
        "status": "REJECTED",
        "sent": "maybe" if lost else "no",
    }


@pytest.mark.parametrize("mode", ["send-each", "send-batch"])
@pytest.mark.parametrize("lost", [False, True])
def test_records_say_it_too(mode: str, lost: bool, sandbox: Sandbox, tmp_path: Path, here: Here) -> None:
    file = tmp_path / "m.csv"
    file.write_text("destination,text\n+6591110001,x\n")
    batch = {"batchId": UMID, "acceptedCount": 0, "rejectedCount": 1, "messages": [REJECTED]}
    planned(sandbox, REJECTED if mode == "send-each" else batch, lost=lost)
    ended = here(mode, file, *TWICE, sandbox=sandbox)
    (record,) = ended.records
    assert (ended.code, record["outcome"], record["sent"]) == (
        (4, "unknown", "maybe") if lost else (1, "rejected", "no")
    )
    assert (f"1 unknown: status REJECTED, but {EARLIER}; first in row 1" in ended.err) is lost


@pytest.mark.parametrize("command", ["cancel", "cancel-batch", "chatapps-cancel"])
@pytest.mark.parametrize("lost", [False, True])
def test_a_cancellation_that_found_nothing_after_a_lost_one_is_unclear(
    command: str, lost: bool, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> None:
    for json_too in (False, True):
        planned(sandbox, {"cancelledCount": 0}, lost=lost)
        more = ["--json"] if json_too else []
        ended = in_process(command, UMID, *TWICE, *more, capsys=capsys, sandbox=sandbox)
        assert ended.code == (4 if lost else 1)
        if json_too:
            assert json.loads(ended.out).get("unclear", False) is lost
        else:
            assert ("an earlier attempt, to which 8x8 gave an internal error, may" in ended.out) is lost
