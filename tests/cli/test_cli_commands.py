"""The real command against a real sandbox: its output and its exit code.

Tests about streams, signals or the start of the process use a process of its own; others run in this process (`here`).
"""

from __future__ import annotations

import http.server
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cli.command_line import COMMAND, ROOT, eightbyeight, environment, preloaded, started, under_way
from patience import PATIENCE

import eightbyeight_async
from eightbyeight_async.cli.commands.main import make_app
from eightbyeight_async.cli.sending import send_file
from eightbyeight_async.sandbox import Fault, Sandbox

if TYPE_CHECKING:
    from pathlib import Path

    from cli.command_line import Here

TO, TEXT = "+6598765432", "a text nobody should see"
TOMORROW = (datetime.now(UTC) + timedelta(days=1)).isoformat(timespec="seconds")


def csv_file(path: Path, count: int = 20) -> Path:
    lines = ["destination,name,client_message_id", *(f"+4477009{n:05d},Ann{n},ref-{n}" for n in range(1, count + 1))]
    path.write_text("\n".join(lines) + "\n")
    return path


# --- one message


def test_send_says_the_umid(sandbox: Sandbox) -> None:
    ended = eightbyeight("send", "--to", TO, "--text", TEXT, "--source", "ACME", sandbox=sandbox)
    (message,) = sandbox.messages
    assert (ended.code, ended.out, ended.err) == (0, f"accepted: umid {message.umid}, encoding GSM7\n", "")
    assert (message.destination, message.text, message.source) == (TO, TEXT, "ACME")
    assert sandbox.violations == []


def test_send_passes_every_field_on(here: Here, sandbox: Sandbox) -> None:
    options = {
        "--source": "ACME",
        "--country": "SG",
        "--encoding": "UCS2",
        "--scheduled": TOMORROW,
        "--expiry": "2099-01-01T00:00:00Z",
        "--client-message-id": "ref-1",
        "--dlr-callback-url": "https://example.com/dlr",
        "--client-ip": "192.0.2.1",
        "--track": "None",
    }
    given = [part for pair in options.items() for part in pair]
    assert here("send", "--to", "98765432", "--text", "-5", *given, sandbox=sandbox).code == 0
    (message,) = sandbox.messages
    assert message.body == {
        "destination": "98765432",
        "text": "-5",
        "source": "ACME",
        "country": "SG",
        "encoding": "UCS2",
        "scheduled": TOMORROW,
        "expiry": "2099-01-01T00:00:00+00:00",
        "clientMessageId": "ref-1",
        "dlrCallbackUrl": "https://example.com/dlr",
        "clientIp": "192.0.2.1",
        "track": "None",
    }


def test_send_json_is_one_object(here: Here, sandbox: Sandbox) -> None:
    ended = here("send", "--to", TO, "--text", TEXT, "--json", sandbox=sandbox)
    assert json.loads(ended.out) == {
        "ok": True,
        "outcome": "accepted",
        "umid": sandbox.messages[0].umid,
        "status": "QUEUED",
        "client_message_id": None,
        "error": None,
        "code": None,
        "sent": "yes",
        "attempts": None,
        "encoding": "GSM7",
    }


@pytest.mark.parametrize(
    ("fault", "code", "sent"),
    [
        (Fault.error(1005), 1, "no"),
        (Fault.too_many_requests(), 1, "no"),
        (Fault.error(1200, status=401), 3, "no"),
        (Fault.server_error(times=None), 4, "maybe"),
        (Fault.accept_then_drop(), 4, "maybe"),
        (Fault.html(), 4, "maybe"),
    ],
    ids=["refused", "429", "key", "internal", "dropped", "gateway"],
)
def test_send_ends_with_the_code_of_what_came_of_it(
    here: Here, sandbox: Sandbox, fault: Fault, code: int, sent: str
) -> None:
    sandbox.faults.on_destination(TO, fault)
    ended = here("send", "--to", TO, "--text", TEXT, "--json", "--max-attempts", 2, sandbox=sandbox)
    assert (ended.code, json.loads(ended.out)["sent"]) == (code, sent)
    assert ended.err.startswith("eightbyeight: ")
    assert ended.err.count("\n") == 1


