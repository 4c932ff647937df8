"""Every code block of the README and of the pages runs in its own process, as a reader would run it."""

from __future__ import annotations

import csv
import json
import re
import shlex
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import attrs
import pytest
from cli.command_line import preloaded
from page_blocks import ROOT, blocks_of, run, run_python

from eightbyeight_async import AttemptEvent, Sent, WaitEvent, errors
from eightbyeight_async.sandbox import Fault, Sandbox

README = (ROOT / "README.md").read_text()
# Pages whose blocks run here, in this order. `test_frameworks.py` runs the blocks of `frameworks.md`, and
# `ledger/test_machines_page.py` those of `machines.md`.
NAMES = (
    "campaigns",
    "chatapps",
    "customers",
    "errors",
    "instrumentation",
    "receipts",
    "sending",
    "settings",
    "testing",
)
PAGES = {name: (ROOT / ".docs" / f"{name}.md").read_text() for name in NAMES}
BLOCKS = {name: blocks_of(text) for name, text in {"README": README, **PAGES}.items()}


def of(page: str, heading: str, language: str) -> list[str]:
    return [block.code for block in BLOCKS[page] if (block.heading, block.language) == (heading, language)]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as running:
        yield running


def test_every_block_is_known_here() -> None:
    known = [(page, block.heading, block.language) for page, found in BLOCKS.items() for block in found]
    assert known == [
        ("README", "Two commands", "console"),
        ("README", "Send a message", "python"),
        ("README", "Send many from a script", "python"),
        ("README", "Send many from a script", "console"),
        ("README", "In a web service", "python"),
        ("README", "A campaign", "console"),
        ("campaigns", "Campaigns that survive", "console"),
        ("campaigns", "Campaigns that survive", "python"),
        ("chatapps", "ChatApps", "python"),
        ("customers", "Send to a spreadsheet of customers", "console"),
        ("customers", "Files of customers", "toml"),
        ("errors", "Errors", ""),
        ("instrumentation", "Prometheus", "python"),
        ("instrumentation", "structlog", "python"),
        ("instrumentation", "OpenTelemetry", "python"),
        ("receipts", "Delivery receipts", "python"),
        ("sending", "Cancel", "python"),
        ("sending", "Batches", "python"),
        *[("testing", "Test your own code against the sandbox", "python")] * 3,
        ("testing", "Testing and instrumentation", "python"),
    ]
    elsewhere = {"frameworks", "machines", "index", "measured", "security"}
    assert {path.stem for path in (ROOT / ".docs").glob("*.md")} == {*NAMES, *elsewhere}


def test_every_page_is_linked_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(([^)]+)\)", README))
    assert {f".docs/{name}.md" for name in (*NAMES, "frameworks", "machines")} < linked
    assert [path for path in linked if not (ROOT / path).exists()] == []


def test_the_two_commands_name_sessions_that_exist() -> None:
    """CI runs the two commands in a fresh environment."""
    (commands,) = of("README", "Two commands", "console")
    noxfile, ci = (ROOT / "noxfile.py").read_text(), (ROOT / ".ci" / "run").read_text()
    for line in commands.splitlines():
        match = re.fullmatch(r"python -m pip install nox && python -m nox -s (\w+)", line)
        assert match, line
        assert re.search(rf"^def {match[1]}\(session", noxfile, re.MULTILINE)
        assert line in ci


def test_every_session_is_named() -> None:
    sessions = re.findall(r"^@nox.session.*\ndef (\w+)\(", (ROOT / "noxfile.py").read_text(), re.MULTILINE)
    assert len(sessions) > 8
    assert [name for name in sessions if not re.search(rf"`(python -m nox -s )?{name}`", README)] == []


def test_send_a_message(sandbox: Sandbox) -> None:
    (code,) = of("README", "Send a message", "python")
    sandbox.reset()
    printed = run_python(code, sandbox)
    (message,) = sandbox.messages
    assert printed == f"{message.umid} True GSM7\n"
    assert message.text == "Hello"


def test_in_a_web_service(sandbox: Sandbox) -> None:
    (code,) = of("README", "In a web service", "python")
    sandbox.reset()
    drive = """
import asyncio, httpx
async def drive():
    async with app.router.lifespan_context(app):
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://app") as http:
            for number in ("+6598765432", "nonsense", "+99912345678"):
                answer = await http.post("/login-code", params={"number": number})
                print(answer.status_code, sorted(answer.json()))
asyncio.run(drive())
"""
    assert run_python(code + drive, sandbox) == "200 ['umid']\n422 ['detail']\n422 ['detail']\n"
    assert len(sandbox.messages) == 1


