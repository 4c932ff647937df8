"""The second reading of the file of a `bulk run`: a campaign sends the checked rows, the command prints the results.

On Ctrl-C, SIGTERM or SIGHUP the campaign takes no more messages and waits for the requests in flight. A second Ctrl-C
or SIGTERM ends the wait. In both cases the journal stays valid, and the command prints how to continue.
"""

from __future__ import annotations

from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING, Any

import anyio
import attrs

from eightbyeight_async.bulk import Campaign, InputChangedError, JournalError, Progress, State
from eightbyeight_async.cli.bulk.remembered_options import STDIN
from eightbyeight_async.cli.bulk.shared_file import RowMessages, SharedFile
from eightbyeight_async.cli.bulk.words import journal_failure, plural, state_word, status_line
from eightbyeight_async.cli.commands.single_message import print_json
from eightbyeight_async.cli.exit_codes import Exit, UsageError
from eightbyeight_async.cli.reading.durations import seconds_of
from eightbyeight_async.cli.reading.send_window import WindowClosingError
from eightbyeight_async.cli.reading.twice_read_lines import FileChangedError
from eightbyeight_async.cli.sending.at_end import run_at_end
from eightbyeight_async.cli.sending.outcome_counts import Reasons, reason_of
from eightbyeight_async.cli.terminal.loop_and_signals import on_interrupt, regularly, run
from eightbyeight_async.errors import AuthenticationError, EightByEightError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from eightbyeight_async.bulk import Report, Settled, Status
    from eightbyeight_async.bulk.run.choose_mode import Mode
    from eightbyeight_async.cli.bulk.journal_or_ledger import Place
    from eightbyeight_async.cli.bulk.remembered_options import RememberedOptions
    from eightbyeight_async.cli.reading.row_to_request import Problem, Row
    from eightbyeight_async.cli.terminal.display import Display
    from eightbyeight_async.client import AsyncConnectClient
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["CampaignRun", "OneRunOptions"]

_TICK = 0.1  # seconds between two updates of the progress bar


@attrs.frozen(kw_only=True)
class OneRunOptions:
    """Options that apply to this run only; the journal does not remember them.

    Attributes:
        resend_unknown: send messages again that may have been sent.
        resend_failed: send messages again that 8x8 refused.
        allow_changed_input: accept other messages than the campaign began with.
        accept_loss: accept a journal that lost claims.
    """

    resend_unknown: bool = False
    resend_failed: bool = False
    allow_changed_input: bool = False
    allow_changed_account: bool = False
    accept_loss: bool = False