def test_an_interrupted_send_may_have_been_sent(sandbox: Sandbox) -> None:
    sandbox.faults.plan([Fault.slow(10 * PATIENCE)])
    process = started("send", "--to", TO, "--text", TEXT, "--timeout", 10 * PATIENCE, sandbox=sandbox)
    under_way(process, lambda: sandbox.messages)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=PATIENCE)
    told = b"eightbyeight: interrupted; the message may have been sent\n"
    assert (process.returncode, out, err) == (130, b"", told)


def test_a_rejected_message_is_not_a_success(here: Here, sandbox: Sandbox) -> None:
    ended = here("send", "--to", "+9991234567", "--text", TEXT, sandbox=sandbox)
    assert (ended.code, ended.out.partition(":")[0]) == (1, "rejected")


def test_send_dry_run_needs_no_key_and_sends_nothing(here: Here, sandbox: Sandbox) -> None:
    ended = here("send", "--to", TO, "--text", TEXT, "--dry-run", sandbox=sandbox, EIGHTBYEIGHT_API_KEY="")
    assert (ended.code, sandbox.traffic.connections) == (0, 0)
    assert ended.out.startswith("would send: destination +65******32, text 24 characters, parts 1; to localhost:")


def test_the_key_can_come_from_a_file(here: Here, sandbox: Sandbox, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text(sandbox.api_key + "\n")
    send = ("send", "--to", TO, "--text", TEXT, "--api-key-file", key)
    assert here(*send, sandbox=sandbox, EIGHTBYEIGHT_API_KEY="wrong").code == 0
    key.unlink()
    ended = here(*send, sandbox=sandbox)
    assert (ended.code, ended.err) == (2, f"eightbyeight: --api-key-file {key}: No such file or directory\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["send", "--to", "98", "--text", TEXT], "--to: must be"),
        (["send", "--to", TO, "--text", ""], "--text: must not be empty"),
        (["send", "--to", TO, "--text", TEXT, "--scheduled", "soon"], "--scheduled: must be ISO 8601"),
        (["send", "--to", TO, "--text", TEXT, "--scheduled", "2099-01-01T00:00:00Z"], "--scheduled: must be at most 7"),
        (["send", "--to", TO, "--text", TEXT, "--encoding", TEXT], "--encoding: must be one of 'AUTO', 'GSM7', 'UCS2'"),
        (["send", "--to", TO, "--text", TEXT, "--timeout", "long"], "--timeout must be a number"),
        (["send", "--to", TO, "--text", TEXT, "--max-attempts", "0"], "max_attempts: must be"),
        (["send", "--to", TO, "--text", "a", "text"], "one argument too many"),
        (["send", "--to", TO, "--text", TEXT, f"--too={TO}"], "there is no option --too"),
        (["send", "--to", TO], "--text is missing"),
        (["sent", TO], "there is no such command"),
        (["send", "--to", TO, "--text", TEXT, "--region", "mars"], "region: must be one of"),
        (["send", "--to", TO, "--text", TEXT, "--sms-base-url", "http://example.com"], "sms_base_url: must be https"),
        (["send", "--to", TO, "--text", TEXT, "--subaccount-id", "a b"], "subaccount_id: must be"),
        (["cancel", "../x"], "umid: must be an id"),
        (["cancel-batch", ""], "batch_id: must be an id"),
        (["chatapps-cancel"], "is missing"),
        (["send-each", "nowhere.csv"], "nowhere.csv: No such file or directory"),
        (["send-each", "nowhere.txt"], "does not say whether it is CSV or JSONL"),
        (["send-each", "-"], "stdin does not say whether it is CSV or JSONL"),
        (["send-each", "nowhere.csv", "--rate", "0"], "--rate: must be"),
        (["send-each", "nowhere.csv", "--concurrency", "0"], "--concurrency: must be"),
        (["send-each", "nowhere.csv", "--delimiter", "ab"], "--delimiter: must be one character"),
        (["send-each", "nowhere.csv", "--text", "Hi {"], "--text: a single {"),
        (["send-each", "nowhere.csv", "--source", "x" * 17], "--source: must be at most 16"),
        (["demo", "--concurrency", "0"], "--concurrency: must be"),
        (["sandbox", "--port", "99999"], "--port, --chatapps-port: must be from 0 to 65535"),
        (["sandbox", "--rate-limit", "0"], "--rate-limit: must be"),
        (["sandbox", "--receipt-authorization", "a\nb"], "--receipt-authorization: must be printable ASCII"),
        (["sandbox", "--receipt-authorization", ""], "--receipt-authorization: must be printable ASCII"),
    ],
)
def test_a_mistake_is_one_line_and_exit_code_2(sandbox: Sandbox, here: Here, arguments: list[str], words: str) -> None:
    ended = here(*arguments, sandbox=sandbox)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("eightbyeight: ")
    assert words in ended.err
    assert ended.err.count("\n") == 1
    assert TEXT not in ended.err
    assert TO not in ended.err
    assert sandbox.traffic.requests == 0