def test_send_many(sandbox: Sandbox) -> None:
    (code,) = of("README", "Send many from a script", "python")
    sandbox.reset()
    assert run_python(code, sandbox).splitlines()[-1] == "1000 accepted"
    assert len({message.client_message_id for message in sandbox.messages}) == 1000


def test_send_many_from_the_command_line(sandbox: Sandbox, tmp_path: Path) -> None:
    (commands,) = of("README", "Send many from a script", "console")
    rows = "destination,name,source\n+6598765432,Ann,ACME\n+6598765433,Bob,ACME\n"
    (tmp_path / "messages.csv").write_text(rows)
    sandbox.reset()
    dry, wet = commands.splitlines()
    for line, sent in ((dry, 0), (wet, 2)):
        command = shlex.split(line)
        assert command[0] == "eightbyeight"
        ended = preloaded(*command[1:], sandbox=sandbox, cwd=tmp_path)
        assert ended.code == 0, ended.err
        assert len(sandbox.messages) == sent
    assert {message.text for message in sandbox.messages} == {"Hi Ann, we open at nine", "Hi Bob, we open at nine"}
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 2


def test_cancel(sandbox: Sandbox) -> None:
    (code,) = of("sending", "Cancel", "python")
    lines = run_python(code, sandbox).splitlines()
    assert lines[:2] == ["1", "0"]
    assert lines[2].startswith("not found (code 1300, HTTP 404")


def test_batches(sandbox: Sandbox) -> None:
    (code,) = of("sending", "Batches", "python")
    assert run_python(code, sandbox).splitlines() == ["0 True", "1 True", "2 accepted, 0 rejected", "2 cancelled"]


@pytest.mark.parametrize(
    ("page", "heading", "sent_after"),
    [("README", "A campaign", [0, 2, 2]), ("campaigns", "Campaigns that survive", [0, 2, 2, 2, 2, 2])],
)
def test_campaigns_from_the_command_line(
    sandbox: Sandbox, tmp_path: Path, page: str, heading: str, sent_after: list[int]
) -> None:
    (commands,) = of(page, heading, "console")
    rows = "destination,name,source\n+6598765432,Ann,ACME\n+6598765433,Bob,ACME\n"
    (tmp_path / "messages.csv").write_text(rows)
    sandbox.reset()
    sent = []
    for line in commands.splitlines():
        command = shlex.split(line)
        assert command[:2] == ["eightbyeight", "bulk"]
        ended = preloaded(*command[1:], sandbox=sandbox, cwd=tmp_path)
        assert ended.code == 0, ended.err
        sent.append(len(sandbox.messages))
    assert sent == sent_after
    assert page == "README" or len((tmp_path / "results.csv").read_text().splitlines()) == 3


@pytest.mark.long
def test_send_to_a_spreadsheet_of_customers(sandbox: Sandbox, tmp_path: Path) -> None:
    (commands,) = of("customers", "Send to a spreadsheet of customers", "console")
    rows = ["'+65 9123 4561;Ann;", "9123-4562; ;no", "006591234563;Cem;yes", "+6591234564;Dan;", "912345;Eve;"]
    rows += ["(+65) 91234566;Fay;", "9123 4567;Gus;"]
    text = "\r\n".join(["Phone Number;First Name;Unsubscribed;;", *rows, ""])
    (tmp_path / "customers.csv").write_text(text, "utf-8-sig")
    (tmp_path / "stopped.txt").write_text("+65 9123 4564\n")
    sandbox.reset()
    seen = []
    for line in commands.replace("\\\n", "").splitlines():
        command = shlex.split(line)
        assert command[:2] == ["eightbyeight", "bulk"]
        if command[3] == "bad.csv":
            bad = (tmp_path / "bad.csv").read_text("utf-8-sig")
            assert bad.count("\n") == 2
            (tmp_path / "bad.csv").write_text(bad.replace("912345;", "9123 4565;"))
        # With the account id, the plan requests the prices.
        done = preloaded(*command[1:], sandbox=sandbox, cwd=tmp_path, **sandbox.environment)
        seen.append((done.code, sorted(message.destination.lstrip("+")[2:] for message in sandbox.messages)))
        if "--dry-run" in command:
            for words in ("to 4 people: SG 4", "2 opted out", "1 bad row set aside", "cost: "):
                assert words in done.err, done.err
    samples = ["90000000"] * 3
    first, rest = ["91234561", "91234562"], ["91234566", "91234567"]
    assert seen[:2] == [(0, []), (0, samples)]
    assert seen[2:4] == [(1, samples + first), (1, samples + first + rest)], "1: a bad row is left to mend"
    assert seen[4:] == [(0, sorted([*samples, *first, *rest, "91234565"]))] * 5
    assert {message.text for message in sandbox.messages if message.destination.endswith("62")} == {
        "Hi there, your table is ready"
    }
    with (tmp_path / "results.csv").open(newline="") as file:
        results = [(row["state"], row["delivery"]) for row in csv.DictReader(file)]
    assert sorted(results) == [("opted_out", "")] * 2 + [("sent", "delivered")] * 5
    assert "<h2>By country</h2>" in (tmp_path / "report.html").read_text()


