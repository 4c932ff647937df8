"""The recipe "a field of a request", on the command line: an option, a column and a dry run's line for each field."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING, Any

import attrs
import pytest
from cli.command_line import Ended, in_process
from test_every_operation import SMS
from test_recipe_field import KEYED, SHOWN

from eightbyeight_async import wire
from eightbyeight_async.cli.commands.main import make_app
from eightbyeight_async.models.sms import SmsRequest

if TYPE_CHECKING:
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

FIELDS = [field.name for field in attrs.fields(SmsRequest)]
OPTIONS = {name: "--to" if name == "destination" else f"--{name.replace('_', '-')}" for name in FIELDS}
NO_DEFAULT = {
    "destination": "each row has its own",
    "client_message_id": "each row has its own",
    "text": "--text is a template",
}
NOT_IN_DRY_RUN = {
    "dlr_callback_url": "its query may hold a token",
    "client_ip": "somebody's address",
}
FILE_COMMANDS = {"send-each": ("send-each",), "send-batch": ("send-batch",), "bulk run": ("bulk", "run")}
EACH = pytest.mark.parametrize("name", FIELDS)
# The values in cells and options, in the form in which they are sent.
WRITTEN = {name: wire.unstructure(SMS).get(wire.camel(name), "the sample has no value") for name in FIELDS}


def options_of(*path: str) -> set[str]:
    app: Any = make_app()
    for name in path:
        app = app[name]
    return {name for argument in app.assemble_argument_collection() for name in argument.names}


@pytest.mark.parametrize("command", [("send",), *FILE_COMMANDS.values()], ids=" ".join)
@EACH
def test_a_field_has_an_option(command: tuple[str, ...], name: str) -> None:
    if command != ("send",) and name in NO_DEFAULT:
        return
    assert OPTIONS[name] in options_of(*command), (
        f"{name}: add it to MessageFields (cli/commands/shared_options.py), for `send` and for all rows of a file"
    )


def test_send_passes_every_option_on(sandbox: Sandbox, capsys: pytest.CaptureFixture[str]) -> None:
    given = [part for name in FIELDS for part in (OPTIONS[name], WRITTEN[name])]
    sent(in_process("send", *given, sandbox=sandbox, capsys=capsys), sandbox)


@pytest.mark.parametrize("command", FILE_COMMANDS)
@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_a_file_has_a_column_for_every_field(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, form: str
) -> None:
    file = a_file(tmp_path, form, WRITTEN)
    sent(
        in_process(*FILE_COMMANDS[command], file, *kept_in(command, tmp_path), sandbox=sandbox, capsys=capsys), sandbox
    )


@pytest.mark.parametrize("command", FILE_COMMANDS)
def test_an_option_holds_for_the_rows_that_leave_the_field_out(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    file = a_file(tmp_path, "csv", {name: WRITTEN[name] for name in NO_DEFAULT})
    given = [part for name in FIELDS if name not in NO_DEFAULT for part in (OPTIONS[name], WRITTEN[name])]
    arguments = (*FILE_COMMANDS[command], file, *given, *kept_in(command, tmp_path))
    sent(in_process(*arguments, sandbox=sandbox, capsys=capsys), sandbox)


@pytest.mark.parametrize("command", FILE_COMMANDS)
def test_a_sample_shows_what_the_recipients_will_see(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    """`--test-to` sends the sample to the user's own number, immediately."""
    file = a_file(tmp_path, "csv", WRITTEN)
    arguments = (*FILE_COMMANDS[command], file, *kept_in(command, tmp_path), "--test-to", "+447700900077")
    ended = in_process(*arguments, sandbox=sandbox, capsys=capsys)
    assert ended.code == 0, ended.err
    (message,) = sandbox.messages
    seen = KEYED - {"destination", "country"}  # these come from the user's own number
    forgotten = [name for name in seen if message.body.get(wire.camel(name)) != WRITTEN[name]]
    assert not forgotten, "add it to the samples of `send_samples` (cli/sending/plan_check.py)"


def test_the_dry_run_of_send_tells_every_field(capsys: pytest.CaptureFixture[str]) -> None:
    given = [part for name in FIELDS for part in (OPTIONS[name], WRITTEN[name])]
    told = json.loads(in_process("send", *given, "--dry-run", "--json", capsys=capsys).out)["request"]
    assert set(told) - {"parts"} == set(FIELDS) - set(NOT_IN_DRY_RUN), (
        "add it to the fields that `send --dry-run` prints (cli/commands/single_message.py), "
        "or to NOT_IN_DRY_RUN here with the reason"
    )


@pytest.mark.parametrize("form", [(), ("--json",)], ids=["words", "json"])
@EACH
def test_the_dry_run_of_send_shows_no_number_that_stands_in_a_private_field(
    capsys: pytest.CaptureFixture[str], name: str, form: tuple[str, ...]
) -> None:
    if name in SHOWN or name in NOT_IN_DRY_RUN:
        return
    number = "9111000"  # short, so that a field with few characters accepts it
    given = {"destination": "+447700900001", "text": "Hi", name: number}
    line = [part for field, value in given.items() for part in (OPTIONS[field], value)]
    ended = in_process("send", *line, "--dry-run", *form, capsys=capsys)
    assert ended.code == 0, f"{name}: no number is a value of it; then it is harmless (SHOWN in test_recipe_field.py)"
    assert number not in ended.out + ended.err, f"{name}: mask it in `print_dry_run` (cli/commands/single_message.py)"


def sent(ended: Ended, sandbox: Sandbox) -> None:
    assert ended.code == 0, f"{ended.err} (a new kind of value? value_of in cli/reading/field_names.py reads it)"
    (message,) = sandbox.messages
    forgotten = [name for name in FIELDS if message.body.get(wire.camel(name)) != WRITTEN[name]]
    assert not forgotten, "it was lost between the command line and the wire"


def a_file(folder: Path, form: str, row: dict[str, str]) -> Path:
    path = folder / f"messages.{form}"
    with path.open("w", newline="") as file:
        if form == "csv":
            writer = csv.DictWriter(file, list(row))
            writer.writeheader()
            writer.writerow(row)
        else:
            file.write(json.dumps(row) + "\n")
    return path


def kept_in(command: str, folder: Path) -> tuple[object, ...]:
    return ("--journal", folder / "run.db") if command == "bulk run" else ("--output", folder / "sent.jsonl")
