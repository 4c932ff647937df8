"""A mistyped option or command: one line with the most similar name, exit code 2, no value shown, nothing sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from eightbyeight_async.cli.commands.main import make_app
from eightbyeight_async.cli.did_you_mean import _OPTIONS

if TYPE_CHECKING:
    from cli.command_line import Here

    from eightbyeight_async.sandbox import Sandbox

TO, SECRET = "+6598765432", "a-text-nobody-should-see"
SEND = ("send", "--to", TO, "--text", SECRET)
CASES = [
    # The mistyped option is required, so another error would come first
    (("send", "--message", SECRET, "--to", TO), "--message; did you mean --text?"),
    (("send", "--body", SECRET, "--to", TO), "--body; did you mean --text?"),
    (("send", "--tet", SECRET, "--to", TO), "--tet; did you mean --text?"),
    (("send", "--to", TO, f"--tet={SECRET}"), "--tet; did you mean --text?"),
    (("send", "-text", SECRET, "--to", TO), "-text; did you mean --text?"),
    (("send", "--TEXT", SECRET, "--to", TO), "--TEXT; did you mean --text?"),
    (("send", "--phone", TO, "--text", SECRET), "--phone; did you mean --to?"),
    (("send", "--number", TO, "--text", SECRET), "--number; did you mean --to?"),
    (("send", f"--number={TO}", "--text", SECRET), "--number; did you mean --to?"),
    (("send", "--text=", f"--destination={TO}"), "--destination; did you mean --to?"),
    (("bulk", "status", "--jurnal", "run.db"), "--jurnal; did you mean --journal?"),
    # The mistyped option is not required
    ((*SEND, "--from", "ACME"), "--from; did you mean --source?"),
    ((*SEND, "--sender", "ACME"), "--sender; did you mean --source?"),
    ((*SEND, "--dryrun"), "--dryrun; did you mean --dry-run?"),
    ((*SEND, "--schedul", "x"), "--schedul; did you mean --schedule?"),
    ((*SEND, "--zzz", "x"), "--zzz (see"),
    (("send-each", "a.csv", "--phone", TO), "--phone (see"),  # this command does not have --to
    (("send-each", "--dryrun", "a.csv"), "--dryrun; did you mean --dry-run?"),  # FILE may begin with a dash
    (("bulk", "run", "a.csv", "--journal", "j", "--batch-size", "5"), "--batch-size; did you mean --chunk-size?"),
    (("measure", "--fiel", "a.txt"), "--fiel; did you mean --file?"),
    # An option without a command before it
    (("--versoin",), "--versoin; did you mean --version?; the command comes first: there are send"),
    (("--text", SECRET, "send"), "--text; the command comes first: there are send"),
    # A text that begins with a dash is not taken for an option
    (("send", "--to", TO, "--text", "x", f"-5 {SECRET}"), " like this (see"),
]


@pytest.mark.parametrize(("arguments", "words"), CASES, ids=[" ".join(case[0][:3])[:40] for case in CASES])
def test_a_mistyped_option(here: Here, sandbox: Sandbox, arguments: tuple[str, ...], words: str) -> None:
    ended = here(*arguments, sandbox=sandbox)
    assert (ended.code, ended.out, ended.err.count("\n"), sandbox.traffic.requests) == (2, "", 1, 0)
    assert ended.err.startswith("eightbyeight: there is no option")
    assert f"there is no option {words.lstrip()}" in ended.err
    assert TO not in ended.err
    assert SECRET not in ended.err


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (("sned", "--to", TO), "send"),
        (("sent", TO), "send"),
        (("send-eahc",), "send-each"),
        (("cancle",), "cancel"),
        (("mesure", SECRET), "measure"),
        (("run", "a.csv"), "bulk run"),
        (("reconcile",), "bulk reconcile"),
        (("bulk-run",), "bulk run"),
        (("bluk", "run"), "bulk"),
        (("bulk", "rnu"), "run"),
        (("bulk", "recncile"), "reconcile"),
        (("bulk", "plan"), None),  # `run` would send messages
        (("bulk", "send"), None),
        ((TO,), None),
        ((SECRET,), None),
    ],
)
def test_a_mistyped_command(here: Here, sandbox: Sandbox, arguments: tuple[str, ...], meant: str | None) -> None:
    ended = here(*arguments, sandbox=sandbox)
    assert (ended.code, ended.out, ended.err.count("\n"), sandbox.traffic.requests) == (2, "", 1, 0)
    suggestion = "" if meant is None else f"; did you mean {meant}?"
    assert f"there is no such command{suggestion}; there are " in ended.err
    assert TO not in ended.err
    assert SECRET not in ended.err


@pytest.mark.parametrize("command", ["SEND", "Chatapps_Cancel", "chatapps_cancel"])
def test_a_command_in_another_spelling_is_taken_or_suggested(here: Here, command: str) -> None:
    """Some versions of cyclopts accept it."""
    ended = here(command)
    assert (ended.code, ended.out, ended.err.count("\n")) == (2, "", 1)
    meant = command.lower().replace("_", "-")
    assert f"did you mean {meant}?" in ended.err or " is missing (see" in ended.err


@pytest.mark.parametrize("text", ["--secret", "-secret", "--secret=1"])
def test_the_value_of_an_option_is_no_mistyped_option(here: Here, text: str) -> None:
    ended = here("send", "--text", text)
    assert (ended.code, "there is no option" in ended.err, "secret" in ended.err) == (2, False, False)
    assert "--to is missing" in ended.err


def test_every_option_that_is_suggested_exists() -> None:
    app = make_app()
    commands = [app[name] for name in app if not name.startswith("-")]
    commands += [app["bulk"][name] for name in app["bulk"] if not name.startswith("-")]
    known = {
        name
        for command in commands
        if command.default_command is not None
        for argument in command.assemble_argument_collection()
        for name in argument.names
    }
    assert set(_OPTIONS) <= known
    assert not {f"--{word}" for words in _OPTIONS.values() for word in words} & known