def test_rules_by_country(tmp_path: Path) -> None:
    from eightbyeight_async.cli.reading.country_rules import CountryRules

    (rules,) = of("customers", "Files of customers", "toml")
    (tmp_path / "rules.toml").write_text(rules)
    found = CountryRules.read(str(tmp_path / "rules.toml"), [], datetime.now(UTC))
    assert found is not None
    words = "SG: sender ACME, at most 100 messages a second, sent from 09:00-20:00, from Monday to Friday"
    assert found.lines(["SG"]) == [words]


def test_campaigns_from_a_script(sandbox: Sandbox) -> None:
    (code,) = of("campaigns", "Campaigns that survive", "python")
    sandbox.reset()
    assert run_python(code, sandbox).splitlines() == [
        "500 accepted, 0 known from before, 0 unknown",
        "0 accepted, 500 known from before, 0 unknown",
    ]
    assert len(sandbox.messages) == 500


def test_chatapps(sandbox: Sandbox) -> None:
    (code,) = of("chatapps", "ChatApps", "python")
    sandbox.reset()
    printed = run_python(code, sandbox)
    (message,) = sandbox.messages
    assert printed == f"{message.umid} queued\n"


def test_delivery_receipts() -> None:
    """`test_receipt_app.py` runs the example, with receipts over a real socket."""
    (code,) = of("receipts", "Delivery receipts", "python")
    assert (ROOT / "tests" / "receipt_app.py").read_text().endswith('"""\n\n' + code)


def test_the_tree_of_errors_is_the_codes() -> None:
    import eightbyeight_async

    (tree,) = of("errors", "Errors", "")
    drawn = set(re.findall(r"\w+Error", tree)) - {"ValueError", "RuntimeError"}
    exported = {name for name in eightbyeight_async.__all__ if name.endswith("Error")}
    assert drawn == exported


def test_the_table_of_codes_is_what_the_client_does() -> None:
    from eightbyeight_async.calls.read_response import _MEANINGS, _class_of

    rows = re.findall(r"^\| (\d+)(?: to (\d+))? \| (.*?) \| (.*?) \| (\w+) \|$", PAGES["errors"], re.MULTILINE)
    assert {int(first) for first, last, *_ in rows if not last} == set(_MEANINGS)
    for first, last, says, kind, sent in rows:
        for code in {int(first), int(last or first)}:
            for status in (400, 500):
                cls, expected = _class_of(status, code) or (None, None)
                assert expected is not None
                assert expected.name == sent
                assert cls is not None
                assert cls.__name__ in kind or (code == 1400 and status == 500)
            assert says == _MEANINGS.get(code, says)


def test_the_rules_of_codes_that_are_not_in_the_table() -> None:
    from eightbyeight_async.calls.read_response import _class_of

    (listed,) = re.findall(r"gets its class from the HTTP status: (.*?)\.\n", PAGES["errors"], re.DOTALL)
    pairs = re.findall(r"((?:\d{3}(?: and )?)+)\s+(\w+)", listed)
    named = {status: kind for many, kind in pairs for status in many.split(" and ")}
    assert len(named) == 8
    for status in (200, 202, 302, *map(int, named), 418, 499, 500, 503):
        for code in (1013, 1099, 1199, 3000, 3999):
            assert _class_of(status, code) == (errors.BadRequestError, Sent.NO)
        for code in (2004, 2999):
            assert _class_of(status, code) == (errors.ServerError, Sent.MAYBE)
        by_status = getattr(errors, named.get(str(status), ""), None)
        for code in (0, 429, 999, 1250, 4000):
            other = (errors.APIError, Sent.NO if 400 <= status < 500 else Sent.MAYBE)
            assert _class_of(status, code) == ((by_status, Sent.NO) if by_status else other), (status, code)
        assert _class_of(status, None) == ((by_status, Sent.NO) if by_status else None)


