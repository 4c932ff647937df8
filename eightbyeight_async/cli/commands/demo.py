"""Runs `eightbyeight demo`: sends 2,000 rows to a sandbox, cancels scheduled ones, kills a campaign and continues it.

The command compares its counts with the sandbox's counts. Comparing only its own counts with each other is not enough:
all of them could be wrong in the same way.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import attrs

from eightbyeight_async.cli.commands.demo_campaign import CommandFailedError, run_killed_campaign
from eightbyeight_async.cli.commands.demo_rows import FAULTY_ROWS, LOST_ROWS, REFUSED_ROWS, write_demo_file
from eightbyeight_async.cli.exit_codes import Exit
from eightbyeight_async.cli.reading.file_plan import FilePlan, check_file, row_reader
from eightbyeight_async.cli.reading.input_file import open_input
from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts
from eightbyeight_async.cli.sending.record_writer import DescriptorRecords, NoRecords, new_file, refuse_output
from eightbyeight_async.cli.sending.result_record import RecordOutcome
from eightbyeight_async.cli.sending.send_file import send_file
from eightbyeight_async.cli.terminal.display import Display, print_table
from eightbyeight_async.cli.terminal.loop_and_signals import now, run
from eightbyeight_async.errors import EightByEightError
from eightbyeight_async.models.chatapps_content import TextContent
from eightbyeight_async.models.chatapps_message import ChatAppsRequest, ChatAppsUser
from eightbyeight_async.models.sms_batch import BatchSmsRequest, SmsTemplate
from eightbyeight_async.sandbox import Fault, Sandbox
from eightbyeight_async.settings import checked_count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eightbyeight_async.cli.sending.record_writer import RecordWriter
    from eightbyeight_async.client import AsyncConnectClient
    from eightbyeight_async.fanout import SendResult

__all__ = ["run_demo"]

_BATCH = 10  # messages of the batch that is sent and cancelled


@attrs.define
class CommandCounts:
    """What the command counts itself.

    Attributes:
        outcomes: the counts of sending the file.
        accepted: umids of the accepted messages.
        scheduled: umids of those accepted messages that are scheduled.
        rejected: umids of the rejected messages.
        lost: phone numbers whose answer is lost.
        retried: number of requests beyond one per row.
        cancelled: number of scheduled messages that were cancelled one by one.
        of_batch: number of messages that cancelling the batch cancelled.
        of_chatapps: number of messages that cancelling the ChatApps message cancelled.
    """

    outcomes: OutcomeCounts
    accepted: list[str] = attrs.field(factory=list)
    scheduled: list[str] = attrs.field(factory=list)
    rejected: list[str] = attrs.field(factory=list)
    lost: list[str] = attrs.field(factory=list)
    retried: int = 0
    cancelled: int = 0
    of_batch: int = 0
    of_chatapps: int = 0

    def add(self, result: SendResult) -> None:
        """Counts one result."""
        if result.response is None:
            return
        (self.accepted if result.ok else self.rejected).append(result.response.umid)
        if result.ok and result.request.scheduled is not None:
            self.scheduled.append(result.response.umid)


def run_demo(*, concurrency: int, output: Path | None) -> Exit:
    """Runs the demo.

    Args:
        concurrency: maximum number of requests in flight.
        output: file for the records; None: no records.

    Raises:
        UsageError: `output` exists.
        InvalidRequestError: `concurrency` is not a positive whole number.
    """
    display = Display()
    checked_count(concurrency, "--concurrency")
    with tempfile.TemporaryDirectory(prefix="eightbyeight-demo-") as temporary:
        directory = Path(temporary)
        try:
            counts, wrong = _send_and_cancel(directory, display, concurrency, output)
            _print("1. What became of the messages", counts)
            display.info("2. A campaign of 300 messages with a journal, killed on its way")
            counts += (again := run_killed_campaign(directory, display))
        except CommandFailedError as error:
            display.error(f"the demo's campaign failed: {error}")
            return Exit.REFUSED
        except KeyboardInterrupt:
            return Exit.INTERRUPTED
    _print("2. What became of the campaign", again)
    wrong += [words for words, ours, theirs in counts if ours != theirs]
    if wrong:
        display.error(f"these counts do not add up: {'; '.join(words.strip(' =+') for words in wrong)}")
        return Exit.REFUSED
    display.info("everything adds up: every accepted message arrived exactly once")
    return Exit.OK


def _print(title: str, counts: list[tuple[str, int, int]]) -> None:
    print_table(
        title,
        ["", "the command says", "the sandbox says"],
        [(words, f"{ours:,}", f"{theirs:,}") for words, ours, theirs in counts],
    )


def _send_and_cancel(
    directory: Path, display: Display, concurrency: int, output: Path | None
) -> tuple[list[tuple[str, int, int]], list[str]]:
    """Runs the first part. Returns the rows of its table, and contradictions found. Raises KeyboardInterrupt."""
    with Sandbox() as sandbox:
        display.info("1. A file of 2,000 messages")
        display.note(
            "a sandbox of the 8x8 Connect API runs on this machine, with HTTPS and TLS 1.3; nothing leaves the machine"
        )
        path = directory / "demo.csv"
        numbers = write_demo_file(path, now())
        for row in FAULTY_ROWS:
            sandbox.faults.on_destination(numbers[row], Fault.server_error())
        for row in REFUSED_ROWS:
            sandbox.faults.on_destination(numbers[row], Fault.error(1002))
        for row in LOST_ROWS:
            sandbox.faults.on_destination(numbers[row], Fault.accept_then_drop())
        plan = FilePlan(file=str(path), concurrency=concurrency, output=output)
        with open_input(plan.file) as input_file:
            if output is not None:
                refuse_output(output, force=False, not_this=input_file.identity)
            rows = row_reader(plan)
            counted = CommandCounts(OutcomeCounts(check_file(input_file, rows, display, plan).rows))
            counted.lost = [numbers[row] for row in LOST_ROWS]
            client = sandbox.client(max_concurrency=concurrency)
            send_file(
                client, input_file, rows, counted.outcomes, lambda: _record_writer(output), plan, display, counted.add
            )
        if counted.outcomes.interrupted:
            raise KeyboardInterrupt
        counted.retried = sandbox.traffic.requests - counted.outcomes.tried
        display.info(f"cancelling {len(counted.scheduled):,} scheduled messages, a batch and a ChatApps message")
        run(lambda: _cancel(sandbox, counted, concurrency))
        return list(_compared_counts(counted, sandbox)), _contradictions(counted)


def _record_writer(output: Path | None) -> RecordWriter:
    if output is None:
        return NoRecords()
    return DescriptorRecords(new_file(output, force=False, private=False, not_this=(-1, -1)), str(output), owned=True)


async def _cancel(sandbox: Sandbox, counted: CommandCounts, concurrency: int) -> None:
    """Cancels the scheduled messages, one request each. All requests start at once; the client limits how many run."""
    async with sandbox.client(max_concurrency=concurrency) as client:

        async def cancel_one(umid: str) -> None:
            try:
                count = (await client.sms.cancel(umid)).cancelled_count
            except EightByEightError as error:
                Display().error(f"cancelling {umid}: {error}")
                return
            counted.cancelled += count

        async with anyio.create_task_group() as tasks:
            for umid in counted.scheduled:
                tasks.start_soon(cancel_one, umid)
        await _cancel_others(client, counted)


async def _cancel_others(client: AsyncConnectClient, counted: CommandCounts) -> None:
    """Sends and cancels a scheduled batch and a scheduled ChatApps message."""
    later = now() + timedelta(hours=1)
    numbers = [f"+4477009009{number:02d}" for number in range(_BATCH)]
    template = SmsTemplate(text="See you at six.", scheduled=later)
    batch = await client.sms.send_batch(BatchSmsRequest(destinations=numbers, template=template))
    counted.of_batch = (await client.sms.cancel_batch(batch.batch_id)).cancelled_count
    chat = await client.chatapps.send(
        ChatAppsRequest(
            user=ChatAppsUser(msisdn=numbers[0]), content=TextContent(text="See you at six."), scheduled=later
        )
    )
    counted.of_chatapps = (await client.chatapps.cancel(chat.umid)).cancelled_count


def _compared_counts(counted: CommandCounts, sandbox: Sandbox) -> Iterator[tuple[str, int, int]]:
    """The rows of the table: label, the command's count, the sandbox's count."""
    every = [message for message in sandbox.messages if message.product == "sms" and message.batch_id is None]
    lost = [message for message in every if message.destination in counted.lost]
    single = [message for message in every if message.destination not in counted.lost]
    states = Counter(message.state for message in single)
    others = Counter(
        "batch" if message.batch_id else message.product for message in sandbox.messages if message.state == "cancelled"
    )
    # For each umid, the smaller of both counts. If a message arrived twice or not at all, the two sides differ.
    once = sum((Counter(counted.accepted) & Counter(message.umid for message in single)).values())
    refs = len({message.client_message_id for message in every})
    accepted, failed = len(counted.accepted), counted.outcomes.outcomes[RecordOutcome.FAILED]
    unknown = counted.outcomes.outcomes[RecordOutcome.UNKNOWN]
    sent_now, scheduled = accepted - len(counted.scheduled), len(counted.scheduled)
    yield "rows in the file", counted.outcomes.rows, len(every) + len(sandbox.rejected) + failed
    yield "  = accepted", accepted, len(single)
    yield "  + rejected by the API", len(counted.rejected), len(sandbox.rejected)
    yield "  + failed (code 1002)", failed, counted.outcomes.rows - refs - len(sandbox.rejected)
    yield "  + answer lost: may be sent", unknown, len(lost)
    yield "accepted", accepted, once
    yield "  = sent now", sent_now, states["queued"]
    yield "  + scheduled", scheduled, states["scheduled"] + states["cancelled"]
    yield "scheduled", scheduled, states["scheduled"] + states["cancelled"]
    yield "  = cancelled", counted.cancelled, states["cancelled"]
    yield "  + still scheduled", scheduled - counted.cancelled, states["scheduled"]
    yield "tries repeated after code 2000", counted.retried, len(FAULTY_ROWS)
    yield "cancelled of a batch", counted.of_batch, others["batch"]
    yield "cancelled ChatApps messages", counted.of_chatapps, others["chatapps"]


def _contradictions(counted: CommandCounts) -> list[str]:
    """Descriptions of the command's own counts that contradict each other."""
    accepted, scheduled = len(counted.accepted), len(counted.scheduled)
    ended = counted.outcomes.outcomes
    sums = {
        "rows = accepted + rejected + failed + unknown": (
            counted.outcomes.rows,
            ended[RecordOutcome.ACCEPTED]
            + ended[RecordOutcome.REJECTED]
            + ended[RecordOutcome.FAILED]
            + ended[RecordOutcome.UNKNOWN],
        ),
        "accepted": (ended[RecordOutcome.ACCEPTED], len(set(counted.accepted))),
        "rejected": (ended[RecordOutcome.REJECTED], len(set(counted.rejected))),
        "sent now + scheduled = accepted": (accepted, accepted - scheduled + len(set(counted.scheduled))),
        "cancelled = scheduled": (counted.cancelled, scheduled),
        "cancelled of a batch": (counted.of_batch, _BATCH),
        "cancelled ChatApps messages": (counted.of_chatapps, 1),
    }
    return [words for words, (ours, theirs) in sums.items() if ours != theirs]
