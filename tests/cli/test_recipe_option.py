"""The recipe "an option of the command line": an option that no code reads fails here, in the run and in the dry run.

Each option of a sending command is in `OPTIONS` with a value that has an effect. The test compares the outputs of the
dry run and the results of the run, with and without the option, and with each other. If the dry run does not need an
option, the table has the reason.
"""

from __future__ import annotations

import json
import re
import shlex
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import chdir, closing
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from cli.command_line import Ended, in_process
from cli.test_recipe_field_cli import FIELDS, WRITTEN, options_of
from cli.test_recipe_field_cli import OPTIONS as FIELD_OPTIONS

from eightbyeight_async.sandbox import Fault
from eightbyeight_async.sandbox.messages.delivery_status import Delivery

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

    Setup = Callable[[Path, Sandbox, pytest.CaptureFixture[str]], object]

FLAG = ""  # the value of a flag
HOUR = WRITTEN["scheduled"]
ROWS = "destination,name\n+447700900001,Ann\n+447700900002,Bob\n+447700900003,Cem\n"
FILES = {
    "people.csv": ROWS,
    "twice.csv": f"{ROWS}+447700900003,Cem\n",
    "others.csv": "destination,name\n+447700900009,Dan\n",
    "refused.csv": "destination,name\n+9991234567,Eve\n",
    "no_plus.csv": "destination,name\n447700900005,Ida\n",
    "lines.csv": 'destination,name\n+447700900008,"Fay\nand Gus"\n',
    "some_wrong.csv": f"{ROWS}98,Flo\n",
    "out.csv": "phone\n+44 7700-900002\n",
    "prices.csv": "country,price,currency\nGB,0.03,EUR\n",
    "nowhere.csv": "destination,name\n+9991234567,Gil\n",
    "mobiles.csv": "mobile,name,text\n+447700900001,Ann,Hi\n",
    "written.csv": "destination,name\n+44 7700 900001,Ann\n",
    "national.csv": "destination,name\n7700900001,Ann\n",
    "wrong.key": "no-key-of-anybody\n",
    "rules.toml": "[GB]\nwidow = 1\n",
    "other.txt": "Hello {name}, this text is in a file",
}
FILE = {"FILE": "people.csv", "--text": "Hi {name}"}
# The line that each option is added to. `bulk run` has two readers: its JSON has the same numbers.
COMMANDS: dict[str, dict[str, str]] = {
    "send": {"--to": "+447700900001", "--text": "Hi", "--json": FLAG},
    "send-each": {**FILE, "--output": "sent.jsonl"},
    "send-batch": {**FILE, "--output": "sent.jsonl"},
    "bulk run": {**FILE, "--journal": "run.db", "--mode": "batch", "--json": FLAG},
}


@attrs.frozen
class Option:
    """
    Attributes:
        value: a value with an effect; None: the test removes the option from a line that has it. A refused value proves
            little, so it is only for options whose valid values leave no trace.
        beside: other options that both lines have, so that the value has an effect; None: both lines lack that option.
        before: prepares the folder.
        run_only: the reason why the dry run does not need the option.
        guess: the reason why the dry run cannot predict the run exactly.
    """

    value: str | None
    beside: Mapping[str, str | None] = {}
    before: Setup | None = None
    run_only: str | None = None
    guess: str | None = None


