"""`send-each FILE`: check the whole file, then send it row by row; nothing is sent if anything is wrong with it.

`send_file` is the path that the demo takes, too.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from eightbyeight_async.cli.check import Checked, check
from eightbyeight_async.cli.csv_rows import CsvRows
from eightbyeight_async.cli.exits import Exit, UsageError
from eightbyeight_async.cli.fan import Fan
from eightbyeight_async.cli.jsonl_rows import JsonlRows
from eightbyeight_async.cli.one import where_to
from eightbyeight_async.cli.output import TerminalLines, WrittenLines, new_file, refuse_output
from eightbyeight_async.cli.record import without_private
from eightbyeight_async.cli.rows import Recipe
from eightbyeight_async.cli.run import now, run
from eightbyeight_async.cli.show import Show
from eightbyeight_async.cli.source import format_of, opened
from eightbyeight_async.cli.tally import Tally
from eightbyeight_async.cli.template import Template
from eightbyeight_async.models.privacy import masked_digits
from eightbyeight_async.settings import checked_count, checked_rate

if TYPE_CHECKING:
    from collections.abc import Callable

    from eightbyeight_async.cli.options import Connection
    from eightbyeight_async.cli.output import Lines
    from eightbyeight_async.cli.source import Source
    from eightbyeight_async.client import AsyncConnectClient
    from eightbyeight_async.fanout import SendResult

__all__ = ["Order", "plan_file", "rows_of", "send_each", "send_file"]

_UNUSED_SHOWN = 8
_SEPARATORS = {"tab": "\t", "\\t": "\t"}


@attrs.frozen(kw_only=True)
class Order:
    """What is asked for.

    Attributes:
        file: path, `-` for stdin.
        text: the template of `--text`.
        defaults: field values for rows that leave them out.
        format, separator: None: found out.
        concurrency: requests in flight.
        rate: requests a second; None: as fast as they go.
        output: where records go; None: stdout.
        force: `output` may be overwritten.
        include_private: records hold numbers and texts.
    """

    file: str
    text: str | None = None
    defaults: Mapping[str, object] = attrs.field(factory=dict)
    format: str | None = None
    separator: str | None = None
    concurrency: int = 50
    rate: float | None = None
    output: Path | None = None
    force: bool = False
    include_private: bool = False


def send_each(order: Order, connection: Connection, *, dry_run: bool) -> Exit:
    """The command.

    Raises:
        UsageError, InvalidRequestError: it cannot be done as asked for; nothing was sent.
    """
    show = Show()
    checked_count(order.concurrency, "--concurrency")
    checked_rate(order.rate, "--rate")
    host, account = where_to(connection)
    # Before the file: a missing key need not wait for a million rows to be checked.
    client = None if dry_run else connection.client(max_concurrency=order.concurrency, max_rate=order.rate)
    rows = rows_of(order)
    with opened(order.file) as source:
        if order.output is not None and client is not None:
            refuse_output(order.output, force=order.force, not_this=source.identity)
        try:
            checked = plan_file(source, rows, show)
        except KeyboardInterrupt:
            show.error("interrupted; nothing was sent")
            return Exit.INTERRUPTED
        if checked.wrong:
            return Exit.USAGE
        if client is None:
            later = f" ({checked.scheduled:,} of them scheduled)" if checked.scheduled else ""
            pace = "as fast as they go" if order.rate is None else f"at {order.rate:g} a second"
            show.good(
                f"{source.name}: {checked.rows:,} messages{later} to {host}, sub-account {account or 'not set'}, "
                f"{order.concurrency} at a time, {pace}; nothing was sent"
            )
            return Exit.OK
        if not source.untouched():
            raise UsageError(f"{source.name}: has changed while it was checked; nothing was sent")
        return send_file(client, source, rows, Tally(checked.rows), lambda: _lines(order, source, show), order, show)


def plan_file(source: Source, rows: CsvRows | JsonlRows, show: Show) -> Checked:
    """Checks every row and says what is wrong, or worth knowing."""
    with show.checking(source.name, source.size) as progress:
        source.lines.on_block = progress
        checked = check(rows.read(source.lines.first()))
    source.lines.on_block = lambda _: None
    for complaint in checked.complaints:
        show.error(f"{source.name}:{complaint}")
    if checked.wrong > len(checked.complaints):
        show.error(f"{source.name}: and {checked.wrong - len(checked.complaints):,} more")
    if checked.wrong:
        show.error(f"{'1 problem' if checked.wrong == 1 else f'{checked.wrong:,} problems'}; nothing was sent")
        return checked
    if rows.unused:
        names = ", ".join(masked_digits(name) for name in rows.unused[:_UNUSED_SHOWN])
        more = f" and {len(rows.unused) - _UNUSED_SHOWN} more" if len(rows.unused) > _UNUSED_SHOWN else ""
        show.note(f"columns that nothing is made of: {names}{more}")
    for column, count in checked.blanks.items():
        show.note(f"{{{column}}} is empty in {count:,} of {checked.rows:,} rows")
    return checked


def send_file(
    client: AsyncConnectClient,
    source: Source,
    rows: CsvRows | JsonlRows,
    tally: Tally,
    lines: Callable[[], Lines],
    order: Order,
    show: Show,
    on_result: Callable[[SendResult], None] = lambda _: None,
) -> Exit:
    """Sends what was checked, and says what came of it."""
    began = time.monotonic()
    records = lines()
    fan = Fan(
        client=client,
        rows=rows.read(source.lines.again()),
        tally=tally,
        lines=records,
        private=order.include_private,
        rate=order.rate,
        on_result=on_result,
    )

    async def send() -> None:
        async with client:
            await fan.run()

    try:
        with show.sending(tally) as fan.changed:
            run(send)
    except KeyboardInterrupt:  # where the loop cannot listen to signals
        tally.interrupted = True
    finally:
        _tell(fan, show, time.monotonic() - began)
    stopped = fan.why_stopped is not None  # for records that were lost the last message may have been accepted
    return Exit.REFUSED if stopped and tally.exit is Exit.OK else tally.exit


def _tell(fan: Fan, show: Show, seconds: float) -> None:
    if fan.lines.unwritten:
        count = len(fan.lines.unwritten)
        told = f"{fan.lines.failure}; {count:,} {'record' if count == 1 else 'records'} could not be written"
        if fan.lines.reader_left:
            show.error(told)
        else:
            show.error(f"{told}:")
            for line in fan.lines.unwritten:
                show.lines(without_private(line))
    show.summary(fan.tally, seconds)
    if fan.why_stopped is not None:
        rows = "1 row was" if fan.tally.not_tried == 1 else f"{fan.tally.not_tried:,} rows were"
        show.error(f"stopped: {fan.why_stopped}; {rows} not tried")


def rows_of(order: Order) -> CsvRows | JsonlRows:
    template = None if order.text is None else Template.parse(order.text)
    recipe = Recipe(template=template, defaults=order.defaults, now=now)
    if format_of(order.file, order.format) == "jsonl":
        return JsonlRows(recipe)
    separator = _SEPARATORS.get(order.separator or "", order.separator)
    if separator is not None and (len(separator) != 1 or separator in '"\r\n'):
        raise UsageError("--delimiter: must be one character, or the word tab")
    return CsvRows(recipe, separator)


def _lines(order: Order, source: Source, show: Show) -> Lines:
    if order.output is not None:
        descriptor = new_file(order.output, force=order.force, private=order.include_private, not_this=source.identity)
        return WrittenLines(descriptor, str(order.output), owned=True)
    if sys.stdout.isatty() and show.on_terminal:
        return TerminalLines(show.lines)
    return WrittenLines(sys.stdout.fileno(), "stdout")