@attrs.define(kw_only=True)
class CampaignRun:
    """One run of a campaign.

    Attributes:
        client: sends the requests.
        journal: the journal or ledger with the claims.
        settings: the options of the run.
        one_run: the options that apply to this run only.
        read: reads the rows of the file again.
        digest: digest of the file's bytes.
        opted_out: whether the person of a message has opted out; None: nobody has.
        group_rate: see `Campaign`.
        aside: number of rows with a problem. They are set aside: `read` does not return them.
        on_end: command that gets the results when the run has ended; None: there is none.
        later: number of rows after the limit; `read` does not return them.
        mode: see `Campaign`.
        expected: number of rows to send or settled, including the rows after the limit.
        fingerprint: fingerprint of the messages.
        checked: what the journal remembers about the check; None: the next run must check again.
        resume: command line that continues the campaign.
        display: prints for the user.
        interrupted: whether a signal stopped the run.
        error: the error that stopped the run; None: there is none.
        stopped: why the run stopped early; None: it did not stop early, or the report says why.
        progress: the counts of this run.
        report: the campaign's report; None: the run ended without one.
        status: the campaign's counts over all runs; None: the journal cannot be read.
        reasons: why messages of this run were not sent.
        shared: the file, if other processes send it, too; None: this process sends the whole file.
    """

    client: AsyncConnectClient
    journal: Place
    settings: RememberedOptions
    one_run: OneRunOptions
    read: Callable[[], Iterable[Row | Problem]]
    digest: str
    expected: int
    fingerprint: str
    opted_out: Callable[[SmsRequest], bool] | None
    mode: Mode
    checked: bytes | None = None
    group_rate: Callable[[SmsRequest], tuple[str, float] | None] | None = None
    aside: int = 0
    later: int = 0
    on_end: str | None = None
    resume: str
    display: Display
    interrupted: bool = False
    error: EightByEightError | None = None
    stopped: str | None = None
    progress: Progress = Progress()  # noqa: RUF009 - frozen
    report: Report | None = None
    status: Status | None = None
    reasons: Reasons = attrs.field(factory=Reasons)
    shared: SharedFile | None = None

    def execute(self, *, as_json: bool) -> Exit:
        """Sends the messages and prints the results."""
        try:
            run(self._run)
        except KeyboardInterrupt:  # Windows: the loop cannot handle signals
            self.interrupted = True
        if self.status is None:  # often the journal can still be read when it cannot be written any more
            with suppress(JournalError):
                self.status = self.journal.status()
        self._print_results()
        if self.on_end is not None:
            run_at_end(self.on_end, self._as_json(), self.display)
        if as_json:
            with suppress(OSError):  # reported at the end of the command; it changes the exit code only if that is 0
                print_json(self._as_json())
        return self._exit_code()

    async def _run(self) -> None:
        rate: dict[str, Any] = {} if self.settings.rate is None else {"max_rate": self.settings.rate}
        campaign = self.journal.campaign(
            self.client,
            durability=self.settings.durability,
            mode=self.mode,
            batch_size=self.settings.chunk_size,
            max_concurrency=self.settings.concurrency,
            duplicates=self.settings.duplicates,
            one_per_number=self.settings.one_per_number,
            opted_out=self.opted_out,
            group_rate=self.group_rate,
            keep_trying=seconds_of(self.settings.keep_trying, "--keep-trying"),
            store_private=self.settings.store_private,
            on_result=self._count,
            **attrs.asdict(self.one_run),
            **rate,
        )
        scope = anyio.CancelScope()
        # Signals are handled until the campaign is closed: a late signal must not lose results that are being written.
        async with (
            on_interrupt(lambda: self._interrupt(campaign), scope.cancel),
            self.client,
            AsyncExitStack() as stack,
        ):
            with self.journal.usage_errors():
                await stack.enter_async_context(campaign)
                await self.journal.remember(campaign, self.settings, self.checked)
            await self._send_until_stopped(campaign, scope)

    async def _send_until_stopped(self, campaign: Campaign, scope: anyio.CancelScope) -> None:
        try:
            with scope, self.display.campaign(self.expected) as update:
                with regularly(_TICK, lambda: update(self._progress_of(campaign))):
                    await self._send(campaign)
                if self.display.on_terminal:
                    update(self._progress_of(campaign))
        finally:
            self.progress, self.report = self._progress_of(campaign), campaign.report
            if self.shared is not None:
                self.report = self.shared.report(campaign)
            with anyio.CancelScope(shield=True):
                try:
                    self.status = await campaign.status()
                except JournalError as error:
                    self.error = self.error or error

    async def _send(self, campaign: Campaign) -> None:
        try:
            queue = None if self.later else self.journal.chunks()
            if queue is None:
                rows = RowMessages(self.read(), cut_off=self.later > 0)
                await campaign.send(rows, fingerprint=self.fingerprint, expected=self.expected)
            else:
                self.shared = SharedFile(
                    self.read,
                    self.digest,
                    messages=self.expected,
                    size=2 * self.settings.chunk_size,  # two batches in flight
                    stopped=lambda: self.interrupted,
                )
                async with queue as chunks:
                    await self.shared.send(campaign, chunks, fingerprint=self.fingerprint)
        except WindowClosingError as closing:
            self.stopped = str(closing)
        except FileChangedError:
            self.stopped = "the file has changed since it was checked"
        except InputChangedError as error:
            raise UsageError(
                f"these are not the messages that {self.journal.name} began with; nothing was sent "
                "(--allow-changed-input continues with them; a person whose message changed gets a second one)"
            ) from error
        except JournalError as error:
            self.error, self.stopped = error, journal_failure(self.journal.name, error)
        except EightByEightError as error:
            self.error, self.stopped = error, str(error)

    def _progress_of(self, campaign: Campaign) -> Progress:
        return campaign.progress() if self.shared is None else self.shared.progress(campaign)

    def _interrupt(self, campaign: Campaign) -> None:
        self.interrupted = True
        campaign.stop()
        self.display.note("interrupted: waiting for the requests in flight; a second Ctrl-C stops waiting")

    def _count(self, settled: Settled) -> None:
        if settled.state is not State.SENT:
            why = "status REJECTED" if settled.state is State.REJECTED else _why_unsure(settled)
            self.reasons.count(f"{state_word(settled.state)}: {why}", settled.place + 1)

    # After the run

    def _print_results(self) -> None:
        done, mode = self.progress, ""
        if self.report is not None:
            mode = f", {plural(self.report.requests, 'request')} in mode {self.report.mode}: {self.report.why}"
        words = [
            f"{done.accepted:,} accepted, {done.rejected:,} rejected, {done.failed:,} failed, {done.unknown:,} unknown"
        ]
        words += [f"{done.known:,} already settled"] if done.known else []
        words += [f"{plural(done.duplicates, 'duplicate')} left out"] if done.duplicates else []
        words += [f"{done.same_number:,} left out by --one-per-number"] if done.same_number else []
        words += [f"{done.opted_out:,} opted out"] if done.opted_out else []
        words += [f"{plural(self.aside, 'bad row')} set aside"] if self.aside else []
        self.display.info(f"this run: {', '.join(words)} ({done.seconds:.1f} s{mode})")
        self.display.reasons(self.reasons)
        if self.status is not None:
            self.display.info(f"{self.journal.name}: {status_line(self.status)}")
        if self.report is not None and self.report.missing:
            self.display.note(f"{plural(self.report.missing, 'message')} of earlier runs are missing from this file")
        why = self._stop_reason()
        if why is not None:
            self.display.error(f"stopped: {why}")
        if self.status is not None and self.status.unknown:
            self.display.note(
                f"{self.status.unknown:,} may have been sent: `eightbyeight bulk unknown {self.journal.words}` lists "
                f"them, `eightbyeight bulk reconcile {self.journal.words}` looks them up in 8x8's log"
            )
        if self._unfinished():
            same = ", with the same input" if self.settings.file == STDIN else ""
            self.display.info(f"to go on{same}: {self.resume}")

    def _stop_reason(self) -> str | None:
        if self.interrupted:
            return "interrupted"
        if self.stopped is not None:
            return self.stopped
        return None if self.report is None else self.report.stopped

    def _unfinished(self) -> bool:
        return self.interrupted or self._stop_reason() is not None or self.status is None or self.status.not_sent > 0

    def _as_json(self) -> dict[str, Any]:
        report, done = self.report, self.progress
        names = (
            "accepted", "rejected", "failed", "unknown", "not_sent", "known", "duplicates", "same_number", "opted_out",
        )  # fmt: skip
        return {
            **{name: getattr(done, name) for name in names},
            "bad_rows": self.aside,
            "later": self.later,
            "seconds": round(done.seconds, 3),
            "requests": None if report is None else report.requests,
            "mode": None if report is None else report.mode,
            "why": None if report is None else report.why,
            "complete": report is not None and report.complete,
            "stopped": self._stop_reason(),
            "missing": None if report is None else report.missing,
            "status": None if self.status is None else self.status.as_dict(),
            "resume": self.resume if self._unfinished() else None,
        }

    def _exit_code(self) -> Exit:
        """Returns the exit code for the whole campaign: messages that an earlier run left unknown count, too."""
        if self.interrupted:
            return Exit.INTERRUPTED
        if self.status is None or self.status.unknown:
            return Exit.UNKNOWN
        if isinstance(self.error, AuthenticationError):
            return Exit.AUTHENTICATION
        rest = self.status.not_sent if self.later else 0
        done = self._stop_reason() is None and self.status.accepted + self.status.opted_out + rest == self.status.total
        return Exit.OK if done and not self.aside else Exit.REFUSED


def _why_unsure(settled: Settled) -> str:
    if settled.error is None and settled.state is State.UNKNOWN:
        return "interrupted, or an answer that does not settle it"
    return reason_of(settled.error)