def a_campaign(file: str, *faults: Fault, mark: int | None = None, account: str | None = None) -> Setup:
    """An earlier run and its journal. `mark`: the journal has lost claims; `account`: it belongs to another
    sub-account.
    """

    def run(folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox.faults.plan(faults)
        line = ("bulk", "run", file, "--text", "Hi {name}", "--journal", "run.db", "--mode", "batch")
        in_process(*line, sandbox=sandbox, capsys=capsys)
        if mark is not None:
            path = folder / "run.db-mark"
            path.write_bytes(path.read_bytes()[:-8] + mark.to_bytes(8, "big"))
        if account is not None:
            with closing(sqlite3.connect(folder / "run.db", isolation_level=None)) as journal:
                journal.execute("UPDATE account SET subaccount_id=?", (account,))

    return run


def an_undelivered_message(journal: str) -> Setup:
    """An earlier campaign with this journal, in which the second message was not delivered."""

    def run(folder: Path, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
        sandbox.deliveries.on_destination("+447700900002", Delivery(outcome="undelivered"))
        sandbox.exports.polls = 0
        line = ("--journal", journal)
        in_process("bulk", "run", "people.csv", "--text", "Hi {name}", *line, sandbox=sandbox, capsys=capsys)
        in_process("bulk", "deliveries", *line, sandbox=sandbox, capsys=capsys)

    return run


def a_file(name: str) -> Setup:
    return lambda folder, *_: (folder / name).write_text("records of yesterday\n")


NO_CLIENT = "a dry run calls nobody, so it makes no client and needs no key"
NO_RECORDS = "a dry run writes no records"
NO_JOURNAL = "a dry run writes no journal"
OPTIONS = {
    "FILE": Option("others.csv"),
    "--to": Option("+447700900002"),
    "--text": Option("Hi" * 200),
    "--client-message-id": Option("ref-1"),
    # Fields of a message
    "--source": Option("S" * 17),
    "--country": Option("nowhere"),
    "--encoding": Option("UCS2", beside={"--text": "Hi" * 40}),
    "--scheduled": Option(HOUR),
    "--expiry": Option("tomorrow"),
    "--dlr-callback-url": Option("nowhere"),
    "--client-ip": Option("nowhere"),
    "--track": Option("Outcome", run_only="nothing that is counted or checked depends on it"),
    "send --track": Option("Outcome"),
    "--long-text": Option("refuse", beside={"--text": "Hi" * 2000}),
    # Reading the file
    "--text-file": Option("other.txt", {"--text": None}),
    "--map": Option("mobile=destination", {"FILE": "mobiles.csv", "--text": None}),
    "--default-country": Option("IR", {"FILE": "national.csv"}),
    "--file-encoding": Option("punycode"),
    "--sheet": Option("Sheet1"),
    "--window": Option("25:00-26:00"),
    "--weekdays": Option(FLAG, {"FILE": "nowhere.csv"}),
    "--rate-for": Option("nowhere"),
    "--rules": Option("rules.toml"),
    "--opt-out": Option("out.csv"),
    "--bad-rows": Option("bad.csv", {"FILE": "some_wrong.csv"}),
    "--problems": Option("others.csv"),
    "--clean-numbers": Option(FLAG, {"FILE": "written.csv"}),
    "--format": Option("jsonl"),
    "--delimiter": Option(";"),
    "--multiline": Option(FLAG, {"FILE": "lines.csv"}),
    # Speed
    "--concurrency": Option("0"),
    "--rate": Option("0"),
    "--chunk-size": Option("1"),
    # Output of results
    "--output": Option("other.jsonl", run_only=NO_RECORDS),
    "--force": Option(FLAG, before=a_file("sent.jsonl"), run_only=NO_RECORDS),
    "--include-private": Option(FLAG),
    # Limits of the plan
    "--prices": Option("prices.csv"),
    "--max-cost": Option("0.01", {"--prices": "prices.csv"}),
    "--max-messages": Option("2"),
    "--account-id": Option("sub-account"),
    "--limit": Option("2"),
    "--keep-trying": Option("soon"),
    "--on-end": Option("cat", run_only="a dry run is no run that ends"),
    "--test-to": Option("+447700900077"),
    "send --json": Option(None),
    "bulk run --json": Option(None),
    # Campaigns
    "--journal": Option("people.csv"),
    "--ledger": Option("http://example.com", {"--journal": None, "--campaign": "november"}),
    "--campaign": Option("november", {"--journal": None, "--ledger": "http://example.com"}),
    "--mode": Option("each"),
    "--durability": Option("process", run_only=NO_JOURNAL),
    "--store-private": Option(FLAG, run_only=NO_JOURNAL),
    "--duplicates": Option("send", {"FILE": "twice.csv"}),
    "--one-per-number": Option(FLAG, {"FILE": "twice.csv", "--duplicates": "send"}),
    "--require-plus": Option(FLAG, {"FILE": "no_plus.csv"}),
    "--resend-unknown": Option(FLAG, before=a_campaign("people.csv", Fault.accept_then_drop())),
    "--resend-failed": Option(FLAG, {"FILE": "refused.csv"}, before=a_campaign("refused.csv")),
    "--resend-undelivered": Option("first.db", {"--yes": FLAG}, before=an_undelivered_message("first.db")),
    "--allow-changed-input": Option(FLAG, before=a_campaign("others.csv")),
    "--allow-changed-account": Option(FLAG, before=a_campaign("people.csv", account="somebody-else")),
    "--accept-loss": Option(FLAG, before=a_campaign("people.csv", mark=99)),
    # The API
    "--subaccount-id": Option("somebody-else", guess="whose it is, only 8x8 knows"),
    "--region": Option("nowhere"),
    "--sms-base-url": Option("ftp://example.com"),
    "--chatapps-base-url": Option("ftp://example.com"),
    "--api-key-file": Option("wrong.key", run_only=NO_CLIENT),
    "--timeout": Option("0", run_only=NO_CLIENT),
    "--max-attempts": Option("0", run_only=NO_CLIENT),
}
# --yes has an effect only on a terminal, see test_cli_plan_check.
COMPARED = {"--dry-run", "--yes"}
ONE_RUN = {
    "--journal": "names the memory",
    **dict.fromkeys(("--ledger", "--campaign"), "instead of a journal; nothing is remembered there: test_cli_ledger"),
    "--dry-run": "nothing is begun",
    "--json": "how this run is told",
    "--resend-unknown": "doubles messages: to be asked for each time; in the line that goes on",
    "--resend-failed": "to be asked for each time; in the line that goes on",
    "--allow-changed-input": "the journal has the new input's fingerprint from then on",
    "--allow-changed-account": "the first message that is claimed then names the journal's account",
    "--accept-loss": "the first message that is claimed then is the journal's last",
    "--text-file": "the journal has its text as that of --text",
    "--problems": "a report of the run's input",
    "--yes": "to be asked for each time",
    "--on-end": "a command in a journal would run on the machine of whoever gets the journal",
    "--limit": "the next run sends the rest",
    "--test-to": "a trial, not the campaign",
    "--include-private": "how this run's plan is told",
    # The API's address and the account may differ on the next machine. So the journal does not have them, but the
    # printed command that continues the run has.
    **dict.fromkeys(("--subaccount-id", "--region", "--sms-base-url", "--chatapps-base-url"), "of this machine"),
    **dict.fromkeys(("--api-key-file", "--timeout", "--max-attempts"), "of this machine"),
}
NOT_IN_RESUME = {
    "--dry-run",
    "--json",
    "--ledger",
    "--campaign",
    "--text-file",
    "--problems",
    "--yes",
    "--limit",
    "--test-to",
    "--include-private",
    "--allow-changed-input",
    "--accept-loss",
}


def names_of(command: str) -> list[str]:
    """Returns the first name of each option."""
    return sorted(name for name in options_of(*command.split()) if name not in ("*", "--schedule", "--sample"))


PAIRS = [(command, name) for command in COMMANDS for name in names_of(command) if name not in COMPARED]


@attrs.frozen
class Seen:
    """Everything that a user or 8x8 can see of a run."""

    code: int
    out: str
    err: str
    messages: tuple[Any, ...]
    requests: int
    files: Mapping[str, str]
    afterwards: str


_SEEN: dict[object, Seen] = {}  # many options are compared with the same line


@pytest.fixture
def line(sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[..., Seen]:
    count = iter(range(100))

    def run(command: str, options: Mapping[str, str], before: Setup | None, *more: str) -> Seen:
        same = (command, tuple(options.items()), before, more)
        if same not in _SEEN:
            _SEEN[same] = fresh(command, options, before, *more)
        return _SEEN[same]

    def fresh(command: str, options: Mapping[str, str], before: Setup | None, *more: str) -> Seen:
        folder = tmp_path / str(next(count))
        folder.mkdir()
        for name, text in FILES.items():
            (folder / name).write_text(text)
        sandbox.reset()
        with chdir(folder):
            if before is not None:
                before(folder, sandbox, capsys)
            known, made = len(sandbox.messages), len(sandbox.requests)
            ended = in_process(*command.split(), *words(options), *more, sandbox=sandbox, capsys=capsys)
            messages, requests = sandbox.messages[known:], sandbox.requests[made:]
            again = ("bulk", "run", "--journal", "run.db", "--dry-run")
            # The options that the journal stores, as the next run prints them.
            ran = command == "bulk run" and not more and (folder / "run.db").exists()
            afterwards = in_process(*again, sandbox=sandbox, capsys=capsys).err if ran else ""
            files = {p.name: steady(p.read_text()) for p in folder.iterdir() if p.suffix == ".jsonl"}
        bodies = tuple(message.body for message in messages)
        return Seen(ended.code, steady(ended.out), steady(ended.err), bodies, len(requests), files, afterwards)

    return run


def words(options: Mapping[str, str]) -> list[str]:
    positional = [value for name, value in options.items() if not name.startswith("-")]
    return positional + [
        w for n, value in options.items() if n.startswith("-") for w in ((n, value) if value else (n,))
    ]


def steady(text: str) -> str:
    """Returns the text without ids and times."""
    text = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "ID", text)
    return re.sub(r"\d+\.\d+ s|(?<=\"seconds\": )[0-9.]+", "0", text)


@pytest.mark.parametrize(("command", "name"), PAIRS, ids=[" ".join(pair) for pair in PAIRS])
def test_an_option_does_in_the_run_what_the_dry_run_says(line: Callable[..., Seen], command: str, name: str) -> None:
    option = OPTIONS.get(f"{command} {name}", OPTIONS.get(name))
    assert option is not None, f"{name} is new: add it to OPTIONS here, with a value that makes a difference"
    without = {n: v for n, v in {**COMMANDS[command], **option.beside}.items() if v is not None}
    given = {n: v for n, v in {**without, name: option.value}.items() if v is not None}
    dry = line(command, given, option.before, "--dry-run")
    ignored = dry == line(command, without, option.before, "--dry-run")
    if option.run_only is None:
        assert not ignored, (
            f"`{command} --dry-run` ignores {name}: make it count there, or say in OPTIONS here why it is `run_only`"
        )
    else:
        assert ignored, f"`{command} --dry-run` knows {name}: it is not `run_only` any more"
    assert dry.messages == (), "a dry run sends nothing"
    run = line(command, given, option.before)
    assert run != line(command, without, option.before), f"`{command}` ignores {name}"
    if option.run_only is None and option.guess is None:
        assert promised(command, dry) == done(command, run), f"with {name} the dry run says other than the run does"


def promised(command: str, dry: Seen) -> object:
    """Returns the exit code, the number of messages and, if the dry run shows it, the number of requests."""
    if dry.code:
        return dry.code
    if command == "bulk run" and dry.out:
        told = json.loads(dry.out)
        if "new" not in told:  # --test-to
            return 0, told["samples"], told["samples"]
        return 0, told["new"] + told["again_unknown"] + told["again_failed"], told["requests"]
    (messages,) = re.findall(r"([\d,]+) to send\b", dry.err) or re.findall(r"([\d,]+) messages?\b", dry.err) or ["1"]
    batches = re.findall(r"([\d,]+) batch|([\d,]+) request", dry.err)
    return 0, int(messages), int("".join(batches[0])) if batches else int(messages)


def done(command: str, run: Seen) -> object:
    if run.code == 2:
        return run.code
    rejected = 0
    if command == "bulk run" and run.out:
        rejected = json.loads(run.out).get("rejected", 0)
    return 0, len(run.messages) + rejected, run.requests


def test_no_option_is_left_that_no_command_has() -> None:
    known = {name for command in COMMANDS for name in names_of(command)}
    assert {name.rpartition(" ")[2] for name in OPTIONS} | COMPARED == known
    assert set(ONE_RUN) <= set(names_of("bulk run"))


def test_a_campaign_remembers_every_option_but_those_of_one_run(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    values = {FIELD_OPTIONS[name]: WRITTEN[name] for name in FIELDS}
    values |= {"FILE": "people.csv", "--text": "Hi {name}", "--format": "csv", "--delimiter": ",", "--mode": "each"}
    values |= {"--long-text": "allow", "--chunk-size": "2", "--concurrency": "3", "--rate": "1000"}
    values |= {"--durability": "process", "--duplicates": "send", "--store-private": FLAG, "--one-per-number": FLAG}
    values |= {"--multiline": FLAG, "--require-plus": FLAG}
    values |= {"--map": "name=", "--default-country": "GB", "--clean-numbers": FLAG, "--file-encoding": "utf-8"}
    values |= {"--bad-rows": "bad.csv", "--opt-out": "out.csv"}
    values |= {
        "--prices": "prices.csv",
        "--max-cost": "9",
        "--max-messages": "9",
        "--account-id": "00000000-0000-0000-0000-000000000000",
        "--keep-trying": "1m",
        "--rate-for": "GB=100",
    }
    remembered = [name for name in names_of("bulk run") if name not in ONE_RUN]
    remembered.remove("--sheet")  # only for a spreadsheet, see test_cli_input_copy
    remembered.remove("--resend-undelivered")  # needs an earlier campaign, see test_cli_deliveries
    for name in ("--window", "--weekdays", "--rules"):  # their effect depends on the day, see test_cli_window
        remembered.remove(name)
    unknown = set(remembered) - set(values)
    assert not unknown, (
        "give each a value here that is not its default; it is a field of RememberedOptions "
        "(cli/bulk/remembered_options.py), or in ONE_RUN here with the reason"
    )
    for name in ("people.csv", "out.csv", "prices.csv"):
        (tmp_path / name).write_text(FILES[name])
    with chdir(tmp_path):
        line = words({**{name: values[name] for name in remembered}, "--journal": "run.db"})
        first = in_process("bulk", "run", *line, sandbox=sandbox, capsys=capsys)
        again = in_process("bulk", "run", "--journal", "run.db", sandbox=sandbox, capsys=capsys)
    assert (first.code, again.code) == (0, 0), first.err + again.err
    told = again.err.splitlines()[0]
    forgotten = [name for name in remembered if name.replace("FILE", "people.csv") not in re.findall(r"[\w.-]+", told)]
    assert not forgotten, f"the journal forgets them: RememberedOptions in cli/bulk/remembered_options.py ({told})"


def test_the_line_that_goes_on_repeats_every_option_of_one_run(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"FILE": "people.csv", "--text": "Hi {name}", "--journal": "run.db", "--json": FLAG}
    given |= {"--resend-unknown": FLAG, "--resend-failed": FLAG, "--allow-changed-input": FLAG, "--accept-loss": FLAG}
    given["--allow-changed-account"] = FLAG
    given |= {"--subaccount-id": sandbox.subaccount_id, "--region": "europe", "--sms-base-url": sandbox.sms_base_url}
    given |= {"--chatapps-base-url": sandbox.chatapps_base_url, "--api-key-file": "wrong.key", "--timeout": "7"}
    given |= {"--max-attempts": "2", "--on-end": "cat"}
    missing = set(ONE_RUN) - set(given) - NOT_IN_RESUME
    assert not missing, "give it a value here that is not its default"
    for name in ("people.csv", "wrong.key"):
        (tmp_path / name).write_text(FILES[name])
    with chdir(tmp_path):
        ended: Ended = in_process("bulk", "run", *words(given), sandbox=sandbox, capsys=capsys)
    assert ended.out, ended.err
    resume = set(shlex.split(json.loads(ended.out)["resume"]))
    assert set(ONE_RUN) - NOT_IN_RESUME == {word for word in resume if word.startswith("--")}, (
        "the command that goes on (cli/bulk/start.py) repeats what the journal does not remember"
    )
