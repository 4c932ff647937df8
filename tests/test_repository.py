"""The files of `.github` and docstrings: names exist, actions are pinned, and every public thing has a docstring."""

from __future__ import annotations

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
SESSIONS = set(re.findall(r"^@nox.session.*\ndef (\w+)\(", (ROOT / "noxfile.py").read_text(), re.MULTILINE))
PUBLIC = [
    "eightbyeight_async",
    "eightbyeight_async.bulk",
    "eightbyeight_async.ledger",
    "eightbyeight_async.prices",
    "eightbyeight_async.sandbox",
    "eightbyeight_async.telemetry",
    "eightbyeight_async.text",
    "eightbyeight_async.webhooks",
]
OPERATIONS = ["sms.SmsOperations", "chatapps.ChatAppsOperations", "account.AccountOperations"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_runs_sessions_of_the_noxfile_and_nothing_else(path: Path) -> None:
    text = path.read_text()
    commands = re.findall(r"- run: (.+)", text)
    assert commands
    for command in commands:
        asked = re.fullmatch(r"(?:python -m pip install nox && )?python -m nox -s ([\w ]+|\"\$SESSION\")", command)
        assert asked, command
        named = asked[1].split() if "$" not in asked[1] else re.findall(r"session: \[(.+)\]", text)[0].split(", ")
        assert set(named) <= SESSIONS


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_an_action_is_named_by_a_commit_and_a_job_has_the_permissions_it_names(path: Path) -> None:
    text = path.read_text()
    assert all(re.search(r"@[0-9a-f]{40} # v", line) for line in text.splitlines() if "uses:" in line)
    assert "\npermissions: {}\n" in text
    assert text.count("runs-on:") == text.count("    permissions:\n") == text.count("timeout-minutes:")


def public_things() -> dict[str, object]:
    """Returns every public name, and every public member of a public class."""
    found: dict[str, object] = {}
    for module in PUBLIC:
        for name in import_module(module).__all__:
            found[f"{module}.{name}"] = getattr(import_module(module), name)
    for name in OPERATIONS:
        module, _, kind = name.partition(".")
        found[f"eightbyeight_async.{name}"] = getattr(import_module(f"eightbyeight_async.{module}"), kind)
    for name, thing in list(found.items()):
        if inspect.isclass(thing):
            for member, value in vars(thing).items():
                function = value.__func__ if isinstance(value, classmethod | staticmethod) else value
                if not member.startswith("_") and (inspect.isfunction(function) or isinstance(function, property)):
                    found[f"{name}.{member}"] = function
    return found


def test_every_public_thing_has_a_docstring() -> None:
    described = {
        name: thing
        for name, thing in public_things().items()
        if inspect.isclass(thing) or inspect.isfunction(thing) or isinstance(thing, property)
    }
    assert len(described) > 300
    without = [name for name, thing in described.items() if not thing.__doc__]
    assert without == ["eightbyeight_async.EightByEightError.args"]  # an attribute of Exception; the class describes it
