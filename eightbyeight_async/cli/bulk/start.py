"""`bulk run`: check the whole file, compare it with what the campaign began with, then send what is left.

A journal that is new is made before the file is checked, because its salt is in the fingerprint; if nothing comes of
the run, it is removed again.
"""

from __future__ import annotations

import shlex
from contextlib import ExitStack
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from eightbyeight_async.bulk import AccountChangedError, Fingerprint
from eightbyeight_async.bulk.run.choose_mode import FEW, choose_mode
from eightbyeight_async.bulk.store.journal_without_client import remove_unused
from eightbyeight_async.bulk.store.records import Account
from eightbyeight_async.cli.bulk.campaign_run import CampaignRun, OneRunOptions
from eightbyeight_async.cli.bulk.remembered_options import (
    STDIN,
    RememberedOptions,
    journal_usage_errors,
    new_journal,
    read_summary,
)
from eightbyeight_async.cli.bulk.words import plural
from eightbyeight_async.cli.commands.shared_options import MessageFields
from eightbyeight_async.cli.commands.single_message import host_and_account, print_json
from eightbyeight_async.cli.exit_codes import Exit, UsageError
from eightbyeight_async.cli.reading.check_rows import parts_of
from eightbyeight_async.cli.reading.file_plan import FilePlan, check_file, row_reader
from eightbyeight_async.cli.reading.input_file import open_input
from eightbyeight_async.cli.terminal.display import Display
from eightbyeight_async.models.sms_batch import MAX_BATCH
from eightbyeight_async.settings import checked_count, checked_rate

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from eightbyeight_async.cli.bulk.remembered_options import JournalSummary
    from eightbyeight_async.cli.commands.shared_options import ConnectionOptions
    from eightbyeight_async.cli.reading.check_rows import Checked
    from eightbyeight_async.models.sms import SmsRequest

__all__ = ["run_campaign"]


class _MessageObserver:
    """Sees every message of the first reading."""

    def __init__(self, salt: bytes | None, *, count_parts: bool) -> None:
        self.fingerprint = None if salt is None else Fingerprint(salt)
        self.parts = 0
        self._count_parts = count_parts

    def __call__(self, request: SmsRequest) -> None:
        if self.fingerprint is not None:
            self.fingerprint.add(request)
        if self._count_parts:
            self.parts += parts_of(request)


def run_campaign(
    given: Mapping[str, Any],
    one_run: OneRunOptions,
    journal: Path,
    connection: ConnectionOptions,
    *,
    dry_run: bool,
    as_json: bool,
) -> Exit:
    """
    Raises:
        UsageError, InvalidRequestError: it cannot be done as asked for; nothing was sent.
    """
    display = Display()
    summary = read_summary(journal, accept_loss=one_run.accept_loss)
    settings = RememberedOptions.merged({} if summary is None else summary.settings, given)
    if summary is not None and (named := settings.taken_from_journal(summary.settings, given)):
        display.note(f"as {journal.name} remembers: {named}")
    plan = _file_plan(settings)
    host_account = host_and_account(connection)
    if summary is not None and not one_run.allow_changed_account:
        _check_account(journal, summary, *host_account)
    client = None if dry_run else connection.client(max_concurrency=settings.concurrency or 100)
    rows = row_reader(plan)
    with open_input(plan.file) as input_file, ExitStack() as on_failure:
        if summary is None and client is not None:
            summary = new_journal(journal, settings.durability)
            on_failure.callback(remove_unused, journal)
        seen = _MessageObserver(None if summary is None else summary.salt, count_parts=dry_run)
        try:
            checked = check_file(input_file, rows, display, seen)
        except KeyboardInterrupt:
            display.error("interrupted; nothing was sent")
            return Exit.INTERRUPTED
        if checked.wrong:
            return Exit.USAGE
        if (
            summary is not None
            and summary.fingerprint not in (None, str(seen.fingerprint))
            and not one_run.allow_changed_input
        ):
            raise UsageError(
                f"{input_file.name}: these are not the messages (rows, --text, --source, --country) "
                f"that {journal.name} began with; nothing was sent (--allow-changed-input goes on: "
                "what was sent is not sent again, the rest is)"
            )
        if client is None:
            _print_dry_run(
                settings, checked, seen.parts, summary, host_account, display, input_file.name, as_json=as_json
            )
            return Exit.OK
        if not input_file.unchanged():
            raise UsageError(f"{input_file.name}: has changed while it was checked; nothing was sent")
        on_failure.pop_all()
        campaign_run = CampaignRun(
            client=client,
            journal=journal,
            settings=settings,
            one_run=one_run,
            rows=rows.read(input_file.lines.again()),
            expected=checked.rows,
            fingerprint=str(seen.fingerprint),
            resume=_resume(settings, one_run, journal, connection),
            display=display,
        )
        return campaign_run.execute(as_json=as_json)


