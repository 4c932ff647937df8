"""`send-each FILE` and `send-batch FILE`: check the whole file, then send it; nothing if anything is wrong with it.

`send_file` is the path that the demo takes, too.
"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from eightbyeight_async.cli.commands.single_message import where_to
from eightbyeight_async.cli.exit_codes import Exit, UsageError
from eightbyeight_async.cli.reading.check_rows import parts_of
from eightbyeight_async.cli.reading.file_plan import plan_file, rows_of
from eightbyeight_async.cli.reading.input_file import opened
from eightbyeight_async.cli.sending.in_batches import Chunks
from eightbyeight_async.cli.sending.one_by_one import Fan
from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts
from eightbyeight_async.cli.sending.record_writer import TerminalLines, WrittenLines, new_file, refuse_output
from eightbyeight_async.cli.sending.result_record import without_private
from eightbyeight_async.cli.terminal.display import Show
from eightbyeight_async.cli.terminal.loop_and_signals import run
from eightbyeight_async.models.sms_batch import MAX_BATCH
from eightbyeight_async.settings import checked_count, checked_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eightbyeight_async.cli.commands.shared_options import ConnectionOptions
    from eightbyeight_async.cli.reading.check_rows import Checked
    from eightbyeight_async.cli.reading.csv_rows import CsvRows
    from eightbyeight_async.cli.reading.file_plan import Order
    from eightbyeight_async.cli.reading.input_file import Source
    from eightbyeight_async.cli.reading.jsonl_rows import JsonlRows
    from eightbyeight_async.cli.reading.row_to_request import Complaint, Row
    from eightbyeight_async.cli.sending.file_run import Sending
    from eightbyeight_async.cli.sending.record_writer import Lines
    from eightbyeight_async.client import AsyncConnectClient
    from eightbyeight_async.fanout import SendResult
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["PartCount", "send", "send_file"]


class PartCount:
    """Of all messages it is shown."""

    def __init__(self) -> None:
        self.parts = 0

    def __call__(self, request: SmsRequest) -> None:
        self.parts += parts_of(request)


def send(order: Order, connection: ConnectionOptions, *, dry_run: bool) -> Exit:
    """The command.

    Raises:
        UsageError, InvalidRequestError: it cannot be done as asked for; nothing was sent.
    """
    show = Show()
    checked_count(order.concurrency, "--concurrency")
    checked_rate(order.rate, "--rate")
    if checked_count(order.chunk_size, "--chunk-size") > MAX_BATCH:
        raise UsageError(f"--chunk-size: must be at most {MAX_BATCH:,}")
    host, account = where_to(connection)
    # Before the file: a missing key need not wait for a million rows to be checked.
    client = None if dry_run else connection.client(max_concurrency=order.concurrency, max_rate=order.rate)
    rows = rows_of(order)
    with opened(order.file) as source:
        if order.output is not None and client is not None:
            refuse_output(order.output, force=order.force, not_this=source.identity)
        count = PartCount()
        try:
            checked = plan_file(source, rows, show, count if dry_run else lambda _: None)
        except KeyboardInterrupt:
            show.error("interrupted; nothing was sent")
            return Exit.INTERRUPTED
        if checked.wrong:
            return Exit.USAGE
        if client is None:
            show.good(
                f"{source.name}: {_messages(checked, count.parts)}, to {host}, sub-account {account or 'not set'}, "
                f"{_speed(order, checked.rows)}; nothing was sent"
            )
            return Exit.OK
        if not source.untouched():
            raise UsageError(f"{source.name}: has changed while it was checked; nothing was sent")
        return send_file(
            client, source, rows, OutcomeCounts(checked.rows), lambda: _lines(order, source, show), order, show
        )


def _messages(checked: Checked, parts: int) -> str:
    messages = "1 message" if checked.rows == 1 else f"{checked.rows:,} messages"
    later = f" ({checked.scheduled:,} of them scheduled)" if checked.scheduled else ""
    return f"{messages}{later}, {'1 part' if parts == 1 else f'{parts:,} parts'}"


def _speed(order: Order, rows: int) -> str:
    pace = "as fast as they go" if order.rate is None else f"at {order.rate:g} a second"
    if order.mode == "each":
        return f"{order.concurrency} at a time, {pace}"
    requests = -(-rows // order.chunk_size)
    batches = "1 batch" if requests == 1 else f"{requests:,} batches"
    return f"{batches} of up to {order.chunk_size:,}, {order.concurrency} at a time, {pace}"


def send_file(
    client: AsyncConnectClient,
    source: Source,
    rows: CsvRows | JsonlRows,
    tally: OutcomeCounts,
    lines: Callable[[], Lines],
    order: Order,
    show: Show,
    on_result: Callable[[SendResult], None] = lambda _: None,
) -> Exit:
    """Sends what was checked, and says what came of it."""
    began = time.monotonic()
    sending = _sending(client, rows.read(source.lines.again()), tally, lines(), order, on_result)
    sending.say = show.good

    async def work() -> None:
        async with client:
            await sending.run()

    try:
        with show.sending(tally) as sending.changed:
            run(work)
    except KeyboardInterrupt:  # where the loop cannot listen to signals
        tally.interrupted = True
    finally:
        _tell(sending, show, time.monotonic() - began)
    stopped = sending.why_stopped is not None  # for records that were lost the last message may have been accepted
    return Exit.REFUSED if stopped and tally.exit is Exit.OK else tally.exit


def _sending(
    client: AsyncConnectClient,
    rows: Iterator[Row | Complaint],
    tally: OutcomeCounts,
    lines: Lines,
    order: Order,
    on_result: Callable[[SendResult], None],
) -> Sending:
    private, rate = order.include_private, order.rate
    if order.mode == "each":
        return Fan(client=client, rows=rows, tally=tally, lines=lines, private=private, rate=rate, on_result=on_result)
    return Chunks(
        client=client,
        rows=rows,
        tally=tally,
        lines=lines,
        private=private,
        rate=rate,
        grace=None,
        size=order.chunk_size,
        width=order.concurrency,
    )


def _tell(sending: Sending, show: Show, seconds: float) -> None:
    if sending.lines.unwritten:
        count = len(sending.lines.unwritten)
        told = f"{sending.lines.failure}; {count:,} {'record' if count == 1 else 'records'} could not be written"
        if sending.lines.reader_left:
            show.error(told)
        else:
            show.error(f"{told}:")
            for line in sending.lines.unwritten:
                show.lines(without_private(line))
    show.summary(sending.tally, seconds)
    if sending.why_stopped is not None:
        rows = "1 row was" if sending.tally.not_tried == 1 else f"{sending.tally.not_tried:,} rows were"
        show.error(f"stopped: {sending.why_stopped}; {rows} not tried")


def _lines(order: Order, source: Source, show: Show) -> Lines:
    if order.output is not None:
        descriptor = new_file(order.output, force=order.force, private=order.include_private, not_this=source.identity)
        return WrittenLines(descriptor, str(order.output), owned=True)
    if sys.stdout.isatty() and show.on_terminal:
        return TerminalLines(show.lines)
    return WrittenLines(sys.stdout.fileno(), "stdout")