def test_the_sandbox_in_a_script(sandbox: Sandbox) -> None:
    code, _, _ = of("testing", "Test your own code against the sandbox", "python")
    assert run_python(code, sandbox) == "Sent.MAYBE 1\n"


@pytest.mark.parametrize("which", [1, 2])
def test_the_sandbox_in_pytest(sandbox: Sandbox, tmp_path: Path, which: int) -> None:
    code = of("testing", "Test your own code against the sandbox", "python")[which]
    (tmp_path / "test_mine.py").write_text(code)
    assert "1 passed" in run([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "."], sandbox, tmp_path)


def test_a_unit_test_without_network(sandbox: Sandbox) -> None:
    (code,) = of("testing", "Testing and instrumentation", "python")
    sandbox.reset()
    assert run_python(code, sandbox) == "u1 True\n"
    assert len(sandbox.messages) == 0


def test_prometheus(sandbox: Sandbox) -> None:
    (code,) = of("instrumentation", "Prometheus", "python")
    sandbox.reset()
    sandbox.faults.plan([Fault.server_error()])
    printed = run_python(code, sandbox).splitlines()
    assert 'eightbyeight_attempts_total{error="ServerError",operation="sms.send"} 1.0' in printed
    assert 'eightbyeight_attempts_total{error="",operation="sms.send"} 1.0' in printed
    assert 'eightbyeight_attempt_seconds_count{operation="sms.send"} 2.0' in printed
    assert 'eightbyeight_retries_total{operation="sms.send"} 1.0' in printed
    (waited,) = [line for line in printed if line.startswith('eightbyeight_waited_seconds_total{reason="retry"} ')]
    assert float(waited.split()[1]) > 0


def test_structlog(sandbox: Sandbox) -> None:
    (code,) = of("instrumentation", "structlog", "python")
    sandbox.reset()
    sandbox.faults.plan([Fault.server_error()])
    failed, done = map(json.loads, run_python(code, sandbox).splitlines())
    (message,) = sandbox.messages
    found = [(line["event"], line["level"], line["attempt"], line["code"], line["sent"]) for line in (failed, done)]
    assert found == [("attempt failed", "warning", 1, 2000, "maybe"), ("attempt", "info", 2, None, None)]
    assert done["umid"] == message.umid


def test_opentelemetry(sandbox: Sandbox) -> None:
    (code,) = of("instrumentation", "OpenTelemetry", "python")
    sandbox.reset()
    span = json.loads(run_python(code, sandbox))
    (message,) = sandbox.messages
    assert (span["name"], span["kind"]) == (f"send {sandbox.subaccount_id}", "SpanKind.PRODUCER")
    assert span["attributes"]["messaging.message.id"] == message.umid


def test_the_table_of_events_is_their_fields() -> None:
    for kind in (AttemptEvent, WaitEvent):
        (line,) = re.findall(rf"^\| `{kind.__name__}` \| (.*) \|$", PAGES["instrumentation"], re.MULTILINE)
        named = [name for name in re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", line)) if name != kind.__name__]
        assert named == [field.name for field in attrs.fields(kind)]


def test_the_settings_table_is_the_signature() -> None:
    import inspect

    from eightbyeight_async import AsyncConnectClient

    (table,) = re.findall(r"^# Settings\n(.*?)^An explicit", PAGES["settings"], re.MULTILINE | re.DOTALL)
    named = re.findall(r"^\| `(\w+)`", table, re.MULTILINE)
    assert named == [name for name in inspect.signature(AsyncConnectClient.__init__).parameters if name != "self"]


def test_the_map_names_what_exists() -> None:
    (table,) = re.findall(r"^## Map\n(.*?)^`benchmarks/`", README, re.MULTILINE | re.DOTALL)
    named = set(re.findall(r"`([\w/]+(?:\.py|/))`", table))
    package = ROOT / "eightbyeight_async"
    for name in named:
        assert (package / name).exists(), name
    files = {p.name for p in package.glob("*.py")} - {"__init__.py", "__main__.py", "version.py"}
    folders = {f"{p.parent.relative_to(package)}/" for p in package.glob("*/**/__init__.py")}
    assert files | folders == named