def _check_account(journal: Path, summary: JournalSummary, host: str, subaccount_id: str | None) -> None:
    """Before anything else: a journal of another account would take its messages for settled."""
    before = summary.account
    if before is None:
        return
    # A dry run needs no sub-account; then the host alone is compared.
    now = Account(host, before.subaccount_id if subaccount_id is None else subaccount_id)
    if now != before:
        with journal_usage_errors(journal):
            raise AccountChangedError(before, now if subaccount_id is not None else f"another host, {host}")


def _file_plan(settings: RememberedOptions) -> FilePlan:
    if settings.concurrency is not None:
        checked_count(settings.concurrency, "--concurrency")
    checked_rate(settings.rate, "--rate")
    if checked_count(settings.chunk_size, "--chunk-size") > MAX_BATCH:
        raise UsageError(f"--chunk-size: must be at most {MAX_BATCH:,}")
    return FilePlan(
        file=settings.file,
        text=settings.text,
        defaults=_fields(settings.message),
        format=settings.file_format,
        separator=settings.delimiter,
        long_text=settings.long_text,
    )


def _fields(given: Mapping[str, Any]) -> dict[str, object]:
    return MessageFields(**given).values()


def _print_dry_run(
    settings: RememberedOptions,
    checked: Checked,
    parts: int,
    summary: JournalSummary | None,
    host_account: tuple[str, str | None],
    display: Display,
    name: str,
    *,
    as_json: bool,
) -> None:
    mode, why = choose_mode(settings.mode, checked.rows > FEW)
    status = None if summary is None else summary.status
    left = checked.rows if status is None else max(0, checked.rows - (status.total - status.not_sent))
    requests = left if mode == "each" else -(-left // settings.chunk_size)
    host, account = host_account
    if as_json:
        print_json(
            {
                "dry_run": True,
                "messages": checked.rows,
                "scheduled": checked.scheduled,
                "parts": parts,
                "long": checked.long,
                "settled": checked.rows - left,
                "requests": requests,
                "mode": mode,
                "why": why,
                "host": host,
                "subaccount_id": account,
                "status": None if status is None else status.as_dict(),
            }
        )
        return
    later = f" ({checked.scheduled:,} of them scheduled)" if checked.scheduled else ""
    before = f", {checked.rows - left:,} settled before" if left < checked.rows else ""
    display.good(
        f"{name}: {plural(checked.rows, 'message')}{later}, {plural(parts, 'part')}{before}, to {host}, "
        f"sub-account {account or 'not set'}, {plural(requests, 'request')} in mode {mode} ({why}); nothing was sent"
    )


def _resume(settings: RememberedOptions, one_run: OneRunOptions, journal: Path, connection: ConnectionOptions) -> str:
    """The command that goes on: what the journal remembers need not be given again."""
    words = ["eightbyeight", "bulk", "run"]
    if settings.file == STDIN:
        words.append(STDIN)
    words += ["--journal", str(journal)]
    words += [
        f"--{name.replace('_', '-')}"
        for name in ("resend_unknown", "resend_failed", "allow_changed_account")
        if getattr(one_run, name)
    ]
    for field in fields(connection):
        if (value := getattr(connection, field.name)) != field.default:
            words += [f"--{field.name.replace('_', '-')}", str(value)]
    return shlex.join(words)
