"""The first page of the command line has the same text as cyclopts' page, and is printed without importing cyclopts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from cli.command_line import COMMAND, eightbyeight, environment, in_process

import eightbyeight_async
from eightbyeight_async.cli.first_page import print_first_page

if TYPE_CHECKING:
    from cli.command_line import Ended

PAGE = ([], ["--help"], ["-h"])
FULL = Path("/dev/full")


def words(ended: Ended) -> list[str]:
    assert (ended.code, ended.err) == (0, "")
    return re.sub(r"[│╭╮╰╯─()]", " ", ended.out).split()


@pytest.mark.parametrize("width", [60, 80, 200])
def test_the_page_is_the_help_that_cyclopts_would_print(width: int, capsys: pytest.CaptureFixture[str]) -> None:
    page = eightbyeight("--help", COLUMNS=str(width))
    assert words(page) == words(in_process("--help", capsys=capsys, COLUMNS=str(width)))
    assert max(map(len, page.out.splitlines())) <= width


def test_nothing_is_cut_off_in_a_narrow_terminal() -> None:
    letters = sorted("".join(words(eightbyeight("--help", COLUMNS="200"))))
    assert sorted("".join(words(eightbyeight("--help", COLUMNS="30")))) == letters


def test_no_arguments_and_the_short_option_are_the_same_page() -> None:
    first, *others = (eightbyeight(*arguments) for arguments in PAGE)
    assert words(first)[:3] == ["Usage:", "eightbyeight", "COMMAND"]
    assert others == [first, first]


@pytest.mark.parametrize("arguments", [*PAGE, ["--version"]], ids=str)
def test_neither_cyclopts_nor_a_client_is_imported(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from eightbyeight_async.__main__ import main\n"
        "code = main()\n"
        "print(*sys.modules, file=sys.stderr)\n"
        "sys.exit(code)"
    )
    ended = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-c", code, *arguments], capture_output=True, text=True, check=True, env=environment(None)
    )
    assert ended.stdout
    loaded = set(ended.stderr.split())
    slow = {"cyclopts", "attrs", "cattrs", "httpx", "asyncio", "anyio", "ssl", "pygments", "rich.markdown"}
    assert not loaded & slow
    assert "eightbyeight_async.client" not in loaded
    assert ("rich.console" in loaded) is (arguments != ["--version"])


@pytest.mark.parametrize(
    "arguments",
    [
        ["send"],
        ["send", "--help"],
        ["bulk", "--help"],
        ["--help", "send"],
        ["--versoin"],
        ["--version", "--help"],
        [""],
    ],
    ids=str,
)
def test_everything_else_is_left_to_cyclopts(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert print_first_page(arguments) is None
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_the_page_can_be_printed_in_any_encoding(encoding: str) -> None:
    ended = eightbyeight("--help", PYTHONIOENCODING=encoding)
    assert (ended.code, ended.err) == (0, "")
    assert ("╭" in ended.out) is (encoding == "utf-8")
    assert eightbyeight("--version", PYTHONIOENCODING=encoding).out == f"{eightbyeight_async.__version__}\n"


@pytest.mark.skipif(not FULL.exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("argument", ["--help", "--version"])
def test_a_page_that_cannot_be_written_is_one_line(argument: str) -> None:
    with FULL.open("w") as full:
        ended = subprocess.run(  # noqa: S603 - our own command
            [*COMMAND, argument], stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=environment(None)
        )
    assert (ended.returncode, ended.stderr) == (1, "eightbyeight: stdout: No space left on device\n")
