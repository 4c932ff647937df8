"""The recipe "an option of a command": a continued `bulk run` obeys an option although it does not check the file
again.

If an earlier run has checked the file, a later run does not check it. So an option that only the check reads would be
ignored. Each option is given to two such runs: one journal has stored the check, the other one has lost it.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import chdir, closing
from typing import TYPE_CHECKING

import pytest
from cli.command_line import Ended, in_process
from cli.test_recipe_option import COMMANDS, COMPARED, FILES, OPTIONS, names_of, words

from eightbyeight_async.cli.bulk.remembered_options import CHECKED
from eightbyeight_async.sandbox import Fault

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from eightbyeight_async.sandbox import Sandbox

RELIED_ON = "unchanged since an earlier run checked it"
OF_RUN = {name: OPTIONS.get(f"bulk run {name}", OPTIONS.get(name)) for name in names_of("bulk run")}
# The others need an earlier campaign of another kind; test_cli_unchanged_file tests them.
NAMES = [name for name, option in OF_RUN.items() if name not in COMPARED and (option is None or option.before is None)]

_BEGUN: dict[tuple[tuple[str, str], ...], Path] = {}  # most options are added to the same line


@pytest.fixture
def again(
    tmp_path_factory: pytest.TempPathFactory, sandbox: Sandbox, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[Ended, object]]:
    """`again(name, remembered=...)` continues the run with this option. Returns its output, and what 8x8 received."""

    def begun(line: dict[str, str]) -> Path:
        """Returns a folder in which a run has checked the file and was refused at its first request."""
        key = tuple(line.items())
        if key not in _BEGUN:
            folder = tmp_path_factory.mktemp("begun")
            for file, text in FILES.items():
                (folder / file).write_text(text)
            sandbox.reset()
            sandbox.faults.plan([Fault.error(status=401, code=1200)])
            with chdir(folder):
                in_process("bulk", "run", *words(line), sandbox=sandbox, capsys=capsys)
            _BEGUN[key] = folder
        return _BEGUN[key]

    def run(name: str | None, *, remembered: bool) -> tuple[Ended, object]:
        option = None if name is None else OF_RUN[name]
        both = {**COMMANDS["bulk run"], **({} if option is None else option.beside)}
        line = {n: value for n, value in both.items() if value is not None}
        folder = tmp_path_factory.mktemp("again") / "copy"
        shutil.copytree(begun(line), folder)
        if option is not None:
            line = {n: value for n, value in {**line, str(name): option.value}.items() if value is not None}
        sandbox.reset()
        with chdir(folder):
            if not remembered and (folder / "run.db").exists():
                with closing(sqlite3.connect("run.db", isolation_level=None)) as journal:
                    journal.execute("DELETE FROM meta WHERE name=?", (CHECKED,))
            ended = in_process("bulk", "run", *words(line), sandbox=sandbox, capsys=capsys)
        # A new journal has a salt of its own, which changes the ids. Batches are sent in parallel.
        bodies = [{**message.body, "clientMessageId": None} for message in sandbox.messages]
        sent = sorted(bodies, key=lambda body: str(body["destination"]))
        return ended, (ended.code, sent, len(sandbox.requests))

    return run


def test_the_check_is_relied_on_where_it_is_remembered(
    sandbox: Sandbox, again: Callable[..., tuple[Ended, object]]
) -> None:
    """Otherwise the test below would compare two runs that both check."""
    (checked, _), (relied, _) = (again(None, remembered=remembered) for remembered in (False, True))
    assert (RELIED_ON in relied.err, RELIED_ON in checked.err) == (True, False)
    assert (relied.code, checked.code, len(sandbox.messages)) == (0, 0, 3)


@pytest.mark.parametrize("name", NAMES)
def test_an_option_counts_in_a_run_that_does_not_check_the_file_again(
    again: Callable[..., tuple[Ended, object]], name: str
) -> None:
    assert OF_RUN[name] is not None, f"{name} is new: add it to OPTIONS in test_recipe_option.py"
    (_, checked), (ended, relied) = (again(name, remembered=remembered) for remembered in (False, True))
    assert relied == checked, (
        f"{name}: a run that continues ignores it; `checked_before` in cli/bulk/remembered_file_check.py has to say "
        f"that such a run checks the file ({ended.err})"
    )
