"""`--help` of each command describes every option and shows a valid example. Numeric options have limits."""

from __future__ import annotations

import shlex
from contextlib import chdir
from typing import TYPE_CHECKING, get_args

import pytest
from cli.command_line import in_process

from eightbyeight_async.cli.commands.main import make_app

if TYPE_CHECKING:
    from pathlib import Path

    from cyclopts import App, ArgumentCollection

    from eightbyeight_async.sandbox import Sandbox


def commands(app: App, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    names = [name for name in app if not name.startswith("-")]
    return [path] if not names else [one for name in names for one in commands(app[name], (*path, name))]


def arguments(command: tuple[str, ...]) -> ArgumentCollection:
    app = make_app()
    for name in command:
        app = app[name]
    return app.assemble_argument_collection()


COMMANDS = commands(make_app())
LINES = {
    ("send",): ["--to", "+447700900001", "--text", "Hi"],
    ("send-each",): ["people.csv", "--output", "sent.jsonl"],
    ("send-batch",): ["people.csv", "--output", "sent.jsonl"],
    ("bulk", "run"): ["people.csv", "--journal", "run.db"],
}
NUMBERS = [
    (command, argument.name)
    for command in LINES
    for argument in arguments(command)
    if {int, float} & {argument.hint, *get_args(argument.hint)}
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_of_a_command_has_an_example_that_is_understood(
    command: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    told = in_process(*command, "--help", capsys=capsys, COLUMNS="400").out
    assert "()" not in told, "an option that has no default shows none: show_default=False"
    whole = f"eightbyeight {' '.join(command)} "
    examples = [line.strip(" │|") for line in told.splitlines() if whole.strip() in line and "Usage" not in line]
    if not examples:
        app = make_app()
        examples = [line.strip() for line in (app[command].help or "").splitlines() if whole.strip() in line]
    assert examples, "its docstring needs an example between ```"
    for example in examples:
        words = shlex.split(example.partition(" > ")[0].partition(" < ")[0].partition(" && ")[0])
        assert words[0] == "eightbyeight"
        make_app().parse_args(words[1:], exit_on_error=False, print_error=False)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_help_tells_of_every_option(command: tuple[str, ...]) -> None:
    untold = [
        argument.names
        for argument in arguments(command)
        if "*" not in argument.names and not argument.parameter.help  # `*` is a group of options
    ]
    assert untold == [], "give each a `Parameter(help=...)`"


@pytest.mark.parametrize(("command", "name"), NUMBERS, ids=[" ".join((*command, name)) for command, name in NUMBERS])
@pytest.mark.parametrize("value", ["-1", "nan", "one"])
def test_a_number_that_cannot_be_meant_is_refused_by_its_name(
    command: tuple[str, ...],
    name: str,
    value: str,
    sandbox: Sandbox,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "people.csv").write_text("destination,text\n+447700900001,Hi\n")
    with chdir(tmp_path):
        ended = in_process(*command, *LINES[command], f"{name}={value}", sandbox=sandbox, capsys=capsys)
    assert (ended.code, sandbox.messages) == (2, []), ended.err
    setting = name.removeprefix("--").replace("-", "_")  # an error about a setting of the environment uses this name
    assert name in ended.err or f"{setting}: " in ended.err, ended.err


def test_the_list_of_commands_is_whole() -> None:
    assert {("send",), ("send-each",), ("send-batch",), ("bulk", "run"), ("bulk", "status")} <= set(COMMANDS)
