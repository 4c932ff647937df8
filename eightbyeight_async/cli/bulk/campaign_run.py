"""The second reading of a `bulk run`: a campaign sends what the first one checked, and says what came of it.

Ctrl-C and SIGTERM: no more messages are taken, what is in flight is waited for; a second one gives that up.
Either way the journal is whole, and the command that goes on from it is told.
"""

from __future__ import annotations

import shlex
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import anyio
import attrs

from eightbyeight_async.bulk import Campaign, InputChangedError, JournalError, Progress, State
from eightbyeight_async.cli.bulk.remembered_options import STDIN, refusing
from eightbyeight_async.cli.bulk.words import counts, settled_words, state_word
from eightbyeight_async.cli.commands.single_message import print_json
from eightbyeight_async.cli.exit_codes import Exit, UsageError
from eightbyeight_async.cli.reading.row_to_request import Complaint
from eightbyeight_async.cli.reading.twice_read_lines import FileChangedError
from eightbyeight_async.cli.sending.outcome_counts import Reasons, reason_of
from eightbyeight_async.cli.terminal.loop_and_signals import on_interrupt, run
from eightbyeight_async.errors import AuthenticationError, EightByEightError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from eightbyeight_async.bulk import Report, Settled, Status
    from eightbyeight_async.cli.bulk.remembered_options import RememberedOptions
    from eightbyeight_async.cli.reading.row_to_request import Row
    from eightbyeight_async.cli.terminal.display import Show
    from eightbyeight_async.client import AsyncConnectClient
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["BulkSending", "Once"]

_TICK = 0.1  # seconds between two looks at the progress


@attrs.frozen(kw_only=True)
class Once:
    """Wishes for this run alone."""

    resend_unknown: bool = False
    resend_failed: bool = False
    allow_changed_input: bool = False
    accept_loss: bool = False


