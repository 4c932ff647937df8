"""What a person sees, all of it on stderr: notes, the progress bar, the summary. The only importer of rich.

Colours and the bar are for a terminal; into a file or a pipe goes plain text, whatever the environment says.
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

    from eightbyeight_async.bulk.report import Progress as Counts
    from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts, Reasons

__all__ = ["Display", "print_table"]

_STYLES = {
    RecordOutcome.ACCEPTED: "green",
    RecordOutcome.REJECTED: "yellow",
    RecordOutcome.FAILED: "red",
    RecordOutcome.UNKNOWN: "magenta",
}
# Redrawing costs a millisecond; ten times a second is smooth.
_EVERY = 0.1


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else f"{speed:,.0f}/s", style="cyan")


class Display:
    """
    Attributes:
        on_terminal: stderr is one.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self.on_terminal = self._stream.isatty()
        self._console = _console(self._stream, self.on_terminal)

    def note(self, text: str) -> None:
        self._console.print(escape(text), style="dim", highlight=False, soft_wrap=True)

    def good(self, text: str) -> None:
        self._console.print(escape(text), highlight=False, soft_wrap=True)

    def error(self, text: str) -> None:
        self._console.print(f"[bold red]eightbyeight:[/] {escape(text)}", highlight=False, soft_wrap=True)

    def lines(self, text: str) -> None:
        """Plain lines, above the bar."""
        self._console.out(text, highlight=False)

    @contextmanager
    def checking(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """A bar over the bytes of a file."""
        if not self.on_terminal:  # a Progress that is only disabled still prints an empty line (rich 13)
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
        """The bar of a run; what it yields is called whenever the counts has changed."""
        if not self.on_terminal:
            yield lambda: None
            return
        with Progress(
            BarColumn(bar_width=None),  # what is left of the line: in 80 columns the counts need nearly all
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
                if now - drawn >= _EVERY:
                    drawn = now
                    progress.update(task, completed=counts.tried, **_fields(counts))

            try:
                yield changed
            finally:
                progress.update(task, completed=counts.tried, **_fields(counts))

    @contextmanager
    def campaign(self, expected: int) -> Iterator[Callable[[Counts], None]]:
        """The bar of a `bulk run`; what it yields is called every now and then."""
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

            def update(counts: Counts) -> None:
                words: dict[str, Any] = {}
                for name in names:
                    count = getattr(counts, name)
                    words[name] = f"{count:,} {name}" if count or name == "accepted" else ""
                words["rate"], words["left"] = f"{counts.rate:,.0f}/s", _time_left(counts)
                progress.update(task, completed=counts.taken - counts.in_flight - counts.not_sent, **words)

            yield update

    def summary(self, counts: OutcomeCounts, seconds: float) -> None:
        """Counts that add up, then why those that were not accepted were not."""
        words = [f"{counts.outcomes[outcome]:,} {outcome.value}" for outcome in RecordOutcome]
        if counts.not_tried:
            words.append(f"{counts.not_tried:,} not tried")
        pace = f", {counts.tried / seconds:,.0f} a second" if seconds > 0 and counts.tried else ""
        rows = "1 row" if counts.rows == 1 else f"{counts.rows:,} rows"
        self.good(f"{rows}: {', '.join(words)} ({seconds:.1f} s{pace})")
        self.reasons(counts.reasons)

    def reasons(self, reasons: Reasons) -> None:
        for reason, count in reasons.counts.most_common():
            self.good(f"  {count:,} {reason}; first in row {reasons.first_rows[reason]:,}")


def _fields(counts: OutcomeCounts) -> dict[str, Any]:
    """What the bar shows of each outcome; one that has not happened takes no room."""
    return {
        outcome.value: f"{count:,} {outcome.value}" if count or outcome is RecordOutcome.ACCEPTED else ""
        for outcome in RecordOutcome
        for count in (counts.outcomes[outcome],)
    }


def _time_left(counts: Counts) -> str:
    if counts.paused:
        return f"paused {counts.paused:.0f} s"
    left = counts.seconds_left
    if left is None:
        return ""
    minutes, seconds = divmod(round(left), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes:02}:{seconds:02}"


def print_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """A table of words and numbers on stdout."""
    table = Table(title=title, title_justify="left")
    for at, head in enumerate(heads):
        table.add_column(head, justify="right" if at else "left")
    for row in rows:
        table.add_row(*row)
    _console(sys.stdout, sys.stdout.isatty()).print(table)


def _console(stream: TextIO, on_terminal: bool) -> Console:
    return Console(file=stream, force_terminal=on_terminal, no_color=None if on_terminal else True)
