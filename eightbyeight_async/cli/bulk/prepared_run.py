"""Passes a file to the campaign: after a check, or unchecked if an earlier run has checked the same bytes."""

from __future__ import annotations

import shlex
from array import array
from dataclasses import fields
from typing import TYPE_CHECKING, Any

import attrs

from eightbyeight_async.bulk import Plan
from eightbyeight_async.cli.bulk.campaign_run import CampaignRun
from eightbyeight_async.cli.bulk.remembered_file_check import checked_before
from eightbyeight_async.cli.bulk.remembered_options import STDIN
from eightbyeight_async.cli.bulk.words import status_line
from eightbyeight_async.cli.exit_codes import UsageError
from eightbyeight_async.cli.reading.bad_rows import aside_words, good_rows
from eightbyeight_async.cli.reading.file_plan import opt_outs_of, rules_of
from eightbyeight_async.cli.reading.send_costs import SendCosts
from eightbyeight_async.cli.sending.plan_check import PlanCheck

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from eightbyeight_async.cli.bulk.campaign_run import OneRunOptions
    from eightbyeight_async.cli.bulk.journal_or_ledger import Place
    from eightbyeight_async.cli.bulk.remembered_file_check import CheckedFile
    from eightbyeight_async.cli.bulk.remembered_options import JournalSummary, RememberedOptions
    from eightbyeight_async.cli.commands.shared_options import ConnectionOptions
    from eightbyeight_async.cli.exit_codes import Exit
    from eightbyeight_async.cli.reading.csv_rows import CsvRows
    from eightbyeight_async.cli.reading.file_plan import FilePlan
    from eightbyeight_async.cli.reading.input_file import InputFile
    from eightbyeight_async.cli.reading.jsonl_rows import JsonlRows
    from eightbyeight_async.cli.reading.row_to_request import Problem, Row
    from eightbyeight_async.cli.terminal.display import Display
    from eightbyeight_async.client import AsyncConnectClient

__all__ = ["PreparedRun"]


@attrs.define(kw_only=True)
class PreparedRun:
    """A run with valid arguments.

    Attributes:
        display: prints for the user.
        input_file: the open file.
        rows: reader of the file's rows.
        plan: how the file is read.
        settings: the options that the journal remembers.
        one_run: the options for this run only.
        journal: the journal or ledger with the claims.
        connection: how to reach the API.
        on_end: command that gets the results; None: there is none.
        as_json: whether the results are printed as JSON.
    """

    display: Display
    input_file: InputFile
    rows: CsvRows | JsonlRows
    plan: FilePlan
    settings: RememberedOptions
    one_run: OneRunOptions
    journal: Place
    connection: ConnectionOptions
    on_end: str | None
    as_json: bool

    def send(
        self,
        client: AsyncConnectClient,
        read: Callable[[], Iterable[Row | Problem]],
        *,
        one_run: OneRunOptions,
        **more: Any,  # noqa: ANN401 - the fields of a CampaignRun
    ) -> Exit:
        rules = rules_of(self.plan)
        return CampaignRun(
            client=client,
            journal=self.journal,
            settings=self.settings,
            one_run=one_run,
            read=read,
            digest=self.input_file.lines.digest,
            on_end=self.on_end,
            resume=_resume(self.settings, one_run, self.journal, self.connection, self.on_end),
            display=self.display,
            group_rate=None if rules is None or not rules.rates else rules.group_of,
            **more,
        ).execute(as_json=self.as_json)

    def is_checked(self, summary: JournalSummary, given: Mapping[str, Any]) -> CheckedFile | None:
        """Returns an earlier run's check, if it is about the same bytes and options; None: the file must be checked."""
        before = checked_before(summary, self.settings, self.one_run, given)
        if before is None:
            return None
        self.input_file.lines.scan()
        return before if before.digest == self.input_file.lines.digest else None

    def continue_unchecked(
        self,
        client: AsyncConnectClient,
        summary: JournalSummary,
        before: CheckedFile,
        host_account: tuple[str, str | None],
    ) -> Exit:
        """Continues with a file that an earlier run checked. The journal has the numbers that a plan would have."""
        status, (host, account) = summary.status, host_account
        opted_out = opt_outs_of(self.plan, self.input_file, self.rows) or None
        self.input_file.lines.scan()
        if self.input_file.lines.digest != before.digest:
            raise UsageError(f"{self.input_file.name}: changed while it was read; nothing was sent")
        counts = Plan(messages=before.messages, new=status.not_sent, people=status.not_sent, mode="", why="")
        check = PlanCheck(counts, SendCosts(), self.plan.limits, self.connection, self.display)
        check.check()
        self.display.info(
            f"{self.input_file.name}: unchanged since an earlier run checked it; {status_line(status)}"
            f"{aside_words(len(before.aside))}; to {host}, sub-account {account}"
        )
        if (ends := check.not_confirmed(yes=self.plan.yes)) is not None:
            return ends
        return self.send(
            client,
            lambda: good_rows(self.rows.read(self.input_file.lines.again()), array("q", before.aside)),
            one_run=self.one_run,
            mode=self.settings.mode,
            opted_out=opted_out,
            checked=summary.checked,
            aside=len(before.aside),
            expected=before.messages,
            fingerprint=summary.fingerprint,
        )


def _resume(
    settings: RememberedOptions,
    one_run: OneRunOptions,
    journal: Place,
    connection: ConnectionOptions,
    on_end: str | None,
) -> str:
    """Returns the command line that continues the campaign, without the options that the journal remembers."""
    words = ["eightbyeight", "bulk", "run"]
    if settings.file == STDIN:
        words.append(STDIN)
    begin, words = shlex.join(words), []
    words += [
        f"--{name.replace('_', '-')}"
        for name in ("resend_unknown", "resend_failed", "allow_changed_account")
        if getattr(one_run, name)
    ]
    words += [] if on_end is None else ["--on-end", on_end]
    for field in fields(connection):
        if (value := getattr(connection, field.name)) != field.default:
            words += [f"--{field.name.replace('_', '-')}", str(value)]
    return journal.resume(" ".join([begin, journal.words, *([shlex.join(words)] if words else [])]))
