"""Prints the page of `eightbyeight` and `eightbyeight --help`, and the version, without cyclopts and the commands.

Importing them takes twice as long as printing this page. The words are those of `commands.main`. The page looks like
the help of a command, which cyclopts prints. rich is imported for the page, but not for the version.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eightbyeight_async.cli.exit_codes import MEANINGS, Exit
from eightbyeight_async.cli.terminal.guarded_stream import with_guarded_streams
from eightbyeight_async.version import __version__

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from eightbyeight_async.cli.terminal.guarded_stream import GuardedStream

__all__ = ["ABOUT", "print_first_page"]

ABOUT = (
    "Send and cancel messages through the 8x8 Connect API.",
    "Set EIGHTBYEIGHT_API_KEY and EIGHTBYEIGHT_SUBACCOUNT_ID. "
    "Without an account: `eightbyeight demo`, or `eightbyeight sandbox`.",
)
_COMMANDS = {
    "bulk": "Send a file and record every message in a journal. After a crash, run the command again: "
    "it sends only the messages that are left.",
    "cancel": "Cancel a scheduled SMS. Exit code 1 if it was no longer scheduled.",
    "cancel-batch": "Cancel the SMS of a batch that are still scheduled. Exit code 1 if none was.",
    "chatapps-cancel": "Cancel a scheduled ChatApps message (WhatsApp, Viber, ...). "
    "Exit code 1 if it was no longer scheduled.",
    "demo": "Send 2,000 messages to a sandbox, cancel some, kill a campaign and go on, compare all counts.",
    "feedback": "Tell 8x8 whether an SMS reached its purpose (for example, a login). "
    "For an SMS sent with `--track Outcome`.",
    "measure": "Count the parts of a text; 8x8 charges per part. The text is not printed. "
    "A line end at its end does not count.",
    "sandbox": "Run a sandbox of the 8x8 Connect API on this machine, until Ctrl-C.",
    "send": "Send one SMS.",
    "send-batch": "Send the rows of a file in batches: one request for up to 10,000 rows.",
    "send-each": "Send an SMS for each row of a file.",
    "status": "Look up one SMS: its state, times and price. 8x8 allows one look-up per second.",
    "--help (-h)": "Display this message and exit.",
    "--version": "Display application version.",
}


def print_first_page(arguments: Sequence[str]) -> int | None:
    """Print the page or the version, if the arguments ask for one of them.

    Returns:
        The exit code; None if the arguments ask for something else.
    """
    if list(arguments) not in ([], ["--help"], ["-h"], ["--version"]):
        return None
    return with_guarded_streams(_print_version if list(arguments) == ["--version"] else _print_page)


def _print_version(_: GuardedStream) -> int:
    print(__version__)
    return Exit.OK


def _print_page(_: GuardedStream) -> int:
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    console = Console()
    commands = Table.grid(padding=(0, 2, 0, 0))
    commands.add_column(style="cyan", overflow="fold", max_width=-(-console.width * 35 // 100))
    commands.add_column(overflow="fold")
    for name, summary in _COMMANDS.items():
        commands.add_row(name, _with_code(summary))
    console.print(Text("Usage: eightbyeight COMMAND\n", style="bold"))
    for paragraph in ABOUT:
        console.print(_with_code(f"{paragraph}\n"))
    console.print(Panel(commands, title="Commands", title_align="left"))
    console.print(Text(f"\n{MEANINGS}"))
    return Exit.OK


def _with_code(words: str) -> Text:
    """A text whose parts between backquotes are code."""
    from rich.text import Text

    parts = words.split("`")
    return Text.assemble(*((part, "markdown.code" if index % 2 else "") for index, part in enumerate(parts)))
