"""Runs `send-each FILE` and `send-batch FILE`: checks the whole file, then sends it.

If a row is wrong, nothing is sent, unless `--bad-rows` sets such rows aside. The demo calls `send_file` too.
"""

from __future__ import annotations

import sys
import time
from array import array
from typing import TYPE_CHECKING, Any

from eightbyeight_async.bulk.run.group_rates import GroupRates
from eightbyeight_async.bulk.store.plan_store import PlanStore
from eightbyeight_async.bulk.store.records import Policy
from eightbyeight_async.cli.commands.single_message import host_and_account
from eightbyeight_async.cli.exit_codes import Exit, UsageError
from eightbyeight_async.cli.reading.bad_rows import aside_words, check_bad_rows_path, good_rows, keep_bad_rows
from eightbyeight_async.cli.reading.durations import seconds_of
from eightbyeight_async.cli.reading.file_plan import check_file, input_of, opt_outs_of, row_reader, rules_of
from eightbyeight_async.cli.reading.plan_words import later_words, plan_words
from eightbyeight_async.cli.reading.row_planner import RowPlanner
from eightbyeight_async.cli.sending.at_end import check_on_end, run_at_end
from eightbyeight_async.cli.sending.in_batches import BatchRun
from eightbyeight_async.cli.sending.one_by_one import OneByOneRun
from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts
from eightbyeight_async.cli.sending.plan_check import PlanCheck
from eightbyeight_async.cli.sending.record_writer import DescriptorRecords, TerminalRecords, new_file, refuse_output
from eightbyeight_async.cli.sending.result_record import without_private
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.cli.terminal.loop_and_signals import regularly, run
from eightbyeight_async.models.sms_batch import MAX_BATCH
from eightbyeight_async.settings import checked_count, checked_rate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from eightbyeight_async.cli.commands.shared_options import ConnectionOptions
    from eightbyeight_async.cli.reading.csv_rows import CsvRows
    from eightbyeight_async.cli.reading.file_plan import FilePlan
    from eightbyeight_async.cli.reading.input_file import InputFile
    from eightbyeight_async.cli.reading.jsonl_rows import JsonlRows
    from eightbyeight_async.cli.reading.row_planner import LeftOutRows
    from eightbyeight_async.cli.reading.row_to_request import Problem, Row
    from eightbyeight_async.cli.sending.file_run import FileRun
    from eightbyeight_async.cli.sending.record_writer import RecordWriter
    from eightbyeight_async.client import AsyncConnectClient
    from eightbyeight_async.fanout import SendResult

__all__ = ["send", "send_file"]

_NONE = array("q")
_TICK = 0.1  # seconds between two checks whether a line of progress is due; checked even if no answers arrive


def send(plan: FilePlan, connection: ConnectionOptions, *, dry_run: bool) -> Exit:
    """Runs the command.

    Raises:
        UsageError: an argument or the file is wrong; nothing was sent.
        InvalidRequestError: a setting is missing or wrong; nothing was sent.
    """
    display = Display()
    checked_count(plan.concurrency, "--concurrency")
    checked_rate(plan.rate, "--rate")
    if checked_count(plan.chunk_size, "--chunk-size") > MAX_BATCH:
        raise UsageError(f"--chunk-size: must be at most {MAX_BATCH:,}")
    seconds_of(plan.keep_trying, "--keep-trying")
    check_on_end(plan.on_end)
    host, account = host_and_account(connection)
    # The client is made before the file is checked, so that a missing key is reported at once and not after a million
    # rows.
    client = None if dry_run else connection.client(max_concurrency=plan.concurrency, max_rate=plan.rate)
    rows = row_reader(plan)
    with input_of(plan) as input_file:
        if plan.bad_rows is not None:
            check_bad_rows_path(plan.bad_rows, input_file, rows)
        if plan.output is not None and client is not None:
            refuse_output(plan.output, force=plan.force, not_this=input_file.identity)
        try:
            with PlanStore(policy=Policy(one_per_number=plan.one_per_number)) as store:
                opted_out = opt_outs_of(plan, input_file, rows)
                size = plan.chunk_size if plan.mode == "batch" else MAX_BATCH
                planner = RowPlanner(
                    store,
                    send_copies=plan.duplicates == "send",
                    opted_out=opted_out or None,
                    limit=plan.limit,
                    mode=plan.mode,
                    batch_size=size,
                )
                checked = check_file(input_file, rows, display, plan, planner)
        except KeyboardInterrupt:
            display.error("interrupted; nothing was sent")
            return Exit.INTERRUPTED
        if checked.refused:
            return Exit.USAGE
        check = PlanCheck(planner.plan, planner.costs, plan.limits, connection, display, rules_of(plan))
        check.tell(private=plan.include_private, rate=plan.rate)
        aside = checked.found.rows()
        line = (
            f"{input_file.name}: {plan_words(planner.plan, planner.costs.parts, journal=False)}"
            f"{aside_words(len(aside))}{later_words(planner.later)}, to {host}, "
            f"sub-account {account or 'not set'}, {_speed(plan, planner.plan.to_send)}"
        )
        check.check()
        if plan.test_to is not None:
            return check.send_samples(plan.test_to, client)
        if planner.later:
            display.note("this command has no memory: without --limit it sends the first rows again; see `bulk run`")
        if client is None:
            display.info(f"{line}; nothing was sent")
            return Exit.OK
        if not input_file.unchanged():
            raise UsageError(f"{input_file.name}: changed while it was checked; nothing was sent")
        display.info(line)
        if (ends := check.not_confirmed(yes=plan.yes)) is not None:
            return ends
        if plan.bad_rows is not None and (kept := keep_bad_rows(plan.bad_rows, input_file, rows, checked.found)):
            display.info(kept)
        return send_file(
            client,
            input_file,
            rows,
            OutcomeCounts(planner.plan.messages, aside=len(aside)),
            lambda: _record_writer(plan, input_file, display),
            plan,
            display,
            left_out=planner.left_out,
            aside=aside,
            last=planner.last,
        )