@attrs.define(kw_only=True)
class BulkSending:
    """One run.

    Attributes:
        rows: the file, read again; `expected` of them, of this `fingerprint`.
        resume: the command that goes on.
        error: what ended the run.
        stopped: why it ended before the file did, None: see the report.
        progress, report, status: afterwards; None where nobody knows.
    """

    client: AsyncConnectClient
    journal: Path
    settings: RememberedOptions
    once: Once
    rows: Iterable[Row | Complaint]
    expected: int
    fingerprint: str
    resume: str
    show: Show
    interrupted: bool = False
    error: EightByEightError | None = None
    stopped: str | None = None
    progress: Progress = Progress()  # noqa: RUF009 - frozen
    report: Report | None = None
    status: Status | None = None
    reasons: Reasons = attrs.field(factory=Reasons)

    def command(self, *, as_json: bool) -> Exit:
        try:
            run(self._work)
        except KeyboardInterrupt:  # where the loop cannot listen to signals
            self.interrupted = True
        self._tell()
        if as_json:
            print_json(self._told())
        return self._exit()

    async def _work(self) -> None:
        pace: dict[str, Any] = {} if self.settings.rate is None else {"max_rate": self.settings.rate}
        campaign = Campaign(
            self.client,
            self.journal,
            durability=self.settings.durability,
            mode=self.settings.mode,
            batch_size=self.settings.chunk_size,
            max_concurrency=self.settings.concurrency,
            duplicates=self.settings.duplicates,
            store_private=self.settings.store_private,
            on_result=self._count,
            **attrs.asdict(self.once),
            **pace,
        )
        async with self.client, AsyncExitStack() as stack:
            with refusing(self.journal):
                await stack.enter_async_context(campaign)
            await self._send(campaign)

    async def _send(self, campaign: Campaign) -> None:
        scope = anyio.CancelScope()
        try:
            async with on_interrupt(lambda: self._interrupt(campaign, scope)):
                with scope, self.show.campaign(self.expected) as update:
                    async with anyio.create_task_group() as tasks:
                        if self.show.on_terminal:
                            tasks.start_soon(self._tick, campaign, update)
                        await self._settle(campaign)
                        tasks.cancel_scope.cancel()
                    update(campaign.progress())
        finally:
            self.progress, self.report = campaign.progress(), campaign.report
            with anyio.CancelScope(shield=True):
                try:
                    self.status = await campaign.status()
                except JournalError as error:
                    self.error = self.error or error

    async def _settle(self, campaign: Campaign) -> None:
        try:
            await campaign.send(self._requests(), fingerprint=self.fingerprint, expected=self.expected)
        except FileChangedError:
            self.stopped = "the file has changed since it was checked"
        except InputChangedError as error:
            raise UsageError(str(error)) from error
        except EightByEightError as error:
            self.error, self.stopped = error, str(error)

    async def _tick(self, campaign: Campaign, update: Callable[[Progress], None]) -> None:
        while True:
            await anyio.sleep(_TICK)
            update(campaign.progress())

    def _requests(self) -> Iterator[SmsRequest]:
        for row in self.rows:
            if isinstance(row, Complaint):  # its bytes are those that were checked
                raise AssertionError("a row that was fine is not any more")  # noqa: TRY004 - no matter of types
            yield row.request

    def _interrupt(self, campaign: Campaign, scope: anyio.CancelScope) -> None:
        if self.interrupted:
            scope.cancel()
            return
        self.interrupted = True
        campaign.stop()
        self.show.note("interrupted: waiting for the requests in flight; once more gives them up")

    def _count(self, settled: Settled) -> None:
        if settled.state is not State.SENT:
            why = "status REJECTED" if settled.state is State.REJECTED else _why_unsure(settled)
            self.reasons.count(f"{state_word(settled.state)}: {why}", settled.place + 1)

    # Afterwards

    def _tell(self) -> None:
        done, mode = self.progress, ""
        if self.report is not None:
            mode = f", {counts(self.report.requests, 'request')} in mode {self.report.mode}: {self.report.why}"
        words = [
            f"{done.accepted:,} accepted, {done.rejected:,} rejected, {done.failed:,} failed, {done.unknown:,} unknown"
        ]
        words += [f"{done.known:,} settled before"] if done.known else []
        words += [f"{done.duplicates:,} duplicates left out"] if done.duplicates else []
        self.show.good(f"this run: {', '.join(words)} ({done.seconds:.1f} s{mode})")
        self.show.reasons(self.reasons)
        if self.status is not None:
            self.show.good(f"{self.journal.name}: {settled_words(self.status)}")
        if self.report is not None and self.report.missing:
            self.show.note(f"{counts(self.report.missing, 'message')} of earlier runs are not in this file")
        why = self._why()
        if why is not None:
            self.show.error(f"stopped: {why}")
        if self.status is not None and self.status.unknown:
            journal = shlex.quote(str(self.journal))
            self.show.note(
                f"{self.status.unknown:,} may have been sent: `eightbyeight bulk unknown --journal {journal}` lists, "
                f"`eightbyeight bulk reconcile --journal {journal}` looks up in 8x8's log"
            )
        if self._left():
            same = ", with the same input" if self.settings.file == STDIN else ""
            self.show.good(f"to go on{same}: {self.resume}")

    def _why(self) -> str | None:
        if self.interrupted:
            return "interrupted"
        if self.stopped is not None:
            return self.stopped
        return None if self.report is None else self.report.stopped

    def _left(self) -> bool:
        return self.interrupted or self._why() is not None or self.status is None or self.status.not_sent > 0

    def _told(self) -> dict[str, Any]:
        report, done = self.report, self.progress
        names = ("accepted", "rejected", "failed", "unknown", "not_sent", "known", "duplicates")
        return {
            **{name: getattr(done, name) for name in names},
            "seconds": round(done.seconds, 3),
            "requests": None if report is None else report.requests,
            "mode": None if report is None else report.mode,
            "why": None if report is None else report.why,
            "complete": report is not None and report.complete,
            "stopped": self._why(),
            "missing": None if report is None else report.missing,
            "status": None if self.status is None else self.status.as_dict(),
            "resume": self.resume if self._left() else None,
        }

    def _exit(self) -> Exit:
        """Of the whole campaign: what an earlier run left unknown is unknown still."""
        if self.interrupted:
            return Exit.INTERRUPTED
        if self.status is None or self.status.unknown:
            return Exit.UNKNOWN
        if isinstance(self.error, AuthenticationError):
            return Exit.AUTHENTICATION
        return Exit.OK if self._why() is None and self.status.sent == self.status.total else Exit.REFUSED


def _why_unsure(settled: Settled) -> str:
    if settled.error is None and settled.state is State.UNKNOWN:
        return "interrupted, or an answer that does not settle it"
    return reason_of(settled.error)
