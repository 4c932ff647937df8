"""Prints for people, on stderr: notes, errors, the progress bar, the summary. The only module that imports rich.

On a terminal there are colours and a bar. A file or a pipe gets plain text, even if environment variables ask for
colours, and a line of progress every 15 seconds.
"""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.live import Live
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
from eightbyeight_async.cli.terminal import plain_progress
from eightbyeight_async.cli.terminal.plain_progress import (
    PlainProgress,
    campaign_line,
    checking_line,
    file_run_line,
    requests_words,
    time_left,
)
from eightbyeight_async.cli.terminal.safe_text import visible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import TextIO

    from eightbyeight_async.bulk.report import Progress as CampaignProgress
    from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts, Reasons

__all__ = ["Display", "live_line", "print_table"]

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

    Args:
        stream: the stream to print on; None: stderr.
        clock: a monotonic clock.
        interval: seconds between two lines of progress if there is no bar; None: 15.

    Attributes:
        on_terminal: whether the stream is a terminal.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        interval: float | None = None,
    ) -> None:
        self._stream = stream or sys.stderr
        self._clock = clock
        self._interval = plain_progress.INTERVAL if interval is None else interval
        self.on_terminal: bool = self._stream.isatty()
        self._console = _console(self._stream, self.on_terminal)

    def note(self, text: str) -> None:
        """Prints a dimmed line."""
        self._console.print(escape(visible(text)), style="dim", highlight=False, soft_wrap=True)

    def info(self, text: str) -> None:
        """Prints a line."""
        self._console.print(escape(visible(text)), highlight=False, soft_wrap=True)

    def error(self, text: str) -> None:
        """Prints a line that begins with `eightbyeight:` in red."""
        self._console.print(f"[bold red]eightbyeight:[/] {escape(visible(text))}", highlight=False, soft_wrap=True)

    def lines(self, text: str) -> bool:
        """Prints lines above the bar unchanged: JSON from `json_text`. Returns whether the stream could be written."""
        self._console.out(text, highlight=False)
        return getattr(self._stream, "failure", None) is None

    def progress_lines(self) -> PlainProgress:
        """Prints lines of progress in place of a bar."""
        return PlainProgress(self.info, self._clock, self._interval)

    @contextmanager
    def checking(self, name: str, size: int) -> Iterator[Callable[[int], None]]:
        """Shows a bar while a file is checked. Call the yielded function with the size of each block read."""
        if not self.on_terminal:  # No Progress object: even with `disable=True`, rich 13 prints an empty line.
            plain, read = self.progress_lines(), 0

            def show(more: int) -> None:
                nonlocal read
                read += more
                plain.show(lambda now: checking_line(name, read, size, now - plain.began))

            yield show
            return
        with Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            FileSizeColumn(),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as progress:
            task = progress.add_task(f"checking {visible(name)}", total=size)
            yield lambda more: progress.advance(task, more)

    @contextmanager
    def sending(self, counts: OutcomeCounts) -> Iterator[Callable[[], None]]:
        """Shows the bar of a file run. Call the yielded function after each change of the counts, and regularly."""
        if not self.on_terminal:
            plain = self.progress_lines()
            shown = (plain.began, 0)

            def line(now: float) -> str:
                nonlocal shown
                since, before = shown
                shown = (now, counts.tried)
                return file_run_line(counts, (counts.tried - before) / (now - since))

            yield lambda: plain.show(line)
            return
        with Progress(
            BarColumn(bar_width=None),  # uses the width that the counts leave free
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            *(TextColumn(f"[{style}]{{task.fields[{outcome.value}]}}[/]") for outcome, style in _STYLES.items()),
            TextColumn("{task.fields[requests]}"),
            _Rate(),
            TextColumn("{task.fields[pause]}"),
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
            plain = self.progress_lines()
            yield lambda so_far: plain.show(lambda _: campaign_line(so_far))
            return
        names = {"accepted": "green", "rejected": "yellow", "failed": "red", "unknown": "magenta"}
        with Progress(
            BarColumn(bar_width=None),
            TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
            *(TextColumn(f"[{style}]{{task.fields[{name}]}}[/]") for name, style in names.items()),
            TextColumn("{task.fields[requests]}"),
            TextColumn("[cyan]{task.fields[rate]}[/]"),
            TextColumn("{task.fields[left]}"),
            console=self._console,
            expand=True,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as progress:
            blank: dict[str, Any] = dict.fromkeys((*names, "requests", "rate", "left"), "")
            task = progress.add_task("", total=expected, **blank)

            def update(so_far: CampaignProgress) -> None:
                words: dict[str, Any] = {}
                for name in names:
                    count = getattr(so_far, name)
                    words[name] = f"{count:,} {name}" if count or name == "accepted" else ""
                done = so_far.taken - so_far.in_flight - so_far.not_sent
                words["requests"] = requests_words(so_far.requests, done)
                words["rate"] = f"{so_far.rate:,.0f}/s"
                words["left"] = time_left(so_far.seconds_left, so_far.paused, so_far.unreachable)
                progress.update(task, completed=done, **words)

            yield update

    def summary(self, counts: OutcomeCounts, seconds: float) -> None:
        """Prints the counts of a run, then the reasons for messages that were not accepted."""
        words = [f"{counts.outcomes[outcome]:,} {outcome.value}" for outcome in _STYLES]
        if duplicates := counts.outcomes[RecordOutcome.DUPLICATE]:
            words.append(f"{duplicates:,} {'duplicate' if duplicates == 1 else 'duplicates'} left out")
        if same_number := counts.outcomes[RecordOutcome.SAME_NUMBER]:
            words.append(f"{same_number:,} left out by --one-per-number")
        if opted_out := counts.outcomes[RecordOutcome.OPTED_OUT]:
            words.append(f"{opted_out:,} opted out")
        if counts.aside:
            words.append(f"{counts.aside:,} bad {'row' if counts.aside == 1 else 'rows'} set aside")
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
    """Returns the bar's texts for the requests, a pause and each outcome.

    An outcome without messages has no text, except `accepted`.
    """
    pauses = counts.pauses
    pause = "" if pauses is None else time_left(None, pauses.paused, pauses.unreachable)
    return {"pause": pause, "requests": requests_words(counts.requests, counts.tried)} | {
        outcome.value: f"{count:,} {outcome.value}" if count or outcome is RecordOutcome.ACCEPTED else ""
        for outcome in RecordOutcome
        for count in (counts.outcomes[outcome],)
    }


@contextmanager
def live_line(*, rewrite: bool = True) -> Iterator[Callable[[str], None]]:
    """Shows a changing text on stdout. Call the yielded function with the current text.

    Args:
        rewrite: whether to overwrite the line if stdout is a terminal. Otherwise each change is a new line.
    """
    if rewrite and sys.stdout.isatty():
        with Live(
            console=_console(sys.stdout, on_terminal=True),
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as live:
            yield lambda text: live.update(Text(text), refresh=True)
        return
    shown = ""

    def show(text: str) -> None:
        nonlocal shown
        if text != shown:
            shown = text
            print(text, flush=True)

    yield show


def print_table(title: str, heads: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Prints a table on stdout: the first column is aligned left, the numbers right."""
    table = Table(title=title, title_justify="left")
    for index, head in enumerate(heads):
        table.add_column(head, justify="right" if index else "left")
    for row in rows:
        table.add_row(*row)
    _console(sys.stdout, sys.stdout.isatty()).print(table)


def _console(stream: TextIO, on_terminal: bool) -> Console:
    # No emoji codes: a file may have the name `:smile:.csv`.
    if on_terminal:
        return Console(file=stream, force_terminal=True, emoji=False)
    # legacy_windows=False: otherwise rich asks Windows about its console, even if the stream is a file.
    return Console(file=stream, force_terminal=False, no_color=True, emoji=False, legacy_windows=False)