def _speed(plan: FilePlan, rows: int) -> str:
    pace = "no rate limit" if plan.rate is None else f"at most {plan.rate:g} requests a second"
    if plan.mode == "each":
        return f"{plan.concurrency} at a time, {pace}"
    requests = -(-rows // plan.chunk_size)
    batches = "1 batch" if requests == 1 else f"{requests:,} batches"
    return f"{batches} of up to {plan.chunk_size:,}, {plan.concurrency} at a time, {pace}"


def send_file(
    client: AsyncConnectClient,
    input_file: InputFile,
    rows: CsvRows | JsonlRows,
    counts: OutcomeCounts,
    lines: Callable[[], RecordWriter],
    plan: FilePlan,
    display: Display,
    on_result: Callable[[SendResult], None] = lambda _: None,
    left_out: LeftOutRows | None = None,
    aside: array[int] = _NONE,
    last: int | None = None,
) -> Exit:
    """Sends the rows of a checked file, and prints the summary.

    Rows that are left out or set aside are not sent, nor are rows after the row with the number `last`.
    """
    began = time.monotonic()
    good = good_rows(rows.read(input_file.lines.again()), aside, last, rows.window)
    file_run = _file_run(client, good, counts, lines(), plan, on_result)
    file_run.aside = aside
    counts.pauses = file_run.patience
    file_run.say = display.info
    if left_out is not None:
        file_run.left_out = left_out

    async def work() -> None:
        async with client:
            with regularly(_TICK, file_run.changed):
                await file_run.run()

    try:
        with display.sending(counts) as file_run.changed:
            run(work)
    except KeyboardInterrupt:  # Windows: the loop cannot handle signals
        counts.interrupted = True
    finally:
        _print_results(file_run, display, time.monotonic() - began)
        if plan.on_end is not None:
            run_at_end(plan.on_end, {**counts.as_dict(), "stopped": file_run.why_stopped}, display)
    # If records could not be written, the run fails even if every message was accepted.
    stopped = file_run.why_stopped is not None
    return Exit.REFUSED if stopped and counts.exit is Exit.OK else counts.exit


def _file_run(
    client: AsyncConnectClient,
    rows: Iterator[Row | Problem],
    counts: OutcomeCounts,
    lines: RecordWriter,
    plan: FilePlan,
    on_result: Callable[[SendResult], None],
) -> FileRun:
    common: dict[str, Any] = {
        "client": client,
        "rows": rows,
        "counts": counts,
        "lines": lines,
        "private": plan.include_private,
        "rate": plan.rate,
        "keep_trying": seconds_of(plan.keep_trying, "--keep-trying"),
    }
    if plan.mode == "each":
        rules = rules_of(plan)
        groups = GroupRates(rules.group_of, time.monotonic) if rules is not None and rules.rates else None
        return OneByOneRun(**common, on_result=on_result, groups=groups)
    return BatchRun(**common, grace=None, size=plan.chunk_size, width=plan.concurrency)


def _print_results(file_run: FileRun, display: Display, seconds: float) -> None:
    if file_run.lines.unwritten:
        count = len(file_run.lines.unwritten)
        words = f"{file_run.lines.failure}; {count:,} {'record' if count == 1 else 'records'} could not be written"
        if file_run.lines.reader_left:
            display.error(words)
        else:
            display.error(f"{words}:")
            for line in file_run.lines.unwritten:
                display.lines(without_private(line))
    display.summary(file_run.counts, seconds)
    if file_run.why_stopped is not None:
        rows = "1 row was" if file_run.counts.not_tried == 1 else f"{file_run.counts.not_tried:,} rows were"
        display.error(f"stopped: {file_run.why_stopped}; {rows} not tried")


def _record_writer(plan: FilePlan, input_file: InputFile, display: Display) -> RecordWriter:
    if plan.output is not None:
        descriptor = new_file(plan.output, force=plan.force, private=plan.include_private, not_this=input_file.identity)
        return DescriptorRecords(descriptor, str(plan.output), owned=True)
    if sys.stdout.isatty() and display.on_terminal:
        return TerminalRecords(display.lines)
    try:
        return DescriptorRecords(sys.stdout.fileno(), "stdout")
    except OSError as wrong:
        raise UsageError("stdout is closed: give --output for the records") from wrong