def test_settings_that_are_missing_are_named(here: Here) -> None:
    ended = here("send", "--to", TO, "--text", TEXT)
    assert ended.code == 2
    assert "EIGHTBYEIGHT_API_KEY" in ended.err


def test_a_server_that_is_not_there_is_a_failure_that_sent_nothing(here: Here, sandbox: Sandbox) -> None:
    ended = here("send", "--to", TO, "--text", TEXT, "--sms-base-url", "https://127.0.0.1:1", sandbox=sandbox)
    assert ended.code == 1
    assert ended.err.endswith("(not sent)\n")


# --- cancelling


def schedule(sandbox: Sandbox, product: str, path: str, body: dict[str, object]) -> dict[str, str]:
    base = {"sms": sandbox.sms_base_url, "chatapps": sandbox.chatapps_base_url}[product]
    answer = httpx.post(
        f"{base}/api/v1/subaccounts/{sandbox.subaccount_id}/messages{path}",
        json=body,
        headers={"Authorization": f"Bearer {sandbox.api_key}"},
        verify=sandbox.ssl_context(),
    )
    return answer.raise_for_status().json()  # type: ignore[no-any-return]


def test_cancel_cancels_once(here: Here, sandbox: Sandbox) -> None:
    umid = schedule(sandbox, "sms", "", {"destination": TO, "text": TEXT, "scheduled": TOMORROW})["umid"]
    assert here("cancel", umid, sandbox=sandbox).out == "cancelled: 1 message\n"
    assert sandbox.messages[0].state == "cancelled"
    again = here("cancel", umid, "--json", sandbox=sandbox)
    assert (again.code, json.loads(again.out)) == (
        1,
        {"ok": False, "cancelled_count": 0, "error": None, "code": None},
    )


def test_cancel_batch_cancels_all_of_it(here: Here, sandbox: Sandbox) -> None:
    body = {"destinations": [TO, "+14155550100"], "template": {"text": TEXT, "scheduled": TOMORROW}}
    batch = schedule(sandbox, "sms", "/batch", body)["batchId"]
    ended = here("cancel-batch", batch, "--json", sandbox=sandbox)
    assert (ended.code, json.loads(ended.out)["cancelled_count"]) == (0, 2)


def test_chatapps_cancel_goes_to_the_other_host(here: Here, sandbox: Sandbox) -> None:
    body = {"user": {"msisdn": TO}, "type": "text", "content": {"text": TEXT}, "scheduled": TOMORROW}
    umid = schedule(sandbox, "chatapps", "", body)["umid"]
    assert here("cancel", umid, sandbox=sandbox).code == 1
    assert here("chatapps-cancel", umid, sandbox=sandbox).code == 0


def test_an_unknown_id_is_not_found_and_a_lost_answer_is_unknown(here: Here, sandbox: Sandbox) -> None:
    umid = schedule(sandbox, "sms", "", {"destination": TO, "text": TEXT, "scheduled": TOMORROW})["umid"]
    ended = here("cancel", umid.replace(umid[0], "0" if umid[0] != "0" else "1"), sandbox=sandbox)
    assert (ended.code, "code 1300" in ended.err, ended.err.endswith("; not cancelled)\n")) == (1, True, True)
    sandbox.faults.on_cancel(umid, Fault.accept_then_drop())
    ended = here("cancel", umid, sandbox=sandbox)
    assert (ended.code, ended.err.endswith("(may have been cancelled)\n")) == (4, True)


# --- a file


