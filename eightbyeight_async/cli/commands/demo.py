"""`eightbyeight demo`: a sandbox, 2,000 rows through `send-each`, the scheduled ones cancelled, everything counted.

What is counted is compared with what the sandbox has: the command's own books could be wrong twice the same way.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
import attrs

from eightbyeight_async.cli.commands.demo_rows import FAULTY_ROWS, write_demo_file
from eightbyeight_async.cli.exit_codes import Exit
from eightbyeight_async.cli.reading.file_plan import Order, plan_file, rows_of
from eightbyeight_async.cli.reading.input_file import opened
from eightbyeight_async.cli.sending.outcome_counts import OutcomeCounts
from eightbyeight_async.cli.sending.record_writer import NoLines, WrittenLines, new_file, refuse_output
from eightbyeight_async.cli.sending.result_record import RecordOutcome
from eightbyeight_async.cli.sending.send_file import send_file
from eightbyeight_async.cli.terminal.display import Show, print_table
from eightbyeight_async.cli.terminal.loop_and_signals import now, run
from eightbyeight_async.errors import EightByEightError
from eightbyeight_async.models.chatapps_content import TextContent
from eightbyeight_async.models.chatapps_message import ChatAppsRequest, ChatAppsUser
from eightbyeight_async.models.sms_batch import BatchSmsRequest, SmsTemplate
from eightbyeight_async.sandbox import Fault, Sandbox
from eightbyeight_async.settings import checked_count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eightbyeight_async.cli.sending.record_writer import Lines
    from eightbyeight_async.client import AsyncConnectClient
    from eightbyeight_async.fanout import SendResult

__all__ = ["run_demo"]

_BATCH = 10


@attrs.define
class Books:
    """What the command knows of what it did.

    Attributes:
        tally: how sending ended.
        accepted, scheduled: umids; those scheduled are among those accepted.
        rejected: umids.
        retried: requests beyond one a row.
        cancelled: how many of the scheduled ones were cancelled, one by one.
        of_batch, of_chatapps: messages that the two other cancels cancelled.
    """

    tally: OutcomeCounts
    accepted: list[str] = attrs.field(factory=list)
    scheduled: list[str] = attrs.field(factory=list)
    rejected: list[str] = attrs.field(factory=list)
    retried: int = 0
    cancelled: int = 0
    of_batch: int = 0
    of_chatapps: int = 0

    def enter(self, result: SendResult) -> None:
        if result.response is None:
            return
        (self.accepted if result.ok else self.rejected).append(result.response.umid)
        if result.ok and result.request.scheduled is not None:
            self.scheduled.append(result.response.umid)


def run_demo(*, concurrency: int, output: Path | None) -> Exit:
    """
    Raises:
        UsageError, InvalidRequestError: `output` exists, `concurrency` is no number of requests.
    """
    show = Show()
    checked_count(concurrency, "--concurrency")
    with tempfile.TemporaryDirectory(prefix="eightbyeight-demo-") as directory, Sandbox() as sandbox:
        show.note("an 8x8 Connect API on this machine: real HTTPS, TLS 1.3; nothing leaves it")
        path = Path(directory) / "demo.csv"
        faulty, refused = write_demo_file(path, now())
        for number in faulty:
            sandbox.faults.on_destination(number, Fault.server_error())
        for number in refused:
            sandbox.faults.on_destination(number, Fault.error(1002))
        order = Order(file=str(path), concurrency=concurrency, output=output)
        with opened(order.file) as source:
            if output is not None:
                refuse_output(output, force=False, not_this=source.identity)
            rows = rows_of(order)
            books = Books(OutcomeCounts(plan_file(source, rows, show).rows))
            client = sandbox.client(max_concurrency=concurrency)
            send_file(client, source, rows, books.tally, lambda: _lines(output), order, show, books.enter)
        if books.tally.interrupted:
            return Exit.INTERRUPTED
        books.retried = sandbox.traffic.requests - books.tally.tried
        show.good(f"cancelling {len(books.scheduled):,} scheduled messages, a batch and a ChatApps message")
        run(lambda: _cancel(sandbox, books, concurrency))
        counts = list(_counts(books, sandbox))
    print_table(
        "What became of the messages",
        ["", "the command says", "the sandbox says"],
        [(words, f"{ours:,}", f"{theirs:,}") for words, ours, theirs in counts],
    )
    wrong = [words for words, ours, theirs in counts if ours != theirs] + _sums(books)
    if wrong:
        show.error(f"these counts do not add up: {'; '.join(words.strip(' =+') for words in wrong)}")
        return Exit.REFUSED
    show.good("everything adds up: every accepted message arrived exactly once")
    return Exit.OK


def _lines(output: Path | None) -> Lines:
    if output is None:
        return NoLines()
    return WrittenLines(new_file(output, force=False, private=False, not_this=(-1, -1)), str(output), owned=True)


async def _cancel(sandbox: Sandbox, books: Books, concurrency: int) -> None:
    """One by one, all at once: the client bounds how many are in flight."""
    async with sandbox.client(max_concurrency=concurrency) as client:

        async def one(umid: str) -> None:
            try:
                count = (await client.sms.cancel(umid)).cancelled_count
            except EightByEightError as error:
                Show().error(f"cancelling {umid}: {error}")
                return
            books.cancelled += count

        async with anyio.create_task_group() as tasks:
            for umid in books.scheduled:
                tasks.start_soon(one, umid)
        await _cancel_others(client, books)


async def _cancel_others(client: AsyncConnectClient, books: Books) -> None:
    """A batch, and a ChatApps message."""
    later = now() + timedelta(hours=1)
    numbers = [f"+4477009009{number:02d}" for number in range(_BATCH)]
    template = SmsTemplate(text="See you at six.", scheduled=later)
    batch = await client.sms.send_batch(BatchSmsRequest(destinations=numbers, template=template))
    books.of_batch = (await client.sms.cancel_batch(batch.batch_id)).cancelled_count
    chat = await client.chatapps.send(
        ChatAppsRequest(
            user=ChatAppsUser(msisdn=numbers[0]), content=TextContent(text="See you at six."), scheduled=later
        )
    )
    books.of_chatapps = (await client.chatapps.cancel(chat.umid)).cancelled_count


def _counts(books: Books, sandbox: Sandbox) -> Iterator[tuple[str, int, int]]:
    """What, as the command counts it, as the sandbox does."""
    single = [message for message in sandbox.messages if message.product == "sms" and message.batch_id is None]
    states = Counter(message.state for message in single)
    others = Counter(
        "batch" if message.batch_id else message.product for message in sandbox.messages if message.state == "cancelled"
    )
    # Of equal messages the smaller count: one that arrived twice, or not at all, makes the two sides differ.
    once = sum((Counter(books.accepted) & Counter(message.umid for message in single)).values())
    refs = len({message.client_message_id for message in single})
    accepted, failed = len(books.accepted), books.tally.outcomes[RecordOutcome.FAILED]
    now_, scheduled = accepted - len(books.scheduled), len(books.scheduled)
    yield "rows in the file", books.tally.rows, len(single) + len(sandbox.rejected) + failed
    yield "  = accepted", accepted, len(single)
    yield "  + rejected by the API", len(books.rejected), len(sandbox.rejected)
    yield "  + failed (code 1002)", failed, books.tally.rows - refs - len(sandbox.rejected)
    yield "accepted", accepted, once
    yield "  = sent now", now_, states["queued"]
    yield "  + scheduled", scheduled, states["scheduled"] + states["cancelled"]
    yield "scheduled", scheduled, states["scheduled"] + states["cancelled"]
    yield "  = cancelled", books.cancelled, states["cancelled"]
    yield "  + still scheduled", scheduled - books.cancelled, states["scheduled"]
    yield "tries repeated after code 2000", books.retried, len(FAULTY_ROWS)
    yield "cancelled of a batch", books.of_batch, others["batch"]
    yield "cancelled ChatApps messages", books.of_chatapps, others["chatapps"]


def _sums(books: Books) -> list[str]:
    """What does not add up in the command's own books."""
    accepted, scheduled = len(books.accepted), len(books.scheduled)
    ended = books.tally.outcomes
    sums = {
        "rows = accepted + rejected + failed": (
            books.tally.rows,
            ended[RecordOutcome.ACCEPTED] + ended[RecordOutcome.REJECTED] + ended[RecordOutcome.FAILED],
        ),
        "accepted": (ended[RecordOutcome.ACCEPTED], len(set(books.accepted))),
        "rejected": (ended[RecordOutcome.REJECTED], len(set(books.rejected))),
        "sent now + scheduled = accepted": (accepted, accepted - scheduled + len(set(books.scheduled))),
        "cancelled = scheduled": (books.cancelled, scheduled),
        "cancelled of a batch": (books.of_batch, _BATCH),
        "cancelled ChatApps messages": (books.of_chatapps, 1),
    }
    return [words for words, (ours, theirs) in sums.items() if ours != theirs]
