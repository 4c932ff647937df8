"""Prints for a person, on stderr: notes, errors, the progress bar, the summary. The only module that imports rich.

On a terminal there are colours and a bar. A file or a pipe gets plain text, whatever the environment variables say.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    FileSizeColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from eightbyeight_async.cli.sending.result_record import RecordOutcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TextIO

    from eightbyeight_async.bulk.report import Progress as CampaignProgress
    from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts, Reasons

__all__ = ["Display", "print_table"]

_STYLES = {
    RecordOutcome.ACCEPTED: "green",
    RecordOutcome.REJECTED: "yellow",
    RecordOutcome.FAILED: "red",
    RecordOutcome.UNKNOWN: "magenta",
}
# Seconds between two updates of the bar. An update takes about 1 ms; 10 updates a second look smooth.
_UPDATE_INTERVAL = 0.1


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="cyan")


class Display:
    """Prints on stderr, or on another stream.

    Attributes:
        on_terminal: whether the stream is a terminal.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self.on_terminal = self._stream.isatty()
        self._console = _console(self._stream, self.on_terminal)

    def note(self, text: str) -> None:
        """Prints a dimmed line."""
        self._console.print(escape(text), style="dim", highlight=False, soft_wrap=True)

    def info(self, text: str) -> None:
        """Prints a line."""
        self._console.print(escape(text), highlight=False, soft_wrap=True)

    def error(self, text: str) -> None:
        """Prints a line that begins with `eightbyeight:` in red."""
        self._console.print(f"[bold red]eightbyeight:[/] {escape(text)}", highlight=False, soft_wrap=True)

    def lines(self, text: str) -> None:
        """Prints plain lines above the bar."""
        self._console.out(text, highlight=False)

    @contextmanager
    def checking(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Shows a bar while a file is checked. Call the yielded function with the size of each block read."""
        if not self.on_terminal:  # no Progress at all: with `disable=True` rich 13 still prints an empty line
            yield lambda _: None
            return
        with Progress(
            TextColumn(f"checking {escape(name)}"),
            BarColumn(),
            FileSizeColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as progress:
            task = progress.add_task("", total=size)
            yield lambda more: progress.advance(task, more)

    @contextmanager
    def sending(self, counts: OutcomeCounts) -> Iterator[Callable[[], None]]:
        """Shows the bar of a file run. Call the yielded function whenever the counts have changed."""
        if not self.on_terminal:
            yield lambda: None
            return
        with Progress(
            BarColumn(bar_width=None),  # takes the rest of the line: the counts need most of 80 columns
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            *(TextColumn(f"[{style}]{{task.fields[{outcome.value}]}}[/]") for outcome, style in _STYLES.items()),
            _Rate(),
            TimeRemainingColumn(compact=True),
            console=self._console,
            expand=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as progress:
            task = progress.add_task("", total=counts.rows, **_fields(counts))
            drawn = 0.0

            def changed() -> None:
                nonlocal drawn
                now = time.monotonic()
                if now - drawn >= _UPDATE_INTERVAL:
                    drawn = now
                    progress.update(task, completed=counts.tried, **_fields(counts))

            try:
                yield changed
            finally:
                progress.update(task, completed=counts.tried, **_fields(counts))

    @contextmanager
    def campaign(self, expected: int) -> Iterator[Callable[[CampaignProgress], None]]:
        """Shows the bar of a `bulk run`. Call the yielded function regularly with the progress."""
        if not self.on_terminal:
            yield lambda _: None
            return
        names = {"accepted": "green", "rejected": "yellow", "failed": "red", "unknown": "magenta"}
        with Progress(
            BarColumn(bar_width=None),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            *(TextColumn(f"[{style}]{{task.fields[{name}]}}[/]") for name, style in names.items()),
            TextColumn("[cyan]{task.fields[rate]}[/]"),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            expand=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as progress:
            blank: dict[str, Any] = dict.fromkeys((*names, "rate", "left"), "")
            task = progress.add_task("", total=expected, **blank)

            def update(so_far: CampaignProgress) -> None:
                words: dict[str, Any] = {}
                for name in names:
                    count = getattr(so_far, name)
                    words[name] = f"{count:,} {name}" if count or name == "accepted" else ""
                words["rate"], words["left"] = f"{so_far.rate:,.0f}/s", _time_left(so_far)
                progress.update(task, completed=so_far.taken - so_far.in_flight - so_far.not_sent, **words)

            yield update

    def summary(self, counts: OutcomeCounts, seconds: float) -> None:
        """Prints the counts of a run, then the reasons for messages that were not accepted."""
        words = [f"{counts.outcomes[outcome]:,} {outcome.value}" for outcome in _STYLES]
        if duplicates := counts.outcomes[RecordOutcome.DUPLICATE]:
            words.append(f"{duplicates:,} {'duplicate' if duplicates == 1 else 'duplicates'} left out")
        if same_number := counts.outcomes[RecordOutcome.SAME_NUMBER]:
            words.append(f"{same_number:,} left out by --one-per-number")
        if counts.not_tried:
            words.append(f"{counts.not_tried:,} not tried")
        speed = f", {counts.tried / seconds:,.0f} a second" if seconds > 0 and counts.tried else ""
        rows = "1 row" if counts.rows == 1 else f"{counts.rows:,} rows"
        self.info(f"{rows}: {', '.join(words)} ({seconds:.1f} s{speed})")
        self.reasons(counts.reasons)

    def reasons(self, reasons: Reasons) -> None:
        """Prints one line per reason: count, reason, first row."""
        for reason, count in reasons.counts.most_common():
            self.info(f"  {count:,} {reason}; first in row {reasons.first_rows[reason]:,}")


def _fields(counts: OutcomeCounts) -> dict[str, Any]:
    """The text of the bar per outcome. An outcome without messages has no text, except `accepted`."""
    return {
        outcome.value: f"{count:,} {outcome.value}" if count or outcome is RecordOutcome.ACCEPTED else ""
        for outcome in RecordOutcome
        for count in (counts.outcomes[outcome],)
    }


def _time_left(so_far: CampaignProgress) -> str:
    if so_far.paused:
        return f"paused {so_far.paused:.0f} s"
    left = so_far.seconds_left
    if left is None:
        return ""
    minutes, seconds = divmod(round(left), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def print_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table on stdout: the first column to the left, the numbers to the right."""
    table = Table(title=title, title_justify="left")
    for index, head in enumerate(heads):
        table.add_column(head, justify="right" if index else "left")
    for row in rows:
        table.add_row(*row)
    _console(sys.stdout, sys.stdout.isatty()).print(table)


def _console(stream: TextIO, on_terminal: bool) -> Console:
    return Console(file=stream, force_terminal=on_terminal, no_color=None if on_terminal else True)