def test_send_each_sends_every_row_and_records_it(sandbox: Sandbox, tmp_path: Path) -> None:
    ended = preloaded("send-each", csv_file(tmp_path / "a.csv"), "--text", "Hi {name}", sandbox=sandbox)
    assert ended.code == 0
    assert {m.client_message_id: m.text for m in sandbox.messages} == {f"ref-{n}": f"Hi Ann{n}" for n in range(1, 21)}
    by_umid = {m.umid: m.client_message_id for m in sandbox.messages}
    assert sorted(r["row"] for r in ended.records) == list(range(1, 21))
    for record in ended.records:
        assert record == {
            "row": record["row"],
            "index": record["row"] - 1,
            "ok": True,
            "outcome": "accepted",
            "umid": record["umid"],
            "status": "QUEUED",
            "client_message_id": f"ref-{record['row']}",
            "error": None,
            "code": None,
            "sent": "yes",
            "attempts": None,
        }
        assert by_umid[record["umid"]] == record["client_message_id"]
    assert "\na.csv: 20 messages, 20 parts, to localhost:" in ended.err
    assert "\n20 rows: 20 accepted, 0 rejected, 0 failed, 0 unknown (" in ended.err
    assert "\x1b" not in ended.err
    assert sandbox.violations == []


@pytest.mark.parametrize("arguments", [["-", "--format", "jsonl"], ["/dev/stdin", "--format", "jsonl"]])
def test_send_each_reads_stdin(sandbox: Sandbox, arguments: list[str]) -> None:
    lines = b'{"destination": "+6598765432", "text": "Hi"}\n' * 3
    ended = preloaded("send-each", *arguments, sandbox=sandbox, stdin=lines)
    assert (ended.code, len(sandbox.messages), len(ended.records)) == (0, 1, 3)


