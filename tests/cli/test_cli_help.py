"""`--help` of each command shows an example, and each example is a command line that is understood."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from cli.command_line import in_process

from eightbyeight_async.cli.commands.main import make_app

if TYPE_CHECKING:
    from cyclopts import App


def commands(app: App, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    names = [name for name in app if not name.startswith("-")]
    return [path] if not names else [one for name in names for one in commands(app[name], (*path, name))]


COMMANDS = commands(make_app())


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


def test_the_list_of_commands_is_whole() -> None:
    assert {("send",), ("send-each",), ("send-batch",), ("bulk", "run"), ("bulk", "status")} <= set(COMMANDS)