def test_nothing_is_sent_if_anything_is_wrong_with_the_file(here: Here, sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", 2000)
    path.write_text(path.read_text() + "".join(f"98,{TEXT},\n" for _ in range(30)))
    ended = here("send-each", path, "--text", "Hi {name}", sandbox=sandbox)
    assert (ended.code, ended.out, sandbox.traffic.connections) == (2, "", 0)
    lines = ended.err.splitlines()
    assert lines[0].startswith("eightbyeight: a.csv:2002 (row 2001): destination: must be")
    assert lines[20:] == ["eightbyeight: a.csv: and 10 more", "eightbyeight: 30 problems; nothing was sent"]
    assert TEXT not in ended.err


def test_send_each_dry_run_needs_no_key_and_shows_the_plan(here: Here, sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv")
    arguments = ("send-each", path, "--text", "Hi {name}", "--scheduled", TOMORROW, "--rate", 5, "--dry-run")
    ended = here(*arguments, sandbox=sandbox, EIGHTBYEIGHT_API_KEY="", EIGHTBYEIGHT_SUBACCOUNT_ID="")
    assert (ended.code, ended.out, sandbox.traffic.connections) == (0, "", 0)
    assert "\na.csv: 20 messages (20 of them scheduled), 20 parts, to localhost:" in ended.err
    assert ended.err.endswith("sub-account not set, 50 at a time, at most 5 requests a second; nothing was sent\n")


def test_output_goes_to_a_new_file(here: Here, sandbox: Sandbox, tmp_path: Path) -> None:
    path, output = csv_file(tmp_path / "a.csv"), tmp_path / "o.jsonl"
    arguments = ("send-each", path, "--text", "Hi", "--output", output)
    assert here(*arguments, sandbox=sandbox).out == ""
    assert len(output.read_text().splitlines()) == 20
    again = here(*arguments, sandbox=sandbox)
    assert (again.code, "--force" in again.err, len(sandbox.messages)) == (2, True, 20)
    assert here(*arguments, "--force", "--include-private", sandbox=sandbox).code == 0
    assert {json.loads(line)["text"] for line in output.read_text().splitlines()} == {"Hi"}


def test_the_exit_code_of_a_file_is_that_of_its_worst_row(here: Here, sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", 4)
    one, two = "+447700900001", "+447700900002"
    sandbox.faults.on_destination(one, Fault.error(1005))
    ended = here("send-each", path, "--text", "Hi", sandbox=sandbox)
    assert ended.code == 1
    assert "4 rows: 3 accepted, 0 rejected, 1 failed, 0 unknown (" in ended.err
    sandbox.faults.on_destination(one, Fault.error(1005))
    sandbox.faults.on_destination(two, Fault.accept_then_drop())
    ended = here("send-each", path, "--text", "Hi", sandbox=sandbox)
    assert ended.code == 4
    assert "4 rows: 2 accepted, 0 rejected, 1 failed, 1 unknown (" in ended.err


def test_a_refused_key_is_exit_code_3_and_says_what_was_not_tried(here: Here, sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", 500)
    arguments = ("send-each", path, "--text", "Hi", "--concurrency", 5)
    ended = here(*arguments, sandbox=sandbox, EIGHTBYEIGHT_API_KEY="revoked")
    tried = len(ended.records)
    assert ended.code == 3
    assert tried <= 15
    assert f"{tried} failed, 0 unknown, {500 - tried} not tried" in ended.err
    assert f"stopped: the API key is not accepted; {500 - tried} rows were not tried\n" in ended.err


def test_an_interrupted_run_says_what_is_unknown(sandbox: Sandbox, tmp_path: Path) -> None:
    """SIGINT and SIGTERM, each to a run of its own: both wait for the same 2 s for answers that do not come."""
    path = csv_file(tmp_path / "a.csv", 500)
    options = ("--text", "Hi", "--concurrency", 5, "--timeout", 10 * PATIENCE)
    with Sandbox() as another:
        interrupted = []
        for number, server in ((signal.SIGINT, sandbox), (signal.SIGTERM, another)):
            server.faults.plan([*[None] * 20, Fault.slow(10 * PATIENCE, times=None)])
            process = started("send-each", path, *options, sandbox=server)
            assert process.stdout is not None
            out = [process.stdout.readline() for _ in range(20)]
            under_way(process, lambda server=server: len(server.messages) == 25)
            process.send_signal(number)
            interrupted.append((process, out))
        for process, out in interrupted:
            rest, err = process.communicate(timeout=PATIENCE)
            records = [json.loads(line) for line in [*out, *rest.splitlines()]]
            assert process.returncode == 130
            assert sorted(r["outcome"] for r in records) == ["accepted"] * 20 + ["unknown"] * 5
            assert b"500 rows: 20 accepted, 0 rejected, 0 failed, 5 unknown, 475 not tried (" in err
            assert b"Traceback" not in err


def test_a_reader_that_leaves_stops_the_run(sandbox: Sandbox, tmp_path: Path) -> None:
    path = csv_file(tmp_path / "a.csv", 3000)
    # At this rate the messages take longer than any reader needs to close the pipe.
    process = started("send-each", path, "--text", "Hi", "--concurrency", 5, "--rate", 50, sandbox=sandbox)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    err = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(PATIENCE) == 1
    assert "stopped: stdout: the reader has closed the pipe" in err
    assert "Traceback" not in err
    assert f"3,000 rows: {len(sandbox.messages):,} accepted" in err
    assert len(sandbox.messages) < 3000


def test_a_full_disk_stops_the_run_and_the_lost_records_are_told(sandbox: Sandbox, tmp_path: Path) -> None:
    path, output = csv_file(tmp_path / "a.csv", 500), tmp_path / "o.jsonl"
    arguments = [*COMMAND, "send-each", path, "--text", "Hi", "--concurrency", "5", "--output", output]
    limited = f"""import resource, os, signal
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
os.execv({sys.executable!r}, {list(map(str, arguments))!r})"""
    ended = subprocess.run(  # noqa: S603
        [sys.executable, "-c", limited],
        capture_output=True,
        text=True,
        env=environment(sandbox, PYTHONDONTWRITEBYTECODE="1"),
        check=False,
    )
    written = [json.loads(line) for line in output.read_text().splitlines()]
    told = [json.loads(line) for line in ended.stderr.splitlines() if line.startswith("{")]
    assert ended.returncode == 1
    assert "File too large" in ended.stderr
    assert sorted(r["umid"] for r in [*written, *told]) == sorted(m.umid for m in sandbox.messages)
    assert f"500 rows: {len(sandbox.messages)} accepted" in ended.stderr


def test_a_file_that_changes_while_it_is_checked_is_not_sent(
    sandbox: Sandbox, tmp_path: Path, here: Here, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, plan = csv_file(tmp_path / "a.csv"), send_file.check_file

    def slow_plan(*given: Any, **more: Any) -> Any:
        checked = plan(*given, **more)
        path.write_text(path.read_text().replace("Ann", "Bob"))
        return checked

    monkeypatch.setattr(send_file, "check_file", slow_plan)
    ended = here("send-each", path, "--text", "Hi {name}", sandbox=sandbox)
    assert (ended.code, sandbox.traffic.connections) == (2, 0)
    assert ended.err.endswith("\neightbyeight: a.csv: changed while it was checked; nothing was sent\n")


def test_a_file_that_changes_under_the_run_stops_it(sandbox: Sandbox, tmp_path: Path) -> None:
    """The file is rewritten in place after the check: no changed row is sent."""
    path = csv_file(tmp_path / "a.csv", 20_000)
    process = started("send-each", path, "--text", "Hi {name}", "--concurrency", 5, "--rate", 200, sandbox=sandbox)
    assert process.stdout is not None
    process.stdout.readline()
    with path.open("r+") as file:
        text = file.read().replace("Ann", "Bob")
        file.seek(0)
        file.write(text)
    process.send_signal(signal.SIGINT)  # at this rate, the rest of the first block would take a minute
    _, err = process.communicate(timeout=PATIENCE)
    assert b"Traceback" not in err
    assert {(m.text or "")[:6] for m in sandbox.messages} == {"Hi Ann"}


# --- other


def test_help_and_version_need_no_settings(here: Here) -> None:
    assert eightbyeight("--version").out == f"{eightbyeight_async.__version__}\n"
    assert here().out == here("--help").out
    for command in make_app():
        if command.startswith("-") or command == "bulk":
            continue
        ended = here(command, "--help", COLUMNS="200")
        assert ended.code == 0
        assert f"eightbyeight {command}" in ended.out.split("\n", 1)[1], "an example"
        assert "Exit codes: 0" in ended.out


def test_without_the_extra_the_command_says_what_to_install() -> None:
    code = (
        "import sys, importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *rest: None if name in ('cyclopts', 'rich') else find(name, *rest)\n"
        "from eightbyeight_async.__main__ import main; sys.exit(main())"
    )
    ended = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT, env=environment(None)
    )
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert 'pip install "eightbyeight-async[cli]"' in ended.stderr


def test_an_interrupt_while_it_is_being_imported_is_one_line() -> None:
    code = (
        "import os, signal, sys\n"
        "class Finder:\n"
        "    def find_spec(self, name, *rest):\n"
        "        if name == 'eightbyeight_async.cli.entry': os.kill(os.getpid(), signal.SIGTERM)\n"
        "sys.meta_path.insert(0, Finder())\n"
        "sys.argv = ['eightbyeight', 'send']\n"
        "from eightbyeight_async.__main__ import main; sys.exit(main())"
    )
    ended = subprocess.run(  # noqa: S603
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=ROOT, env=environment(None)
    )
    assert (ended.returncode, ended.stderr) == (130, "eightbyeight: interrupted; nothing was sent\n")


def test_a_bug_is_one_line_without_what_it_was_about(tmp_path: Path) -> None:
    code = (
        "import sys\n"
        "from eightbyeight_async.cli.commands import single_message\n"
        f"def broken(*_, **__): raise ValueError({TO!r})\n"
        "single_message.send = broken\n"
        "from eightbyeight_async.__main__ import main\n"
        f"sys.argv = ['eightbyeight', 'send', '--to', {TO!r}, '--text', 'Hi']\n"
        "sys.exit(main())"
    )

    def run(**more: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603
            [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=environment(None, **more)
        )

    ended = run()
    assert (ended.returncode, ended.stderr.count("\n"), TO in ended.stderr) == (70, 1, False)
    assert "internal error: ValueError" in ended.stderr
    assert "Traceback" in run(EIGHTBYEIGHT_DEBUG="1").stderr


def test_the_sandbox_command_prints_what_points_at_it() -> None:
    process = started("sandbox", "--latency", "0.01")
    assert process.stdout is not None
    names = ("API_KEY", "SUBACCOUNT_ID", "ACCOUNT_ID", "SMS_BASE_URL", "CHATAPPS_BASE_URL")
    lines = [process.stdout.readline().decode().split() for _ in range(6)]
    assert {word for word, _ in lines} == {"export"}
    variables = dict(rest.split("=", 1) for _, rest in lines)
    assert variables.keys() == {*(f"EIGHTBYEIGHT_{name}" for name in names), "SSL_CERT_FILE"}
    assert preloaded("send", "--to", TO, "--text", TEXT, **variables).code == 0
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=PATIENCE)
    assert (process.returncode, b"stopped: 1 messages accepted, 0 rejected, 1 requests" in err) == (0, True)
    assert not os.path.exists(variables["SSL_CERT_FILE"])  # noqa: PTH110


class Receiver(http.server.BaseHTTPRequestHandler):
    """Answers 204, and keeps the Authorization value and the status of each receipt."""

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        seen: queue.SimpleQueue[Any] = self.server.seen  # type: ignore[attr-defined]
        self.send_response(204)
        self.end_headers()
        seen.put((self.headers["Authorization"], event["payload"]["status"]))

    def log_message(self, *_: object) -> None:
        """Prints nothing."""


def test_the_sandbox_command_posts_receipts_as_it_is_told() -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), Receiver) as server:
        server.seen = queue.SimpleQueue()  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever).start()
        process = started("sandbox", "--receipt-authorization", "Bearer 9Q", "--delivery", "delivered_to_operator")
        assert process.stdout is not None
        lines = [process.stdout.readline().decode().split() for _ in range(6)]
        variables = dict(rest.split("=", 1) for _, rest in lines)
        url = f"http://127.0.0.1:{server.server_port}/receipts"
        assert preloaded("send", "--to", TO, "--text", TEXT, "--dlr-callback-url", url, **variables).code == 0
        told = [server.seen.get(timeout=PATIENCE) for _ in range(2)]  # type: ignore[attr-defined]
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        server.shutdown()
    assert [(secret, status["state"], status.get("detail")) for secret, status in told] == [
        ("Bearer 9Q", "sent", None),
        ("Bearer 9Q", "delivered", "delivered_to_operator"),
    ]


# --- privacy


def test_no_number_no_text_and_no_key_in_anything_it_prints(here: Here, sandbox: Sandbox, tmp_path: Path) -> None:
    """Every outcome, in records and on stderr, even if the reference contains the number."""
    numbers = [f"+4477009{n:05d}" for n in range(1, 9)] + ["+99912345678"]
    path = tmp_path / "a.csv"
    path.write_text(
        "destination,text,client_message_id\n"
        + "".join(f"{number},{TEXT} {at},ref-{number[1:]}\n" for at, number in enumerate(numbers))
    )
    faults = [
        Fault.error(1002, reason=f"no number {numbers[0]}"),
        Fault.error(1200, status=400, reason=TEXT),
        Fault.html(body=TEXT.encode()),
        Fault.accept_then_drop(),
        Fault.answer(json.dumps({"umid": "u", "status": {"code": numbers[4]}}).encode()),
        Fault.answer(json.dumps({"umid": 5, "status": TEXT}).encode()),
    ]
    for number, fault in zip(numbers, faults, strict=False):
        sandbox.faults.on_destination(number, fault)
    ended = [
        here("send-each", path, sandbox=sandbox),
        here("send-each", path, "--dry-run", sandbox=sandbox),
        here("send", "--to", numbers[6], "--text", TEXT, "--json", sandbox=sandbox),
        here("send", "--to", numbers[6], "--text", TEXT, "--dry-run", "--json", sandbox=sandbox),
    ]
    assert [e.code for e in ended] == [4, 0, 0, 0]
    for text in (e.out + e.err for e in ended):
        assert TEXT not in text
        assert sandbox.api_key not in text
        for number in numbers:
            assert number[1:] not in text
    assert len(ended[0].records) == 9


def test_private_records_are_asked_for_and_for_their_owner(here: Here, sandbox: Sandbox, tmp_path: Path) -> None:
    path, output = csv_file(tmp_path / "a.csv", 1), tmp_path / "o.jsonl"
    here("send-each", path, "--text", TEXT, "--include-private", "--output", output, sandbox=sandbox)
    record = json.loads(output.read_text())
    assert (record["destination"], record["text"]) == ("+447700900001", TEXT)
    assert output.stat().st_mode & 0o777 == 0o600
